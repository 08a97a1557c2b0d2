"""The push of missing pages after an early resume, in counts.

Whichever page faults and whichever is pushed next, places say nothing about write classes; so of
the missing pages any is as likely as another to be the next one pushed, and the next one touched is
of a class with a chance in proportion to how often its missing pages are touched together. What the
pages engine does one by one (`memory/postcopy.py`), stall by stall, needs no more than that.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.sizes import PageSizes
from cluster_emu.memory.lumped.cells import Counts
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.drawing import Push, push_on
from cluster_emu.memory.postcopy import FaultCosts
from cluster_emu.memory.rate_effect import RateEffect

Floats = NDArray[np.float64]

AT_ONCE = 1e12
"""Touches per operational second of a page that is given as touched from the start."""
VARIATES = 4096
"""Drawn at a time."""
MOST_PER_STEP = 64
"""Variates that one step may take: two, and one per class."""


class LumpedPush:
    """The pages a VM still lacks at the target, by write class, and the faults it suffers.

    Args:
        missing: pages of each class that the target lacks at resume, [classes].
        writes_per_page_s: writes per page and operational second, [classes].
        unit_bytes: bytes of a page on the wire.
        costs: what a fault costs.
        draws: the stream to draw from, or the mean field.
    """

    rate_effect = RateEffect.ANY

    def __init__(
        self,
        missing: Counts,
        writes_per_page_s: Floats,
        unit_bytes: float,
        costs: FaultCosts,
        draws: Draws,
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
        self._push = Push(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)

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
            if self._push.used + MOST_PER_STEP > len(self._variates):
                self._variates = self._draws.variates(VARIATES)
                self._push = self._push._replace(used=0)
            self._push = push_on(
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

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        self._missing[:] = 0.0
        self._push = self._push._replace(spare_bytes=0.0, waits=0.0)
