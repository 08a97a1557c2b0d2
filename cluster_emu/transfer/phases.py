"""The ways a migration can use its link: live rounds, stop-and-copy, post-copy push, or waiting.

A phase knows how many bytes it still needs at a given rate and write intensity, and takes the bytes
and the time that passed. It knows neither the clock nor the network.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.memory.base import MemoryEngine, PostCopyMemory, RateEffect, RoundCounts
from cluster_emu.transfer.controller import MigrationController

NO_PAGES = PageSizes(0, 1.0)


class SendingPhase(Protocol):
    """What the link is being used for.

    Attributes:
        start_s: simulated time at which it began.
    """

    start_s: float

    def bytes_left(self, bytes_per_s: float, intensity: float) -> float:
        """Return the bytes until the phase's next event if rate and intensity stay."""
        ...

    @property
    def rate_effect(self) -> RateEffect:
        """How what `bytes_left` returned last depends on the rate."""
        ...

    @property
    def planned_bytes(self) -> float:
        """Bytes sent in the phase by the event that `bytes_left` has told last; not with `ANY`."""
        ...

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let time pass at constant rate and intensity, short of the next event."""
        ...

    @property
    def bytes_sent(self) -> float:
        """Bytes sent in the phase so far (in the round under way, for live rounds)."""
        ...

    @property
    def sizes(self) -> PageSizes:
        """What the pages take that are to be sent in the phase (or in the round under way)."""
        ...


class LiveRound:
    """One live pre-copy round.

    Args:
        engine: the VM's page state, between two rounds.
        controller: may cut a round short to read the log.
        start_s: simulated time at which the round begins.
    """

    def __init__(
        self, engine: MemoryEngine, controller: MigrationController, start_s: float
    ) -> None:
        self.start_s = start_s
        self._engine = engine
        self._controller = controller
        self.is_cut = False
        self.rate_effect = RateEffect.ANY
        self.planned_bytes = 0.0
        engine.begin_round()

    def bytes_left(self, bytes_per_s: float, intensity: float) -> float:
        """Plan the rest of the round and return what it takes."""
        self.rate_effect = RateEffect.ANY
        if self.is_cut:
            return self._engine.cut_short()
        undrained = self._controller.sync_threshold_bytes(bytes_per_s)
        left = self._engine.plan(intensity / bytes_per_s, undrained)
        if undrained == 0:  # else when the round is cut depends on the rate
            self.rate_effect = self._engine.rate_effect
        if self.rate_effect is not RateEffect.ANY:
            self.planned_bytes = self.bytes_sent + left
        return left

    @property
    def end_is_known(self) -> bool:
        """Whether `bytes_left` tells the end of the round, not only when to ask again."""
        return self._engine.end_is_known

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Send pages and let the VM write others."""
        self._engine.advance(bytes_per_s * duration_s, intensity * duration_s)

    def cut_short(self) -> None:
        """End the round as soon as the page in transit is on the wire."""
        self.is_cut = True

    def end(self, duration_s: float, intensity: float) -> RoundCounts:
        """Finish the round after `duration_s` more seconds and return what happened."""
        return self._engine.end_round(intensity * duration_s)

    @property
    def sizes(self) -> PageSizes:
        """What the pages take that are due in the round."""
        return self._engine.round_sizes

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come."""
        return self._engine.bytes_waiting

    def abandon(self) -> RoundCounts:
        """End the round at once; the page in transit counts as sent, with the bytes it has sent."""
        sent_bytes = self.bytes_sent
        self._engine.cut_short()
        return replace(self._engine.end_round(0.0), bytes_sent=sent_bytes)

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self._engine.sent_in_round[1]


class WaitingRound:
    """A live round that waits for its turn on the network, while its VM goes on writing.

    Args:
        engine: the VM's page state, between two rounds.
        start_s: simulated time at which the wait begins.
    """

    rate_effect = RateEffect.ANY
    planned_bytes = math.inf

    def __init__(self, engine: MemoryEngine, start_s: float) -> None:
        self.start_s = start_s
        self.bytes_sent = 0.0
        self._engine = engine

    def bytes_left(self, bytes_per_s: float, intensity: float) -> float:
        """Return infinity: waiting ends by the turn, not by bytes."""
        return math.inf

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let the VM write."""
        self._engine.wait(intensity * duration_s)

    @property
    def sizes(self) -> PageSizes:
        """Return the sizes of no pages: none is sent."""
        return NO_PAGES


class StoppedCopy:
    """From the pause to the resume; when the VM is suspended, pages are sent, then device state.

    Args:
        start_s: simulated time of the pause.

    Attributes:
        total_bytes: what there is to send, as far as it is known.
    """

    rate_effect = RateEffect.NONE

    def __init__(self, start_s: float) -> None:
        self.start_s = start_s
        self.sizes = NO_PAGES
        self.total_bytes = 0.0
        self.bytes_sent = 0.0

    def load(self, sizes: PageSizes, device_state_bytes: float) -> None:
        """Have these pages and the device state sent: the VM is suspended."""
        self.sizes = sizes
        self.total_bytes = device_state_bytes + sizes.total_bytes

    @property
    def planned_bytes(self) -> float:
        """All there is to send."""
        return self.total_bytes

    def finish(self) -> None:
        """Let the last byte arrive; what is left is the resume."""
        self.bytes_sent = self.total_bytes

    def bytes_left(self, bytes_per_s: float, intensity: float) -> float:
        """Return what has not been sent."""
        return max(self.total_bytes - self.bytes_sent, 0.0)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Send at the given rate."""
        self.bytes_sent += bytes_per_s * duration_s

    @property
    def pages_sent(self) -> int:
        """Whole pages on the wire so far."""
        if self.bytes_sent >= self.total_bytes:
            return self.sizes.count
        return self.sizes.whole_pages_in(self.bytes_sent)

    @property
    def encode_cpu_s(self) -> float:
        """Processor time that encoding what was sent took."""
        if self.bytes_sent >= self.total_bytes:
            return self.sizes.total_cpu_s
        return self.sizes.cpu_s_until(self.bytes_sent)


class PostCopyPush:
    """The push of missing pages, with demand faults, after the VM runs at the target."""

    def __init__(self, engine: PostCopyMemory, start_s: float) -> None:
        self.start_s = start_s
        self.engine = engine
        self.sizes = engine.sizes
        self.rate_effect = engine.rate_effect
        self.planned_bytes = engine.bytes_left
        self._is_whole = False

    def bytes_left(self, bytes_per_s: float, intensity: float) -> float:
        """Return what has not been sent; faults change the order of pages, not their number."""
        return max(self.engine.bytes_left, 0.0)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Push pages and serve faults."""
        self.engine.advance(duration_s, bytes_per_s, intensity)

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        self.engine.finish()
        self._is_whole = True

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self.planned_bytes if self._is_whole else self.engine.bytes_sent

    @property
    def pages_sent(self) -> int:
        """Pages that have arrived so far."""
        return self.engine.pages_arrived

    @property
    def encode_cpu_s(self) -> float:
        """Processor time that encoding what was sent took."""
        if self._is_whole:
            return self.sizes.total_cpu_s
        return self.sizes.cpu_s_until(self.bytes_sent)
