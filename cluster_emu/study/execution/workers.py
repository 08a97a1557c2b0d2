"""Worker processes: which signals they hear."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

from cluster_emu.signals import ENDING


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
        resource_tracker.ensure_running()  # when it starts, it unblocks two of them
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
