"""The result of a run: tidy tables, what was assumed, and how to write them down."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from cluster_emu.json_output import json_text

RECORDED_PACKAGES = ("cluster-emu", "mesa", "networkx", "numpy", "pandas")


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run.

    Args:
        tables: `migrations`, `rounds`, `limits`, `hosts`, `vms`, `links`, `service`, `background`,
            `faults`, `summary`; units are in the names of the columns. A run that streamed `hosts`,
            `vms` and `links` to a folder has these there alone.
        scenario: the scenario as plain data.
        seed: the run's seed.
        traces: which CPU traces were used, in words.
        assumptions: what was assumed, one sentence each.
        notes: what the policies did and why, one sentence each.
    """

    tables: dict[str, pd.DataFrame]
    scenario: dict[str, Any]
    seed: int
    traces: str
    assumptions: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def migrations(self) -> pd.DataFrame:
        """One row per migration."""
        return self.tables["migrations"]

    @property
    def rounds(self) -> pd.DataFrame:
        """One row per round of every migration."""
        return self.tables["rounds"]

    @property
    def summary(self) -> dict[str, float]:
        """The run in one row of figures, by name."""
        return {str(key): value for key, value in self.tables["summary"].iloc[0].items()}

    def save(self, folder: Path, *, csv: bool = False, wall_time_s: float | None = None) -> None:
        """Write every table as Parquet (and CSV), and run.json, each file atomically.

        Args:
            folder: where to; made if it is not there.
            csv: whether to write CSV in addition to Parquet.
            wall_time_s: how long the run took, for run.json only.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in self.tables.items():
            write_parquet(table, folder / f"{name}.parquet")
            if csv:
                write_text(table.to_csv(index=False), folder / f"{name}.csv")
        about = {
            "scenario": self.scenario,
            "seed": self.seed,
            "traces": self.traces,
            "assumptions": self.assumptions,
            "notes": self.notes,
            "versions": versions(),
            "wall_time_s": wall_time_s,
        }
        write_text(json_text(about), folder / "run.json")


def versions() -> dict[str, str]:
    """Return the versions of what results depend on."""
    found = {name: version(name) for name in RECORDED_PACKAGES}
    return {"python": platform.python_version(), **found}


def rows_to_table(rows: Sequence[Any], row_type: type) -> pd.DataFrame:
    """Return dataclass rows as a table with one column per field, also where there is no row."""
    names = [field.name for field in fields(row_type)]
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table so that the file is either whole or not there."""
    with _replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_text(text: str, path: Path) -> None:
    """Write a text so that the file is either whole or not there."""
    with _replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(data: bytes, path: Path) -> None:
    """Write bytes so that the file is either whole or not there."""
    with _replacing(path) as temporary:
        temporary.write_bytes(data)


class _replacing:
    """Gives a temporary path next to the target; moves it to the target unless an error occurs."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        self._temporary = Path(name)

    def __enter__(self) -> Path:
        return self._temporary

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._temporary.chmod(0o644)
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)
