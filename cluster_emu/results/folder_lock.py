"""One writer per folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cluster_emu.errors import ScenarioError

LOCK = ".cluster-emu.lock"
"""The file that is locked; it says who holds the lock, and stays when the lock ends."""

_held: dict[Path, int] = {}
"""How many times this process holds the lock of a folder."""


@contextmanager
def locked(folder: Path, *, field: str = "folder") -> Iterator[None]:
    """Keep every other process from writing a result to this folder.

    The operating system ends the lock with its process, however that ends. A process can lock a
    folder that it has locked already.

    Args:
        folder: the folder; made if it is not there, and removed at the end if it is empty.
        field: the name of the folder in an error.

    Raises:
        ScenarioError: if another process holds the lock; it says which.
        OSError: if the folder cannot be written.
    """
    place = folder.resolve()
    if place in _held:
        _held[place] += 1
        try:
            yield
        finally:
            _held[place] -= 1
        return
    made = [each for each in (place, *place.parents) if not each.exists()]
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        allowed = f"a folder that nobody writes to ({_holder(place)} does)"
        raise ScenarioError(field, str(folder), allowed) from None
    try:
        since = datetime.now(UTC).isoformat(" ", "seconds")
        (place / LOCK).write_text(f"process {os.getpid()} since {since}\n", encoding="utf-8")
        _held[place] = 1
        yield
    finally:
        _held.pop(place, None)
        if [path.name for path in place.iterdir()] == [LOCK]:
            (place / LOCK).unlink()
        lock.release()
        with suppress(OSError):  # a folder with something in it stays
            for each in made:
                each.rmdir()


def _holder(place: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        text = (place / LOCK).read_text(encoding="utf-8").strip()
        if text.startswith("process "):
            return text
    return "another process"
