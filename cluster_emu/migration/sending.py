"""A migration as a transfer in the network: at which rate it sends, and when its next event comes.

The network tells a `Sending` its rate; it answers when, at that rate, the phase under way comes to
its next event: the end of a live round, of stop-and-copy, of the post-copy push.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from cluster_emu.migration.guest import Guest
from cluster_emu.migration.neighbours import Intensity
from cluster_emu.migration.phases import LiveRound, SendingPhase, StoppedCopy
from cluster_emu.network.fluid import FluidLoop


class Sending:
    """Carries the phases of one migration over the network, one after the other.

    Args:
        route: link numbers from source to target.
        weight: its share at a bottleneck, relative to other flows.
        loop: the network.
        intensity: the VM's write intensity over time.
        find_cap: returns the rate that a phase may not exceed.
        guest_lost: called with a share of the guest's CPU time and for how long it was taken.
        phase_ended: called with the time when the phase comes to its end; returns whether another
            one follows at once, else the migration leaves the network.

    Attributes:
        phase: what the link is being used for, or what is done in between; None for nothing.
        guest: the VM, which writes meanwhile.
        bytes_per_s: present rate.
    """

    def __init__(
        self,
        route: tuple[int, ...],
        weight: float,
        loop: FluidLoop,
        intensity: Intensity,
        find_cap: Callable[[SendingPhase], float],
        guest_lost: Callable[[float, float], None],
        phase_ended: Callable[[float], bool],
    ) -> None:
        self.phase: SendingPhase | None = None
        self.guest = Guest(intensity, loop, self.account, self._intensity_changed)
        self.bytes_per_s = 0.0
        self._route = route
        self._weight = weight
        self._loop = loop
        self._find_cap = find_cap
        self._guest_lost = guest_lost
        self._phase_ended = phase_ended
        self._cap_bytes_per_s = math.inf
        self._since_s = 0.0

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire in the phase under way, as of the last event."""
        return self.phase.bytes_sent if self.phase else 0.0

    def join(self, phase: SendingPhase, now_s: float) -> None:
        """Enter the network with a phase."""
        self.phase = phase
        self._since_s = now_s
        self.bytes_per_s = 0.0
        self._cap_bytes_per_s = self._find_cap(phase)
        self._loop.add(self, self._route, cap=self._cap_bytes_per_s, weight=self._weight)

    def go_on_with(self, phase: SendingPhase) -> None:
        """Take up another phase; the cap is found anew, as it depends on the pages due."""
        self.phase = phase
        cap = self._find_cap(phase)
        if cap != self._cap_bytes_per_s:
            self._cap_bytes_per_s = cap
            self._loop.set_cap(self, cap)

    def leave(self, now_s: float) -> SendingPhase | None:
        """Break the phase off and leave the network, if it is there; return it as it stands."""
        if self in self._loop:
            self._loop.remove(self)
        self.account(now_s)
        phase, self.phase = self.phase, None
        return phase

    def reschedule(self, now_s: float) -> None:
        """Foretell the next event anew: something has changed that the network does not know."""
        self._loop.reschedule(self, self._predict(now_s))

    def account(self, now_s: float) -> None:
        """Tell the phase what went over the wire since the last time."""
        duration_s = self.elapse(now_s)
        if duration_s > 0 and self.phase is not None:
            self.phase.advance(duration_s, self.bytes_per_s, self.guest.intensity)

    def elapse(self, now_s: float) -> float:
        """Return the time since the last event, counted as guest time where it is throttled."""
        duration_s = now_s - self._since_s
        self._since_s = now_s
        self._guest_lost(self.guest.lost_share, duration_s)
        return duration_s

    # --- as the network sees it -------------------------------------------------------------------

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Account for what the old rate carried and return when the next event comes."""
        self.account(now_s)
        self.bytes_per_s = bytes_per_s
        return self._predict(now_s)

    def due(self, now_s: float) -> float | None:
        """Handle the event that was predicted; None leaves the network."""
        if isinstance(self.phase, LiveRound) and not self.phase.end_is_known:
            self.account(now_s)
            return self._predict(now_s)
        if self._phase_ended(now_s):
            return self._predict(now_s)
        self.bytes_per_s = 0.0
        return None

    def _predict(self, now_s: float) -> float:
        if self.phase is None or self.bytes_per_s <= 0:
            return math.inf
        left = self.phase.bytes_left(self.bytes_per_s, self.guest.intensity)
        return now_s + left / self.bytes_per_s

    def _intensity_changed(self, now_s: float) -> None:
        if self.phase is not None and not isinstance(self.phase, StoppedCopy):
            self.reschedule(now_s)
