"""The finished cells of a study on disk: a journal in SQLite, one row per cell."""

from __future__ import annotations

import errno
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.writing import UNFINISHED, write_csv, write_parquet
from cluster_emu.study.execution.runs import StudyRun
from cluster_emu.study.grid.cells import Cell

DONE = "done"
FAILED = "failed"

JOURNAL = "cells.sqlite"
"""The journal's file. SQLite keeps the newest cells in a file beside it, until it closes it."""

RESULTS = ("results.parquet", "results.csv", "means.csv", "paired.csv", "quantiles.csv")
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

WAIT_S = 0.5
"""How long to wait for another program that reads the journal."""

ERROR_NUMBERS = {
    sqlite3.SQLITE_BUSY: errno.EAGAIN,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_LOCKED: errno.EAGAIN,
    sqlite3.SQLITE_NOLFS: errno.EFBIG,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_PROTOCOL: errno.EAGAIN,
    sqlite3.SQLITE_READONLY: errno.EACCES,
}
"""Errors of SQLite that come from the system, not from what is in the file."""

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
            _write_anew(self._path, self._rows)
        self._database = _open(self._path)

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
        with _as_os_errors(self._path):
            _insert(self._database, cell.key, row)
        self._rows[cell.key] = row

    def merge(self, cells: Sequence[Cell]) -> pd.DataFrame:
        """Write results.parquet and results.csv from the cells there are, in the study's order."""
        rows = [row for row in map(self.read, cells) if row is not None]
        table = pd.DataFrame(rows)
        # a figure that no run has is no text
        table = table.astype({name: float for name in table if table[name].isna().all()})
        parquet, csv, *_ = RESULTS
        write_parquet(table, self._folder / parquet)
        write_csv(table, self._folder / csv)
        return table


def check_journal(folder: Path) -> None:
    """Check that the journal of a folder, if there is one, can be continued; write nothing.

    Raises:
        ClusterEmuError: if it is a database of another program, or of another version.
        OSError: if it cannot be read.
    """
    _read(folder / JOURNAL)


def _open(path: Path) -> sqlite3.Connection:
    """Open the journal to write to it; make it if it is not there.

    The write-ahead log costs one write per cell, and survives a crash of the process or the system.

    Raises:
        OSError: if it cannot be written.
    """
    with _as_os_errors(path), _closed_on_error(_connected(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        _make_tables(database)
    return database


def _connected(path: Path) -> sqlite3.Connection:
    # each statement is a transaction
    database = sqlite3.connect(path, isolation_level=None, timeout=WAIT_S)
    with _closed_on_error(database):
        # an exclusive lock needs no shared memory, which network file systems do not have
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
    return database


@contextmanager
def _closed_on_error(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Close a connection if the block fails: until then it may hold the lock of its file."""
    try:
        yield database
    except BaseException:
        database.close()
        raise


def _make_tables(database: sqlite3.Connection) -> None:
    if not database.execute("PRAGMA user_version").fetchone()[0]:
        database.executescript(
            f"BEGIN; {SCHEMA}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
        )


def _insert(database: sqlite3.Connection, key: str, row: Row) -> None:
    status, text = row["status"], json.dumps(row)
    values = (key, status, text, _checksum(key, status, text))
    database.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?)", values)


def _write_anew(path: Path, rows: dict[str, Row]) -> None:
    """Replace a damaged journal by one of the rows that are believed.

    Raises:
        OSError: if it cannot be written; the damaged journal then stays.
    """
    new = path.with_name(f"{UNFINISHED}{path.name}")
    new.unlink(missing_ok=True)
    with _as_os_errors(path), closing(sqlite3.connect(new)) as database:
        _make_tables(database)
        with database:
            for key, row in rows.items():
                _insert(database, key, row)
    for name in JOURNAL_FILES[1:]:  # they belong to the damaged one
        path.with_name(name).unlink(missing_ok=True)
    new.replace(path)


def _read(path: Path) -> tuple[dict[str, Row], bool]:
    """Return the believable rows of a journal by key, and whether something in it is damaged.

    Raises:
        ClusterEmuError: if it is a database of another program, or of another version.
        OSError: if it cannot be read, for example while another program has locked it.
    """
    rows: dict[str, Row] = {}
    if not path.exists() or not path.stat().st_size:
        return rows, False
    with _as_os_errors(path), closing(_connected(path)) as database:
        try:
            if not _is_journal(database, path):
                return rows, False
            damaged = database.execute("PRAGMA quick_check").fetchone()[0] != "ok"
            for key, status, text, checksum in _stored(database):
                if checksum == _checksum(key, status, text):
                    rows[key] = json.loads(text)
                else:
                    damaged = True
        except sqlite3.Error as error:
            if _code(error) in ERROR_NUMBERS:
                raise
            damaged = True
    return rows, damaged


def _is_journal(database: sqlite3.Connection, path: Path) -> bool:
    """Return whether a database has the journal's tables; False if it has none at all."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if (application, version) == (APPLICATION_ID, SCHEMA_VERSION):
        return True
    if (application, version) == (0, 0):
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:  # the process that made it was killed
            return False
    raise ClusterEmuError(
        f"{path}: not a journal of cells that this version reads; "
        "another folder, or --overwrite, begins a new one"
    )


def _stored(database: sqlite3.Connection) -> Iterator[tuple[str, str, str, str]]:
    database.text_factory = lambda value: value.decode("utf-8", "replace")
    columns = ("key", "status", "row", "checksum")
    texts = ", ".join(f"CAST({name} AS TEXT)" for name in columns)
    for row in database.execute(f"SELECT {texts} FROM cells ORDER BY rowid"):
        yield tuple("" if value is None else value for value in row)  # type: ignore[misc]


def _checksum(key: str, status: str, text: str) -> str:
    return hashlib.sha256("\0".join((key, status, text)).encode()).hexdigest()


@contextmanager
def _as_os_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says of a file as an error of the file system."""
    try:
        yield
    except sqlite3.Error as error:
        number = ERROR_NUMBERS.get(_code(error), errno.EIO)
        raise OSError(number, str(error), str(path)) from error


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code of SQLite; 0 for an error of its Python module."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
