"""What a run of a study may take of its machine; the process that runs it sees to that."""

from __future__ import annotations

import ctypes
import faulthandler
import math
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO, TypeVar

from pydantic import BaseModel, ConfigDict

from cluster_emu.study.execution.costs import data_bytes, resident_bytes
from cluster_emu.units import MemoryBytes, PositiveSeconds

R = TypeVar("R")

TIME = "time limit"
MEMORY = "memory limit"

LOOK_EVERY_S = 0.02
"""Time between two looks at the memory."""

AGAIN_AFTER_S = 1.0
"""When the exception is raised again: one that is raised in a finaliser goes nowhere."""

GRACE_S = 5.0
"""When the process is ended: compiled code, and a system call, hear no exception."""


class CellLimits(BaseModel):
    """Limits on one run; a run that reaches one is ended, and the study goes on without it.

    Args:
        time_s: wall time in seconds; None for no limit.
        memory_bytes: resident memory of the process that runs it, in bytes, the libraries that it
            has loaded included; None for no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_s: PositiveSeconds | None = None
    memory_bytes: MemoryBytes | None = None

    def __bool__(self) -> bool:
        return self.time_s is not None or self.memory_bytes is not None

    def reason(self, limit: str) -> str:
        """Return in words that a run has reached this limit, `TIME` or `MEMORY`."""
        if limit == TIME:
            return f"it took more than the {self.time_s:g} s that a cell may take"
        return f"it took more than the {self.memory_bytes} bytes that a cell may take"


class LimitReached(BaseException):
    """A run has reached a limit; nothing but `within_limits` catches it.

    Args:
        limit: `TIME` or `MEMORY`.
    """

    def __init__(self, limit: str = "") -> None:
        super().__init__(limit)
        self.limit = limit


def within_limits(work: Callable[[], R], limits: CellLimits, note: Path | None = None) -> R:
    """Do some work, in this thread; end it when it reaches a limit.

    Another thread watches time and memory, and raises an exception in this one. Work that takes no
    notice of it, because it is in compiled code or waits for the system, is ended with its process
    after `GRACE_S`. An allocation beyond the limit on memory fails (Linux, in the main thread).

    Args:
        work: what to do.
        limits: the limits.
        note: a file to write to why the process is ended; None if the process may not be ended.

    Raises:
        LimitReached: if the work has reached a limit.
    """
    if not limits:
        return work()
    watcher = _Watcher(limits, note)
    begun = worked = over = False
    error: BaseException | None = None
    # The exception of the watcher may come at any call; every call from here on is within the try,
    # and the next exception comes only much later. No context manager could be left so safely.
    while not over:
        try:
            if not begun:
                begun = True
                watcher.begin()
                result = work()
                worked = True
            watcher.stop()
            over = True
        except BaseException as raised:
            error = error or raised
    if worked:
        return result
    if isinstance(error, LimitReached) or (
        isinstance(error, MemoryError) and limits.memory_bytes is not None
    ):
        raise LimitReached(watcher.reached or MEMORY) from error
    assert error is not None  # the work has neither ended nor raised anything
    raise error


class _Watcher:
    """Looks at what the thread that made it takes, and raises `LimitReached` there."""

    def __init__(self, limits: CellLimits, note: Path | None) -> None:
        self.reached = ""
        self._limits = limits
        self._note = note
        self._watched = threading.get_ident()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="cell-limits", daemon=True)
        self._file: TextIO | None = None
        self._data_limit: tuple[int, int] | None = None

    def begin(self) -> None:
        """Begin the watch."""
        self._until_s = time.monotonic() + (self._limits.time_s or math.inf)
        self._set_last_resort()
        self._make_memory_scarce()
        self._thread.start()

    def stop(self) -> None:
        """End the watch; an exception that is still on its way is taken back. May be repeated."""
        with self._lock:
            self._over.set()
            _raise_in(self._watched, None)
        if self._data_limit is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._data_limit)
        if self._file is not None:
            faulthandler.cancel_dump_traceback_later()
            self._file.close()
        if self._thread.ident is not None:
            self._thread.join()

    def _set_last_resort(self) -> None:
        """End the process well after the limit on time, also if no Python code can run in it."""
        if self._note is not None and self._limits.time_s is not None:
            self._file = self._note.open("w", encoding="utf-8")
            after_s = self._limits.time_s + 2 * GRACE_S
            faulthandler.dump_traceback_later(after_s, file=self._file, exit=True)

    def _make_memory_scarce(self) -> None:
        """Let allocations fail that go beyond the limit, before the system kills for them."""
        most = self._limits.memory_bytes
        in_main_thread = threading.current_thread() is threading.main_thread()
        if most is None or sys.platform != "linux" or not in_main_thread:
            return
        before = resource.getrlimit(resource.RLIMIT_DATA)
        with suppress(ValueError, OSError):  # the hard limit is lower
            data = data_bytes() + max(most - resident_bytes(), 0)
            resource.setrlimit(resource.RLIMIT_DATA, (data, before[1]))
            self._data_limit = before

    def _watch(self) -> None:
        while not self.reached:
            if self._over.wait(self._pause_s()):
                return
            self.reached = self._limit()
        ends_s = time.monotonic() + GRACE_S
        while not self._over.is_set():
            with self._lock:
                if not self._over.is_set():
                    _raise_in(self._watched, LimitReached)
            self._over.wait(AGAIN_AFTER_S)
            if time.monotonic() > ends_s and self._note is not None and not self._over.is_set():
                self._note.write_text(self.reached, encoding="utf-8")
                os._exit(1)

    def _pause_s(self) -> float | None:
        left_s = max(self._until_s - time.monotonic(), 0.0)
        if self._limits.memory_bytes is not None:
            return min(left_s, LOOK_EVERY_S)
        return min(left_s, threading.TIMEOUT_MAX)

    def _limit(self) -> str:
        if time.monotonic() >= self._until_s:
            return TIME
        most = self._limits.memory_bytes
        return MEMORY if most is not None and resident_bytes() > most else ""


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise an exception in another thread; None takes back one that it has not met yet."""
    what = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)
