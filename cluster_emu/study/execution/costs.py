"""What a piece of work took of the machine: time and memory."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""Linux: sets the peak of the resident memory to what it is now, see proc(5)."""

KIB = 1024


@dataclass(frozen=True, slots=True)
class Costs:
    """What a piece of work took.

    Args:
        wall_s: time that went by.
        cpu_s: CPU time of its process; in a process that does several pieces at once, that of its
            thread.
        peak_memory_bytes: largest resident memory of its process while it was done, that of other
            threads included. Where the system keeps no such figure, the largest since the process
            began.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0


@contextmanager
def measured() -> Iterator[Callable[[], Costs]]:
    """Measure what the block takes; the function that is given returns it, within the block."""
    # workers of dask run tasks in threads
    clock = (
        time.process_time
        if threading.current_thread() is threading.main_thread()
        else time.thread_time
    )
    with _peaks.watched() as peak_bytes:
        wall_s, cpu_s = time.perf_counter(), clock()
        yield lambda: Costs(time.perf_counter() - wall_s, clock() - cpu_s, peak_bytes())


class _Peaks:
    """The peak of the resident memory since several instants; the system keeps one since one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: dict[object, int] = {}
        """By who watches: the peak before it was last reset for another one."""

    @contextmanager
    def watched(self) -> Iterator[Callable[[], int]]:
        """Give a function that returns the peak since the block began."""
        who = object()
        with self._lock:
            if self._before:
                peak = peak_memory_bytes()
                self._before = {each: max(most, peak) for each, most in self._before.items()}
            self._before[who] = 0
            with suppress(OSError):
                CLEAR_REFS.write_text(RESET_PEAK)
        try:
            yield lambda: self._peak_bytes(who)
        finally:
            with self._lock:
                del self._before[who]

    def _peak_bytes(self, who: object) -> int:
        with self._lock:
            return max(self._before[who], peak_memory_bytes())


_peaks = _Peaks()


def peak_memory_bytes() -> int:
    """Return the largest resident memory of this process since its peak was last reset."""
    return _status("VmHWM") or _usage_bytes()


def resident_bytes() -> int:
    """Return the resident memory of this process; its largest where the system does not say."""
    return _status("VmRSS") or _usage_bytes()


def data_bytes() -> int:
    """Return what this process may write to of its own memory, touched or not (Linux)."""
    return _status("VmData")


def _status(name: str) -> int:
    """Return a size from Linux's status of this process in bytes, 0 where there is none."""
    with suppress(OSError, ValueError):
        for line in STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * KIB
    return 0


def _usage_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
