"""Frames: one instant of a cluster as bytes that a browser reads without parsing numbers.

A frame is a header in JSON and some typed arrays. On the wire, all little-endian::

    4 bytes   "CEF1"
    4 bytes   length of the header in bytes, a multiple of 8
    header    JSON in UTF-8, padded with spaces; its "arrays" lists [name, dtype, length] of each
    arrays    one after the other, each padded with zeros to a multiple of 8 bytes

`static/frames.js` reads it. A typed array of JavaScript must begin at a multiple of the size of its
elements, which is what the padding is for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"CEF1"
ALIGNMENT = 8
BYTE = 255
DTYPES = ("u1", "i4", "f4", "f8")
"""What `static/frames.js` can read: Uint8Array, Int32Array, Float32Array, Float64Array."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One instant of one lane.

    Args:
        header: plain data; what `source.FrameSource.frame` documents.
        arrays: columns by name, each of one of `DTYPES`.
    """

    header: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def pack(self) -> bytes:
        """Return the frame as bytes.

        Raises:
            ValueError: if an array has another dtype.
        """
        columns = []
        parts: list[bytes] = []
        for name, array in self.arrays.items():
            dtype = np.dtype(array.dtype).newbyteorder("<")
            code = dtype.str.lstrip("<|=")
            if code not in DTYPES:
                raise ValueError(f"array {name!r} of {array.dtype}: allowed is {DTYPES}")
            columns.append([name, code, len(array)])
            data = np.ascontiguousarray(array, dtype=dtype).tobytes()
            parts += [data, b"\0" * (-len(data) % ALIGNMENT)]
        header = to_json({**self.header, "arrays": columns}).encode()
        header += b" " * (-len(header) % ALIGNMENT)
        return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *parts])

    @classmethod
    def unpack(cls, data: bytes) -> Frame:
        """Read a frame; the opposite of `pack`.

        Raises:
            ValueError: if it is none.
        """
        if data[:4] != MAGIC:
            raise ValueError(f"a frame begins with {MAGIC!r}, not {data[:4]!r}")
        end = 8 + int.from_bytes(data[4:8], "little")
        header = json.loads(data[8:end])
        arrays: dict[str, NDArray[Any]] = {}
        for name, code, length in header.pop("arrays"):
            dtype = np.dtype(f"<{code}")
            arrays[name] = np.frombuffer(data, dtype, length, end)
            size = length * dtype.itemsize
            end += size + -size % ALIGNMENT
        return cls(header, arrays)


def to_json(value: object) -> str:
    """Return plain data as JSON; numbers of numpy are numbers, NaN and infinity are null."""
    return json.dumps(plain(value), separators=(",", ":"), allow_nan=False)


def plain(value: object) -> object:
    """Return data with lists, numbers and None only, as JSON has them."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_bytes(share: NDArray[Any]) -> NDArray[np.uint8]:
    """Return shares of 1 as bytes, 255 for 1 and more."""
    scaled: NDArray[np.uint8] = np.clip(np.rint(share * BYTE), 0, BYTE).astype(np.uint8)
    return scaled


class ToldArrays:
    """The arrays that a page has been told last, so that a frame has only those that changed."""

    def __init__(self) -> None:
        self._told: dict[str, NDArray[Any]] = {}

    def forget(self) -> None:
        """Let the next frame have all arrays."""
        self._told.clear()

    def changed(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the arrays that differ from what was told last, and remember them."""
        changed = {
            name: array
            for name, array in arrays.items()
            if name not in self._told or not np.array_equal(array, self._told[name])
        }
        self._told |= changed
        return changed
