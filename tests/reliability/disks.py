"""Small disks that are full at some moment, and limits on the size of files."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from tests.reliability.commands import MAIN, Running

BLOCK_BYTES = 4096
LIMITED = (
    "import resource; limit = {limit}; resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)); "
)
"""What a program does first whose files may have at most so many bytes."""


@cache
def can_mount() -> bool:
    """Return whether this process may mount a file system."""
    place = Path(f"/tmp/can-mount-{time.monotonic_ns()}")
    place.mkdir()
    try:
        mounted = _mount(place, BLOCK_BYTES)
        if mounted:
            _unmount(place)
        return mounted
    finally:
        place.rmdir()


def _mount(place: Path, size_bytes: int) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(place)]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False  # there is no such program


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


@dataclass
class Disk:
    """Where a result is to be written, and how that fails.

    Args:
        kind: in words.
        folder: where the result goes.
        program: what runs the command.
        has_room_for_two: whether an older result fits beside a new one.
        is_filled: whether the disk is filled while the command runs.
    """

    kind: str
    folder: Path
    program: tuple[str, ...] = (sys.executable, "-c", MAIN)
    has_room_for_two: bool = False
    is_filled: bool = False

    @classmethod
    @contextmanager
    def of_any_kind(cls, random: Random, result: Path, folder: Path) -> Iterator[Disk]:
        """Give a disk that is too small, one that will be filled, or a limit on files.

        Without the right to mount it is always a limit on the size of files.

        Args:
            random: what the kind and the size are drawn from.
            result: an undisturbed result; the disk is about as large as that.
            folder: where the disk is mounted.
        """
        sizes = [path.stat().st_size for path in result.rglob("*") if path.is_file()]
        kind = random.choice(("small", "filled", "limit")) if can_mount() else "limit"
        if kind == "limit":
            limit = random.randrange(max(sizes))
            program = (sys.executable, "-c", LIMITED.format(limit=limit) + MAIN)
            yield cls(f"files of at most {limit} bytes", folder, program, has_room_for_two=True)
            return
        place = folder / "disk"
        place.mkdir()
        blocks = sum(-(-size // BLOCK_BYTES) + 1 for size in sizes)
        room = random.randrange(2, blocks) if kind == "small" else 4 * blocks
        if not _mount(place, room * BLOCK_BYTES):
            raise OSError(f"{place} could be mounted before and cannot be now")
        try:
            words = f"a disk of {room} pages" if kind == "small" else "a disk that is filled"
            filled = kind == "filled"
            yield cls(words, place, has_room_for_two=filled, is_filled=filled)
        finally:
            _unmount(place)

    def fill(self, running: Running, random: Random, wall_s: float) -> str:
        """Fill the disk at a random moment, where that is its kind; return when, in words."""
        if not self.is_filled:
            return ""
        moment_s = random.uniform(0.2, 1.0) * wall_s
        try:
            running.process.wait(timeout=moment_s)
        except subprocess.TimeoutExpired:
            with suppress(OSError), self._filler.open("wb", buffering=0) as file:
                while True:  # until it is full
                    file.write(b"\0" * BLOCK_BYTES)
        return f"after {moment_s:.2f} s"

    def empty(self) -> None:
        """Make room for a whole result."""
        self._filler.unlink(missing_ok=True)
        if self.folder.name == "disk":
            subprocess.run(["mount", "-o", "remount,size=64m", str(self.folder)], check=True)

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"
