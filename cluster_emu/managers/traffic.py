"""What a manager reads off a live round: how much was dirtied, how much was sent, is that bad?"""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.transfer.stopping import Progress


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was dirtied and what was sent in one live round, and in the wait for its turn before it.

    Args:
        duration_s: length of the round.
        waited_s: length of the wait.
        dirtied_bytes: memory that needs sending because it was written in that time; a page that
            was waiting to be sent anyway does not count.
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


class TrafficMeter:
    """Tells from the progress of a migration what happened in each of its rounds.

    Args:
        memory_bytes: memory of the VM.
    """

    def __init__(self, memory_bytes: float) -> None:
        self._memory_bytes = memory_bytes
        self._last_s = 0.0
        self._last_waited_s = 0.0

    def read(self, progress: Progress) -> Traffic:
        """Return the traffic of the round that has just ended; to be called once per round."""
        duration_s = progress.elapsed_s - self._last_s
        self._last_s = progress.elapsed_s
        waited_s = progress.waited_s - self._last_waited_s
        self._last_waited_s = progress.waited_s
        before = (progress.memory_pages, *progress.pages_left_before)[-1]
        # pages ballooned out count as left before round 1, which they are not
        dirtied = max(progress.pages_left - before + progress.sent_pages, 0)
        page_bytes = self._memory_bytes / progress.memory_pages
        return Traffic(duration_s, waited_s, dirtied * page_bytes, progress.sent_bytes)


class HighDirtyRate:
    """QEMU's sign that a migration does not converge.

    At a sync of the dirty log more than a second after the last one that counted, the bytes
    dirtied since then are compared with the bytes sent. When they are more than a share of them
    for the second time (not necessarily in a row), the guest is slowed down, and the count starts
    again. QEMU 7.2 to 9.1, migration/ram.c; later ones also sync the log by a timer meanwhile.

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

    def seen(self, traffic: Traffic) -> bool:
        """Take note of a round's traffic and return whether to slow the guest down (further)."""
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
