"""QEMU's migration thread: it sends in iterations, and looks at what is left only between them.

An iteration sends pages until a budget is used up, or until more than 50 ms have passed, which is
tested every 64 pages. At the end of the first iteration that ends 100 ms or more after the start of
a window, the bandwidth of that window becomes known, the budget is renewed, and a new window begins
(QEMU migration/{migration,ram}.c, BUFFER_DELAY and MAX_WAIT). Between two iterations the thread
compares the pages left with bandwidth x downtime limit, and reads the dirty log if they fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cluster_emu.scenario.transfer import KVM_SYNC_PAGE_S

ITERATION_S = 0.05
"""Time after which an iteration ends (MAX_WAIT)."""
BUDGET_S = 0.1
"""The budget of a window is what its rate sends in this time, however long the window is."""
ITERATION_PAGES = 64
"""Pages between two looks at the clock."""
FIRST_BUDGETS = 2
"""Budgets of the first window: what is queued during the setup does not count."""
ROUNDING = 1e-9
"""More than the rounding error of a time or of a number of bytes, as a share of it."""
IN_TRANSIT_BYTES = 1e-3
"""An iteration ends so many bytes before its last page does: the next one is not in transit yet."""


@dataclass(frozen=True, slots=True)
class ThreadSettings:
    """How the thread that sends a migration works.

    Args:
        in_iterations: whether it sends in iterations, and looks at what is left between them only.
        window_s: time from one renewal of the budget to the next.
        budget_bytes_per_s: rate whose bytes of `BUDGET_S` a window may send; infinite without
            windows.
        flush_pages: the budget is rounded up to so many pages; 1 in QEMU 7, 32 in QEMU 10.
        sync_page_s: time that reading the dirty log takes for each dirty page.
        sync_stops_vm: whether the VM stands still while the log is read.
        sync_catch_up_s: after which it makes up for the writes of at most so much time.
        sync_slice_s: for how long a throttled virtual processor runs before it sleeps, where
            reading the log waits until it has slept; 0 where it does not wait.
        setup_written_s: how much time's writes the VM makes between the first reading of the log
            and the first byte.
        socket_buffer_bytes: bytes that the thread can be ahead of the network.
    """

    in_iterations: bool = False
    window_s: float = 0.1
    budget_bytes_per_s: float = math.inf
    flush_pages: int = 1
    sync_page_s: float = KVM_SYNC_PAGE_S
    sync_stops_vm: bool = False
    sync_catch_up_s: float = 0.0
    sync_slice_s: float = 0.0
    setup_written_s: float = 0.0
    socket_buffer_bytes: float = 0.0

    @property
    def has_windows(self) -> bool:
        """Whether a budget limits what a window sends."""
        return self.budget_bytes_per_s < math.inf

    def sync_s(self, dirty_pages: int, throttle: float = 0.0) -> float:
        """Return how long the log is read.

        Args:
            dirty_pages: pages that it lists.
            throttle: share of its time for which a virtual processor sleeps.
        """
        return self.sync_page_s * dirty_pages + self.sync_slice_s * throttle / (1.0 - throttle)

    def written_s(self, sync_s: float) -> float:
        """Return how much time's writes the VM has made by the end of a read that long."""
        return min(sync_s, self.sync_catch_up_s) if self.sync_stops_vm else sync_s


class MigrationThread:
    """Iterations and windows of one migration.

    Args:
        settings: how it works.
        raw_bytes: bytes on the wire of a page that is not encoded.

    Attributes:
        bandwidth_bytes_per_s: what the last whole window has sent per second; 0 in the first one.
    """

    def __init__(self, settings: ThreadSettings, raw_bytes: float) -> None:
        self.bandwidth_bytes_per_s = 0.0
        self._settings = settings
        self._raw_bytes = raw_bytes
        self._window_start_s = self._iteration_start_s = math.nan
        self._window_bytes = self._iteration_bytes = 0.0
        self._budget_bytes = FIRST_BUDGETS * self._one_budget_bytes

    @property
    def _one_budget_bytes(self) -> float:
        """What a window may send: the page that exceeds the budget is the last one."""
        settings = self._settings
        if not settings.has_windows:
            return math.inf
        pages = math.floor(settings.budget_bytes_per_s * BUDGET_S / self._raw_bytes) + 1
        return math.ceil(pages / settings.flush_pages) * settings.flush_pages * self._raw_bytes

    def begin(self, now_s: float) -> None:
        """Begin the first window."""
        self._window_start_s = self._iteration_start_s = now_s

    def begin_iteration(self, now_s: float) -> None:
        """Begin an iteration, within the window under way."""
        self._iteration_start_s, self._iteration_bytes = now_s, 0.0

    def sent(self, sent_bytes: float) -> None:
        """Count bytes that were sent."""
        self._iteration_bytes += sent_bytes
        self._window_bytes += sent_bytes

    def bytes_left(self, now_s: float, bytes_per_s: float) -> float:
        """Return how many bytes of the iteration are left at this rate."""
        group = ITERATION_PAGES * self._raw_bytes
        left_s = max(self._iteration_start_s + ITERATION_S - now_s, 0.0)
        at_deadline = self._iteration_bytes + bytes_per_s * left_s
        # the test that finds the time over comes after the first whole group that ends later
        groups = math.floor(at_deadline / group * (1 + ROUNDING)) + 1
        by_time = groups * group - self._iteration_bytes
        by_budget = self._budget_bytes - self._window_bytes
        return max(min(by_time, by_budget) - IN_TRANSIT_BYTES, 0.0)

    @property
    def is_used_up(self) -> bool:
        """Whether the budget of the window is used up."""
        return self._window_bytes >= self._budget_bytes - 0.5

    @property
    def window_end_s(self) -> float:
        """When the window under way ends at the earliest."""
        return self._window_start_s + self._settings.window_s

    def end_iteration(self, now_s: float) -> None:
        """End an iteration, and the window if it is over; begin the next one."""
        if now_s >= self.window_end_s - ROUNDING:
            duration_s = now_s - self._window_start_s
            self.bandwidth_bytes_per_s = self._window_bytes / duration_s
            self._budget_bytes = self._one_budget_bytes
            self._window_start_s, self._window_bytes = now_s, 0.0
        self.begin_iteration(now_s)

    def shift(self, duration_s: float) -> None:
        """Let time pass in which the thread waits for its turn on the network."""
        self._window_start_s += duration_s
        self._iteration_start_s += duration_s
