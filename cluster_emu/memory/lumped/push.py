"""The push of missing pages after an early resume, in counts.

Whichever page faults and whichever is pushed next, places say nothing about write classes; so of
the missing pages any is as likely as another to be the next one pushed, and the next one touched is
of a class with a chance in proportion to how often its missing pages are touched together. What the
pages engine does one by one (`memory/postcopy.py`), stall by stall, needs no more than that.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.memory.base import FaultCosts, RateEffect
from cluster_emu.memory.lumped.cells import Counts
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.drawing import drawn, uniform_of
from cluster_emu.memory.lumped.members import PushMembers

Floats = NDArray[np.float64]

AT_ONCE = 1e12
"""Touches per operational second of a page that is given as touched from the start."""
VARIATES = 4096
"""Drawn at a time."""
MOST_PER_STEP = 64
"""Variates that one step may take where there are few classes: two, and one per class."""


class Push(NamedTuple):
    """Where a push of missing pages stands.

    Args:
        left_s: time to go.
        spare_bytes: bytes sent for which no page has been handed over.
        touches_left: touches of missing pages expected until the next one comes; 0 for not drawn.
        set_left_s: operational time for which the present moving set still lasts.
        waits: pages the VM waits for: none, one, or a part of one in the mean field.
        begins_s: in how much time that page begins to be sent.
        arrives_bytes: and after how many bytes from then it has arrived.
        faults: pages asked for so far.
        stall_s: time waited so far.
        used: variates used up.
    """

    left_s: float
    spare_bytes: float
    touches_left: float
    set_left_s: float
    waits: float
    begins_s: float
    arrives_bytes: float
    faults: float
    stall_s: float
    used: int


class LumpedPush:
    """The pages a VM still lacks at the target, by write class, and the faults it suffers.

    Args:
        missing: pages of each class that the target lacks at resume, [classes].
        writes_per_page_s: writes per page and operational second, [classes].
        unit_bytes: bytes of a page on the wire.
        costs: what a fault costs.
        draws: the stream to draw from, or the mean field.
        members: who is in the moving sets to come, if there are such sets; as touches are more
            frequent than writes, the sets move that much faster as well.
    """

    rate_effect = RateEffect.NONE

    def __init__(
        self,
        missing: Counts,
        writes_per_page_s: Floats,
        unit_bytes: float,
        costs: FaultCosts,
        draws: Draws,
        members: PushMembers | None = None,
    ) -> None:
        self._missing = missing.astype(np.float64)
        self.sizes = PageSizes(round(self._missing.sum()), unit_bytes)
        self.bytes_sent: float = 0.0
        self._touches_per_s = writes_per_page_s * costs.touches_per_write
        self._costs = costs
        self._draws = draws
        self.faults: int = 0
        self.stall_s: float = 0.0
        self._variates = draws.variates(0)
        self._most_per_step = max(MOST_PER_STEP, len(missing) + 2)
        self._members = members
        set_left_s = math.inf if members is None else members.left_s / costs.touches_per_write
        self._push = Push(0.0, 0.0, 0.0, set_left_s, 0.0, 0.0, 0.0, 0.0, 0.0, 0)

    @property
    def bytes_left(self) -> float:
        """Bytes that still have to cross the wire."""
        pages = float(self._missing.sum()) + self._push.waits
        return max(pages * self.sizes.unit_bytes - self._push.spare_bytes, 0.0)

    @property
    def pages_arrived(self) -> int:
        """Pages that have reached the target since the VM resumed."""
        missing = float(self._missing.sum())
        return self.sizes.count - math.ceil(missing + self._push.waits)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Push pages and serve faults at a constant link rate and write intensity."""
        self.bytes_sent += bytes_per_s * duration_s
        self._push = self._push._replace(left_s=duration_s)
        while self._push.left_s > 0:
            if self._push.set_left_s <= 0:
                self._begin_set()
            if self._push.used + self._most_per_step > len(self._variates):
                self._variates = self._draws.variates(VARIATES)
                self._push = self._push._replace(used=0)
            self._push = _push_on(
                self._push,
                self._missing,
                self._touches_per_s,
                bytes_per_s,
                intensity,
                self.sizes.unit_bytes,
                self._costs.round_trip_s,
                float(self._costs.queued_pages),
                self._variates,
            )
        self.faults, self.stall_s = round(self._push.faults), self._push.stall_s

    def _begin_set(self) -> None:
        """Let another moving set begin."""
        assert self._members is not None
        self._missing = self._members.drawn_anew(self._missing)
        period_s = self._members.hot.period_s / self._costs.touches_per_write
        self._push = self._push._replace(set_left_s=period_s)

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        self._missing[:] = 0.0
        self._push = self._push._replace(spare_bytes=0.0, waits=0.0)


@compiled
def _push_on(
    push: Push,
    missing: Floats,
    touches_per_s: Floats,
    bytes_per_s: float,
    intensity: float,
    unit_bytes: float,
    round_trip_s: float,
    queued_pages: float,
    normal: Floats,
) -> Push:
    """Push missing pages and serve faults until time, variates or the moving set are used up.

    Args:
        push: where it stands.
        missing: pages of each class; changed, [classes].
        touches_per_s: touches per page and operational second, [classes].
        bytes_per_s: rate of the link.
        intensity: operational seconds per second.
        unit_bytes: bytes of a page.
        round_trip_s: from a fault until its page begins to be sent.
        queued_pages: pages that are sent before it all the same.
        normal: variates, or none.
    """
    left_s, spare_bytes, touches_left, set_left_s, waits, begins_s, arrives_bytes = push[:7]
    faults, stall_s, used = push[7:]
    is_random, classes = len(normal) > 0, len(missing)
    while left_s > 0 and set_left_s > 0 and (not is_random or used + classes + 2 <= len(normal)):
        total, step_s = missing.sum(), left_s
        is_fault = arrives = False
        if waits > 0:
            sending_s = arrives_bytes / bytes_per_s if bytes_per_s > 0 else math.inf
            arrives = begins_s + sending_s <= left_s
            step_s = min(begins_s + sending_s, left_s)
            stall_s += step_s
            arrives_bytes -= bytes_per_s * max(step_s - begins_s, 0.0)
            begins_s = max(begins_s - step_s, 0.0)
        else:
            per_s = intensity * (touches_per_s * missing).sum()
            if bytes_per_s > 0 and total > 0:  # short enough for the rest to stay about the same
                step_s = min(step_s, max(total / 64, 64.0) * unit_bytes / bytes_per_s)
                pushed = min(bytes_per_s * step_s / unit_bytes, total)
                per_s *= 1.0 - pushed / (2.0 * total)
            if intensity > 0:
                step_s = min(step_s, set_left_s / intensity)
            if touches_left <= 0:
                touches_left = 1.0
                if is_random:
                    touches_left = -math.log(uniform_of(normal[used]))
                    used += 1
            is_fault = per_s > 0 and touches_left <= per_s * step_s
            if is_fault:
                step_s = touches_left / per_s
            touches_left = 0.0 if is_fault else touches_left - per_s * step_s
            set_left_s -= intensity * step_s
        left_s -= step_s

        spare_bytes += bytes_per_s * step_s  # of these a page that is waited for keeps its own
        pages = min(math.floor(spare_bytes / unit_bytes) - waits, math.ceil(total))
        if pages > 0:
            spare_bytes -= pages * unit_bytes
            to_take, among = min(pages, total), total
            for c in range(classes):
                share = min(missing[c] / among, 1.0) if among > 0 else 0.0
                taken = to_take * share
                if is_random:
                    taken = drawn(to_take, share, normal[used])
                    used += 1
                taken = min(max(taken, to_take - (among - missing[c])), to_take, missing[c])
                to_take, among = to_take - taken, among - missing[c]
                missing[c] -= taken

        if arrives:
            spare_bytes -= waits * unit_bytes
            waits = 0.0
        if is_fault and missing.sum() > 0:
            weights = touches_per_s * missing
            if is_random:
                place = uniform_of(normal[used]) * weights.sum()
                used += 1
                c = 0
                while c < classes - 1 and (place >= weights[c] or missing[c] < 1):
                    place -= weights[c]
                    c += 1
                while c > 0 and missing[c] < 1:  # the sum was rounded up
                    c -= 1
                missing[c] -= 1.0
                waits = 1.0
            else:
                for c in range(classes):
                    taken = min(weights[c] / max(weights.sum(), 1e-300), missing[c])
                    missing[c] -= taken
                    waits += taken
            begins_s, arrives_bytes = round_trip_s, (waits + queued_pages) * unit_bytes
            faults += waits
    return Push(
        left_s,
        spare_bytes,
        touches_left,
        set_left_s,
        waits,
        begins_s,
        arrives_bytes,
        faults,
        stall_s,
        used,
    )
