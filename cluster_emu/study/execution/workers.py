"""Worker processes: which signals they hear, and when they end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cluster_emu.signals import ENDING

LOOK_EVERY_S = 0.25
"""Time between two looks of a worker at whether its parent is still there."""


def end_with_parent(parent: int) -> None:
    """End this process soon after its parent has ended, also if the parent was killed.

    A worker waits for work at a pipe that its siblings hold open as well, so the pipe does not tell
    it that nobody will send more. On every POSIX system an orphan gets another parent.

    Args:
        parent: the process number of the parent.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


@contextmanager
def unheard_by_workers() -> Iterator[None]:
    """Block the ending signals while worker processes start, so that these block them for good.

    A terminal sends Ctrl-C to the whole group of processes, and so may a scheduler when it ends a
    job. A worker that is still importing would print a traceback, and one that ends would look like
    one that crashed. The parent ends the workers when it is interrupted: a signal that arrives in
    this moment waits until it is over.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
