"""The finished cells of a study on disk: a journal in SQLite, one row per cell."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.writing import write_parquet, write_text
from cluster_emu.study.execution.runs import StudyRun
from cluster_emu.study.grid.cells import Cell

DONE = "done"
FAILED = "failed"

JOURNAL = "cells.sqlite"
"""The journal's file. SQLite keeps the newest cells in a file beside it, until it closes it."""

RESULTS = ("results.parquet", "results.csv", "means.csv", "paired.csv")
"""The files of the merged table, and of the tables of its groups."""

JOURNAL_FILES = (JOURNAL, *(f"{JOURNAL}-{kind}" for kind in ("wal", "shm", "journal")))
"""The journal, and the files that SQLite may keep beside it."""

FILES = (*JOURNAL_FILES, *RESULTS)
"""Every file that a study may leave in its folder."""

APPLICATION_ID = 0x636C656D
"""Marks a SQLite file as one of ours ("clem")."""

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE cells (
    key TEXT PRIMARY KEY,     -- names the cell by all that its result depends on
    status TEXT NOT NULL,     -- done or failed
    row TEXT NOT NULL,        -- the cell's row of the table of results, as JSON
    checksum TEXT NOT NULL    -- SHA-256 of key, status and row
)
"""

Row = dict[str, Any]


class CellStore:
    """The journal of a study's finished cells, and the table that is merged from it.

    One process writes. A cell is one transaction, so that a process that is killed leaves whole
    cells only. A cell is believed if its key and its checksum fit. What is damaged is left out, and
    the journal is written again without it.

    Args:
        folder: the study's results folder.

    Raises:
        ClusterEmuError: if a file under the journal's name is a database of another program.
        OSError: if the journal cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / JOURNAL
        self._rows, self.damaged = _read(self._path)
        if self.damaged:
            self._remove()
        self._database = _open(self._path)
        if self.damaged:
            for key, row in self._rows.items():
                self._write(key, row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    def read(self, cell: Cell) -> Row | None:
        """Return the row of a finished cell, None where there is none."""
        return self._rows.get(cell.key)

    def write(self, cell: Cell, report: StudyRun) -> None:
        """Write the row of a cell that has ended, well or badly; wall times are kept out of it."""
        status = {"status": FAILED if report.error else DONE, "error": report.error}
        row = {**cell.labels, "cell": cell.key, **status, **report.summary}
        self._write(cell.key, row)
        self._rows[cell.key] = row

    def merge(self, cells: Sequence[Cell]) -> pd.DataFrame:
        """Write results.parquet and results.csv from the cells there are, in the study's order."""
        rows = [row for row in map(self.read, cells) if row is not None]
        table = pd.DataFrame(rows)
        # a figure that no run has is no text
        table = table.astype({name: float for name in table if table[name].isna().all()})
        parquet, csv, *_ = RESULTS
        write_parquet(table, self._folder / parquet)
        write_text(table.to_csv(index=False), self._folder / csv)
        return table

    def _write(self, key: str, row: Row) -> None:
        status, text = row["status"], json.dumps(row)
        values = (key, status, text, _checksum(key, status, text))
        try:
            self._database.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise OSError(0, str(error), str(self._path)) from error

    def _remove(self) -> None:
        for name in JOURNAL_FILES:
            (self._folder / name).unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    """Open the journal to write to it; make it if it is not there.

    The write-ahead log costs one write per cell, and survives a crash of the process or the system.
    An exclusive lock needs no shared memory, which network file systems do not have.

    Raises:
        OSError: if it cannot be written.
    """
    try:
        database = sqlite3.connect(path, isolation_level=None)  # each statement is a transaction
        for statement in (
            "PRAGMA locking_mode = EXCLUSIVE",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = NORMAL",
        ):
            database.execute(statement)
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            database.executescript(
                f"BEGIN; {SCHEMA}; PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
            )
    except sqlite3.Error as error:
        raise OSError(0, str(error), str(path)) from error
    return database


def _read(path: Path) -> tuple[dict[str, Row], bool]:
    """Return the believable rows of a journal by key, and whether something in it is damaged.

    Raises:
        ClusterEmuError: if it is a database of another program, or of another version.
    """
    rows: dict[str, Row] = {}
    if not path.exists() or not path.stat().st_size:
        return rows, False
    damaged = False
    with closing(sqlite3.connect(path)) as database:
        try:
            (application,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error:
            return rows, True
        if (application, version) == (0, 0):
            return rows, bool(database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        if (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise ClusterEmuError(
                f"{path}: not a journal of cells that this version reads; "
                "another folder, or --overwrite, begins a new one"
            )
        try:
            for key, status, text, checksum in _stored(database):
                if checksum == _checksum(key, status, text):
                    rows[key] = json.loads(text)
                else:
                    damaged = True
            damaged = damaged or database.execute("PRAGMA quick_check").fetchone()[0] != "ok"
        except (sqlite3.Error, UnicodeDecodeError):
            damaged = True
    return rows, damaged


def _stored(database: sqlite3.Connection) -> Iterator[tuple[str, str, str, str]]:
    database.text_factory = lambda value: value.decode("utf-8", "replace")
    columns = ("key", "status", "row", "checksum")
    texts = ", ".join(f"CAST({name} AS TEXT)" for name in columns)
    for row in database.execute(f"SELECT {texts} FROM cells ORDER BY rowid"):
        yield tuple("" if value is None else value for value in row)  # type: ignore[misc]


def _checksum(key: str, status: str, text: str) -> str:
    return hashlib.sha256("\0".join((key, status, text)).encode()).hexdigest()
