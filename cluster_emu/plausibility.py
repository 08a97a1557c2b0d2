"""Warnings about numbers without a unit that were hardly meant in the unit of their field.

``transfer.bandwidth_bps = 25`` is 25 bit/s, though 25 Gbit/s was meant. A number that was written
without a unit and is outside the range of its kind is taken as it is, with a warning that says what
it was taken for. A text with a unit says what is meant, so it causes no warning.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic import BaseModel

from cluster_emu.part_text import parse_choice
from cluster_emu.units import BINARY_BYTES, BITS_PER_S, SECONDS, in_largest_unit


class ImplausibleValueWarning(UserWarning):
    """A number without a unit is far from what is usual in the unit that it was taken for."""


@dataclass(frozen=True, slots=True)
class PlausibleRange:
    """What is usual for numbers of one kind.

    Args:
        least: the smallest usual value; 0, which often means "none", is always usual.
        most: the largest usual value.
        units: the units of such a quantity by name; the one with factor 1 is that of the field.
        example: a value as someone would write it.
    """

    least: float
    most: float
    units: Mapping[str, float]
    example: str

    def in_words(self, number: float) -> str:
        """Return a number in the largest unit in which it is 1 or more."""
        return in_largest_unit(number, self.units)


_PER_S = {f"{name}/s": size for name, size in BINARY_BYTES.items()}

RANGES: dict[str, PlausibleRange] = {
    "memory_bytes": PlausibleRange(2**20, 2**46, BINARY_BYTES, "4 GiB"),
    "page_bytes": PlausibleRange(2**9, 2**30, BINARY_BYTES, "4 KiB"),
    "_bytes_per_s": PlausibleRange(2**10, 2**43, _PER_S, "128 MiB"),
    "_bytes": PlausibleRange(1, 2**46, BINARY_BYTES, "1 MiB"),
    "_bps": PlausibleRange(1e5, 1e14, BITS_PER_S, "25 Gbit/s"),
    "downtime_limit_s": PlausibleRange(1e-6, 60.0, SECONDS, "300 ms"),
    "downtime_s": PlausibleRange(1e-6, 60.0, SECONDS, "300 ms"),
    "latency_s": PlausibleRange(1e-9, 2.0, SECONDS, "5 us"),
    "suspend_s": PlausibleRange(1e-6, 10.0, SECONDS, "20 ms"),
    "resume_s": PlausibleRange(1e-6, 10.0, SECONDS, "20 ms"),
    "page_time_s": PlausibleRange(1e-9, 10.0, SECONDS, "4 us"),
    "switchover_goal_s": PlausibleRange(1e-3, 60.0, SECONDS, "1 s"),
    "prepare_s": PlausibleRange(1e-4, 600.0, SECONDS, "2 s"),
    "finish_s": PlausibleRange(1e-4, 600.0, SECONDS, "500 ms"),
    "boot_s": PlausibleRange(0.1, 7_200.0, SECONDS, "3 min"),
    "shutdown_s": PlausibleRange(0.1, 7_200.0, SECONDS, "30 s"),
    "poll_s": PlausibleRange(1e-3, 3_600.0, SECONDS, "1 s"),
    "warm_interval_s": PlausibleRange(1e-3, 3_600.0, SECONDS, "1 s"),
    "retry_s": PlausibleRange(1e-2, 86_400.0, SECONDS, "30 s"),
    "backoff_s": PlausibleRange(1e-2, 86_400.0, SECONDS, "10 s"),
    "restart_delay_s": PlausibleRange(1e-2, 86_400.0, SECONDS, "60 s"),
    "tick_s": PlausibleRange(1e-3, 86_400.0, SECONDS, "1 s"),
    "control_interval_s": PlausibleRange(1e-3, 604_800.0, SECONDS, "5 min"),
    "deadline_s": PlausibleRange(1e-3, 2_592_000.0, SECONDS, "1 h"),
    "timeout_s": PlausibleRange(1e-3, 2_592_000.0, SECONDS, "1 h"),
    "_per_s": PlausibleRange(0.0, math.inf, SECONDS, ""),
    "_page_s": PlausibleRange(0.0, math.inf, SECONDS, ""),
    "_s": PlausibleRange(1e-9, 1e10, SECONDS, "90 s"),
}
"""What is usual, by the end of a field's name; the first end that fits counts.

A VM has 1 MiB to 64 TiB of memory, a network carries 100 kbit/s to 100 Tbit/s, a VM may be down for
a minute at most. Stopping or resuming a VM takes at most ten seconds, preparing or releasing a
host ten minutes, booting one or shutting it down two hours; a wait before a retry lasts a day at
most, a deadline a month. Any other time is between a nanosecond and three centuries.
"""

_PART = re.compile(r"[a-z][a-z0-9-]*:\w+=")
"""How the text form of a part with parameters begins."""


def warn_of_implausible(values: object, path: str = "", file: object = None) -> None:
    """Warn of every number in plain data that is not usual for the field that holds it.

    Args:
        values: what was written: tables, lists, models and values.
        path: dotted path of the field that holds them.
        file: the file they were read from, for the message.
    """
    where = f"{file}: " if file else ""
    for field, number, usual in _implausible(values, path):
        warnings.warn(
            f"{where}{field} = {number:g} was taken for {usual.in_words(number)}; usual are "
            f"{usual.in_words(usual.least)} to {usual.in_words(usual.most)}. "
            f'A value with a unit, such as "{usual.example}", says what is meant.',
            ImplausibleValueWarning,
            stacklevel=3,
        )


def _implausible(values: object, path: str) -> Iterator[tuple[str, float, PlausibleRange]]:
    """Yield path, value and usual range of every number outside its range."""
    if isinstance(values, BaseModel):
        values = values.model_dump(exclude_unset=True)
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _implausible(value, f"{path}.{key}" if path else str(key))
    elif isinstance(values, list | tuple):
        for index, value in enumerate(values):
            yield from _implausible(value, f"{path}.{index}")
    elif isinstance(values, str) and _PART.match(values):
        with suppress(ValueError):  # what is no part is refused where it is used
            yield from _implausible(parse_choice(values), path)
    elif (number := _bare_number(values)) is not None:
        name = path.rpartition(".")[2]
        usual = next((each for end, each in RANGES.items() if name.endswith(end)), None)
        if usual is not None and not usual.least <= number <= usual.most:
            yield path, number, usual


def _bare_number(value: object) -> float | None:
    """Return a positive, finite number that was written without a unit, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0.0 < number < math.inf else None
