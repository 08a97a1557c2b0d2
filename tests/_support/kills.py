"""Commands that are killed, and which of their processes outlive them (Linux)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

PROC = Path("/proc")
LOOK_EVERY_S = 0.02
needs_proc = pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")

Start = tuple[int, str]
"""A process number and when the process started: numbers are used again."""


def start(arguments: Iterable[object], **options: object) -> subprocess.Popen[bytes]:
    """Start `cluster-emu` with these arguments, as the leader of a session of its own."""
    command = [sys.executable, "-m", "cluster_emu", *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )


def descendants(root: int) -> set[Start]:
    """Return every process below this one."""
    children: dict[int, list[int]] = {}
    for number in _numbers():
        stat = _stat(number)
        if stat is not None:
            children.setdefault(int(stat[1]), []).append(number)
    found, waiting = set(), [root]
    while waiting:
        for child in children.get(waiting.pop(), []):
            stat = _stat(child)
            if stat is not None:
                found.add((child, stat[19]))
                waiting.append(child)
    return found


def alive(processes: Iterable[Start]) -> list[Start]:
    """Return which of the processes still run; a zombie does not."""
    running = []
    for number, started in processes:
        stat = _stat(number)
        if stat is not None and stat[19] == started and stat[0] not in "ZX":
            running.append((number, started))
    return running


def kill_with_workers(
    process: subprocess.Popen[bytes],
    workers: int,
    number: signal.Signals = signal.SIGKILL,
    *,
    within_s: float = 60.0,
) -> set[Start]:
    """Signal a command once it has so many processes below it; return these."""
    below: set[Start] = set()

    def has_workers() -> bool:
        nonlocal below
        below = descendants(process.pid)
        return len(below) >= workers or process.poll() is not None

    wait_until(has_workers, within_s=within_s)
    os.kill(process.pid, number)
    process.wait()
    return below


def wait_until(condition: Callable[[], bool], *, within_s: float) -> float:
    """Wait until a condition holds, and return for how long; an error after the given time."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > within_s:
            raise AssertionError(f"not after {within_s} s")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - started


def _numbers() -> list[int]:
    return [int(path.name) for path in PROC.iterdir() if path.name.isdigit()]


def _stat(number: int) -> Sequence[str] | None:
    """Return the fields of /proc/N/stat from the state on; None if the process has ended."""
    try:
        return (PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
