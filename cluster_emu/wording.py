"""Numbers, intervals and lists as a reader sees them: in tables, on figures and in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST_PERCENT = 0.01
"""A share in per cent of less than this, other than 0, is written as less than this."""
LEAST_P = 0.0001
"""A smaller p value is written as less than this: tails that far out are those of the model."""


def number(value: float | None) -> str:
    """Return four significant digits, all digits of the whole part, or a dash for nothing."""
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def interval(low: float | None, high: float | None, scale: float = 1.0) -> str:
    """Return an interval in brackets; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"[{number(low * scale)}, {number(high * scale)}]"


def percent(share: float | None) -> str:
    """Return a signed share in per cent, never with an exponent; empty for nothing.

    "+1.23 %", "-0.55 %", "+183 %", "+1,830 %", "0 %", "< 0.01 %".
    """
    if share is None or not math.isfinite(share):
        return ""
    value = 100 * share
    if value == 0:
        return "0 %"
    if abs(value) < LEAST_PERCENT:
        return f"< {LEAST_PERCENT:g} %"
    return f"{value:+,.0f} %" if abs(value) >= 100 else f"{value:+.3g} %"


def p_value(value: float | None) -> str:
    """Return a p value with two significant digits, a dash for nothing, never 0."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.2g}" if value >= LEAST_P else f"< {LEAST_P:g}"


def whole_percent(share: float) -> str:
    """Return a share in whole percent."""
    return f"{100 * share:.0f} %"


def counted(count: int, noun: str) -> str:
    """Return a number of things: "1 migration", "2,000 migrations"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
