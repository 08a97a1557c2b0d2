"""Quantities as a scenario writes them: ``"4 GiB"``, ``"10 Gbit/s"``, ``"90 s"``.

A number without a unit is in the unit of the field, which is the end of its name (bytes, bit/s,
seconds).
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field

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
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86_400}

UNIT_OF_SUFFIX = {
    "_bytes_per_s": "bytes/s",
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


_QUANTITY = re.compile(r"\s*([-+]?[0-9._]+(?:[eE][-+]?[0-9]+)?)\s*(\S*)\s*")


def _parse(value: object, units: dict[str, float]) -> object:
    """Return the number a text stands for; anything that is not text passes through."""
    if not isinstance(value, str):
        return value
    found = _QUANTITY.fullmatch(value)
    allowed = f"a number, alone or with one of the units {', '.join(units)}"
    if found is None or found[2] not in {"", *units}:
        raise ValueError(allowed)
    try:
        number = Fraction(found[1])
    except ValueError:
        raise ValueError(allowed) from None
    return float(number * Fraction(str(units.get(found[2], 1))))


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
