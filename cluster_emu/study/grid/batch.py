"""Runs of a study: on several processes, resumed where they were interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ProgressCallback
from cluster_emu.study.execution.runs import run_all
from cluster_emu.study.grid.cell_store import FAILED, CellStore
from cluster_emu.study.grid.cells import Cell, cells_of
from cluster_emu.study.grid.study_file import load_study

ENDS = ("migrations", "completed", "not_converged", "cancelled", "failed", "unfinished")
"""Figures of a run that count its migrations: all of them, and by how they ended."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The results of a study.

    Args:
        study: the study's name.
        cells: number of cells.
        found: how many of them had ended before.
        table: one row per cell that has ended: axes, strategy, replication, seed, cell, status,
            error and the figures of the run's summary.
        folder: where results.parquet, results.csv and the finished cells are.
    """

    study: str
    cells: int
    found: int
    table: pd.DataFrame
    folder: Path

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of the cells that failed."""
        return self.table[self.table["status"] == FAILED]

    @property
    def incomplete(self) -> pd.DataFrame:
        """The rows of the cells in which migrations did not complete."""
        table = self.table
        return (
            table[table["migrations"] > table["completed"]] if "migrations" in table else table[:0]
        )

    @property
    def ends(self) -> dict[str, int]:
        """How many migrations there were in all cells, and how many of them ended how."""
        return {name: int(self.table[name].sum()) for name in ENDS if name in self.table}


def run_batch(
    path: Path,
    *,
    out: Path | None = None,
    jobs: int = 1,
    changes: Mapping[str, Any] | None = None,
    retry_failed: bool = False,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> Batch:
    """Run every cell of a study that has not ended yet, and merge the results of all.

    A cell that fails is recorded and the study continues. After an interruption, the same call runs
    the remaining cells; the merged table is byte for byte that of one uninterrupted run, on any
    number of processes.

    Args:
        path: the study's TOML file.
        out: the results' folder; ``results/NAME`` if None.
        jobs: number of processes.
        changes: entries of the study that replace those of the file, such as ``{"seed": 7}``.
        retry_failed: whether cells that failed before are run again.
        overwrite: whether an older result in the folder, also one of this study, is removed first.
        progress: called after every cell with the number done and the number of all.

    Raises:
        ClusterEmuError: if the study or one of its scenarios is not allowed, or if the folder holds
            something else; nothing is written.
        WorkerDiedError: if a process was killed; finished cells are kept and merged.
    """
    if jobs < 1:
        raise ScenarioError("jobs", jobs, "a whole number >= 1")
    study, base = load_study(path, changes)
    cells = cells_of(study, base, path)
    folder = out or Path("results") / study.name
    store = CellStore(folder)
    with store.opened(study.name, overwrite=overwrite):
        remaining = [cell for cell in cells if _is_remaining(store, cell, retry_failed)]
        try:
            _run(store, remaining, jobs, len(cells), progress)
        finally:
            table = store.merge(cells)
    return Batch(study.name, len(cells), len(cells) - len(remaining), table, folder)


def _is_remaining(store: CellStore, cell: Cell, retry_failed: bool) -> bool:
    row = store.read(cell)
    return row is None or (retry_failed and row["status"] == FAILED)


def _run(
    store: CellStore,
    remaining: list[Cell],
    jobs: int,
    total: int,
    progress: ProgressCallback | None,
) -> None:
    tasks = [(cell.scenario, cell.seed) for cell in remaining]
    for index, report in run_all(tasks, jobs, progress, done=total - len(remaining)):
        store.write(remaining[index], report)
