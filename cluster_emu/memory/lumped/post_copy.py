"""The push of missing pages after an early resume and its demand faults, in counts.

Addresses and write classes are independent, also after any faults and pushes. So all missing pages
are equally likely to be pushed next. The next touched page is of a class with a chance in
proportion to the rate of touches of all missing pages of that class. The
pages engine takes the pages one by one (`memory/pages/post_copy.py`), stall by stall.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.memory.base import FaultCosts, RateDependence
from cluster_emu.memory.lumped._kernels import (
    PAGE_REQUEST,
    PUSH_SETTING,
    PUSH_STATE,
    push_missing_pages,
)
from cluster_emu.memory.lumped.draws import Draws
from cluster_emu.memory.lumped.membership import MembershipAfterResume

Floats = NDArray[np.float64]

TOUCHED_AT_ONCE_PER_S = 1e12
"""Touches per operational second of a page that is given as touched from the start."""
NORMALS_PER_CALL = 4096
MOST_NORMALS_PER_STEP = 64
"""Normal deviates that one step may take where there are few classes: two, and one per class."""


class LumpedPostCopy:
    """The pages that the target still lacks, by write class, and the faults of the VM.

    Args:
        missing: pages of each class that the target lacks at resume, [classes].
        writes_per_page_s: writes per page and operational second, [classes].
        page_bytes: bytes of a page on the wire; of each class where they differ, [classes].
        costs: what a fault costs.
        draws: the stream to draw from, or the mean field.
        membership: draws the members of the next working sets, if the set moves. Touches are more
            frequent than writes, and the sets move faster by the same factor.
    """

    rate_dependence = RateDependence.NONE

    def __init__(
        self,
        missing: Floats,
        writes_per_page_s: Floats,
        page_bytes: float | Floats,
        costs: FaultCosts,
        draws: Draws,
        membership: MembershipAfterResume | None = None,
    ) -> None:
        self._missing = missing.astype(np.float64)
        self._page_bytes: Floats = np.full(len(missing), page_bytes)
        sizes = np.unique(self._page_bytes)
        in_all_bytes, count = 0.0, 0
        for each in sizes:
            here = self._page_bytes == each
            pages = round(self._missing[here].sum())
            if not draws.is_random and self._missing[here].any():
                self._missing[here] *= pages / self._missing[here].sum()  # whole pages on the wire
            in_all_bytes, count = in_all_bytes + pages * float(each), count + pages
        self._differ = 0 < in_all_bytes != count * float(sizes[-1])
        self.sizes = PageSizes(count, float(sizes[-1]))
        if self._differ:
            self.sizes = PageSizes(count, in_all_bytes / count, in_all_bytes=in_all_bytes)
        self.bytes_sent: float = 0.0
        self._touches_per_s = writes_per_page_s * costs.touches_per_write
        self._costs = costs
        self._draws = draws
        self.faults: int = 0
        self.stall_s: float = 0.0
        self._normals = draws.normals(0)
        self._most_per_step = max(MOST_NORMALS_PER_STEP, len(missing) + 2)
        self._membership = membership
        set_left_s = math.inf if membership is None else membership.left_s / costs.touches_per_write
        self._table = np.zeros(1, dtype=PUSH_STATE)
        self._state = self._table[0]
        self._requests = np.zeros(costs.processors, dtype=PAGE_REQUEST)
        self._state["set_left_s"] = set_left_s

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Let the state of a copy be the row of its table again."""
        self.__dict__.update(state)
        self._state = self._table[0]

    @property
    def bytes_left(self) -> float:
        """Bytes that still have to cross the wire."""
        spare_bytes = float(self._state["spare_bytes"])
        if self._differ:
            missing_bytes = float(self._missing @ self._page_bytes)
            return max(missing_bytes + float(self._state["waits_bytes"]) - spare_bytes, 0.0)
        pages = float(self._missing.sum()) + float(self._state["waits"])
        return max(pages * self.sizes.unit_bytes - spare_bytes, 0.0)

    @property
    def pages_arrived(self) -> int:
        """Pages that have reached the target since the VM resumed."""
        missing = float(self._missing.sum())
        return self.sizes.count - math.ceil(missing + float(self._state["waits"]))

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Push pages and serve faults at a constant link rate and write intensity."""
        self.bytes_sent += bytes_per_s * duration_s
        state, costs = self._state, self._costs
        state["left_s"] = duration_s
        row = (
            bytes_per_s,
            intensity,
            0.0 if self._differ else self.sizes.unit_bytes,
            costs.round_trip_s,
            costs.queued_pages,
        )
        setting = np.array([row], dtype=PUSH_SETTING)
        while state["left_s"] > 0:
            if state["set_left_s"] <= 0:
                self._begin_set()
            if state["used"] + self._most_per_step > len(self._normals):
                self._normals = self._draws.normals(NORMALS_PER_CALL)
                state["used"] = 0
            push_missing_pages(
                self._table,
                self._requests,
                setting,
                self._missing,
                self._touches_per_s,
                self._page_bytes,
                self._normals,
            )
        self.faults, self.stall_s = round(float(state["faults"])), float(state["stall_s"])

    def _begin_set(self) -> None:
        """Let another working set begin."""
        assert self._membership is not None
        self._missing = self._membership.redraw(self._missing)
        period_s = self._membership.hot.period_s / self._costs.touches_per_write
        self._state["set_left_s"] = period_s

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        self._missing[:] = 0.0
        self._state["spare_bytes"] = self._state["waits"] = self._state["waiting"] = 0
