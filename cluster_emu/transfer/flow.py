"""A migration as a transfer in the network: at which rate it sends, and when its next event comes.

The network tells a `Sending` its rate; it answers when, at that rate, the phase under way comes to
its next event: the end of a live round, of stop-and-copy, of the post-copy push. While that can be
predicted without the phase, the columns of `MigrationFlowGroup` do so together with others', and
the sending catches up later.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from cluster_emu.memory.base import RateEffect
from cluster_emu.network.flows import Flow
from cluster_emu.transfer.flow_group import MigrationFlowGroup, Prediction
from cluster_emu.transfer.guest import Guest
from cluster_emu.transfer.interfaces import Intensity
from cluster_emu.transfer.phases import LiveRound, SendingPhase, StoppedCopy


class Sending:
    """Carries the phases of one migration over the network, one after the other.

    Args:
        route: link numbers from source to target.
        weight: its share at a bottleneck, relative to other flows.
        flow_group: all that send in the network.
        intensity: the VM's write intensity over time.
        find_cap: returns the rate that a phase may not exceed.
        guest_lost: called with a share of the guest's CPU time and for how long it was taken.
        phase_ended: called with the time when the phase comes to its end; returns whether another
            one follows at once, else the migration leaves the network.

    Attributes:
        phase: what the link is being used for, or what is done in between; None for nothing.
        guest: the VM, which writes meanwhile.
    """

    def __init__(
        self,
        route: tuple[int, ...],
        weight: float,
        flow_group: MigrationFlowGroup,
        intensity: Intensity,
        find_cap: Callable[[SendingPhase], float],
        guest_lost: Callable[[float, float], None],
        phase_ended: Callable[[float], bool],
    ) -> None:
        self.phase: SendingPhase | None = None
        self.guest = Guest(intensity, flow_group.loop, self.account, self._intensity_changed)
        self._route = route
        self._weight = weight
        self._flow_group = flow_group
        self._loop = flow_group.loop
        self._number: int | None = None
        self._flow: Flow | None = None
        self._find_cap = find_cap
        self._guest_lost = guest_lost
        self._phase_ended = phase_ended
        self._cap_bytes_per_s = math.inf
        self._bytes_per_s = 0.0
        self._since_s = 0.0
        self._is_predicted = False

    @property
    def bytes_per_s(self) -> float:
        """The present rate."""
        if self._is_predicted and self._number is not None:
            return self._flow_group.bytes_per_s(self._number)
        return self._bytes_per_s

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire in the phase under way, as of the last event or change of the rate."""
        self.catch_up()
        return self.phase.bytes_sent if self.phase else 0.0

    def join(self, phase: SendingPhase, now_s: float) -> None:
        """Enter the network with a phase."""
        self.phase = phase
        self._since_s = now_s
        self._bytes_per_s = 0.0
        self._cap_bytes_per_s = self._find_cap(phase)
        self._number = self._flow_group.join(self)
        self._flow = self._loop.add(
            self._flow_group,
            self._route,
            member=self._number,
            cap=self._cap_bytes_per_s,
            weight=self._weight,
        )

    def go_on_with(self, phase: SendingPhase) -> None:
        """Take up another phase; the cap is found anew, as it depends on the pages due."""
        self.phase = phase
        cap = self._find_cap(phase)
        if cap != self._cap_bytes_per_s:
            self._cap_bytes_per_s = cap
            assert self._flow is not None
            self._loop.set_cap(self._flow, cap)

    def leave(self, now_s: float) -> SendingPhase | None:
        """Break the phase off and leave the network, if it is there; return it as it stands."""
        if self._flow is not None:
            self._loop.remove(self._flow)
            self._flow = None
        self.account(now_s)
        self._give_number_back()
        phase, self.phase = self.phase, None
        return phase

    def reschedule(self, now_s: float) -> None:
        """Foretell the next event anew: something has changed that the network does not know."""
        assert self._flow is not None
        self._loop.reschedule(self._flow, self._predict(now_s))

    def account(self, now_s: float) -> None:
        """Tell the phase what went over the wire since the last time."""
        duration_s = self.elapse(now_s)
        if duration_s > 0 and self.phase is not None:
            self.phase.advance(duration_s, self._bytes_per_s, self.guest.intensity)

    def elapse(self, now_s: float) -> float:
        """Return the time since the last event, counted as guest time where it is throttled."""
        self._stop_prediction()
        duration_s = now_s - self._since_s
        self._since_s = now_s
        self._count_lost(duration_s)
        return duration_s

    def catch_up(self) -> None:
        """Tell the phase of the rates it has had while its event was foretold without it."""
        if not self._is_predicted or self._number is None or self.phase is None:
            return
        for duration_s, bytes_per_s in self._flow_group.take_kept(self._number):
            self._count_lost(duration_s)
            self.phase.advance(duration_s, bytes_per_s, self.guest.intensity)

    def _count_lost(self, duration_s: float) -> None:
        lost_share = self.guest.lost_share
        if lost_share:
            self._guest_lost(lost_share, duration_s)

    # --- as the network sees it -------------------------------------------------------------------

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Account for what the old rate carried and return when the next event comes."""
        self.account(now_s)
        self._bytes_per_s = bytes_per_s
        return self._predict(now_s)

    def due(self, now_s: float) -> float | None:
        """Handle the event that was predicted; None leaves the network."""
        if self._must_plan_on:
            self.account(now_s)
            return self._predict(now_s)
        if self._phase_ended(now_s):
            return self._predict(now_s)
        self._bytes_per_s = 0.0
        self._flow = None
        self._give_number_back()
        return None

    @property
    def _must_plan_on(self) -> bool:
        """Whether what was predicted is not an event but a time to ask again."""
        if not isinstance(self.phase, LiveRound):
            return False
        if (
            self._is_predicted
            and self._number is not None
            and self._flow_group.is_bound(self._number)
        ):
            return True
        return not self.phase.end_is_known

    def _predict(self, now_s: float) -> float:
        """Plan; what the page state knows must be up to date."""
        phase, bytes_per_s = self.phase, self._bytes_per_s
        if phase is None or bytes_per_s <= 0:
            return math.inf
        left = phase.bytes_left(bytes_per_s, self.guest.intensity)
        if phase.rate_effect is not RateEffect.ANY and self._number is not None:
            sent, planned = phase.bytes_sent, phase.planned_bytes
            outlook = Prediction(phase.rate_effect, now_s, bytes_per_s, sent, planned)
            self._flow_group.predict(self._number, outlook)
            self._is_predicted = True
        return now_s + left / bytes_per_s

    def _stop_prediction(self) -> None:
        """Take the books back from the columns."""
        if self._is_predicted and self._number is not None:
            self.catch_up()
            self._since_s, self._bytes_per_s = self._flow_group.give_back(self._number)
            self._is_predicted = False

    def _give_number_back(self) -> None:
        if self._number is not None:
            self._flow_group.leave(self._number)
            self._number = None
            self._is_predicted = False

    def _intensity_changed(self, now_s: float) -> None:
        if self.phase is not None and not isinstance(self.phase, StoppedCopy):
            self.reschedule(now_s)
