"""The smallest difference of a metric that matters in practice."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.numerals import DECIMAL, decimal, is_in_range
from cluster_emu.units import read_quantity

ALL = "all"
"""Stands for every metric where smallest differences are given by name."""

_PERCENT = re.compile(rf"({DECIMAL})[ \t]*%")


@dataclass(frozen=True, slots=True)
class SmallestDifference:
    """From which size on a difference of two means matters.

    Args:
        share: as a share of the larger of the two means.
        absolute: in the unit of the metric's values; where both are given, the larger counts.
    """

    share: float = 0.0
    absolute: float = 0.0

    def between(self, a: float, b: float) -> float:
        """Return the smallest difference between means `a` and `b` that matters, in their unit."""
        return max(self.share * max(abs(a), abs(b)), self.absolute)

    def __str__(self) -> str:
        """Return it in words, in the unit of the metric's values."""
        words = [f"{100 * self.share:g} %"] if self.share or not self.absolute else []
        return " or ".join([*words, *([f"{self.absolute:g}"] if self.absolute else [])])


def read_smallest_difference(name: str, value: Any) -> SmallestDifference:
    """Return the smallest difference that a user gave for a metric.

    Args:
        name: the metric, or `ALL`.
        value: a text in per cent, ``"2 %"``; for one metric also an absolute value, with a unit or
            in the unit of the metric's name, ``"1 ms"`` or ``0.001`` for ``downtime_s``.

    Raises:
        ScenarioError: if the value is no such text or number, or is less than 0.
    """
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    try:
        share = decimal(found[1]) if found else None
        if share is not None:
            if share < 0 or not is_in_range(share):
                raise ValueError
            return SmallestDifference(share=float(share) / 100)
        if name == ALL:
            raise ValueError
        return SmallestDifference(absolute=_absolute(name, value))
    except ValueError as error:
        also = "" if name == ALL else ', or a number >= 0, alone or with a unit such as "1 ms"'
        allowed = f'a text in per cent such as "2 %"{also}'
        raise ScenarioError(f"smallest_differences.{name}", value, allowed) from error


def read_smallest_differences(
    given: Mapping[str, Any], known: Mapping[str, SmallestDifference]
) -> dict[str, SmallestDifference]:
    """Return the smallest difference of every metric: the one given for it, for `ALL`, or its own.

    Args:
        given: what a user gave, by metric or for `ALL`, see `read_smallest_difference`.
        known: every metric's own smallest difference, by name.

    Raises:
        ScenarioError: if there is no such metric, or a value is not allowed.
    """
    for name in given:
        if name != ALL and name not in known:
            allowed = UnknownNameError("metric", name, [ALL, *known]).allowed
            raise ScenarioError("smallest_differences", name, allowed)
    read = {name: read_smallest_difference(name, value) for name, value in given.items()}
    return {name: read.get(name, read.get(ALL, own)) for name, own in known.items()}


def _absolute(name: str, value: Any) -> float:
    """Return a quantity in the unit at the end of the metric's name."""
    found = read_quantity(name, value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError
    if not math.isfinite(found) or found < 0 or not is_in_range(found):
        raise ValueError
    return float(found)
