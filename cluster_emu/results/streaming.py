"""Tables written to Parquet during a run, so that memory does not grow with simulated time."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.growing_tables import Columns, joined

ROWS_AT_ONCE = 65_536
"""Rows collected before they are written: small ones together make files that read fast."""

PIECES_AT_ONCE = 256
"""Pieces that are put together, because an array of a few rows takes more memory than its rows."""

PARTIAL = ".partial.parquet"
"""How the name of a table ends until it is complete."""


class StreamedTable:
    """A table that is written to a file during the run, row group by row group.

    Until `finish` its file is ``NAME.partial.parquet`` in the same folder. After `close` this file
    can be read, too: an interrupted run leaves it, see `take_partial_tables`.

    Args:
        path: the file of the finished table; its folder is created if necessary.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._partial = path.with_name(f"{path.stem}{PARTIAL}")
        self._writer: pq.ParquetWriter | None = None
        self._small: list[Columns] = []
        self._waiting: list[Columns] = []
        self._waiting_rows = 0
        self._open = True
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._being_written: Future[None] | None = None

    def add(self, columns: Columns) -> None:
        """Add rows; all columns of one length, the same columns every time.

        Raises:
            ClusterEmuError: if the table is closed.
            OSError: if rows added before could not be written.
        """
        if not self._open:
            raise ClusterEmuError(f"{self._path}: closed with its model, which takes no more steps")
        self._small.append(columns)
        if len(self._small) >= PIECES_AT_ONCE:
            self._join_small()
        self._waiting_rows += len(next(iter(columns.values())))
        if self._waiting_rows >= ROWS_AT_ONCE:
            self._write()

    def close(self) -> None:
        """Write what waits and close the file, so that it can be read; the table may be partial."""
        if self._open:
            self._write()
            self._open = False
            self._thread.shutdown()
            self._written()
            if self._writer is not None:
                self._writer.close()

    def finish(self) -> None:
        """Close the table, which is complete, and move it to its place."""
        self.close()
        if self._writer is not None:
            self._partial.replace(self._path)

    def __getstate__(self) -> None:
        raise TypeError(f"two copies cannot write {self._path}: copy a model without stream_to")

    def _write(self) -> None:
        """Let the rows that wait be written; one row group at a time, so that few are in memory."""
        self._join_small()
        if not self._waiting:
            return
        self._written()
        self._being_written = self._thread.submit(self._write_group, self._waiting)
        self._waiting, self._waiting_rows = [], 0

    def _join_small(self) -> None:
        if self._small:
            self._waiting.append(joined(self._small))
            self._small = []

    def _written(self) -> None:
        """Wait until nothing is being written, and raise what went wrong with it."""
        writing, self._being_written = self._being_written, None
        if writing is not None:
            writing.result()

    def _write_group(self, pieces: list[Columns]) -> None:
        table = pa.table(joined(pieces))
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._partial,
                table.schema,
                # a dictionary pays for values that repeat at once, as only the time does
                use_dictionary=["time_s"],
                column_encoding={
                    field.name: "DELTA_BINARY_PACKED"
                    for field in table.schema
                    if pa.types.is_integer(field.type)
                },
            )
        self._writer.write_table(table)


def take_partial_tables(folder: Path) -> None:
    """Give the tables that an interrupted run has closed their names: its result ends with them."""
    for path in folder.glob(f"*{PARTIAL}"):
        path.replace(path.with_name(f"{path.name.removesuffix(PARTIAL)}.parquet"))
