"""What a study would run: its cells, what is left of them, and a guess of the time they take."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.file_names import file_name
from cluster_emu.model import ProgressCallback
from cluster_emu.numerals import MOST_JOBS
from cluster_emu.study.execution.numbers import check_whole
from cluster_emu.study.grid.cell_run import DONE, run_cell
from cluster_emu.study.grid.cell_store import JOURNALS, CellStore, check_folder
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.grid import Grid, load_grid
from cluster_emu.study.grid.growing import GrowingCells
from cluster_emu.study.grid.run_cells import remaining
from cluster_emu.study.grid.settings import Labels
from cluster_emu.study.statistics.stopping import read_stopping_rule

MOST_TIMED = 5
"""How many cells are timed."""
TIMING_S = 30.0
"""After so much wall time no further cell is timed."""
REPEATED_S = 10.0
"""A cell faster than that is run again: the first of its kind also waits for code to load."""
RUN_COLUMNS = ("replication", "seed")


@dataclass(frozen=True, slots=True)
class TimedCell:
    """One cell that was run to see how long it takes.

    Args:
        cell: its key.
        place: its setting and strategy, by column.
        wall_s: how long it took.
        error: why it failed; empty if it did not.
    """

    cell: str
    place: Labels
    wall_s: float
    error: str


@dataclass(frozen=True, slots=True)
class TimeGuess:
    """A guess of the wall time of the cells that are left.

    Args:
        jobs: number of processes that it is for.
        mean_s: the mean of the timed cells, times the cells that are left, over the processes.
        low_s: the same with the fastest of the timed cells.
        high_s: the same with the slowest.
    """

    jobs: int
    mean_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a study would run.

    Under a stopping rule the numbers of cells, and with them the guess of the time, are the least
    that it takes: cells that have yet to run decide whether it takes more.

    Args:
        study: the study's name.
        columns: the columns that say which setting a cell is of, strategy included.
        cells: number of cells.
        settings: number of different settings and strategies.
        replications: number of seeds; under a stopping rule the least of a setting.
        folder: where the results would be.
        finished: how many cells have ended there.
        not_done: how many of these have no figures, as they failed or were ended.
        left: how many cells would run.
        timed: the cells that were run to see how long they take; nothing of them is kept.
        guess: the guess of the time; None where nothing is left or nothing was timed.
        listed: every cell: its place, replication, seed, key, and how it has ended (or "").
        until: the stopping rule in words; empty without one.
    """

    study: str
    columns: tuple[str, ...]
    cells: int
    settings: int
    replications: int
    folder: str
    finished: int
    not_done: int
    left: int
    timed: tuple[TimedCell, ...]
    guess: TimeGuess | None
    listed: tuple[dict[str, Any], ...]
    until: str = ""


def dry_run(
    study: Path | Grid,
    *,
    out: Path | None = None,
    jobs: int = 1,
    changes: Mapping[str, Any] | None = None,
    retry_failed: bool = False,
    overwrite: bool = False,
    until: Sequence[str] | str = (),
    most_timed: int = MOST_TIMED,
    progress: ProgressCallback | None = None,
) -> DryRun:
    """Return what `run_batch` would run with the same arguments; write nothing.

    One replication of a few settings is run, spread evenly over what is left, each in this process.
    A guess from so few is off by as much as they differ; loading of libraries in further processes
    is not in it.

    Args:
        study: the study's TOML file, or a grid.
        out: the results' folder; ``results/NAME`` if None.
        jobs: number of processes.
        changes: entries of the study that replace those of the file.
        retry_failed: whether cells that failed or were ended before would run again.
        overwrite: whether an older result in the folder would be removed.
        until: how narrow intervals of means shall be, see `compare`.
        most_timed: how many cells are timed at most; 0 times none.
        progress: called after every timed cell with the number timed and to be timed.

    Raises:
        ClusterEmuError: if the study or one of its scenarios is not allowed, or if the folder holds
            something that cannot be continued.
    """
    check_whole(1, MOST_JOBS, jobs=jobs)
    check_whole(0, most_timed=most_timed)
    grid = study.changed(changes or {}) if isinstance(study, Grid) else load_grid(study, changes)
    folder = out or Path("results") / file_name(grid.study.name)
    if folder.exists() and not folder.is_dir():
        raise ScenarioError("folder", str(folder), "a folder, or nothing")
    rule = read_stopping_rule([until] if isinstance(until, str) else until, grid.study.replications)
    with _copied_store(folder, grid.study.keep, empty=overwrite) as store:
        if rule is None:
            cells: Sequence[Cell] = grid.cells
            left = remaining(store, cells, retry_failed=retry_failed)
        else:
            growing = GrowingCells(rule, grid.cells, grid.study.seed, retry_failed=retry_failed)
            cells = growing.cells(store)  # before what is to run next counts as begun
            left = growing.next_cells(store)
        found = {cell.key: store.status(cell) for cell in cells}
    ended = {key: how for key, how in found.items() if how is not None}
    timed = _timed(_spread(left, most_timed), progress)
    return DryRun(
        study=grid.study.name,
        columns=(*grid.columns, "strategy"),
        cells=len(cells),
        settings=len(grid.cells) // grid.study.replications,
        replications=grid.study.replications if rule is None else rule.minimum,
        folder=str(folder),
        finished=len(ended),
        not_done=sum(how != DONE for how in ended.values()),
        left=len(left),
        timed=timed,
        guess=_guess(timed, len(left), jobs),
        listed=tuple(
            {**cell.labels, "cell": cell.key, "ended": ended.get(cell.key, "")} for cell in cells
        ),
        until="" if rule is None else str(rule),
    )


@contextmanager
def _copied_store(folder: Path, keep: Sequence[str], *, empty: bool) -> Iterator[CellStore]:
    """Give a store of the cells that have ended in a folder; none if it shall be empty.

    It has copies of the journals, those of shards among them: SQLite writes beside one that it
    reads.
    """
    journals: list[Path] = []
    if folder.is_dir() and not empty:
        journals = [path for path in folder.glob(f"{JOURNALS}*") if path.is_file()]
        if not journals:
            check_folder(folder)  # it may be of another layout
    with TemporaryDirectory(prefix="cluster-emu-") as copied:
        for path in journals:
            shutil.copyfile(path, Path(copied) / path.name)
        check_folder(Path(copied))
        with CellStore(Path(copied), keep) as store:
            yield store


def _spread(cells: Sequence[Cell], most: int) -> list[Cell]:
    """Return one cell of each of a few settings, spread evenly over the cells given."""
    firsts: dict[str, Cell] = {}
    for cell in cells:
        firsts.setdefault(repr(place_of(cell)), cell)
    choices = list(firsts.values())
    count = min(most, len(choices))
    return [choices[(2 * number + 1) * len(choices) // (2 * count)] for number in range(count)]


def _timed(cells: Sequence[Cell], progress: ProgressCallback | None) -> tuple[TimedCell, ...]:
    timed: list[TimedCell] = []
    began_s = time.monotonic()
    for number, cell in enumerate(cells):
        if timed and time.monotonic() - began_s > TIMING_S:
            break
        found = _time(cell)
        timed.append(_time(cell) if found.wall_s < REPEATED_S else found)
        if progress is not None:
            progress(number + 1, len(cells))
    return tuple(timed)


def _time(cell: Cell) -> TimedCell:
    began_s = time.perf_counter()
    run = run_cell(cell.scenario, cell.seed)
    return TimedCell(cell.key, place_of(cell), time.perf_counter() - began_s, run.error)


def place_of(cell: Cell) -> Labels:
    """Return the setting and strategy of a cell, without replication and seed."""
    return {name: value for name, value in cell.labels.items() if name not in RUN_COLUMNS}


def _guess(timed: Sequence[TimedCell], left: int, jobs: int) -> TimeGuess | None:
    if not timed or not left:
        return None
    walls = [one.wall_s for one in timed]
    each = left / min(jobs, left)
    mean_s = sum(walls) / len(walls) * each
    return TimeGuess(jobs, mean_s, min(walls) * each, max(walls) * each)
