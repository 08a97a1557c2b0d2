"""Rows of many small files, parsed together: a folder may have thousands of one VM each.

What is unusual in any of them lets each be parsed by itself, so that errors are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cluster_emu.errors import TraceError
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.rows import BLOCK_BYTES, Column, Rows, csv_rows


def csv_rows_of(
    files: Sequence[TraceFile], columns: Sequence[Column], **options: Any
) -> Iterator[tuple[TraceFile, Rows]]:
    """Yield the rows of text files with the same columns, checked, file by file.

    Args:
        files: the files.
        columns: their columns.
        options: further arguments of `csv_rows`.

    Raises:
        TraceError: as `csv_rows` does.
    """
    held: list[TraceFile] = []
    held_bytes = 0
    for file in files:
        if file.complete and held_bytes + len(file.head) <= BLOCK_BYTES:
            held.append(file)
            held_bytes += len(file.head)
            continue
        yield from _rows_of_held(held, columns, options)
        held, held_bytes = ([file], len(file.head)) if file.complete else ([], 0)
        if not file.complete:
            yield from ((file, rows) for rows in csv_rows(file, columns, **options))
    yield from _rows_of_held(held, columns, options)


def _rows_of_held(
    files: Sequence[TraceFile], columns: Sequence[Column], options: dict[str, Any]
) -> Iterator[tuple[TraceFile, Rows]]:
    together = _joined(files, columns, options) if len(files) > 1 else None
    if together is not None:
        yield from zip(files, together, strict=True)
        return
    for file in files:
        for rows in csv_rows(file, columns, **options):
            yield file, rows


def _joined(
    files: Sequence[TraceFile], columns: Sequence[Column], options: dict[str, Any]
) -> list[Rows] | None:
    """Return the rows of each file, None if they must be parsed one by one."""
    header_lines = options.get("header_lines", 0)
    quoted = options.get("quoted", False)
    bodies = []
    for file in files:
        *_, body = file.head.split(b"\n", header_lines)
        if not body or file.head.count(b"\n") < header_lines or not _is_usual(body, quoted=quoted):
            return None
        bodies.append(body if body.endswith(b"\n") else body + b"\n")
    counts = [body.count(b"\n") for body in bodies]
    one = TraceFile(files[0].place, b"".join(bodies), compressed=False, complete=True)
    try:
        parts = list(csv_rows(one, columns, **{**options, "header_lines": 0}))
    except TraceError:
        return None
    if len(parts) != 1:
        return None
    table, lines = parts[0].table, parts[0].lines
    if table.num_rows != sum(counts) or int(lines[-1]) != sum(counts):
        return None
    starts = np.cumsum([0, *counts])
    return [
        Rows(table.slice(start, count), np.arange(count) + 1 + header_lines)
        for start, count in zip(starts.tolist(), counts, strict=False)
    ]


def _is_usual(body: bytes, *, quoted: bool) -> bool:
    """Return whether lines end where the line feeds are, so that they can be counted."""
    if body.count(b"\r") != body.count(b"\r\n"):
        return False
    return not quoted or all(line.count(b'"') % 2 == 0 for line in body.split(b"\n"))
