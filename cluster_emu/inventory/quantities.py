"""Quantities as other systems write them: ``4Gi``, ``2G``, ``1e9``, ``128974848``, ``500m``."""

from __future__ import annotations

import re
from fractions import Fraction

MOST_BYTES = 2**60
MOST_CPUS = 2**20
LONGEST = 40
MOST_EXPONENT = 40

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([A-Za-z]*)", re.ASCII)
_BINARY = {"ki": 10, "mi": 20, "gi": 30, "ti": 40, "pi": 50, "ei": 60}
_DECIMAL = {"k": 3, "m": 6, "g": 9, "t": 12, "p": 15, "e": 18}


def parse_quantity(value: object) -> Fraction | None:
    """Return the number that a value stands for, None if it is none.

    Takes numbers, Kubernetes quantities (binary and decimal suffixes, ``m`` for thousandths, an
    exponent), and ``KiB``, ``kB``, ``GB`` and the like. ``G`` alone is 10^9 and ``Gi`` is 2^30.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        text = repr(value)
    elif isinstance(value, str):
        text = value.strip()
    else:
        return None
    found = _QUANTITY.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    exponent = re.search(r"[eE]([+-]?\d+)", found[1])
    if exponent is not None and abs(int(exponent[1])) > MOST_EXPONENT:
        return None
    factor = _factor(found[2])
    return None if factor is None else Fraction(found[1]) * factor


def _factor(suffix: str) -> Fraction | None:
    if suffix in ("", "B", "b", "bytes"):
        return Fraction(1)
    if suffix in ("m", "u", "n"):
        return Fraction(1, {"m": 10**3, "u": 10**6, "n": 10**9}[suffix])
    lower = suffix.lower().removesuffix("b")
    if lower in _BINARY:
        return Fraction(2 ** _BINARY[lower])
    return Fraction(10 ** _DECIMAL[lower]) if lower in _DECIMAL else None


def bytes_of(value: object, unit: int = 1) -> int | None:
    """Return a positive whole number of bytes, None if the value stands for none.

    Args:
        value: the value.
        unit: the bytes that a number without a suffix counts, 1024 for a field in KiB.
    """
    quantity = parse_quantity(value)
    if quantity is None:
        return None
    is_bare = not isinstance(value, str) or not re.search(r"[A-Za-z]\s*$", value)
    number = round(quantity * (unit if is_bare else 1))
    return number if 0 < number <= MOST_BYTES else None


def cpus_of(value: object) -> float | None:
    """Return a positive number of processors, ``500m`` being a half; None if there is none."""
    quantity = parse_quantity(value)
    return float(quantity) if quantity is not None and 0 < quantity <= MOST_CPUS else None


def whole_of(value: object) -> int | None:
    """Return a positive whole number, None if the value stands for none."""
    quantity = parse_quantity(value)
    if quantity is None or quantity.denominator != 1 or not 0 < quantity <= MOST_BYTES:
        return None
    return int(quantity)
