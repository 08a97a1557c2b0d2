"""How a guest that writes too fast is slowed down: the three rules there are.

Each looks at the rounds as they end and answers with the share of CPU time to take away. A
slowed guest is taken to dirty memory at (1 - share) of its own rate, as its write intensity is
scaled by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cluster_emu.migration.stopping import Progress

MOST = 0.99
"""The largest share any hypervisor takes from a guest."""


class Throttle(Protocol):
    """Slows one guest down while it migrates."""

    @property
    def share(self) -> float:
        """The share of its CPU time that is taken from the guest now, 0 to 0.99."""

    def round_ended(self, progress: Progress) -> None:
        """Take note of a live round."""
        ...


class NoThrottle:
    """Leaves the guest alone."""

    share = 0.0

    def round_ended(self, progress: Progress) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was dirtied and what was sent in one live round.

    Args:
        duration_s: length of the round.
        dirtied_bytes: memory that needs sending because it was written in the round; a page that
            was waiting to be sent anyway does not count.
        sent_bytes: bytes on the wire.
    """

    duration_s: float
    dirtied_bytes: float
    sent_bytes: float


class TrafficMeter:
    """Tells from the progress of a migration what happened in each of its rounds.

    Args:
        memory_bytes: memory of the VM.
    """

    def __init__(self, memory_bytes: float) -> None:
        self._memory_bytes = memory_bytes
        self._last_s = 0.0

    def read(self, progress: Progress) -> Traffic:
        """Return the traffic of the round that has just ended; to be called once per round."""
        duration_s = progress.elapsed_s - self._last_s
        self._last_s = progress.elapsed_s
        before = (progress.memory_pages, *progress.pages_left_before)[-1]
        # pages ballooned out count as left before round 1, which they are not
        dirtied = max(progress.pages_left - before + progress.sent_pages, 0)
        page_bytes = self._memory_bytes / progress.memory_pages
        return Traffic(duration_s, dirtied * page_bytes, progress.bytes_per_s * duration_s)


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


class AutoConverge:
    """QEMU's auto-converge: each time the dirty rate is high, a larger share is taken.

    Args:
        memory_bytes: memory of the VM.
        initial_percent: what is taken first (cpu-throttle-initial).
        increment_percent: what is added each further time (cpu-throttle-increment).
        max_percent: most that is taken (max-cpu-throttle).
        trigger_percent: see `HighDirtyRate`.
    """

    def __init__(
        self,
        memory_bytes: float,
        *,
        initial_percent: int = 20,
        increment_percent: int = 10,
        max_percent: int = 99,
        trigger_percent: int = 50,
    ) -> None:
        self._initial_percent = initial_percent
        self._increment_percent = increment_percent
        self._max_percent = max_percent
        self._meter = TrafficMeter(memory_bytes)
        self._high = HighDirtyRate(trigger_percent)
        self._percent = 0

    @property
    def share(self) -> float:
        """The share of CPU time taken from the guest."""
        return self._percent / 100

    def round_ended(self, progress: Progress) -> None:
        """Slow the guest down further if the dirty rate is high."""
        if not self._high.seen(self._meter.read(progress)):
            return
        if self._percent == 0:
            self._percent = self._initial_percent
        else:
            self._percent = min(self._percent + self._increment_percent, self._max_percent)


class DirtyLimit:
    """QEMU's dirty-limit: once the dirty rate is high, the guest's writes are held to a quota.

    QEMU stalls writing vCPUs only. Here all of the guest's CPU time is scaled, anew after each
    round, so that the rate seen in it would have been the quota.

    Args:
        memory_bytes: memory of the VM.
        quota_bytes_per_s: what all of its vCPUs may dirty together.
        trigger_percent: see `HighDirtyRate`.
    """

    def __init__(
        self, memory_bytes: float, quota_bytes_per_s: float, *, trigger_percent: int = 50
    ) -> None:
        self.share = 0.0
        self._quota_bytes_per_s = quota_bytes_per_s
        self._meter = TrafficMeter(memory_bytes)
        self._high = HighDirtyRate(trigger_percent)
        self._on = False

    def round_ended(self, progress: Progress) -> None:
        """Hold the guest to its quota, once its dirty rate has been high."""
        traffic = self._meter.read(progress)
        self._on = self._high.seen(traffic) or self._on
        if self._on:
            own_rate = own_dirty_rate(traffic, self.share)
            self.share = share_for(self._quota_bytes_per_s, own_rate)


class SlowDown:
    """vMotion's slow-down during page send: just enough for the copy to catch up.

    While the guest by itself would dirty memory at least as fast as it is sent, it is slowed down
    until it dirties a given share of that rate.

    Args:
        memory_bytes: memory of the VM.
        dirtied_per_sent: that share, below 1.
    """

    def __init__(self, memory_bytes: float, dirtied_per_sent: float) -> None:
        self.share = 0.0
        self._dirtied_per_sent = dirtied_per_sent
        self._meter = TrafficMeter(memory_bytes)

    def round_ended(self, progress: Progress) -> None:
        """Compare dirty rate and transmit rate."""
        traffic = self._meter.read(progress)
        own_rate = own_dirty_rate(traffic, self.share)
        bytes_per_s = progress.bytes_per_s
        catches_up = own_rate < bytes_per_s
        target = self._dirtied_per_sent * bytes_per_s
        self.share = 0.0 if catches_up else share_for(target, own_rate)


def own_dirty_rate(traffic: Traffic, share: float) -> float:
    """Return the bytes/s the guest would have dirtied in a round without being slowed down.

    0 for a round that took no time, in which nothing was written.
    """
    if traffic.duration_s <= 0:
        return 0.0
    return traffic.dirtied_bytes / traffic.duration_s / (1 - share)


def share_for(bytes_per_s: float, own_rate: float) -> float:
    """Return the share to take from a guest for it to dirty at most `bytes_per_s`."""
    if own_rate <= bytes_per_s:
        return 0.0
    return min(1 - bytes_per_s / own_rate, MOST)
