"""The loop that runs cells of a study and writes each down as it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from cluster_emu.model import ProgressCallback
from cluster_emu.study.execution.limits import CellLimits
from cluster_emu.study.execution.runs import with_progress
from cluster_emu.study.execution.sent_once import sent_once, with_value
from cluster_emu.study.execution.surviving import do_surviving
from cluster_emu.study.grid.cell_run import DONE, NO_LIMITS, killed_cell, run_cell
from cluster_emu.study.grid.cell_store import CellStore
from cluster_emu.study.grid.cells import Cell


@dataclass(frozen=True, slots=True)
class Execution:
    """How the cells of a study are run; no result depends on it.

    Args:
        jobs: number of processes; 1 stands for this process alone if there are no limits.
        limits: what a cell may take.
    """

    jobs: int = 1
    limits: CellLimits = NO_LIMITS


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
    on_failed: Callable[[int], None] | None = None,
    *,
    done: int = 0,
) -> None:
    """Run cells, in any order, and write each to the store as it ends.

    A cell that fails, reaches a limit, or kills its process is written down and the others go on.
    An interrupt leaves the store with every cell that had ended.

    Args:
        store: the store; it says which tables are kept.
        cells: the cells to run, see `remaining`.
        execution: how they are run.
        progress: called after every cell with the number done and the number of all.
        on_failed: called when a cell fails or is ended, with the number of those so far.
        done: number of cells that were done before.

    Raises:
        WorkerDiedError: if processes are killed before they begin a cell.
    """
    limits = execution.limits
    scenarios = sent_once([cell.scenario for cell in cells])
    runs = do_surviving(
        partial(with_value, partial(run_cell, keep=store.keep, limits=limits)),
        [(scenario, cell.seed) for scenario, cell in zip(scenarios, cells, strict=True)],
        max(min(execution.jobs, len(cells)), 1),
        partial(killed_cell, limits=limits),
        apart=bool(limits),
    )
    failed = 0
    with closing(with_progress(runs, len(cells), progress, done=done)) as ended:
        for index, run in ended:
            store.write(cells[index], run)
            if run.status != DONE:
                failed += 1
                if on_failed is not None:
                    on_failed(failed)
