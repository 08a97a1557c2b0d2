"""The tables of a study, written cell by cell: what is in memory does not grow with the study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.results.writing import csv_text, replacing
from cluster_emu.study.grid.cell_run import read_table
from cluster_emu.study.grid.cells import Cell

Row = Mapping[str, Any]
Labels = Mapping[str, str | int | float | bool]

ROWS_AT_ONCE = 2_000
"""Rows of a group in a Parquet file; so many are in memory."""

LINES_AT_ONCE = 250
"""Lines of CSV that are made together."""

CELLS_AT_ONCE = 100
"""Cells that are read together."""

OWN = "own_"
"""Before a column of a run's table whose name is that of a label: ``own_strategy``."""


class Source(Protocol):
    """Where the rows and tables of finished cells are."""

    def rows(self, cells: Sequence[Cell]) -> Iterator[Row]:
        """Yield the rows of those of the cells that have ended, in the order of the cells."""

    def tables(self, cells: Sequence[Cell], name: str) -> Iterator[tuple[Cell, bytes]]:
        """Yield a table of those of the cells that have it, in the order of the cells."""


def write_results(source: Source, cells: Sequence[Cell], parquet: Path, csv: Path) -> None:
    """Write one row per cell that has ended as Parquet and as CSV; a file is whole or not there.

    A figure that did not come about is a null in Parquet and empty in CSV.
    """
    schema = _schema_of_rows(row for some in _in_parts(cells) for row in source.rows(some))
    with (
        replacing(parquet) as file,
        replacing(csv) as text_file,
        pq.ParquetWriter(file, schema) as writer,
        text_file.open("w", encoding="utf-8", newline="") as text,
    ):
        text.write(csv_text(schema.empty_table().to_pandas()))
        for table in _grouped(_row_tables(source, cells, schema), schema):
            writer.write_table(table, row_group_size=ROWS_AT_ONCE)
            for start in range(0, table.num_rows, LINES_AT_ONCE):
                lines = table.slice(start, LINES_AT_ONCE).to_pandas()
                text.write(csv_text(lines, header=False))


def write_kept_table(source: Source, cells: Sequence[Cell], name: str, path: Path) -> None:
    """Write a table of all runs as one Parquet file; it has the cells' labels as columns.

    The labels stand first. A column of the run that has the name of a label has `OWN` before it.
    """
    labels = _schema_of_rows(_labels_of(cell) for cell in cells)
    merged = pa.schema([])
    for some in _in_parts(cells):
        for _, data in source.tables(some, name):
            with pa.ipc.open_stream(data) as reader:
                own = _renamed(reader.schema, labels)
            if not merged.equals(own):
                merged = pa.unify_schemas([merged, own], promote_options="permissive")
    schema = pa.schema([*labels, *map(_with_a_type, merged)])

    def tables() -> Iterator[pa.Table]:
        for some in _in_parts(cells):
            for cell, data in source.tables(some, name):
                own = read_table(data)
                yield _labelled(
                    own.rename_columns(_renamed(own.schema, labels).names), cell, schema
                )

    with replacing(path) as file, pq.ParquetWriter(file, schema) as writer:
        for table in _grouped(tables(), schema):
            writer.write_table(table, row_group_size=ROWS_AT_ONCE)


def read_results(path: Path) -> pd.DataFrame:
    """Return the table that `write_results` has written as Parquet."""
    with frugal():
        table: pd.DataFrame = pq.read_table(path, use_threads=False).to_pandas()
        return table


@contextmanager
def frugal() -> Iterator[None]:
    """Let Arrow give memory back to the system when it is free, not keep it for later."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _labels_of(cell: Cell) -> Row:
    return {**cell.labels, "cell": cell.key}


def _in_parts(cells: Sequence[Cell]) -> Iterator[Sequence[Cell]]:
    for start in range(0, len(cells), CELLS_AT_ONCE):
        yield cells[start : start + CELLS_AT_ONCE]


def _schema_of_rows(rows: Iterable[Row]) -> pa.Schema:
    """Return the columns of rows, in the order in which they first come, with their types."""
    kinds: dict[str, set[type]] = {}
    present: dict[str, int] = {}
    count = 0
    for row in rows:
        count += 1
        for name, value in row.items():
            kinds.setdefault(name, set()).add(type(value))
            present[name] = present.get(name, 0) + 1
    return pa.schema(
        [(name, _type(found, present[name] == count)) for name, found in kinds.items()]
    )


def _type(kinds: set[type], everywhere: bool) -> pa.DataType:
    found = kinds - {type(None)}
    if str in found:
        return pa.string()
    if found == {bool}:
        return pa.bool_()
    # pandas has no whole numbers in a column that lacks some
    return pa.int64() if found == {int} and everywhere and found == kinds else pa.float64()


def _row_tables(source: Source, cells: Sequence[Cell], schema: pa.Schema) -> Iterator[pa.Table]:
    for some in _in_parts(cells):
        rows = list(source.rows(some))
        columns = [_column([row.get(field.name) for row in rows], field.type) for field in schema]
        yield pa.Table.from_arrays(columns, schema=schema)


def _column(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    return pa.array([_as(value, kind) for value in values], kind, from_pandas=True)


def _as(value: Any, kind: pa.DataType) -> Any:
    """Return a value as one of the column's type; a text column may hold numbers of some cells."""
    if value is None:
        return None
    convert: Callable[[Any], Any] = {pa.string(): str, pa.float64(): float}.get(kind, lambda x: x)
    return convert(value)


def _grouped(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the tables joined to some of `ROWS_AT_ONCE` rows; the last one may have fewer."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        while rows >= ROWS_AT_ONCE:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, ROWS_AT_ONCE)
            waiting = [joined.slice(ROWS_AT_ONCE)]
            rows -= ROWS_AT_ONCE
    if rows:
        yield pa.concat_tables(waiting)


def _renamed(schema: pa.Schema, labels: pa.Schema) -> pa.Schema:
    taken = set(labels.names)
    return pa.schema(
        [
            field.with_name(f"{OWN}{field.name}") if field.name in taken else field
            for field in schema
        ]
    )


def _with_a_type(field: pa.Field) -> pa.Field:
    """Return a column; one that is empty in every run is one of numbers."""
    return field.with_type(pa.float64()) if pa.types.is_null(field.type) else field


def _labelled(own: pa.Table, cell: Cell, schema: pa.Schema) -> pa.Table:
    labels = _labels_of(cell)
    columns = []
    for field in schema:
        if field.name in labels:
            value = pa.scalar(_as(labels[field.name], field.type), field.type, from_pandas=True)
            columns.append(pa.repeat(value, own.num_rows))
        elif field.name in own.column_names:
            columns.append(own[field.name].cast(field.type))
        else:
            columns.append(pa.nulls(own.num_rows, field.type))
    return pa.Table.from_arrays(columns, schema=schema)
