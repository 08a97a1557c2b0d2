"""The guest while it migrates: its write intensity, and the CPU time that is taken from it."""

from __future__ import annotations

import math
from collections.abc import Callable

from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.timers import Timer
from cluster_emu.transfer.interfaces import Intensity, MigrationListener
from cluster_emu.transfer.records import MigrationRecord


class Guest:
    """Follows the VM's write intensity, and scales it by the CPU time that the guest has left.

    Two causes slow a guest down: a throttle takes a share of its CPU time, and while its writes are
    tracked every write costs more. Both are taken from the write intensity in the same proportion,
    but a throttle that takes idle time first leaves it min(1, (1 - share) / demand) of that.

    Args:
        record: where the CPU time that is taken from the guest is counted.
        own_intensity: the VM's own write intensity and CPU demand over time.
        loop: where timers for its changes are set.
        listener: is notified of the speed of the VM.
        before_change: called with the time just before the own intensity changes.
        after_change: called with the time just after that.

    Attributes:
        intensity: the write intensity of the slowed guest.
        demand: the CPU it wants, a share of its capacity.
        lost_share: share of its CPU time that is taken from the guest.
    """

    def __init__(
        self,
        record: MigrationRecord,
        own_intensity: Intensity,
        loop: FluidLoop,
        listener: MigrationListener,
        before_change: Callable[[float], None],
        after_change: Callable[[float], None],
    ) -> None:
        self.intensity = 0.0
        self.demand = 0.0
        self.lost_share = 0.0
        self._record = record
        self._path = own_intensity
        self._loop = loop
        self._listener = listener
        self._before_change = before_change
        self._after_change = after_change
        self._throttle = 0.0
        self._idle_first = False
        self._tracking_slowdown = 0.0
        self._own_intensity = 0.0
        self._speed = 1.0
        self._next_change_s = math.inf
        self._timer: Timer | None = None

    def follow(self, now_s: float) -> None:
        """Follow the VM's own intensity from now on."""
        self._own_intensity = self._path.level(now_s)
        self.demand = self._path.demand(now_s)
        self._next_change_s = self._path.next_change(now_s)
        if math.isfinite(self._next_change_s):
            self._timer = self._loop.call_at(self._next_change_s, self._change)
        self._scale()

    def leave(self, now_s: float) -> None:
        """Stop following it; the VM runs at full speed."""
        if self._timer is not None:
            self._loop.cancel(self._timer)
        self._notify(1.0, now_s)

    def track(self, slowdown: float, now_s: float) -> None:
        """Track its writes from now on, which takes this share of its CPU time."""
        self._tracking_slowdown = slowdown
        self._scale()
        self._notify(1.0 - self.lost_share, now_s)

    def throttle(self, share: float, now_s: float, *, idle_first: bool = False) -> None:
        """Take this share of its CPU time; what was taken until now must be counted already.

        Args:
            share: the share.
            now_s: from when on.
            idle_first: whether the time in which it wants no CPU is taken first.
        """
        if share == self._throttle:
            return
        self._throttle, self._idle_first = share, idle_first
        self._record.throttle_max = max(self._record.throttle_max, share)
        self._scale()
        self._notify(1.0 - self.lost_share, now_s)

    def pause(self, now_s: float) -> None:
        """Stop the VM; nothing is tracked or throttled any more."""
        self._throttle = self._tracking_slowdown = 0.0
        self._scale()
        self._notify(0.0, now_s)

    def resume(self, now_s: float) -> None:
        """Let the VM run at full speed."""
        self._notify(1.0, now_s)

    def count_lost(self, duration_s: float) -> None:
        """Count the CPU time taken from the guest during some time, at the present shares."""
        if self.lost_share:
            self._record.guest_lost_s += self.lost_share * duration_s

    def _scale(self) -> None:
        throttle, tracking = self._throttle, self._tracking_slowdown
        if self._idle_first and throttle:
            throttle = max(1.0 - (1.0 - throttle) / self.demand, 0.0) if self.demand else 0.0
        self.intensity = self._own_intensity * (1.0 - throttle) * (1.0 - tracking)
        self.lost_share = throttle + tracking * (1.0 - throttle)

    def _notify(self, speed: float, now_s: float) -> None:
        if speed != self._speed:
            self._speed = speed
            self._listener.slowed(self._record, speed, now_s)

    def _change(self, now_s: float) -> None:
        self._before_change(now_s)
        # The clock may show the start of an instant, a rounding error before the change.
        self.follow(max(now_s, self._next_change_s))
        self._after_change(now_s)
