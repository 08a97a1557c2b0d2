"""Numbers with units as text: the unit to write them in, and labels of axes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cluster_emu.metrics.catalogue import metric_catalogue

TIME_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
BYTE_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
BIT_RATE_UNITS = (
    (1e12, "Tbit/s"),
    (1e9, "Gbit/s"),
    (1e6, "Mbit/s"),
    (1e3, "kbit/s"),
    (1.0, "bit/s"),
)
POWER_UNITS = ((1e6, "MW"), (1e3, "kW"), (1.0, "W"))
ENERGY_UNITS = ((1e3, "MWh"), (1.0, "kWh"), (1e-3, "Wh"))
SHARE_UNITS = ((0.01, "%"),)
COUNT_UNITS = ((1e6, "million"), (1e3, "thousand"), (1.0, ""))

Units = tuple[tuple[float, str], ...]

UNITS_BY_SUFFIX: tuple[tuple[str, Units], ...] = (
    ("_s", TIME_UNITS),
    ("_kwh", ENERGY_UNITS),
    ("_w", POWER_UNITS),
    ("_share", SHARE_UNITS),
    ("bytes", BYTE_UNITS),
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a column holds.

    Args:
        label: its name in words.
        unit: the unit to write.
        size: how many of the column's own unit make one `unit`.
    """

    label: str
    unit: str = ""
    size: float = 1.0

    @property
    def axis_label(self) -> str:
        """Name and unit, for an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


def quantity_of(name: str, values: Iterable[float]) -> Quantity:
    """Return what the column `name` holds and the unit in which `values` are easy to read.

    The unit comes from the end of the name, as the tables have it: ``_s``, ``bytes``, ``_kwh``,
    ``_w``, ``_share``; what has none of these is a count.
    """
    largest = _largest(values)
    for suffix, units in UNITS_BY_SUFFIX:
        if name.endswith(suffix):
            size, unit = best_unit(largest, units)
            return Quantity(in_words(name, suffix if suffix[0] == "_" else ""), unit, size)
    size, unit = best_unit(largest, COUNT_UNITS)
    return Quantity(in_words(name), unit, size)


def best_unit(largest: float, units: Units) -> tuple[float, str]:
    """Return size and name of the largest unit of which there is at least one, else of the last.

    Nothing at all is written in the unit of size 1, where there is one.
    """
    if largest <= 0 or not math.isfinite(largest):
        return next((each for each in units if each[0] == 1.0), units[-1])
    return next((each for each in units if largest >= each[0] * (1 - 1e-12)), units[-1])


def in_words(name: str, suffix: str = "") -> str:
    """Return the label of a metric, or the name of another column without its unit, as words."""
    if name in metric_catalogue:
        words = metric_catalogue[name].label
    else:
        words = name.removesuffix(suffix).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def written(value: float, units: Units) -> str:
    """Return a value with three figures in the unit that suits it: "26.7 ms"."""
    size, unit = best_unit(abs(value), units)
    return f"{value / size:.3g} {unit}"


def counted_short(count: float) -> str:
    """Return a count with three figures: "950", "13.2k", "1.2M"."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return f"{count:.0f}"


def clock(time_s: float) -> str:
    """Return an instant of simulated time: "2.18 s", "14,400 s"."""
    return f"{time_s:,.0f} s" if time_s >= 1000 else f"{time_s:.3g} s"


def _largest(values: Iterable[float]) -> float:
    return max((abs(value) for value in values if math.isfinite(value)), default=0.0)
