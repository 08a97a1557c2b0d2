"""A journal of finished cells in SQLite: one row per cell, and the tables that the study keeps."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, NamedTuple

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.file_systems import is_on_network
from cluster_emu.results.writing import UNFINISHED
from cluster_emu.study.execution.costs import Costs
from cluster_emu.study.grid.cell_run import CellRun
from cluster_emu.study.grid.own_version import version

APPLICATION_ID = 0x636C656D
"""Marks a SQLite file as one of ours ("clem")."""

SCHEMA_VERSION = 2

SCHEMA = """
CREATE TABLE cells (
    key TEXT PRIMARY KEY,     -- names the cell by all that its result depends on
    version TEXT NOT NULL,    -- of cluster-emu that ran it
    status TEXT NOT NULL,     -- done, or why there are no figures
    row TEXT NOT NULL,        -- the cell's row of the table of results, as JSON
    costs TEXT NOT NULL,      -- wall and CPU seconds and peak memory in bytes, as JSON
    traceback TEXT NOT NULL,  -- where in the code it failed, as JSON
    tables TEXT NOT NULL,     -- SHA-256 of each table to keep, "" for one it lacks, as JSON
    checksum TEXT NOT NULL    -- SHA-256 of all these
);
CREATE TABLE tables (
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    data BLOB NOT NULL,       -- a compressed Arrow stream
    PRIMARY KEY (key, name)
)
"""

LOG = "-wal"

COMPANIONS = (LOG, "-shm", "-journal")
"""Ends of the names of files that SQLite may keep beside a database."""

CELLS_AT_ONCE = 500
"""How many cells are looked up together; SQLite takes some thousand at most."""

SYNC_EVERY_S = 0.05
"""Time in which cells that end share one sync of the disk, which takes some milliseconds."""

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


class Entry(NamedTuple):
    """What is known of a cell without reading its row.

    Args:
        version: the version of cluster-emu that ran it.
        status: see `CellRun`.
        tables: names of the tables that were to be kept.
    """

    version: str
    status: str
    tables: tuple[str, ...]


class Journal:
    """One journal, whose rows stay on disk; only which cells it has is in memory.

    One process writes. A cell is one transaction, so that a process that is killed leaves whole
    cells only, and all that had ended. A machine that stops loses at most the cells of the last
    `SYNC_EVERY_S`: those that end sooner after one another share one sync of the disk, which comes
    after that time at the latest, whether more cells end or not. A cell is
    believed if its checksums fit. What is damaged is left out, and the journal is written again
    without it.

    The file is opened, and locked, when something is first read or written.

    Args:
        path: its file; made if it is not there.

    Raises:
        ClusterEmuError: if the file is a database of another program, or of another version.
        OSError: if it cannot be written, or another process writes to it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries, self.damaged = _read(path)
        if self.damaged:
            _write_anew(path, self.entries)
        self._opened: sqlite3.Connection | None = None
        self._synced_s = -math.inf
        self._has_log = False
        self._will_sync = False
        self._later: threading.Timer | None = None

    def close(self) -> None:
        """Leave the file to others; SQLite syncs it."""
        if self._later is not None:
            self._later.cancel()
            self._later.join()
            self._later = None
            self._will_sync = False
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = _open(self._path)
            (mode,) = self._opened.execute("PRAGMA journal_mode").fetchone()
            self._has_log = mode == "wal"
        return self._opened

    def write(self, key: str, row: Row, run: CellRun) -> None:
        """Write a cell that has ended, in place of what there was under its key."""
        digests = {name: _digest(data) if data else "" for name, data in run.tables.items()}
        texts = (
            version("cluster-emu"),
            run.status,
            json.dumps(row),
            json.dumps(astuple(run.costs)),
            json.dumps(run.traceback),
            json.dumps(digests),
        )
        with _as_os_errors(self._path), self._synced(), _transaction(self._database):
            self._database.execute("DELETE FROM tables WHERE key = ?", (key,))
            self._database.execute(
                "INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (key, *texts, _checksum(key, *texts)),
            )
            self._database.executemany(
                "INSERT INTO tables VALUES (?, ?, ?)",
                [(key, name, data) for name, data in run.tables.items() if data],
            )
        self.entries[key] = Entry(texts[0], run.status, tuple(digests))

    @contextmanager
    def _synced(self) -> Iterator[None]:
        """Sync what the block commits: at once, or soon if something was synced a moment ago."""
        since_s = time.monotonic() - self._synced_s
        if since_s >= SYNC_EVERY_S or not self._has_log:
            yield
            self._synced_s = time.monotonic()
            return
        self._database.execute("PRAGMA synchronous = NORMAL")  # a log stays whole
        try:
            yield
        finally:
            self._database.execute("PRAGMA synchronous = FULL")
        if not self._will_sync:
            self._will_sync = True
            self._later = threading.Timer(SYNC_EVERY_S - since_s, self._sync)
            self._later.daemon = True
            self._later.start()

    def _sync(self) -> None:
        """Sync the log, which has all that was committed since its last checkpoint.

        A connection belongs to one thread, so another one touches only the file; SQLite's locks are
        on the database, and closing a file beside it does not end them. What fails here, such as a
        disk that is gone, fails again at the next cell, in the thread that can say so.
        """
        self._will_sync = False  # first: what is committed from here on may miss this sync
        self._synced_s = time.monotonic()
        with suppress(OSError):
            file = os.open(self._path.with_name(f"{self._path.name}{LOG}"), os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def rows(self, keys: Sequence[str]) -> dict[str, Row]:
        """Return the rows of those of the cells that the journal has, by key."""
        found = self._select("key, row FROM cells", keys)
        return {key: json.loads(text) for key, text in found}

    def details(self, keys: Sequence[str]) -> dict[str, tuple[Costs, str]]:
        """Return what those cells took, and where in the code they failed, by key."""
        found = self._select("key, costs, traceback FROM cells", keys)
        return {key: (Costs(*json.loads(costs)), json.loads(text)) for key, costs, text in found}

    def tables(self, keys: Sequence[str], name: str) -> dict[str, bytes]:
        """Return a table of those of the cells that have it, by key."""
        return dict(self._select("key, data FROM tables", keys, "name = ? AND", name))

    def _select(
        self, what: str, keys: Sequence[str], condition: str = "", *values: str
    ) -> Iterator[tuple[Any, ...]]:
        known = [key for key in keys if key in self.entries]
        for start in range(0, len(known), CELLS_AT_ONCE):
            some = known[start : start + CELLS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            with _as_os_errors(self._path):
                yield from self._database.execute(
                    f"SELECT {what} WHERE {condition} key IN ({marks})", (*values, *some)
                ).fetchall()


def check_journal(path: Path) -> None:
    """Check that a journal, if there is one, can be continued; write nothing.

    Raises:
        ClusterEmuError: if it is a database of another program, or of another version.
        OSError: if it cannot be read.
    """
    _read(path)


def _open(path: Path) -> sqlite3.Connection:
    """Open the journal to write to it; make it if it is not there.

    The write-ahead log needs one write and one sync per cell. Where several computers may have
    mounted the file system, or where it does not work, SQLite keeps a rollback journal.

    Raises:
        OSError: if it cannot be written.
    """
    with _as_os_errors(path), _closed_on_error(_connected(path)) as database:
        wanted = "DELETE" if is_on_network(path.parent) else "WAL"
        try:
            database.execute(f"PRAGMA journal_mode = {wanted}")
        except sqlite3.OperationalError as error:
            if wanted == "DELETE" or _code(error) == sqlite3.SQLITE_BUSY:
                raise
            database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = FULL")
        _make_tables(database)
    return database


def _connected(path: Path) -> sqlite3.Connection:
    # transactions begin where the code says so
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


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _make_tables(database: sqlite3.Connection) -> None:
    if not database.execute("PRAGMA user_version").fetchone()[0]:
        database.executescript(
            f"BEGIN; {SCHEMA}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
        )


def _write_anew(path: Path, entries: dict[str, Entry]) -> None:
    """Replace a damaged journal by one of the cells that are believed.

    Raises:
        OSError: if it cannot be written; the damaged journal then stays.
    """
    new = path.with_name(f"{UNFINISHED}{path.name}")
    new.unlink(missing_ok=True)
    with (
        _as_os_errors(path),
        closing(_connected(path)) as old,
        closing(sqlite3.connect(new, isolation_level=None)) as database,
    ):
        _make_tables(database)
        with _transaction(database):
            for cell, tables in _copied(old, entries):
                marks = ", ".join("?" * len(cell))
                database.execute(f"INSERT INTO cells VALUES ({marks})", cell)
                database.executemany("INSERT INTO tables VALUES (?, ?, ?)", tables)
    for end in COMPANIONS:  # they belong to the damaged one
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
    new.replace(path)


def _copied(
    old: sqlite3.Connection, entries: Container[str]
) -> Iterator[tuple[tuple[str, ...], list[tuple[str, str, bytes]]]]:
    """Yield the believed cells of a damaged journal with their tables, as far as it can be read."""
    with suppress(sqlite3.DatabaseError):
        for cell in _stored(old):
            if cell[0] in entries:
                yield cell, _tables_of(old, cell[0])


def _read(path: Path) -> tuple[dict[str, Entry], bool]:
    """Return the believable cells of a journal by key, and whether something in it is damaged.

    Raises:
        ClusterEmuError: if it is a database of another program, or of another version.
        OSError: if it cannot be read, for example while another program has locked it.
    """
    entries: dict[str, Entry] = {}
    if not path.exists() or not path.stat().st_size:
        return entries, False
    with _as_os_errors(path), closing(_connected(path)) as database:
        try:
            if not _is_journal(database, path):
                return entries, False
            # the quick check would not see a damaged index, in which cells are looked up
            damaged = database.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok"
            for cell in _stored(database):
                entry = _believed(database, cell)
                if entry is None:
                    damaged = True
                else:
                    entries[cell[0]] = entry
        except sqlite3.Error as error:
            if _code(error) in ERROR_NUMBERS:
                raise
            damaged = True
    return entries, damaged


def _believed(database: sqlite3.Connection, cell: tuple[str, ...]) -> Entry | None:
    """Return what a stored cell is; None if it, or one of its tables, is not as it was written."""
    key, version_, status, _, _, _, tables, checksum = cell
    if checksum != _checksum(*cell[:-1]):
        return None
    digests = json.loads(tables)
    found = {name: _digest(data) for _, name, data in _tables_of(database, key)} if digests else {}
    whole = found == {name: digest for name, digest in digests.items() if digest}
    return Entry(version_, status, tuple(digests)) if whole else None


def _is_journal(database: sqlite3.Connection, path: Path) -> bool:
    """Return whether a database has the journal's tables; False if it has none at all."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (layout,) = database.execute("PRAGMA user_version").fetchone()
    if (application, layout) == (APPLICATION_ID, SCHEMA_VERSION):
        return True
    if (application, layout) == (0, 0):
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:  # the process that made it was killed
            return False
    what = (
        f"a journal of cells in the layout {layout} of another version of cluster-emu "
        f"(this one writes the layout {SCHEMA_VERSION})"
        if application == APPLICATION_ID
        else "not a journal of cells"
    )
    raise ClusterEmuError(f"{path}: {what}; another folder, or --overwrite, begins a new one")


def _stored(database: sqlite3.Connection) -> Iterator[tuple[str, ...]]:
    database.text_factory = lambda value: value.decode("utf-8", "replace")
    columns = ("key", "version", "status", "row", "costs", "traceback", "tables", "checksum")
    texts = ", ".join(f"CAST({name} AS TEXT)" for name in columns)
    for row in database.execute(f"SELECT {texts} FROM cells ORDER BY rowid"):
        yield tuple("" if value is None else value for value in row)


def _tables_of(database: sqlite3.Connection, key: str) -> list[tuple[str, str, bytes]]:
    what = "SELECT key, CAST(name AS TEXT), CAST(data AS BLOB) FROM tables WHERE key = ?"
    return [(key, name, data or b"") for _, name, data in database.execute(what, (key,))]


def _checksum(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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
