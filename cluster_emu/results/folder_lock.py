"""One writer per folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from cluster_emu.errors import ScenarioError

LOCK = ".cluster-emu.lock"
"""The file that is locked; it says who holds the lock, and stays when the lock ends."""

MARKER = ".cluster-emu.marker"
"""The file that stands for the lock where the file system has none; it goes when the lock ends."""

LOCK_FILES = (LOCK, MARKER)

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Errors of a file system, such as some network shares, that cannot lock files."""

PATIENCE_S = 1.0
"""How long a process looks for a holder that has just begun or just ended."""

LOOK_EVERY_S = 0.02

_held: dict[tuple[int, int, Path], int] = {}
"""How many times a thread holds the lock of a folder. A forked process holds none."""


@contextmanager
def locked(folder: Path, *, field: str = "folder", again: bool = True) -> Iterator[None]:
    """Keep every other process and thread from writing a result to this folder.

    The operating system ends the lock with its process, however that ends. Where the file system
    has no locks, a file marks the folder; the next writer takes over the mark of a process that has
    ended, which it knows by its number and start time.

    Args:
        folder: the folder; made if it is not there, and removed at the end if it is empty.
        field: the name of the folder in an error.
        again: whether a thread may lock a folder that it has locked already.

    Raises:
        ScenarioError: if somebody else holds the lock; it says who.
        OSError: if the folder cannot be written.
    """
    place = folder.resolve()
    key = (os.getpid(), threading.get_ident(), place)
    if again and key in _held:
        _held[key] += 1
        try:
            yield
        finally:
            _held[key] -= 1
        return
    lock, made = _acquired(place, field, str(folder))
    try:
        since = datetime.now(UTC).isoformat(" ", "seconds")
        holder = f"process {os.getpid()} since {since} on {socket.gethostname()}\n"
        (place / LOCK).write_text(holder, encoding="utf-8")
        _held[key] = 1
        yield
    finally:
        _held.pop(key, None)
        with suppress(OSError):  # somebody removed the folder
            _leave(place)
        lock.release()
        with suppress(OSError):  # a folder with something in it stays
            for each in made:
                each.rmdir()


def _acquired(place: Path, field: str, shown: str) -> tuple[BaseFileLock, list[Path]]:
    """Return the lock of a folder, and which folders were made for it, the inmost first."""
    until = time.monotonic() + PATIENCE_S
    while True:
        made = [each for each in (place, *place.parents) if not each.exists()]
        try:
            place.mkdir(parents=True, exist_ok=True)
            return _lock(place), made
        except Timeout:
            holder = _holder(place)
            if holder or time.monotonic() > until:
                allowed = f"a folder that nobody writes to ({holder or 'another process'} does)"
                raise ScenarioError(field, shown, allowed) from None
        except FileNotFoundError:  # a holder that ended has just removed the folder it made
            if time.monotonic() > until:
                raise
        time.sleep(LOOK_EVERY_S)


def _lock(place: Path) -> BaseFileLock:
    # a streamed run may be made in one thread and closed in another
    lock: BaseFileLock = FileLock(place / LOCK, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        lock = SoftFileLock(place / MARKER, thread_local=False)
        lock.acquire(blocking=False)
    return lock


def _holder(place: Path) -> str:
    """Return who holds the lock; empty if it does not say so yet."""
    if not (place / LOCK).is_file():
        return ""  # a pipe would be waited for
    with suppress(OSError, UnicodeDecodeError, ValueError):
        text = (place / LOCK).read_text(encoding="utf-8").strip()
        word, number, _ = text.split(" ", 2)
        is_here = text.endswith(f" on {socket.gethostname()}")
        if word == "process" and not (is_here and _has_ended(int(number))):
            return text
    return ""


def _has_ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it belongs to another user
        return False
    return False


def _leave(place: Path) -> None:
    """Say that nobody holds the lock; leave no file in a folder that was not used."""
    if {path.name for path in place.iterdir()} <= {*LOCK_FILES}:
        (place / LOCK).unlink()
    else:
        os.truncate(place / LOCK, 0)
