"""The dirty rate of a guest, estimated from its live rounds, and when QEMU calls it high."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.transfer.controller import Progress


@dataclass(frozen=True, slots=True)
class RoundTraffic:
    """What was dirtied and what was sent in one live round, and in the wait for its turn before it.

    Args:
        duration_s: length of the round.
        waited_s: length of the wait.
        dirtied_bytes: memory that has to be sent because it was written in that time; a page that
            was due in any case does not count.
        sent_bytes: bytes on the wire.
    """

    duration_s: float
    waited_s: float
    dirtied_bytes: float
    sent_bytes: float

    @property
    def dirtied_bytes_per_s(self) -> float:
        """The dirty rate over round and wait; the round must have taken time."""
        return self.dirtied_bytes / (self.duration_s + self.waited_s)

    @property
    def sending_share(self) -> float:
        """The share of that time in which the migration had its turn."""
        return self.duration_s / (self.duration_s + self.waited_s)


class DirtyRateMeter:
    """Estimates the dirty rate of each live round from the progress of the migration.

    Args:
        memory_bytes: memory of the VM.
    """

    def __init__(self, memory_bytes: float) -> None:
        self._memory_bytes = memory_bytes
        self._last_s = 0.0
        self._last_waited_s = 0.0

    def read(self, progress: Progress) -> RoundTraffic:
        """Return the traffic of the round that has just ended; call it once per round."""
        duration_s = progress.elapsed_s - self._last_s
        self._last_s = progress.elapsed_s
        waited_s = progress.waited_s - self._last_waited_s
        self._last_waited_s = progress.waited_s
        before = (progress.memory_pages, *progress.pages_left_before)[-1]
        # before round 1 all pages count as left, which is too many if some are ballooned out
        dirtied = max(progress.pages_left - before + progress.sent_pages, 0)
        page_bytes = self._memory_bytes / progress.memory_pages
        return RoundTraffic(duration_s, waited_s, dirtied * page_bytes, progress.sent_bytes)


class HighDirtyRate:
    """QEMU's test whether a guest writes too fast for the migration to converge.

    A sync of the dirty log counts if it comes more than a second after the last one that counted.
    The bytes dirtied between the two are compared with the bytes sent. When they exceed a share of
    these for the second time (not necessarily in a row), the guest is slowed down and the count
    starts again. QEMU 7.2 to 9.1, migration/ram.c; later versions also sync the log by a timer.

    Args:
        trigger_percent: the share (throttle-trigger-threshold).
    """

    PERIOD_S = 1.0
    TIMES = 2

    def __init__(self, trigger_percent: int) -> None:
        self._trigger = trigger_percent / 100
        self._period_s = 0.0
        self._dirtied_bytes = 0.0
        self._sent_bytes = 0.0
        self._high_count = 0

    def exceeded(self, traffic: RoundTraffic) -> bool:
        """Add the traffic of a round; return whether to slow the guest down (further)."""
        self._period_s += traffic.duration_s
        self._dirtied_bytes += traffic.dirtied_bytes
        self._sent_bytes += traffic.sent_bytes
        if self._period_s <= self.PERIOD_S:
            return False
        high = self._dirtied_bytes > self._trigger * self._sent_bytes
        self._period_s = self._dirtied_bytes = self._sent_bytes = 0.0
        self._high_count += high
        if self._high_count < self.TIMES:
            return False
        self._high_count = 0
        return True
