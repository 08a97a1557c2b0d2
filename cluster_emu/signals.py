"""Signals that ask a command to end: each of them ends it like Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ENDING", "Interrupted", "exit_status", "held", "insisting", "raised"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, `kill` and schedulers, and a terminal that closes."""

EXIT_STATUS_BASE = 128
"""A shell shows a process that a signal ended under this number plus the signal's."""

_waiting: list[int] | None = None
"""The signals that have come in a block that is `held`; None outside such a block."""


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


@contextmanager
def insisting() -> Iterator[Callable[[], None]]:
    """Give a function that handles again a signal whose exception went nowhere.

    Python raises the exception of a signal wherever the interpreter is. In a finaliser, a
    callback of a weak reference or of compiled code it is ignored, and the work would go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # signals only arrive in the main thread
        return
    arrived: list[int] = []
    handlers = {
        number: handler for number in ENDING if callable(handler := signal.getsignal(number))
    }

    def remember_and_handle(number: int, frame: FrameType | None) -> None:
        if _waiting is not None:
            _waiting.append(number)
            return
        arrived.append(number)
        handlers[signal.Signals(number)](number, frame)

    def raise_if_swallowed() -> None:
        for number in arrived:
            handlers[signal.Signals(number)](number, None)

    for number in handlers:
        signal.signal(number, remember_and_handle)
    try:
        yield raise_if_swallowed
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def held() -> Iterator[None]:
    """Let signals wait until the block is over, so that it is done whole or fails by itself.

    Only those wait that `raised` or `insisting` handle. The block must be short.
    """
    global _waiting
    if _waiting is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    _waiting = []
    try:
        yield
    finally:
        came, _waiting = _waiting, None
        for number in came:
            if callable(handler := signal.getsignal(number)):
                handler(number, None)


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """Return the exit status of a process that this ended, such as 130 for Ctrl-C."""
    cause: BaseException | None = interrupt
    while cause is not None and not isinstance(cause, Interrupted):
        cause = cause.__cause__ or cause.__context__
    return EXIT_STATUS_BASE + (signal.SIGINT if cause is None else cause.number)


def _raise(number: int, frame: FrameType | None) -> None:
    if _waiting is not None:
        _waiting.append(number)
        return
    raise Interrupted(number)
