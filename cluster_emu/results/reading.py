"""A run as it was saved: its folder is read and checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow.parquet import ParquetFile

from cluster_emu.errors import ClusterEmuError
from cluster_emu.input_files import MOST_JSON_BYTES, read_input
from cluster_emu.json_input import check_keys
from cluster_emu.results.result_folder import check_whole
from cluster_emu.results.run_result import RunResult

COLUMNS_NEEDED = {
    "migrations": (
        "migration vm source target strategy queued_s start_s pause_s resume_s end_s total_time_s "
        "rounds bytes outcome why"
    ),
    "rounds": (
        "migration phase round start_s end_s due sent skipped deferred unvisited dirtied bytes"
    ),
    "hosts": "time_s host utilisation switched_on power_w energy_kwh",
    "vms": "time_s vm host demand",
}
COLUMNS_IF_THERE = {
    "links": "time_s link source_node target_node mean_utilisation",
    "lifecycle": "vm placed_s ended_s first_host cpu_capacity memory_bytes",
}
"""The columns needed of tables that not every run has."""

TEXTS = ("strategy", "phase", "outcome", "why")
"""The columns that hold texts; all others hold numbers."""
FINITE = ("time_s", "link", "migration", "vm", "host", "source", "target", "queued_s", "round")
"""The columns in which every number is known."""
MOST_ROWS = 100_000_000
FACTS_NEEDED = {"scenario": dict, "seed": int, "traces": str, "assumptions": list}
EXPECTED = (
    "a folder in which a run was saved (cluster-emu run ... --out DIR), with run.json, "
    + ", ".join(f"{name}.parquet" for name in COLUMNS_NEEDED)
)


def read_run(folder: Path) -> RunResult:
    """Return a run as it was saved.

    Raises:
        ClusterEmuError: if a file is missing or not what it should be, naming it and what is
            expected, or does not belong to the others.
    """
    _check_there(folder)
    about = _read_about(folder / "run.json")
    result = RunResult(
        tables={name: _read_table(folder, name) for name in _tables_in(folder)},
        scenario=about["scenario"],
        seed=about["seed"],
        traces=about["traces"],
        assumptions=tuple(about["assumptions"]),
        notes=tuple(about.get("notes", ())),
        interrupted_at_s=about.get("interrupted_at_s"),
    )
    check_whole(folder)  # last: what is wrong with a file says more than that it is another one
    return result


def _tables_in(folder: Path) -> list[str]:
    there = [name for name in COLUMNS_IF_THERE if (folder / f"{name}.parquet").is_file()]
    return [*COLUMNS_NEEDED, *there]


def _check_there(folder: Path) -> None:
    for name in ("run.json", *(f"{table}.parquet" for table in COLUMNS_NEEDED)):
        if not (folder / name).is_file():
            raise ClusterEmuError(f"{folder / name}: no such file: allowed is {EXPECTED}")


def _read_about(path: Path) -> dict[str, Any]:
    try:
        content = read_input(path, MOST_JSON_BYTES)
        check_keys(content, path)
        about: Any = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise ClusterEmuError(f"{path}: not JSON ({error}): allowed is {EXPECTED}") from error
    facts: dict[str, Any] = about if isinstance(about, dict) else {}
    for fact in FACTS_NEEDED:
        if fact not in facts:
            raise ClusterEmuError(f"{path}: has no {fact!r}: allowed is {EXPECTED}")
        if not isinstance(facts[fact], FACTS_NEEDED[fact]):
            raise ClusterEmuError(f"{path}: {fact!r} is not what it should be: {EXPECTED}")
    end_s = facts.get("interrupted_at_s")
    if end_s is not None and (type(end_s) not in (int, float) or not 0 <= end_s < math.inf):
        raise ClusterEmuError(f"{path}: 'interrupted_at_s' is not what it should be: {EXPECTED}")
    return facts


def _read_table(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    try:
        rows = ParquetFile(path).metadata.num_rows
        table = pd.read_parquet(path) if rows <= MOST_ROWS else None
    except Exception as error:  # whatever the library raises for a file that is no Parquet
        raise ClusterEmuError(f"{path}: not Parquet ({error}): allowed is {EXPECTED}") from error
    if table is None:
        raise ClusterEmuError(f"{path}: has {rows:,} rows: allowed are {MOST_ROWS:,}")
    needed = {**COLUMNS_NEEDED, **COLUMNS_IF_THERE}[name].split()
    missing = [column for column in needed if column not in table]
    if missing:
        raise ClusterEmuError(f"{path}: has no column {missing[0]!r}: allowed is {EXPECTED}")
    if name == "hosts" and not len(table):
        raise ClusterEmuError(f"{path}: has no row: allowed is {EXPECTED}")
    for column in needed:
        _check_column(path, table, column)
    return table


def _check_column(path: Path, table: pd.DataFrame, column: str) -> None:
    values = table[column]
    if not len(values):
        return  # a table without rows has no types
    if column in TEXTS:
        fits, kind = bool(values.map(lambda value: isinstance(value, str)).all()), "texts"
    else:
        fits, kind = pd.api.types.is_numeric_dtype(values), "numbers"
        if fits and column in FINITE:
            finite = np.isfinite(values.to_numpy(np.float64, na_value=np.nan))
            fits, kind = bool(finite.all()), "finite numbers"
    if not fits:
        raise ClusterEmuError(f"{path}: column {column!r} does not hold {kind}: {EXPECTED}")
