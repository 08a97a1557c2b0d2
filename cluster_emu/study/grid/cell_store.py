"""The finished cells of a study on disk: one small Parquet file each, whole or not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.results.result_folder import own_result
from cluster_emu.results.writing import write_csv, write_parquet
from cluster_emu.study.execution.runs import StudyRun
from cluster_emu.study.grid.cells import Cell

DONE = "done"
FAILED = "failed"

RESULTS = ("results.parquet", "results.csv", "means.csv", "paired.csv")
"""The files of the merged table, and of the tables of its groups."""

Row = dict[str, Any]


class CellStore:
    """The folder in which every finished cell of a study has its file.

    Args:
        folder: the study's results folder; the files are in ``parts`` below it.
    """

    def __init__(self, folder: Path) -> None:
        self._results = folder
        self._folder = folder / "parts"

    @contextmanager
    def opened(self, study: str, *, overwrite: bool = False) -> Iterator[None]:
        """Make the folder, or open that of the same study; remove what is half-written.

        No other process can write to it meanwhile.

        Args:
            study: the study's name.
            overwrite: whether an older result, also one of this study, is removed first.

        Raises:
            ScenarioError: if the folder holds something else.
        """
        files = (self._folder.name, *RESULTS)
        with own_result(self._results, "batch", study, files, overwrite=overwrite):
            self._folder.mkdir(parents=True, exist_ok=True)
            for leftover in self._folder.glob(".*.parquet.*"):
                leftover.unlink()
            yield

    def read(self, cell: Cell) -> Row | None:
        """Return the row of a finished cell, None where there is none or it cannot be read."""
        try:
            row: Row = pq.read_table(self._path(cell)).to_pylist()[0]
        except (OSError, pa.ArrowException, IndexError):
            return None
        return row

    def write(self, cell: Cell, report: StudyRun) -> None:
        """Write the row of a cell that has ended, well or badly; wall times are kept out of it."""
        status = {"status": FAILED if report.error else DONE, "error": report.error}
        row = {**cell.labels, "cell": cell.key, **status, **report.summary}
        write_parquet(pd.DataFrame([row]), self._path(cell))

    def merge(self, cells: Sequence[Cell]) -> pd.DataFrame:
        """Write results.parquet and results.csv from the cells there are, in the study's order."""
        rows = [row for row in map(self.read, cells) if row is not None]
        table = pd.DataFrame(rows)
        # a figure that no run has is no text
        table = table.astype({name: float for name in table if table[name].isna().all()})
        parquet, csv, *_ = RESULTS
        write_parquet(table, self._results / parquet)
        write_csv(table, self._results / csv)
        return table

    def _path(self, cell: Cell) -> Path:
        return self._folder / f"{cell.key}.parquet"
