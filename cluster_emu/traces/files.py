"""Files that may be traces: their beginnings, and streams of what is in them, compressed or not."""

from __future__ import annotations

import os
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.errors import TraceError
from cluster_emu.input_files import exists

HEAD_BYTES = 2**16
"""As much of a file is looked at to find what it is."""
LINES_SEEN = 9
"""As many of its lines."""
MAX_SMALL_BYTES = 2**24
"""The most that is read at once of a file that holds one VM."""
NAMES_SHOWN = 3
"""Names of files that a note lists."""
WANTED_FOLDER = "a folder with one trace file per VM"

_GZIP = b"\x1f\x8b"
_PARTS = re.compile(rb"(\d+)")


@dataclass(frozen=True, eq=False)
class TraceFile:
    """A regular file that may be a trace, or a part of one.

    Args:
        place: where it is.
        head: how it begins, decompressed, without a byte-order mark.
        compressed: whether it is a gzip file.
        complete: whether the head is all that is in it.
    """

    place: Traversable
    head: bytes
    compressed: bool
    complete: bool = False

    @property
    def name(self) -> str:
        """The file's name, with escapes for what is not UTF-8."""
        return printable(os.fsencode(self.place.name))

    @property
    def stem(self) -> str:
        """The file's name without `.gz` and without its suffix."""
        return Path(self.name.removesuffix(".gz")).stem

    @property
    def suffix(self) -> str:
        """The suffix of the name without `.gz`."""
        return Path(self.name.removesuffix(".gz")).suffix

    @property
    def path(self) -> str:
        """Where the file is, as text."""
        return str(self.place)

    @cached_property
    def lines(self) -> list[str]:
        """The first lines, without their ends; the last one may be cut."""
        begin = self.head.split(b"\n", LINES_SEEN)[:LINES_SEEN]
        return [printable(line.rstrip(b"\r")) for line in begin]

    @cached_property
    def parquet_schema(self) -> Any:
        """The Arrow schema of a Parquet file; None for any other file or a damaged one."""
        if not self.head.startswith(b"PAR1"):
            return None
        try:
            with self.place.open("rb") as stream:
                return pq.read_schema(stream)
        except (pa.ArrowException, OSError, ValueError):
            return None

    @property
    def column_names(self) -> frozenset[str]:
        """The names of the columns of a Parquet file; none for any other file."""
        return frozenset(getattr(self.parquet_schema, "names", ()))

    @property
    def first_line(self) -> str:
        """The first line, without its end."""
        return self.lines[0]

    def error(self, line: int, value: object, allowed: str) -> TraceError:
        """Return the error about a line of this file, or about all of it (line 0)."""
        return TraceError(self.path, line, value, allowed)

    @contextmanager
    def stream(self) -> Iterator[Any]:
        """Open an Arrow input stream of what is in the file, decompressed.

        Raises:
            TraceError: if it cannot be opened.
        """
        if self.complete:
            yield pa.BufferReader(self.head)
            return
        try:
            raw = self.place.open("rb")
        except OSError as error:
            raise self.error(0, error.strerror, "a readable file") from error
        with raw, pa.PythonFile(raw, mode="r") as plain:
            if self.compressed:
                with pa.CompressedInputStream(plain, "gzip") as stream:
                    yield stream
            else:
                yield plain

    def content(self) -> bytes:
        """Return all of a small file, decompressed, without a byte-order mark.

        A bounded read: someone's disk image in the folder must not fill the memory.

        Raises:
            TraceError: if it cannot be read or is too large.
        """
        with self.stream() as stream:
            try:
                content: bytes = stream.read(MAX_SMALL_BYTES + 1)
            except OSError as error:
                raise self.error(0, str(error), "a readable file") from error
        if len(content) > MAX_SMALL_BYTES:
            found = f"more than {MAX_SMALL_BYTES} bytes"
            raise self.error(0, found, "a smaller trace file")
        return content.removeprefix(BOM_UTF8)


def open_file(place: Traversable) -> TraceFile | None:
    """Return a regular file with its head; None for a folder, a pipe or a device.

    Raises:
        TraceError: if it cannot be read, is an archive, or is no gzip file although it begins like
            one.
    """
    try:
        if not place.is_file():
            return None
        with place.open("rb") as stream:
            raw = bytes(stream.read(HEAD_BYTES))
    except OSError as error:
        raise TraceError(str(place), 0, error.strerror, "a readable file") from error
    compressed = raw.startswith(_GZIP)
    complete = not compressed and len(raw) < HEAD_BYTES
    if compressed:
        try:
            raw = zlib.decompressobj(wbits=31).decompress(raw, HEAD_BYTES)
        except zlib.error as error:
            raise TraceError(str(place), 0, str(error), "a whole gzip file") from error
    if raw[257:262] == b"ustar":
        raise TraceError(str(place), 0, "an archive of files", "the files in it, unpacked")
    return TraceFile(place, raw.removeprefix(BOM_UTF8), compressed, complete)


def files_at(place: Traversable) -> tuple[list[TraceFile], list[str]]:
    """Return the files at a place, sorted by name in byte order, and names of what is left out.

    A file is itself. Of a folder, hidden entries and what is no regular file are left out.

    Raises:
        TraceError: if there is nothing, or it cannot be read.
    """
    if isinstance(place, Path) and not exists(place):
        raise TraceError(str(place), 0, "no such folder", WANTED_FOLDER)
    if not place.is_dir():
        file = open_file(place)
        if file is None:
            raise TraceError(str(place), 0, "not a regular file", "a trace file or a folder")
        return [file], []
    try:
        entries = sorted(place.iterdir(), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise TraceError(str(place), 0, error.strerror, "a readable folder") from error
    files, ignored = [], []
    for entry in entries:
        file = None if entry.name.startswith(".") else open_file(entry)
        if file is None:
            ignored.append(printable(os.fsencode(entry.name)))
        else:
            files.append(file)
    return files, ignored


def numbered(file: TraceFile) -> list[tuple[bool, int, bytes]]:
    """Return the key that sorts files by name with whole numbers in it in order: 2 before 10."""
    parts = _PARTS.split(os.fsencode(file.place.name))
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def printable(raw: bytes) -> str:
    """Return bytes of a file or its name as text, with escapes for what is not UTF-8."""
    return raw.decode("utf-8", errors="backslashreplace")


def some_of(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
