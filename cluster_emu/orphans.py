"""Processes that end with the process that started them, however that ends.

A worker comes here before anything else: this module loads no library, so that also a worker that
still loads its own is no orphan for long.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
"""Linux: the signal that this process gets when its parent ends, see prctl(2)."""

LOOK_EVERY_S = 0.25
"""Time between two looks of a process at whether its parent is still there."""


def end_with_parent(parent: int, of_main_thread: bool) -> None:
    """End this process when its parent has ended, also if the parent was killed.

    A worker waits for work at a pipe that its siblings hold open as well, so the pipe does not tell
    it that nobody will send more. Linux kills it at once, also in compiled code. On every POSIX
    system an orphan gets another parent, and a thread looks at that.

    Args:
        parent: the process number of the parent.
        of_main_thread: whether the parent's main thread started this process. Linux means the end
            of the thread, not of the process.
    """
    if sys.platform == "linux" and of_main_thread:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
