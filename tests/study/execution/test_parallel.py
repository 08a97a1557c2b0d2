"""Calls on several processes that are given up leave nothing on the screen."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from cluster_emu.study.execution.parallel import in_parallel


def test_work_that_is_given_up_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []

    def note(error: threading.ExceptHookArgs) -> None:
        printed.append(f"{error.exc_type.__name__} {error.exc_value}")

    # the thread that manages the processes fails if more calls wait than its queue takes
    monkeypatch.setattr(threading, "excepthook", note)
    with closing(in_parallel(time.sleep, iter([0.1] * 100), 2)) as results:  # type: ignore[type-var]
        next(results)

    assert printed == []
