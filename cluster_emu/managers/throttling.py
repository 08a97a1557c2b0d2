"""How hypervisors slow down a guest that writes too fast: three rules.

Each rule is notified of the end of every live round and sets the share of CPU time that is taken
from the guest. QEMU's auto-converge lets virtual processors sleep for that share of the time,
whether they have work or not: a guest that wants less CPU loses idle time first, and dirties memory
at min(1, (1 - share) / demand) of its own rate. The other rules hold back the writes themselves, so
that it dirties memory at (1 - share) of its own rate.
"""

from __future__ import annotations

from typing import Protocol

from cluster_emu.managers.dirty_rate import DirtyRateMeter, HighDirtyRate
from cluster_emu.transfer.controller import Progress

MAX_THROTTLE = 0.99
"""The largest share any hypervisor takes from a guest."""


class Throttle(Protocol):
    """Slows one guest down while it migrates."""

    takes_idle_time: bool
    """Whether the guest's idle time is taken first."""

    @property
    def share(self) -> float:
        """The share of its CPU time that is taken from the guest now, 0 to 0.99."""

    def round_ended(self, progress: Progress) -> None:
        """Update the share after a live round."""
        ...


class NoThrottle:
    """Takes no CPU time from the guest."""

    share = 0.0
    takes_idle_time = False

    def round_ended(self, progress: Progress) -> None:
        """Do nothing."""


class AutoConverge:
    """QEMU's auto-converge: each time the dirty rate is high, a larger share is taken.

    Args:
        memory_bytes: memory of the VM.
        initial_percent: the share taken first (cpu-throttle-initial).
        increment_percent: what is added each further time (cpu-throttle-increment).
        max_percent: the largest share taken (max-cpu-throttle).
        trigger_percent: see `HighDirtyRate`.
    """

    takes_idle_time = True

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
        self._meter = DirtyRateMeter(memory_bytes)
        self._high = HighDirtyRate(trigger_percent)
        self._percent = 0

    @property
    def share(self) -> float:
        """The share of CPU time taken from the guest."""
        return self._percent / 100

    def round_ended(self, progress: Progress) -> None:
        """Slow the guest down further if the dirty rate is high."""
        if not self._high.exceeded(self._meter.read(progress)):
            return
        if self._percent == 0:
            self._percent = self._initial_percent
        else:
            self._percent = min(self._percent + self._increment_percent, self._max_percent)


class DirtyLimit:
    """QEMU's dirty-limit: once the dirty rate is high, the guest's writes are held to a quota.

    QEMU stalls writing vCPUs only. Here all of the guest's CPU time is scaled. After each round the
    scale is set so that the dirty rate of that round would have been the quota.

    Args:
        memory_bytes: memory of the VM.
        quota_bytes_per_s: what all of its vCPUs may dirty together.
        trigger_percent: see `HighDirtyRate`.
    """

    takes_idle_time = False

    def __init__(
        self, memory_bytes: float, quota_bytes_per_s: float, *, trigger_percent: int = 50
    ) -> None:
        self.share = 0.0
        self._quota_bytes_per_s = quota_bytes_per_s
        self._meter = DirtyRateMeter(memory_bytes)
        self._high = HighDirtyRate(trigger_percent)
        self._on = False

    def round_ended(self, progress: Progress) -> None:
        """Hold the guest to its quota, once its dirty rate has been high."""
        traffic = self._meter.read(progress)
        self._on = self._high.exceeded(traffic) or self._on
        if self._on and traffic.duration_s > 0:
            own_rate = traffic.dirtied_bytes_per_s / (1 - self.share)
            self.share = share_for(self._quota_bytes_per_s, own_rate)


class SlowDown:
    """vMotion's slow-down during page send: as much as the copy needs to catch up.

    A guest that by itself would dirty more than a given share of what is sent in the same time is
    slowed down to that share. A share of 1 would not do: pages that are written twice in a round
    count once, so rounds may stop shrinking with a dirty rate just below the transmit rate.
    Where migrations take turns, both rates are over round and wait, because what is written in the
    wait has to be sent, too.

    Args:
        memory_bytes: memory of the VM.
        dirtied_per_sent: that share, below 1.
    """

    takes_idle_time = False

    def __init__(self, memory_bytes: float, dirtied_per_sent: float) -> None:
        self.share = 0.0
        self._dirtied_per_sent = dirtied_per_sent
        self._meter = DirtyRateMeter(memory_bytes)

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
    return min(1 - bytes_per_s / own_rate, MAX_THROTTLE)
