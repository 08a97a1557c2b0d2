"""Which numbers inputs may hold, as values and as text.

A number of a simulation is 0, or between 1e-30 and 1e30 in magnitude: products and quotients of a
few such numbers neither overflow nor lose all their digits. Whole numbers fit the signed 64 bits of
a column. A text is a number if it has ASCII digits, a point and an exponent and nothing else:
``"1_0"``, ``"0x10"``, ``" 1 "`` and digits of other scripts are none. (A quantity may have blanks
around it and before its unit, see `units`.)
"""

from __future__ import annotations

import re
from fractions import Fraction

LEAST = 1e-30
"""The least magnitude of a number that is not 0."""
MOST = 1e30
"""The greatest magnitude of a number."""
MOST_WHOLE = 2**63 - 1
"""The greatest whole number."""
MOST_REPLICATIONS = 100_000
"""The most seeds of one study; more would not make the means any clearer."""
MOST_JOBS = 1024
"""The most processes; more than any machine has cores for."""
RANGE = f"0, or from {LEAST:g} to {MOST:g}"
"""The magnitudes that a number may have, in words."""

DECIMAL = r"[-+]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][-+]?[0-9]{1,3})?"
"""A number as text; no longer than what a double takes, since longer ones take ever more time."""

_DECIMAL = re.compile(DECIMAL)
_WHOLE = re.compile(r"[-+]?[0-9]{1,400}")


def decimal(text: str) -> Fraction | None:
    """Return the exact number that a text stands for, None if it is no number."""
    return Fraction(text) if _DECIMAL.fullmatch(text) else None


def whole_number(text: str) -> int | None:
    """Return the whole number that a text stands for, None if it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def is_in_range(number: float | Fraction) -> bool:
    """Return whether a finite number is 0 or has a magnitude that numbers may have."""
    return number == 0 or LEAST <= number <= MOST or -MOST <= number <= -LEAST
