"""Compare the golden runs with what was recorded, or record them again.

python -m tests.golden.record                          what differs from digests.json
python -m tests.golden.record --write                  record it; a commit of its own
python -m tests.golden.record --tables before          keep the full tables of all runs
python -m tests.golden.record --against before         by how much every column differs
python -m tests.golden.record --package ../old --tables before    the same for other code
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from tests.golden.digests import (
    RECORDED,
    Table,
    digest_tables,
    environment,
    first_difference,
    read_recorded,
    write_recorded,
)
from tests.golden.renames import as_recorded

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Difference:
    """What differs in a column of a table, or in the table as a whole.

    Args:
        case: the golden case.
        table: its table.
        column: the column, "" where the table has other rows or is new or missing.
        what: what differs, in words.
        relative: largest relative difference of a number; infinite for all that is no number, and
            where a number is NaN or infinite on one side only.
    """

    case: str
    table: str
    column: str
    what: str
    relative: float = math.inf


def differences(case: str, was: Tables, now: Tables) -> Iterator[Difference]:
    """Yield what differs between the tables of a case, row by row in their order."""
    for name in (*was, *(name for name in now if name not in was)):
        if name not in was or name not in now:
            yield Difference(case, name, "", "missing" if name in was else "new")
        elif len(was[name]) != len(now[name]):
            yield Difference(case, name, "", f"{len(was[name])} rows, now {len(now[name])}")
        else:
            yield from _columns(case, name, was[name], now[name])


def _columns(case: str, table: str, was: pd.DataFrame, now: pd.DataFrame) -> Iterator[Difference]:
    common = [column for column in was if column in now]
    for column in (*was, *(column for column in now if column not in was)):
        if column not in common:
            yield Difference(case, table, column, "missing" if column in was else "new column")
    if common != [column for column in now if column in was]:
        yield Difference(case, table, "", "another order of columns")
    for column in common:
        if digest_tables({"": was[[column]]}) != digest_tables({"": now[[column]]}):
            yield _difference(case, table, str(column), was, now)


def _difference(
    case: str, table: str, column: str, was: pd.DataFrame, now: pd.DataFrame
) -> Difference:
    first, second = was[column], now[column]
    if not all(pd.api.types.is_numeric_dtype(one.dtype) for one in (first, second)):
        changed = np.array([str(a) != str(b) for a, b in zip(first, second, strict=True)])
        relative = np.where(changed, math.inf, 0.0)
    else:
        relative = relative_differences(
            first.to_numpy(dtype=np.float64, na_value=np.nan),
            second.to_numpy(dtype=np.float64, na_value=np.nan),
        )
        changed = relative > 0
    if not changed.any():
        return Difference(case, table, column, f"{first.dtype}, now {second.dtype}")
    worst = int(np.argmax(relative))
    which = f" ({was['variant'].iloc[worst]})" if "variant" in was else ""
    return Difference(
        case,
        table,
        column,
        f"{int(changed.sum())} of {len(changed)} rows, the most in row {worst}{which}: "
        f"{first.iloc[worst]!r}, now {second.iloc[worst]!r}",
        float(relative[worst]),
    )


def relative_differences(was: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return ``|was - now| / max(|was|, |now|)`` by element, 0 for two NaN, inf for one."""
    same = (was == now) | (np.isnan(was) & np.isnan(now))
    both = np.isfinite(was) & np.isfinite(now) & ~same
    relative = np.where(same, 0.0, math.inf)
    largest = np.maximum(np.abs(was[both]), np.abs(now[both]))
    relative[both] = np.abs(was[both] - now[both]) / largest
    return relative


def report(found: list[Difference]) -> str:
    """Return one line per difference, then the largest relative difference by column."""
    lines = [
        f"{one.case} / {one.table} / {one.column or '(table)'}: {_size(one.relative)}; {one.what}"
        for one in found
    ]
    largest: dict[str, float] = {}
    for one in found:
        name = f"{one.table}.{one.column}" if one.column else one.table
        largest[name] = max(largest.get(name, 0.0), one.relative)
    lines += ["", "Largest relative difference by column, over all cases:"]
    lines += [
        f"  {_size(relative):>8}  {name}"
        for name, relative in sorted(largest.items(), key=lambda item: (-item[1], item[0]))
    ]
    return "\n".join(lines)


def _size(relative: float) -> str:
    return "differs" if math.isinf(relative) else f"{relative:.1e}"


def write_tables(folder: Path, case: str, tables: Tables) -> None:
    (folder / case).mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / case / f"{name}.parquet")


def read_tables(folder: Path, case: str) -> Tables:
    return {path.stem: pd.read_parquet(path) for path in sorted((folder / case).glob("*.parquet"))}


def changed_digests(
    was: Mapping[str, Mapping[str, Table]], now: Mapping[str, Mapping[str, Table]]
) -> list[str]:
    """Return one line per case that differs from what was recorded."""
    lines = [f"{case}: not recorded" for case in now if case not in was]
    for case in now:
        difference = first_difference(was[case], now[case]) if case in was else ""
        if difference:
            lines.append(f"{case}: {difference}")
    return lines


def main() -> int:
    """Run the cases; return 1 if they differ and are not recorded."""
    asked = _parser().parse_args()
    sys.path.insert(0, str((asked.package or Path()).resolve()))
    cases = import_module("tests.golden.cases").CASES
    print(f"cluster_emu of {Path(import_module('cluster_emu').__file__).parent}")
    found: list[Difference] = []
    digests: dict[str, dict[str, Table]] = {}
    for name in asked.only or cases:
        tables = as_recorded(cases[name]())
        digests[name] = digest_tables(tables)
        if asked.tables:
            write_tables(asked.tables, name, tables)
        if asked.against:
            found += differences(name, read_tables(asked.against, name), tables)
    if asked.against:
        print(report(found) if found else "No differences.")
        return int(any(one.relative > asked.tolerance for one in found))
    return _compare_or_write(digests, write=asked.write, all_cases=not asked.only)


def _compare_or_write(digests: dict[str, dict[str, Table]], *, write: bool, all_cases: bool) -> int:
    where, recorded = read_recorded() if RECORDED.exists() else ({}, {})
    here = environment()
    for key in here:
        if here[key] != where.get(key):
            print(f"environment: {key} is {here[key]!r}, recorded was {where.get(key)!r}")
    lines = changed_digests(recorded, digests)
    if all_cases:
        lines += [f"{case}: recorded, but no case any more" for case in recorded.keys() - digests]
    print("\n".join(lines) or "No differences.")
    if write:
        write_recorded(here, digests if all_cases else recorded | digests)
        print(f"Wrote {RECORDED.name}; the entries of renames.py are to be emptied.")
        return 0
    return int(bool(lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="record the digests")
    parser.add_argument("--tables", type=Path, metavar="DIR", help="write the full tables there")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="compare with the full tables written there"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        help="relative difference up to which --against ends with 0 (default 0)",
    )
    parser.add_argument(
        "--package", type=Path, metavar="DIR", help="folder that holds the cluster_emu to run"
    )
    parser.add_argument("--only", nargs="+", metavar="CASE", help="run these cases alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
