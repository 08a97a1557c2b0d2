"""Who gets how much: the rates of all flows, kept right as flows, caps and capacities change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.columns import Flows, Links, Scratch
from cluster_emu.network.compiling import INTERPRETED, Kernel, compiled, is_compiled
from cluster_emu.network.flows import FlowTable
from cluster_emu.network.members import Members
from cluster_emu.network.sharing import TIE

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MANY_FLOWS = 500
MANY_STEPS = 500_000
"""With more flows, or after more steps, loading the compiled functions pays."""

STEPS_PER_CROSSING = 50
FEWEST_STEPS = 10_000
"""A change that needs more steps is followed no further; all levels are found anew in fewer."""


class Tier:
    """Flows that share links among themselves, max-min fairly.

    Args:
        flows: the table of flows; only those that join here count.
        limits: what these may have of each link together, shape [links].
    """

    def __init__(self, flows: FlowTable, limits: Floats) -> None:
        count = len(limits)
        self._members = Members(count)
        self.links = Links(
            limit=limits.copy(),
            level=np.full(count, np.inf),
            begin=self._members.begin,
            count=self._members.count,
            member=self._members.flow,
            due=np.full(count, np.inf),
            next=np.zeros(count),
            queue=np.zeros(count, dtype=np.intp),
            place=np.zeros(count, dtype=np.intp),
            waiting=np.zeros(1, dtype=np.intp),
            load=np.zeros(count),
            is_listed=np.zeros(count, dtype=np.bool_),
        )
        self.steps = 0
        self._flows = flows
        self._views = Links(*(column.data for column in self.links))
        self._scratch = Scratch(*([np.empty(0)] * 4))
        self._scratch_views = self._scratch
        self._slots: dict[int, None] = {}
        self._crossing_count = 0
        self._asked_flows: dict[int, None] = {}
        self._asked_links: dict[int, None] = {}
        self._touched_links: dict[int, None] = {}

    def __contains__(self, slot: int) -> bool:
        """Tell whether the flow in a slot has joined."""
        return slot in self._slots

    def join(self, slot: int) -> None:
        """Let a flow join; its rate is found by `renew`."""
        self._slots[slot] = None
        self._asked_flows[slot] = None
        crossings, link = self._flows.crossings(slot), self._flows.views.link
        for crossing in crossings:
            self._members.add(link[crossing], slot, crossing)
        self._crossing_count += len(crossings)

    def leave(self, slot: int) -> None:
        """Take a flow out; the others' rates are found by `renew`."""
        del self._slots[slot]
        self._asked_flows.pop(slot, None)
        crossings = self._flows.crossings(slot)
        for crossing in crossings:
            link = self._flows.views.link[crossing]
            self._members.remove(link, crossing)
            self._touched_links[link] = None
            if self._views.level[link] < np.inf:  # else it stops no flow, and now still less
                self._asked_links[link] = None
        self._crossing_count -= len(crossings)

    def cap_changed(self, slot: int) -> None:
        """Note that a flow's cap is another one from now on."""
        self._asked_flows[slot] = None

    def set_limit(self, link: int, limit: float) -> None:
        """Change what the flows may have of a link."""
        self._views.limit[link] = limit
        self._asked_links[link] = None
        self._touched_links[link] = None

    def renew(self, kernel: Kernel) -> tuple[Indices, Indices]:
        """Find all rates; return the slots whose rate changed and the links whose load may have.

        The links whose limit changed are among these.
        """
        asked = list(self._asked_flows), list(self._asked_links)
        most_steps = FEWEST_STEPS + STEPS_PER_CROSSING * self._crossing_count
        told, touched, steps = self._follow(kernel, *asked, most_steps)
        if steps > most_steps:
            told, touched, _ = self._find_all(kernel)
        self._asked_flows.clear()
        self._asked_links.clear()
        self._touched_links.clear()
        return self._scratch.flows[:told].copy(), self._scratch.links[:touched].copy()

    def _follow(
        self, kernel: Kernel, flows: Sequence[int], links: Sequence[int], most_steps: int
    ) -> tuple[int, int, int]:
        touched = list(self._touched_links)
        numbers = (_numbers(kernel, some) for some in (flows, links, touched))
        told, touched_count, steps = kernel(*self._state(kernel), *numbers, most_steps)
        self.steps += steps
        return told, touched_count, steps

    def _find_all(self, kernel: Kernel) -> tuple[int, int, int]:
        """Find all levels anew, which is to fill the links progressively, and list all flows."""
        self.links.level[:] = np.inf
        self._flows.columns.is_listed[:] = False
        return self._follow(kernel, list(self._slots), [], sys.maxsize)

    def _state(self, kernel: Kernel) -> tuple[Flows, Links, Scratch]:
        self._make_room()
        if kernel is INTERPRETED:
            return self._flows.views, self._views, self._scratch_views
        return self._flows.columns, self.links, self._scratch

    def _make_room(self) -> None:
        if self.links.member is not self._members.flow:
            self.links = self.links._replace(member=self._members.flow)
            self._views = self._views._replace(member=self._members.flow.data)
        slots, crossings = len(self._flows.columns.rate), len(self._flows.columns.link)
        if len(self._scratch.flows) < slots or len(self._scratch.stop) < crossings:
            self._scratch = Scratch(
                stop=np.empty(crossings),
                share=np.empty(crossings),
                flows=np.empty(slots, dtype=np.intp),
                links=np.empty(len(self.links.level), dtype=np.intp),
            )
            self._scratch_views = Scratch(*(room.data for room in self._scratch))


class Shares:
    """The rates of all flows, of which some may go before the rest.

    Those share the links as if they were alone, the others what is left.

    Args:
        flows: the table of flows.
        capacities: capacity of each link, shape [links].
    """

    def __init__(self, flows: FlowTable, capacities: Floats) -> None:
        self.capacity = capacities.copy()
        self._flows = flows
        self._rest = Tier(flows, capacities)
        self._first: Tier | None = None

    def join(self, slot: int, *, first: bool) -> None:
        """Let a flow join, before or among the rest."""
        if first and self._first is None:
            self._first = Tier(self._flows, self.capacity)
        tier = self._first if first and self._first is not None else self._rest
        tier.join(slot)

    def leave(self, slot: int) -> None:
        """Take a flow out."""
        self._tier_of(slot).leave(slot)

    def cap_changed(self, slot: int) -> None:
        """Note that a flow's cap is another one from now on."""
        self._tier_of(slot).cap_changed(slot)

    def set_capacity(self, link: int, capacity: float) -> None:
        """Change the capacity of a link."""
        self.capacity[link] = capacity
        (self._rest if self._first is None else self._first).set_limit(link, capacity)

    def renew(self) -> tuple[Indices, Indices]:
        """Find all rates; return the slots to be told theirs and the links whose load may differ.

        The slots are in the order in which their flows joined; links whose capacity changed are
        among the links.
        """
        kernel = self._kernel()
        told, touched = self._rest_of(kernel)
        return self._flows.in_order(told), touched

    def load(self, links: Indices) -> Floats:
        """Return the sum of the rates on some links, shape [links given]."""
        load: Floats = self._rest.links.load[links]
        return load if self._first is None else load + self._first.links.load[links]

    def _rest_of(self, kernel: Kernel) -> tuple[Indices, Indices]:
        if self._first is None:
            return self._rest.renew(kernel)
        told_first, touched_first = self._first.renew(kernel)
        self._leave_the_rest(touched_first)
        told, touched = self._rest.renew(kernel)
        return np.concatenate([told_first, told]), np.union1d(touched_first, touched)

    def _leave_the_rest(self, links: Indices) -> None:
        assert self._first is not None
        capacity = self.capacity[links]
        left = capacity - self._first.links.load[links]
        left[left <= TIE * capacity] = 0.0  # A full link has nothing left, whatever rounding says.
        for link, limit in zip(links.tolist(), left.tolist(), strict=True):
            self._rest.set_limit(link, limit)

    def _tier_of(self, slot: int) -> Tier:
        return self._rest if slot in self._rest or self._first is None else self._first

    def _kernel(self) -> Kernel:
        """Choose what is faster in all; the results are the same bit for bit."""
        steps = self._rest.steps + (self._first.steps if self._first is not None else 0)
        pays = is_compiled() or len(self._flows) > MANY_FLOWS or steps > MANY_STEPS
        return compiled() if pays else INTERPRETED


def _numbers(kernel: Kernel, numbers: Sequence[int]) -> Any:
    return numbers if kernel is INTERPRETED else np.array(numbers, dtype=np.intp)
