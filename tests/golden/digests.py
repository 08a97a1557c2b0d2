"""Digests of tables, coarse figures of them, and the environment in which the digests hold."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
import pandas as pd

RECORDED = Path(__file__).with_name("digests.json")
PACKAGES = ("mesa", "networkx", "numba", "numpy", "pandas", "scipy")
COLUMN_DIGITS = 16
RELATIVE = 1e-6
"""Sums may differ by this much where another processor or numpy rounds otherwise."""


@dataclass(frozen=True)
class Column:
    """A digest of a column, and what holds of it in every environment.

    Args:
        digest: first hexadecimal digits of the SHA-256 of `column_bytes`.
        coarse: the sum of a numeric column's finite values; how often each outcome occurs; the
            number of different texts of any other column.
    """

    digest: str
    coarse: float | dict[str, int]


@dataclass(frozen=True)
class Table:
    """A digest of a table, its number of rows, and its columns by name."""

    digest: str
    rows: int
    columns: dict[str, Column]


def environment() -> dict[str, str]:
    """Return what the last bits of a result may depend on."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: version(name) for name in PACKAGES},
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "llvm_cpu": llvmlite.binding.get_host_cpu_name(),
        "numpy_cpu_features": " ".join(_numpy_features()),
        "libc": " ".join(platform.libc_ver()),
    }


def _processor() -> str:
    """Return the processor's name, family and model; Linux knows more than `platform` says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    pairs = (line.partition(":") for line in lines)
    known = {key.strip(): value.strip() for key, _, value in reversed(list(pairs))}
    return ", ".join(known[key] for key in ("model name", "cpu family", "model") if key in known)


def _numpy_features() -> list[str]:
    """Return the instruction sets that numpy found, on which its loops depend."""
    found = import_module("numpy._core._multiarray_umath").__cpu_features__
    return sorted(name for name, there in found.items() if there)


def digest_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, Table]:
    return {name: digest_table(table) for name, table in tables.items()}


def digest_table(table: pd.DataFrame) -> Table:
    columns = {}
    whole = hashlib.sha256(f"{len(table)}\n".encode())
    for name in table:
        digest = hashlib.sha256(column_bytes(str(name), table[name])).hexdigest()
        whole.update(f"{digest}\n".encode())
        columns[str(name)] = Column(digest[:COLUMN_DIGITS], _coarse(str(name), table[name]))
    return Table(whole.hexdigest(), len(table), columns)


def column_bytes(name: str, column: pd.Series) -> bytes:
    """Return name, kind and values: little-endian numbers of 64 bits with one NaN, UTF-8 texts.

    A table without rows has no kind: what stands for "no value at all" is nobody's result.
    """
    kind, values = _values(column)
    return b"\0".join((name.encode(), kind.encode() if len(column) else b"", values))


def _values(column: pd.Series) -> tuple[str, bytes]:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "bool", column.to_numpy(dtype=np.uint8).tobytes()
    if pd.api.types.is_integer_dtype(column.dtype):
        return "int", column.to_numpy(dtype="<i8").tobytes()
    if pd.api.types.is_float_dtype(column.dtype):
        numbers = column.to_numpy(dtype="<f8", na_value=np.nan)
        return "float", np.where(np.isnan(numbers), np.nan, numbers).tobytes()
    return "text", b"\0".join(text.encode() for text in _texts(column))


def _texts(column: pd.Series) -> Iterator[str]:
    for value in column:
        if isinstance(value, str):
            yield value
        elif value is None or (isinstance(value, float) and math.isnan(value)):
            yield "\x01none"
        else:
            yield f"\x01{value!r}"


def _coarse(name: str, column: pd.Series) -> float | dict[str, int]:
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return float(f"{math.fsum(numbers[np.isfinite(numbers)]):.9g}")
    counts = Counter(_texts(column))
    return dict(sorted(counts.items())) if name == "outcome" else len(counts)


def first_difference(was: Mapping[str, Table], now: Mapping[str, Table]) -> str:
    """Return which table and column differ first to the last bit, "" if none does."""
    for name, one, other in _paired(was, now):
        if one is None or other is None:
            return f"table {name} is {'new' if one is None else 'missing'}"
        if one.digest == other.digest:
            continue
        if one.rows != other.rows:
            return f"table {name} has {other.rows} rows, recorded were {one.rows}"
        if list(one.columns) != list(other.columns):
            order = f"{list(other.columns)}, recorded were {list(one.columns)}"
            return f"table {name} has the columns {order}"
        changed = [column for column in one.columns if one.columns[column] != other.columns[column]]
        return f"table {name}, column {changed[0]} differs; of all {changed}"
    return ""


def first_coarse_difference(was: Mapping[str, Table], now: Mapping[str, Table]) -> str:
    """Return which coarse figure differs first, "" if none does."""
    for name, one, other in _paired(was, now):
        if one is None or other is None:
            return f"table {name} is {'new' if one is None else 'missing'}"
        if one.rows != other.rows:
            return f"table {name} has {other.rows} rows, recorded were {one.rows}"
        for column, _, _ in _paired(one.columns, other.columns):
            if column not in one.columns or column not in other.columns:
                return f"table {name}, column {column} is new or missing"
            first, second = one.columns[column].coarse, other.columns[column].coarse
            if not _is_close(first, second):
                return f"table {name}, column {column}: {second}, recorded was {first}"
    return ""


def _paired(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in (*was, *(name for name in now if name not in was)):
        yield name, was.get(name), now.get(name)


def _is_close(first: float | dict[str, int], second: float | dict[str, int]) -> bool:
    if isinstance(first, dict) or isinstance(second, dict):
        return first == second
    return math.isclose(first, second, rel_tol=RELATIVE, abs_tol=1e-9)


def read_recorded(path: Path = RECORDED) -> tuple[dict[str, str], dict[str, dict[str, Table]]]:
    """Return the environment, and the tables of every case."""
    document = json.loads(path.read_text(encoding="utf-8"))
    cases = {
        case: {
            name: Table(
                table["digest"],
                table["rows"],
                {column: Column(*entry) for column, entry in table["columns"].items()},
            )
            for name, table in tables.items()
        }
        for case, tables in document["cases"].items()
    }
    return document["environment"], cases


def write_recorded(
    where: Mapping[str, str], cases: Mapping[str, Mapping[str, Table]], path: Path = RECORDED
) -> None:
    """Write the digests, one line per column so that a change shows which ones changed."""
    document = {
        "environment": dict(where),
        "cases": {
            case: {
                name: {
                    "digest": table.digest,
                    "rows": table.rows,
                    "columns": {
                        column: _OneLine([entry.digest, entry.coarse])
                        for column, entry in table.columns.items()
                    },
                }
                for name, table in tables.items()
            }
            for case, tables in cases.items()
        },
    }
    path.write_text("".join(_json(document, 0)) + "\n", encoding="utf-8")


class _OneLine(list[Any]):
    """A list that is written on one line."""


def _json(value: Any, depth: int) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield json.dumps(value)
        return
    for number, (key, item) in enumerate(value.items()):
        yield f"{',' if number else '{'}\n{' ' * (depth + 1)}{json.dumps(key)}: "
        yield from _json(item, depth + 1)
    yield f"\n{' ' * depth}}}"
