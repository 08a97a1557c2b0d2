"""Rows of trace files in batches, by pyarrow; what is wrong in one is named by file and line.

pyarrow parses; this module says which columns there are, checks their values, and turns what it
refuses into a `TraceError`. A file is never held whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cluster_emu.errors import TraceError
from cluster_emu.traces.files import TraceFile, printable

BLOCK_BYTES = 2**20
"""Bytes that are parsed together."""
BLOCK_ROWS = 2**16
"""Rows of a Parquet file that are read together."""

_TYPES = {"number": pa.float64(), "text": pa.string()}
_ROW = re.compile(r"Row #(\d+): (.*)", re.DOTALL)
_FIELDS = re.compile(r"Expected (\d+) columns, got (\d+): (.*)", re.DOTALL)
_COLUMN = re.compile(r"column #(\d+)")
_VALUE = re.compile(r"invalid value '(.*)'", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a trace file.

    Args:
        name: its name.
        kind: "number" or "text".
        least: the smallest number allowed.
        most: the largest number allowed.
        optional: whether a row may leave it blank.
    """

    name: str
    kind: str = "number"
    least: float = -np.inf
    most: float = np.inf
    optional: bool = False

    @property
    def allowed(self) -> str:
        """What may stand in the column, in words."""
        if self.kind == "text":
            return f"{self.name}: a text"
        limits = f" from {self.least:g} to {self.most:g}" if np.isfinite(self.most) else ""
        if not limits and np.isfinite(self.least):
            limits = f" >= {self.least:g}"
        blank = ", or nothing" if self.optional else ""
        return f"{self.name}: a finite number{limits}{blank}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file.

    Args:
        table: the rows, blank lines left out.
        lines: the line, or row, of each of them in the file, shape [rows].
    """

    table: Any
    lines: NDArray[np.int64]
    _numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where it is blank, read-only, shape [rows]."""
        if name not in self._numbers:
            self._numbers[name] = self.table.column(name).to_numpy(zero_copy_only=False)
        return self._numbers[name]

    def texts(self, name: str) -> Any:
        """Return a column of texts as an Arrow array."""
        return self.table.column(name)


def csv_rows(
    file: TraceFile,
    columns: Sequence[Column],
    *,
    delimiter: str = ",",
    quoted: bool = False,
    decimal_point: str = ".",
    header_lines: int = 0,
) -> Iterator[Rows]:
    """Yield the rows of a text file with delimiters, checked.

    Raises:
        TraceError: naming the line and what is allowed, for a line that has other than these
            columns, or a value that is not allowed.
    """
    first = 1 + header_lines
    try:
        with file.stream() as stream:
            # a small file is read at once: streams have threads
            open_csv = pa_csv.read_csv if file.complete else pa_csv.open_csv
            reader = open_csv(
                stream,
                read_options=pa_csv.ReadOptions(
                    column_names=[each.name for each in columns],
                    skip_rows=header_lines,
                    block_size=BLOCK_BYTES,
                    use_threads=False,  # with threads the messages do not say which line it is
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=delimiter,
                    quote_char='"' if quoted else False,
                    ignore_empty_lines=False,  # lines would not be counted right
                    newlines_in_values=False,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={each.name: _TYPES[each.kind] for each in columns},
                    null_values=["", "\t", " "],  # a tabulator may follow the delimiter
                    strings_can_be_null=True,
                    decimal_point=decimal_point,
                ),
            )
            for batch in reader.to_batches() if file.complete else reader:
                yield checked(file, batch, columns, first)
                first += batch.num_rows
    except (pa.ArrowInvalid, OSError, UnicodeError) as error:
        raise _csv_error(file, str(error), columns, first) from error


def _csv_error(file: TraceFile, message: str, columns: Sequence[Column], first: int) -> TraceError:
    wanted = f"{len(columns)} fields: {', '.join(each.name for each in columns)}"
    if "Empty CSV" in message:
        return file.error(first, "end of the file", f"lines of {wanted}")
    found = _ROW.search(message)
    if found is None:
        return file.error(0, message, "a readable file of lines of text")
    line, reason = int(found[1]), found[2]
    if fields := _FIELDS.search(reason):
        return file.error(line, fields[3], f"{wanted} (not {fields[2]})")
    column = _COLUMN.search(message)
    value = _VALUE.search(reason)
    allowed = columns[int(column[1])].allowed if column else wanted
    return file.error(line, value[1] if value else reason, allowed)


def json_rows(file: TraceFile, columns: Sequence[Column], schema: Any) -> Iterator[Rows]:
    """Yield the rows of a file with one JSON object a line, checked.

    Args:
        file: the file.
        columns: what the rows have, nested fields as ``outer.inner``.
        schema: the Arrow schema of the objects' fields that are read; others are left out.

    Raises:
        TraceError: naming the line and what is allowed, if one is no such object.
    """
    first = 1
    try:
        with file.stream() as stream:
            reader = pa_json.open_json(
                stream,
                read_options=pa_json.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
                parse_options=_json_options(schema),
            )
            for batch in reader:
                flat = _flat(batch, columns)
                yield checked(file, flat, columns, first, partial(_line_of_object, file))
                first += batch.num_rows
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeError) as error:
        raise _json_error(file, str(error), schema, first) from error


def _flat(batch: Any, columns: Sequence[Column]) -> Any:
    """Return a batch without nested fields, whole numbers and texts as the columns want them."""
    table = pa.Table.from_batches([batch])
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    arrays = [table.column(each.name).combine_chunks().cast(_TYPES[each.kind]) for each in columns]
    return pa.RecordBatch.from_arrays(arrays, [each.name for each in columns])


def _json_options(schema: Any) -> Any:
    return pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")


def _json_error(file: TraceFile, message: str, schema: Any, first: int) -> TraceError:
    """Find the line by parsing one after the other: pyarrow counts within a block only."""
    allowed = f"one JSON object with {', '.join(schema.names)}"
    try:
        for number, line in _lines(file):
            if number >= first and line.strip() and (why := _json_fault(line, schema)):
                return file.error(number, printable(line), f"{allowed} ({why})")
    except OSError as error:
        message = str(error)
    return file.error(0, message, f"lines of {allowed}")


def _lines(file: TraceFile) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of every line."""
    number, rest = 0, b""
    with file.stream() as stream:
        while block := stream.read(BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                number += 1
                yield number, line
    yield number + 1, rest


def _line_of_object(file: TraceFile, place: int) -> int:
    """Return the line of the object at a place, counted from 1: pyarrow skips blank lines."""
    filled = (number for number, line in _lines(file) if line.strip())
    return next(islice(filled, place - 1, None), place)


def _json_fault(line: bytes, schema: Any) -> str:
    """Return what is wrong with a line, nothing if it can be read."""
    try:
        if not isinstance(json.loads(line), dict):
            return "not an object"
        pa_json.read_json(pa.BufferReader(line + b"\n"), parse_options=_json_options(schema))
    except (ValueError, RecursionError, pa.ArrowException) as error:
        return str(error).partition(". in row")[0]
    return ""


def parquet_rows(
    file: TraceFile, columns: Sequence[Column], may_lack: Container[str] = ()
) -> Iterator[Rows]:
    """Yield the rows of a Parquet file, checked; times are milliseconds since 1970.

    Args:
        file: the file.
        columns: the columns that are read.
        may_lack: names of those that the file may lack; they are then left out.

    Raises:
        TraceError: naming the row, or the column that is missing or of another type.
    """
    first = 1
    try:
        with file.place.open("rb") as stream:
            parquet = pq.ParquetFile(stream)
            there = parquet.schema_arrow.names
            _check_columns(file, there, columns, may_lack)
            wanted = [each for each in columns if each.name in there]
            for batch in parquet.iter_batches(BLOCK_ROWS, columns=[each.name for each in wanted]):
                yield checked(file, _cast(file, batch, wanted), wanted, first)
                first += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise file.error(0, str(error), "a readable Parquet file") from error


def _check_columns(
    file: TraceFile, there: Sequence[str], columns: Sequence[Column], may_lack: Container[str]
) -> None:
    needed = [each.name for each in columns if each.name not in may_lack]
    missing = [name for name in needed if name not in there]
    if missing:
        found = f"columns {', '.join(there)}"
        raise file.error(0, found, f"a file with the columns {', '.join(missing)}")


def _cast(file: TraceFile, batch: Any, columns: Sequence[Column]) -> Any:
    arrays = []
    for column in columns:
        array = batch.column(column.name)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        try:
            if pa.types.is_timestamp(array.type):
                array = array.cast(pa.timestamp("ms", array.type.tz), safe=False).cast(pa.int64())
            is_number = pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
            if column.kind == "number" and not is_number and not pa.types.is_decimal(array.type):
                raise file.error(0, f"{column.name} of type {array.type}", column.allowed)
            arrays.append(array.cast(_TYPES[column.kind], safe=False))
        except pa.ArrowException as error:
            allowed = column.allowed
            raise file.error(0, f"{column.name} of type {array.type}", allowed) from error
    return pa.RecordBatch.from_arrays(arrays, [each.name for each in columns])


def checked(
    file: TraceFile,
    batch: Any,
    columns: Sequence[Column],
    first: int,
    line_of: Callable[[int], int] = int,
) -> Rows:
    """Return rows whose values are all allowed, without blank lines.

    Args:
        file: where they are from.
        batch: the Arrow record batch.
        columns: what its columns may hold.
        first: the number of its first row.
        line_of: the number of the line that holds a row, where blank lines are not counted.

    Raises:
        TraceError: about the first line with a value that is not allowed.
    """
    lines = np.arange(first, first + batch.num_rows)
    nulls = [batch.column(each.name).null_count for each in columns]
    if min(nulls) > 0:
        blank = np.ones(batch.num_rows, dtype=bool)
        for each in columns:
            blank &= batch.column(each.name).is_null().to_numpy(zero_copy_only=False)
        if blank.any():
            batch, lines = batch.filter(pa.array(~blank)), lines[~blank]
    rows = Rows(batch, lines)
    worst: tuple[int, Column] | None = None
    for column in columns:
        place = _first_fault(rows, column)
        if place is not None and (worst is None or place < worst[0]):
            worst = (place, column)
    if worst is not None:
        place, column = worst
        value = batch.column(column.name)[place].as_py()
        raise file.error(line_of(int(lines[place])), "" if value is None else value, column.allowed)
    return rows


def _first_fault(rows: Rows, column: Column) -> int | None:
    if column.kind == "text":
        array = rows.texts(column.name)
        if column.optional or not array.null_count:
            return None
        wrong = array.is_null().to_numpy(zero_copy_only=False)
    else:
        values = rows.numbers(column.name)
        if not len(values):
            return None
        # The least and the largest value tell of all: NaN would be both, and is no such number.
        least, largest = values.min(), values.max()
        if column.least <= least and largest <= column.most and np.isfinite([least, largest]).all():
            return None
        with np.errstate(invalid="ignore"):
            wrong = ~((values >= column.least) & (values <= column.most) & np.isfinite(values))
        if column.optional and wrong.any():
            array = rows.table.column(column.name)
            wrong &= ~pc.is_null(array).to_numpy(zero_copy_only=False)
    return int(np.argmax(wrong)) if wrong.any() else None
