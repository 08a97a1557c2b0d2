"""Tables written to Parquet as a run goes, so that memory does not grow with simulated time."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.accounting.columns import Columns, joined

ROWS_AT_ONCE = 65_536
"""Rows collected before they are written: small ones together make files that read fast."""


class StreamedTable:
    """A table that goes to a file row group by row group.

    Until `finish` it is written beside its place as ``NAME.partial.parquet``. After `close` that
    can be read, too: it is what an interrupted run leaves.

    Args:
        path: where the finished table shall be; its folder is made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[Columns] = []
        self._waiting_rows = 0
        self._open = True

    def add(self, columns: Columns) -> None:
        """Add rows; all columns of one length, the same columns every time."""
        self._waiting.append(columns)
        self._waiting_rows += len(next(iter(columns.values())))
        if self._waiting_rows >= ROWS_AT_ONCE:
            self._write()

    def close(self) -> None:
        """Write what waits and close the file, so that it can be read; the table may be partial."""
        if self._open:
            self._write()
            self._open = False
            if self._writer is not None:
                self._writer.close()

    def finish(self) -> None:
        """Close the table, which is complete, and move it to its place."""
        self.close()
        if self._writer is not None:
            self._partial.replace(self._path)

    def _write(self) -> None:
        if not self._waiting:
            return
        table = pa.table(joined(self._waiting))
        self._waiting, self._waiting_rows = [], 0
        if self._writer is None:
            # A dictionary pays for values that repeat, which measured ones do not.
            repeating = [f.name for f in table.schema if not pa.types.is_floating(f.type)]
            self._writer = pq.ParquetWriter(
                self._partial, table.schema, use_dictionary=[*repeating, "time_s"]
            )
        self._writer.write_table(table)
