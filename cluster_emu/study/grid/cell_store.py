"""The finished cells of a study on disk, and the tables that are written from them."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.schemas import SCHEMAS
from cluster_emu.study.execution.costs import Costs
from cluster_emu.study.grid.cell_run import DONE, FAILED, CellRun
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.exports import frugal, write_kept_table, write_results
from cluster_emu.study.grid.journal import COMPANIONS, Entry, Journal, check_journal
from cluster_emu.study.grid.own_version import version
from cluster_emu.wording import counted

__all__ = ["DONE", "FAILED", "FILES", "JOURNAL", "JOURNAL_FILES", "RESULTS", "CellStore"]

JOURNAL = "cells.sqlite"
"""The journal's file. SQLite keeps the newest cells in a file beside it, until it closes it."""

PRECISION = "until.csv"
"""How narrow the intervals are that a stopping rule asked for."""

ANSWER = "answer.json"
"""What was found, in words, and what it assumes."""

RESULTS = ("results.parquet", "results.csv", "means.csv", "paired.csv", "quantiles.csv")
"""The files of the merged table, and of the tables of its groups."""

JOURNAL_FILES = (JOURNAL, *(f"{JOURNAL}{end}" for end in COMPANIONS))
"""The journal, and the files that SQLite may keep beside it."""

KEPT = tuple(f"{name}.parquet" for name in SCHEMAS)
"""The files of the tables that a study may keep of its runs."""

MANIFEST = "manifest.json"
"""What was run, with what, and what every cell took."""

FILES = (*JOURNAL_FILES, *RESULTS, PRECISION, ANSWER, *KEPT, MANIFEST)
"""Every file that a study may leave in its folder."""

JOURNALS = "cells*.sqlite"
"""The journals of all shards."""

T = TypeVar("T")

OLD_LAYOUT = "parts"
"""The folder in which older versions kept one Parquet file per cell."""

Row = dict[str, Any]


class CellStore:
    """The finished cells of a study, and the tables that are written from them.

    Args:
        folder: the study's results folder.
        keep: names of the tables that the study keeps of every run.
        journal: the journal that is written; cells in those of other shards are read, too.

    Raises:
        ClusterEmuError: if a file under a journal's name is a database of another program.
        OSError: if the journal cannot be written.
    """

    def __init__(self, folder: Path, keep: Sequence[str] = (), journal: str = JOURNAL) -> None:
        self._folder = folder
        self._keep = tuple(keep)
        self._journal = Journal(folder / journal)
        self._journals = [self._journal, *_others(folder, journal)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for journal in self._journals:
            journal.close()

    @property
    def keep(self) -> tuple[str, ...]:
        """Names of the tables that the study keeps of every run."""
        return self._keep

    @property
    def damaged(self) -> bool:
        """Whether a journal was damaged when it was opened; it was written again."""
        return any(journal.damaged for journal in self._journals)

    def status(self, cell: Cell) -> str | None:
        """Return how a cell has ended; None if it has not, or lacks a table that is to be kept."""
        entry = self._entry(cell)
        if entry is None or (entry.status == DONE and not set(self._keep) <= set(entry.tables)):
            return None
        return entry.status

    def read(self, cell: Cell) -> Row | None:
        """Return the row of a finished cell, None where there is none."""
        return next(self.rows([cell]), None)

    def write(self, cell: Cell, run: CellRun) -> None:
        """Write a cell that has ended, well or badly; what it took is kept out of its row."""
        status = {"status": run.status, "error": run.error}
        row = {**cell.labels, "cell": cell.key, **status, **run.summary}
        self._journal.write(cell.key, row, run)

    def rows(self, cells: Sequence[Cell]) -> Iterator[Row]:
        """Yield the rows of those of the cells that have ended, in the order of the cells."""
        found = self._gathered(cells, Journal.rows)
        return (found[cell.key] for cell in cells if cell.key in found)

    def details(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Costs, str]]:
        """Yield what those cells took that have ended, and where in the code they failed."""
        found = self._gathered(cells, Journal.details)
        return ((cell, *found[cell.key]) for cell in cells if cell.key in found)

    def tables(self, cells: Sequence[Cell], name: str) -> Iterator[tuple[Cell, bytes]]:
        """Yield a table of those of the cells that have it, in the order of the cells."""
        found = self._gathered(cells, partial(_table_named, name))
        return ((cell, found[cell.key]) for cell in cells if cell.key in found)

    def export(self, cells: Sequence[Cell]) -> None:
        """Write the tables from the cells there are, in the study's order."""
        parquet, csv, *_ = RESULTS
        with frugal():
            write_results(self, cells, self._folder / parquet, self._folder / csv)
            for name in self._keep:
                write_kept_table(self, cells, name, self._folder / f"{name}.parquet")
        for name in set(SCHEMAS) - set(self._keep):  # of the study before it was edited
            (self._folder / f"{name}.parquet").unlink(missing_ok=True)

    def of_others(self, cells: Sequence[Cell]) -> tuple[str, ...]:
        """Return which other cells are in the folder, one sentence for each kind."""
        own = {cell.key for cell in cells}
        versions = Counter(
            entry.version
            for journal in self._journals
            for key, entry in journal.entries.items()
            if key not in own
        )
        here = version("cluster-emu")
        return tuple(
            f"{counted(count, 'cell')} of {_whose(of, here)}: kept, and no part of the results"
            for of, count in sorted(versions.items())
        )

    def _entry(self, cell: Cell) -> Entry | None:
        journal = self._journal_of(cell)
        return None if journal is None else journal.entries[cell.key]

    def _journal_of(self, cell: Cell) -> Journal | None:
        """Return the journal whose result of a cell counts: one that is done, or the own one."""
        have = [journal for journal in self._journals if cell.key in journal.entries]
        done = [journal for journal in have if journal.entries[cell.key].status == DONE]
        return next(iter(done or have), None)

    def _gathered(
        self, cells: Sequence[Cell], read: Callable[[Journal, Sequence[str]], dict[str, T]]
    ) -> dict[str, T]:
        """Return what the journals have of cells, by key."""
        keys: dict[Journal, list[str]] = {}
        for cell in cells:
            journal = self._journal_of(cell)
            if journal is not None:
                keys.setdefault(journal, []).append(cell.key)
        return {key: one for each, some in keys.items() for key, one in read(each, some).items()}


def _table_named(name: str, journal: Journal, keys: Sequence[str]) -> dict[str, bytes]:
    return journal.tables(keys, name)


def _others(folder: Path, own: str) -> Iterator[Journal]:
    """Yield the journals of other shards, but those that they write to now."""
    for path in sorted(folder.glob(JOURNALS)):
        if path.name != own and path.is_file():
            try:
                yield Journal(path)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise


def _whose(of: str, here: str) -> str:
    return "another state of the study" if of == here else f"cluster-emu {of} (this is {here})"


def check_folder(folder: Path) -> None:
    """Check that what a folder holds of a study, if anything, can be continued; write nothing.

    Raises:
        ClusterEmuError: if it is of another layout, or a journal is a database of another program.
        OSError: if it cannot be read.
    """
    old = folder / OLD_LAYOUT
    if old.is_dir() and any(old.glob("*.parquet")):
        raise ClusterEmuError(
            f"{old}: finished cells in the layout of an older cluster-emu, which this version does "
            "not read; another folder, or --overwrite, begins anew"
        )
    for path in (folder / JOURNAL, *folder.glob(JOURNALS)):
        with suppress(BlockingIOError):  # another shard writes to it
            check_journal(path)
