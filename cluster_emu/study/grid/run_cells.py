"""The loop that runs cells of a study and writes each down as it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from cluster_emu.model import ProgressCallback
from cluster_emu.study.execution.runs import do_all
from cluster_emu.study.grid.cell_run import DONE, run_cell
from cluster_emu.study.grid.cell_store import CellStore
from cluster_emu.study.grid.cells import Cell


@dataclass(frozen=True, slots=True)
class Execution:
    """How the cells of a study are run; no result depends on it.

    Args:
        jobs: number of processes; 1 stands for this process alone.
    """

    jobs: int = 1


def remaining(store: CellStore, cells: Sequence[Cell], *, retry_failed: bool = False) -> list[Cell]:
    """Return the cells that have not ended; with `retry_failed` also those that are not done."""
    finished = {cell.key: store.status(cell) for cell in cells}
    return [
        cell
        for cell in cells
        if (status := finished[cell.key]) is None or (retry_failed and status != DONE)
    ]


def run_cells(
    store: CellStore,
    cells: Sequence[Cell],
    execution: Execution,
    progress: ProgressCallback | None = None,
    *,
    done: int = 0,
) -> None:
    """Run cells, in any order, and write each to the store as it ends.

    A cell that fails is written down and the others go on. An interrupt leaves the store with every
    cell that had ended.

    Args:
        store: the store; it says which tables are kept.
        cells: the cells to run, see `remaining`.
        execution: how they are run.
        progress: called after every cell with the number done and the number of all.
        done: number of cells that were done before.

    Raises:
        WorkerDiedError: if a process was killed.
    """
    work = partial(run_cell, keep=store.keep)
    tasks = [(cell.scenario, cell.seed) for cell in cells]
    for index, run in do_all(work, tasks, execution.jobs, progress, done=done):
        store.write(cells[index], run)
