"""Quantities as a scenario writes them: ``"4 GiB"``, ``"10 Gbit/s"``, ``"90 s"``.

A number without a unit is in the unit of the field, which is the end of its name (bytes, bit/s,
seconds). A field that is a limit takes ``"unlimited"``, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from cluster_emu.numerals import DECIMAL, RANGE, decimal, is_in_range

BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
BITS_PER_S = {
    "bit/s": 1,
    "kbit/s": 10**3,
    "Mbit/s": 10**6,
    "Gbit/s": 10**9,
    "Tbit/s": 10**12,
}
BITS_PER_BYTE = 8
MIB = BYTES["MiB"]
GIB = BYTES["GiB"]
BINARY_BYTES = {name: size for name, size in BYTES.items() if name == "B" or name.endswith("iB")}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}

UNIT_OF_SUFFIX = {
    "_bytes_per_s": "bytes/s",
    "_s_per_gib": "s per GiB",
    "writes_per_page_s": "writes/s per page",
    "_bytes": "bytes",
    "_bps": "bit/s",
    "_s": "s",
    "_w": "W",
}
"""The unit of a field by the end of its name; a longer end comes before one that it contains."""


def unit_of(name: str) -> str:
    """Return the unit of a field by its name, empty if it has none."""
    return next((unit for end, unit in UNIT_OF_SUFFIX.items() if name.endswith(end)), "")


def in_largest_unit(number: float, units: Mapping[str, float], *, whole: bool = False) -> str:
    """Return a number in the largest unit in which it is 1 or more, and whole if that is asked."""
    fitting = [
        (size, name)
        for name, size in units.items()
        if number >= size and (not whole or (number / size).is_integer())
    ]
    size, name = max(fitting, default=min((size, name) for name, size in units.items()))
    return f"{number / size:g} {name}"


_QUANTITY = re.compile(rf"[ \t]*({DECIMAL})[ \t]*(\S*)[ \t]*")


def _parse(value: object, units: dict[str, float]) -> object:
    """Return the number a text stands for; anything that is not text or boolean passes through."""
    allowed = "a number"
    if units:
        allowed += f", alone or with one of the units {', '.join(units)}"
    if isinstance(value, bool):
        raise ValueError(allowed)
    if not isinstance(value, str):
        return value
    found = _QUANTITY.fullmatch(value)
    number = decimal(found[1]) if found else None
    if found is None or number is None or found[2] not in {"", *units}:
        raise ValueError(allowed)
    number *= Fraction(str(units.get(found[2], 1)))
    if not is_in_range(number):
        raise ValueError(f"{allowed}: {RANGE}")
    return float(number)


def read_quantity(name: str, value: object, *, shares: bool = False) -> object:
    """Return the number that a text stands for in the unit of a field, by the field's name.

    A text for a field without a unit is a plain number, or one in per cent where `shares` says so.
    Anything that is not text passes through.

    Raises:
        ValueError: if the text is no number, or has a unit that the field does not take.
    """
    unit = "bytes" if name == "bytes" else unit_of(name)
    return _READERS.get(unit, _share if shares and not unit else _number)(value)


def _whole(value: object) -> object:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def _bytes(value: object) -> object:
    return _whole(_parse(value, dict(BYTES)))


def _bits_per_s(value: object) -> object:
    return _parse(value, dict(BITS_PER_S))


def _seconds(value: object) -> object:
    return _parse(value, dict(SECONDS))


def _number(value: object) -> object:
    return _parse(value, {})


_READERS: dict[str, Callable[[object], object]] = {
    "bytes": _bytes,
    "bytes/s": _bytes,
    "bit/s": _bits_per_s,
    "s": _seconds,
    "s per GiB": _seconds,
}
"""Readers of quantities by the unit of their field."""


def _share(value: object) -> object:
    return _parse(value, {"%": 0.01})


ParseBytes = BeforeValidator(_bytes)
ParseBitsPerSecond = BeforeValidator(_bits_per_s)
ParseSeconds = BeforeValidator(_seconds)
ParseShare = BeforeValidator(_share)

MemoryBytes = Annotated[int, ParseBytes, Field(gt=0, le=2**60)]
"""A positive whole number of bytes, at most 1 EiB so that sums over a cluster stay exact."""
ByteCount = Annotated[float, ParseBytes, Field(ge=0, allow_inf_nan=False)]
"""A number of bytes, zero allowed."""
BitsPerSecond = Annotated[float, ParseBitsPerSecond, Field(gt=0, allow_inf_nan=False)]
"""A positive rate in bit/s."""
PositiveSeconds = Annotated[float, ParseSeconds, Field(gt=0, allow_inf_nan=False)]
"""A positive time in seconds."""
Seconds = Annotated[float, ParseSeconds, Field(ge=0, allow_inf_nan=False)]
"""A time in seconds, zero allowed."""
PowerWatts = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A power in watts, zero allowed."""

# --- limits ---------------------------------------------------------------------------------------

UNLIMITED = "unlimited"
"""How a scenario writes that a limit does not exist."""
UNLIMITED_COUNT = 2**63 - 1
"""The number of slots that stands for no limit; no cluster has so many migrations."""


@dataclass(frozen=True, slots=True)
class TakesUnlimited:
    """Marks the type of a field that takes ``"unlimited"``."""


def _or_unlimited(
    parse: Callable[[object], object], no_limit: float
) -> tuple[BeforeValidator, PlainSerializer]:
    """Return the reader and the JSON writer of a limit; `no_limit` is its value for none."""

    def read(value: object) -> object:
        if value == math.inf or (isinstance(value, str) and value.strip() == UNLIMITED):
            return no_limit
        try:
            return parse(value)
        except ValueError as error:
            raise ValueError(f'{error}, or "{UNLIMITED}" for no limit') from None

    def write(value: float | None) -> float | str | None:
        return UNLIMITED if value == no_limit else value

    return BeforeValidator(read), PlainSerializer(write, return_type=Any, when_used="json")


_READ_RATE, _WRITE_RATE = _or_unlimited(_bits_per_s, math.inf)
_READ_BYTES, _WRITE_BYTES = _or_unlimited(_bytes, math.inf)
_READ_TIME, _WRITE_TIME = _or_unlimited(_seconds, math.inf)
_READ_COUNT, _WRITE_COUNT = _or_unlimited(_whole, UNLIMITED_COUNT)

BitRateLimit = Annotated[float, _READ_RATE, _WRITE_RATE, Field(gt=0), TakesUnlimited()]
"""A rate in bit/s that is not exceeded; infinite for no limit."""
ByteRateLimit = Annotated[float, _READ_BYTES, _WRITE_BYTES, Field(gt=0), TakesUnlimited()]
"""A rate in bytes per second, ``"64 MiB"`` is 64 MiB/s; infinite for no limit."""
TimeLimit = Annotated[float, _READ_TIME, _WRITE_TIME, Field(gt=0), TakesUnlimited()]
"""A time in seconds after which something happens; infinite for never."""
CountLimit = Annotated[int, _READ_COUNT, _WRITE_COUNT, Field(gt=0), TakesUnlimited()]
"""How many there may be at once; `UNLIMITED_COUNT` for no limit."""


def slots_of(limit: int | None) -> int | None:
    """Return a limit on a number of slots, None where there is none."""
    return None if limit == UNLIMITED_COUNT else limit


def units_read_by(reader: object) -> tuple[Mapping[str, float], bool] | None:
    """Return the units that a field's reader takes, and whether it takes ``"unlimited"``.

    None if it is no reader of quantities.
    """
    known: dict[object, tuple[Mapping[str, float], bool]] = {
        _bytes: (BYTES, False),
        _bits_per_s: (BITS_PER_S, False),
        _seconds: (SECONDS, False),
        _share: ({"%": 0.01}, False),
        _READ_RATE.func: (BITS_PER_S, True),
        _READ_BYTES.func: (BYTES, True),
        _READ_TIME.func: (SECONDS, True),
        _READ_COUNT.func: ({}, True),
    }
    return known.get(reader)
