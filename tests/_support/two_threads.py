"""Two threads that ask for the same thing, the second one while the first one still makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

TIMEOUT_S = 60.0


class Waiting:
    """A lock that says when a second thread waits for it; its owner may take it again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._depth = 0
        self.has_waiting = threading.Event()

    def __enter__(self) -> None:
        if self._owner not in (None, threading.get_ident()):
            self.has_waiting.set()
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
        self._lock.release()


def in_two_threads(
    ask: Callable[[], Any], loading: threading.Event, go_on: threading.Event, lock: Waiting
) -> list[Any]:
    """Let one thread load and a second one ask meanwhile; return what both are told."""
    with ThreadPoolExecutor(2) as threads:
        first: Future[Any] = threads.submit(ask)
        assert loading.wait(TIMEOUT_S)
        second = threads.submit(ask)
        second.add_done_callback(lambda _: lock.has_waiting.set())  # without a lock it is told now
        assert lock.has_waiting.wait(TIMEOUT_S)
        go_on.set()
        return [first.result(TIMEOUT_S), second.result(TIMEOUT_S)]
