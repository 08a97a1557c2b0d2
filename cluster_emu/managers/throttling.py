"""How a guest that writes too fast is slowed down: the three rules there are.

Each looks at the rounds as they end and answers with the share of CPU time to take away. A
slowed guest is taken to dirty memory at (1 - share) of its own rate, as its write intensity is
scaled by that.
"""

from __future__ import annotations

from typing import Protocol

from cluster_emu.managers.traffic import HighDirtyRate, TrafficMeter
from cluster_emu.transfer.stopping import Progress

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
        if self._on and traffic.duration_s > 0:
            own_rate = traffic.dirtied_bytes_per_s / (1 - self.share)
            self.share = share_for(self._quota_bytes_per_s, own_rate)


class SlowDown:
    """vMotion's slow-down during page send: just enough for the copy to catch up.

    A guest that by itself would dirty more than a given share of what is sent in the same time is
    slowed down to that share. To act only above the transmit rate itself would not do: pages that
    are written twice in a round count once, so rounds may stop shrinking with a rate just below.
    Where migrations take turns, both rates are over round and wait: what is written in the wait has
    to be sent, too.

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
        if traffic.duration_s <= 0:
            return
        own_rate = traffic.dirtied_bytes_per_s / (1 - self.share)
        transmit_rate = progress.bytes_per_s * traffic.sending_share
        self.share = share_for(self._dirtied_per_sent * transmit_rate, own_rate)


def share_for(bytes_per_s: float, own_rate: float) -> float:
    """Return the share to take from a guest for it to dirty at most `bytes_per_s`."""
    if own_rate <= bytes_per_s:
        return 0.0
    return min(1 - bytes_per_s / own_rate, MOST)
