"""Signals that ask a command to end: each of them ends it like Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ENDING", "Interrupted", "exit_status", "raised"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, `kill` and schedulers, and a terminal that closes."""

EXIT_STATUS_BASE = 128
"""A shell shows a process that a signal ended under this number plus the signal's."""


class Interrupted(KeyboardInterrupt):
    """A signal asked this process to end.

    Args:
        number: the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def raised() -> Iterator[None]:
    """Raise `Interrupted` in the main thread on each ending signal.

    Enter it once the libraries are loaded: a handler in Python runs only between two bytecodes, so
    a library that hangs while it is loaded would keep the signal from ending the process. A signal
    that is ignored, as `nohup` and background jobs ask, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals can only be set in the main thread, and only arrive there
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """Return the exit status of a process that this ended, such as 130 for Ctrl-C."""
    cause: BaseException | None = interrupt
    while cause is not None and not isinstance(cause, Interrupted):
        cause = cause.__cause__ or cause.__context__
    return EXIT_STATUS_BASE + (signal.SIGINT if cause is None else cause.number)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
