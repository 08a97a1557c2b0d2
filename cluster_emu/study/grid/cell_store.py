"""The finished cells of a study on disk, and the tables that are written from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.schemas import SCHEMAS
from cluster_emu.study.execution.costs import Costs
from cluster_emu.study.grid.cell_run import DONE, FAILED, CellRun
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.exports import write_kept_table, write_results
from cluster_emu.study.grid.journal import COMPANIONS, Entry, Journal, check_journal
from cluster_emu.wording import counted

__all__ = ["DONE", "FAILED", "FILES", "JOURNAL", "JOURNAL_FILES", "RESULTS", "CellStore"]

JOURNAL = "cells.sqlite"
"""The journal's file. SQLite keeps the newest cells in a file beside it, until it closes it."""

RESULTS = ("results.parquet", "results.csv", "means.csv", "paired.csv", "quantiles.csv")
"""The files of the merged table, and of the tables of its groups."""

JOURNAL_FILES = (JOURNAL, *(f"{JOURNAL}{end}" for end in COMPANIONS))
"""The journal, and the files that SQLite may keep beside it."""

KEPT = tuple(f"{name}.parquet" for name in SCHEMAS)
"""The files of the tables that a study may keep of its runs."""

FILES = (*JOURNAL_FILES, *RESULTS, *KEPT)
"""Every file that a study may leave in its folder."""

OLD_LAYOUT = "parts"
"""The folder in which older versions kept one Parquet file per cell."""

Row = dict[str, Any]


class CellStore:
    """The finished cells of a study, and the tables that are written from them.

    Args:
        folder: the study's results folder.
        keep: names of the tables that the study keeps of every run.

    Raises:
        ClusterEmuError: if a file under the journal's name is a database of another program.
        OSError: if the journal cannot be written.
    """

    def __init__(self, folder: Path, keep: Sequence[str] = ()) -> None:
        self._folder = folder
        self._keep = tuple(keep)
        self._journal = Journal(folder / JOURNAL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._journal.close()

    @property
    def keep(self) -> tuple[str, ...]:
        """Names of the tables that the study keeps of every run."""
        return self._keep

    @property
    def damaged(self) -> bool:
        """Whether the journal was damaged when it was opened; it was written again."""
        return self._journal.damaged

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
        found = self._journal.rows([cell.key for cell in cells])
        return (found[cell.key] for cell in cells if cell.key in found)

    def details(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Costs, str]]:
        """Yield what those cells took that have ended, and where in the code they failed."""
        found = self._journal.details([cell.key for cell in cells])
        return ((cell, *found[cell.key]) for cell in cells if cell.key in found)

    def tables(self, cells: Sequence[Cell], name: str) -> Iterator[tuple[Cell, bytes]]:
        """Yield a table of those of the cells that have it, in the order of the cells."""
        found = self._journal.tables([cell.key for cell in cells], name)
        return ((cell, found[cell.key]) for cell in cells if cell.key in found)

    def export(self, cells: Sequence[Cell]) -> None:
        """Write the tables from the cells there are, in the study's order."""
        parquet, csv, *_ = RESULTS
        write_results(self, cells, self._folder / parquet, self._folder / csv)
        for name in self._keep:
            write_kept_table(self, cells, name, self._folder / f"{name}.parquet")
        for name in set(SCHEMAS) - set(self._keep):  # of the study before it was edited
            (self._folder / f"{name}.parquet").unlink(missing_ok=True)

    def of_others(self, cells: Sequence[Cell]) -> tuple[str, ...]:
        """Return which other cells are in the folder, one sentence for each kind."""
        own = {cell.key for cell in cells}
        versions = Counter(
            entry.version for key, entry in self._journal.entries.items() if key not in own
        )
        here = version("cluster-emu")
        return tuple(
            f"{counted(count, 'cell')} of {_whose(of, here)}: kept, and no part of the results"
            for of, count in sorted(versions.items())
        )

    def _entry(self, cell: Cell) -> Entry | None:
        return self._journal.entries.get(cell.key)


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
    check_journal(folder / JOURNAL)
