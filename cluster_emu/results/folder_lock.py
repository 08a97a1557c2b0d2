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
from cluster_emu.results.file_systems import is_on_network

LOCK = ".cluster-emu.lock"
"""The file that is locked; it says who holds the lock, and stays when the lock ends."""

MARKER = ".cluster-emu.marker"
"""The file that stands for the lock where the file system has none; it goes when the lock ends."""

LOCK_FILES = (LOCK, MARKER)

OWN_START = ".cluster-emu"
"""How the names of locks and their markers begin; parts of a result may have locks of their own."""

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Errors of a file system, such as some network shares, that cannot lock files."""

PATIENCE_S = 1.0
"""How long a process looks for a holder that has just begun or just ended."""

LOOK_EVERY_S = 0.02

PROC = Path("/proc")

BEGAN = 19
"""Where the start time is in a process's stat, counted after its name."""

CLOCK_STEP_S = 5.0
"""How far the clock may have been set since a lock was taken, and its time be rounded."""

_held: dict[tuple[int, int, Path], int] = {}
"""How many times a thread holds the lock of a folder. A forked process holds none."""


@contextmanager
def locked(
    folder: Path,
    *,
    field: str = "folder",
    again: bool = True,
    name: str = LOCK,
    patience_s: float = 0.0,
) -> Iterator[None]:
    """Keep every other process and thread from writing a result to this folder.

    The operating system ends the lock with its process, however that ends. Where the file system
    has no locks, a file marks the folder; the next writer takes over the mark of a process that has
    ended, which it knows by its number and, where the system tells it, its start time. On a network
    file system a lock may hold on one computer only: there, what a process of another computer has
    written counts as its lock.

    Args:
        folder: the folder; made if it is not there, and removed at the end if it is empty.
        field: the name of the folder in an error.
        again: whether a thread may lock a folder that it has locked already.
        name: the file that is locked, for a lock on a part of what is in the folder.
        patience_s: how long to wait for another holder to end.

    Raises:
        ScenarioError: if somebody else holds the lock; it says who, and what to do if it is the
            process of another computer that has ended.
        OSError: if the folder cannot be written.
    """
    place = folder.resolve()
    key = (os.getpid(), threading.get_ident(), place / name)
    if again and key in _held:
        _held[key] += 1
        try:
            yield
        finally:
            _held[key] -= 1
        return
    lock, made = _acquired(place / name, field, str(folder), patience_s)
    try:
        since = datetime.now(UTC).isoformat(" ", "seconds")
        holder = f"process {os.getpid()} since {since} on {socket.gethostname()}\n"
        (place / name).write_text(holder, encoding="utf-8")
        _held[key] = 1
        yield
    finally:
        _held.pop(key, None)
        with suppress(OSError):  # somebody removed the folder
            _leave(place / name)
        lock.release()
        with suppress(OSError):  # a folder with something in it stays
            for each in made:
                each.rmdir()


def _acquired(
    path: Path, field: str, shown: str, patience_s: float
) -> tuple[BaseFileLock, list[Path]]:
    """Return a lock in a folder, and which folders were made for it, the inmost first."""
    place = path.parent
    named_until = time.monotonic() + patience_s
    until = max(named_until, time.monotonic() + PATIENCE_S)
    while True:
        made = [each for each in (place, *place.parents) if not each.exists()]
        try:
            place.mkdir(parents=True, exist_ok=True)
            return _lock(path), made
        except Timeout:
            holder = _holder(path)
            if time.monotonic() > (named_until if holder else until):
                who = f"{holder or 'another process'} does{_way_out(path, holder)}"
                allowed = f"a folder that nobody writes to ({who})"
                raise ScenarioError(field, shown, allowed) from None
        except FileNotFoundError:  # a holder that ended has just removed the folder it made
            if time.monotonic() > until:
                raise
        time.sleep(LOOK_EVERY_S)


def _lock(path: Path) -> BaseFileLock:
    # a streamed run may be made in one thread and closed in another
    lock: BaseFileLock = FileLock(path, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        lock = SoftFileLock(path.with_suffix(".marker"), thread_local=False)
        lock.acquire(blocking=False)
    if is_on_network(path.parent) and _is_elsewhere(_holder(path)):
        lock.release()
        raise Timeout(str(path))
    return lock


def _holder(path: Path) -> str:
    """Return who holds the lock; empty if it does not say so yet."""
    if not path.is_file():
        return ""  # a pipe would be waited for
    with suppress(OSError, UnicodeDecodeError, ValueError):
        text = path.read_text(encoding="utf-8").strip()
        word, number, _, rest = text.split(" ", 3)
        if word != "process":
            return ""
        if _is_elsewhere(text):
            return text
        since = datetime.fromisoformat(rest.partition(" on ")[0])
        return "" if _has_ended(int(number), since) else text
    return ""


def _way_out(path: Path, holder: str) -> str:
    """Return what to do about a lock of which nobody can see from here whether it has ended."""
    if not _is_elsewhere(holder):
        return ""
    marker = path.with_suffix(".marker")
    return f"; if it has ended, remove {marker if marker.exists() else path}"


def _is_elsewhere(holder: str) -> bool:
    """Return whether a holder is a process of another computer."""
    return bool(holder) and not holder.endswith(f" on {socket.gethostname()}")


def _has_ended(process: int, since: datetime) -> bool:
    """Return whether the process of a number that held a lock since then has ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it belongs to another user
        pass
    began_s = _began_s(process)
    return began_s is not None and began_s > since.timestamp() + CLOCK_STEP_S


def _began_s(process: int) -> float | None:
    """Return when a process began, in seconds of the system's clock; None if it does not say."""
    with suppress(OSError, ValueError, IndexError):
        # the second field is a name that may have spaces; see proc(5)
        fields = (PROC / str(process) / "stat").read_text().rpartition(") ")[2].split()
        ticks = int(fields[BEGAN])
        for line in (PROC / "stat").read_text().splitlines():
            if line.startswith("btime "):
                return int(line.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    return None


def _leave(path: Path) -> None:
    """Say that nobody holds the lock; leave no file in a folder that was not used."""
    if all(each.name.startswith(OWN_START) for each in path.parent.iterdir()):
        path.unlink()
    else:
        os.truncate(path, 0)
