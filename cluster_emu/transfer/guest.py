"""The guest while it migrates: how hard it writes, and what slows it down."""

from __future__ import annotations

import math
from collections.abc import Callable

from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.timers import Timer
from cluster_emu.transfer.interfaces import Intensity


class Guest:
    """Follows the VM's write intensity, less what is taken from the guest.

    Args:
        path: the VM's own write intensity over time.
        loop: where changes of the intensity are waited for.
        about_to_change: called with the time just before the intensity changes by itself.
        changed: called with the time just after that.
    """

    def __init__(
        self,
        path: Intensity,
        loop: FluidLoop,
        about_to_change: Callable[[float], None],
        changed: Callable[[float], None],
    ) -> None:
        self.throttle = 0.0
        self.tracking_slowdown = 0.0
        self._path = path
        self._loop = loop
        self._about_to_change = about_to_change
        self._changed = changed
        self._wanted = 0.0
        self._next_change_s = math.inf
        self._timer: Timer | None = None

    @property
    def lost_share(self) -> float:
        """Share of its CPU time that is taken from the guest, by throttling and by tracking."""
        return self.throttle + self.tracking_slowdown * (1.0 - self.throttle)

    @property
    def intensity(self) -> float:
        """The write intensity that is left to the guest."""
        return self._wanted * (1.0 - self.throttle) * (1.0 - self.tracking_slowdown)

    def follow(self, now_s: float) -> None:
        """Follow the VM's own intensity from now on."""
        self._wanted = self._path.level(now_s)
        self._next_change_s = self._path.next_change(now_s)
        if math.isfinite(self._next_change_s):
            self._timer = self._loop.call_at(self._next_change_s, self._change)

    def leave(self) -> None:
        """Follow it no longer."""
        if self._timer is not None:
            self._loop.cancel(self._timer)

    def run_freely(self) -> None:
        """Take nothing from the guest any more."""
        self.throttle = 0.0
        self.tracking_slowdown = 0.0

    def _change(self, now_s: float) -> None:
        self._about_to_change(now_s)
        # the clock may show an instant that began a rounding error before the change
        self.follow(max(now_s, self._next_change_s))
        self._changed(now_s)
