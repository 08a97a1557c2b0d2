"""Files that are read: regular ones of a bounded size, and data that is not nested too deep."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST_DEPTH = 64
"""The most tables and lists within each other."""

MIB = 2**20
MOST_TOML_BYTES = 8 * MIB
MOST_JSON_BYTES = 64 * MIB
MOST_GRAPH_BYTES = 32 * MIB


def read_input(path: Path, most_bytes: int) -> bytes:
    """Return the contents of a regular file.

    A pipe or a device is refused before it is read: it may have no end.

    Raises:
        OSError: if it cannot be read, is no regular file, or is too large; `strerror` says which.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except ValueError as error:  # a NUL character, or half of a surrogate pair
        raise OSError(errno.EINVAL, "Not a file name", str(path)) from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    with os.fdopen(handle, "rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"More than {most_bytes // MIB} MiB", str(path))
    return content


def exists(path: Path) -> bool:
    """Return whether there is something at a path; no name is too long for the question."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_too_deep(data: object) -> bool:
    """Return whether plain data has more than `MOST_DEPTH` tables and lists within each other."""
    level = [data]
    for _ in range(MOST_DEPTH + 1):
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
