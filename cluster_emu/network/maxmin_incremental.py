"""Max-min fair rates of all flows, solved again from each change of flows, caps and capacities.

The algorithm is in `_maxmin_kernels`. This module has the columns that it uses, and the changes
since it last ran. There are two priority classes: inelastic flows share the links as if they were
alone, elastic flows share the capacity that is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu._jit import compiled_copy, has_compiled_copy
from cluster_emu.network import _maxmin_kernels
from cluster_emu.network._maxmin_kernels import LinkColumns, Workspace
from cluster_emu.network.flows import FlowTable, doubled
from cluster_emu.network.maxmin import TIE_SHARE

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Column = NDArray[Any]

Kernel = Callable[..., tuple[int, int, int]]
"""`_maxmin_kernels.solve`, interpreted or compiled."""

INTERPRETED: Kernel = _maxmin_kernels.solve

MANY_FLOWS = 500
MANY_STEPS = 500_000
"""With more flows, or after more steps, the compiled functions save more than they take to load."""

STEPS_PER_HOP = 50
FEWEST_STEPS = 10_000
"""A search that needs more steps is given up, because solving from scratch takes fewer."""

FIRST_PLACES = 4
"""The size of a link's first block in `LinkFlows`."""


class Priority(Enum):
    """Which flows are served first."""

    INELASTIC = "inelastic"
    ELASTIC = "elastic"


class IncrementalMaxMin:
    """The max-min fair rates of the flows in a table, by priority class.

    Args:
        flows: the table of flows.
        capacities: capacity of each link, shape [links].
    """

    def __init__(self, flows: FlowTable, capacities: Floats) -> None:
        self.capacity = capacities.copy()
        self._flows = flows
        self._elastic = PriorityClass(flows, capacities)
        self._inelastic: PriorityClass | None = None  # most networks have none
        # loading the compiled functions takes long, but where they are loaded they are faster
        is_loaded = has_compiled_copy(_maxmin_kernels)
        self._kernel: Kernel = compiled_copy(_maxmin_kernels).solve if is_loaded else INTERPRETED

    def join(self, slot: int, priority: Priority) -> None:
        """Let the flow in a slot join a priority class."""
        if priority is Priority.ELASTIC:
            self._elastic.join(slot)
            return
        if self._inelastic is None:
            self._inelastic = PriorityClass(self._flows, self.capacity)
        self._inelastic.join(slot)

    def leave(self, slot: int) -> None:
        """Take a flow out."""
        self._class_of(slot).leave(slot)

    def cap_changed(self, slot: int) -> None:
        """Record that the cap of a flow has changed in the table."""
        self._class_of(slot).cap_changed(slot)

    def set_capacity(self, link: int, capacity: float) -> None:
        """Change the capacity of a link."""
        self.capacity[link] = capacity
        first = self._elastic if self._inelastic is None else self._inelastic
        first.set_capacity(link, capacity)

    def solve(self, now_s: float) -> tuple[Indices, Indices]:
        """Find all rates; return the slots whose rate changed and the links whose load may have.

        The slots are in the order in which their flows joined. Links whose capacity changed are
        among the links. What stops each flow is counted from `now_s` on.
        """
        if self._kernel is INTERPRETED and self._compiling_pays():
            self._kernel = compiled_copy(_maxmin_kernels).solve
        kernel = self._kernel
        if self._inelastic is None:
            changed, links = self._elastic.solve(kernel, now_s)
            return self._flows.in_order(changed), links
        inelastic, inelastic_links = self._inelastic.solve(kernel, now_s)
        self._leave_to_elastic(self._inelastic, inelastic_links)
        elastic, elastic_links = self._elastic.solve(kernel, now_s)
        changed = np.concatenate([inelastic, elastic])
        return self._flows.in_order(changed), np.union1d(inelastic_links, elastic_links)

    def load(self, links: Indices) -> Floats:
        """Return the sum of the rates on some links, shape [links given]."""
        load: Floats = self._elastic.links.load[links]
        return load if self._inelastic is None else load + self._inelastic.links.load[links]

    def _leave_to_elastic(self, inelastic: PriorityClass, links: Indices) -> None:
        capacity = self.capacity[links]
        left = capacity - inelastic.links.load[links]
        left[left <= TIE_SHARE * capacity] = 0.0  # what is left of a full link is a rounding error
        for link, bytes_per_s in zip(links.tolist(), left.tolist(), strict=True):
            self._elastic.set_capacity(link, bytes_per_s)

    def _class_of(self, slot: int) -> PriorityClass:
        if slot in self._elastic or self._inelastic is None:
            return self._elastic
        return self._inelastic

    def _compiling_pays(self) -> bool:
        """Return whether the compiled kernel takes less time; both give the same bits."""
        steps = self._elastic.steps + (self._inelastic.steps if self._inelastic is not None else 0)
        return len(self._flows) > MANY_FLOWS or steps > MANY_STEPS


class PriorityClass:
    """Flows that share links among themselves, max-min fairly.

    Changes are collected until `solve`, which follows all of them together.

    Args:
        flows: the table of flows; only those that join here count.
        capacities: largest sum of their rates on each link, shape [links].

    Attributes:
        links: the columns of the links; see `LinkColumns`.
        steps: how many flows were examined in all searches.
    """

    def __init__(self, flows: FlowTable, capacities: Floats) -> None:
        count = len(capacities)
        self._link_flows = LinkFlows(count)
        self.links = LinkColumns(
            capacity=capacities.copy(),
            level=np.full(count, np.inf),
            first_flow=self._link_flows.first,
            flow_count=self._link_flows.count,
            flow=self._link_flows.flow,
            pending_level=np.full(count, np.inf),
            candidate_level=np.zeros(count),
            heap=np.zeros(count, dtype=np.intp),
            heap_place=np.zeros(count, dtype=np.intp),
            heap_size=np.zeros(1, dtype=np.intp),
            load=np.zeros(count),
            is_listed=np.zeros(count, dtype=np.bool_),
        )
        self.steps = 0
        self._flows = flows
        self._views = LinkColumns(*(column.data for column in self.links))
        self._work = Workspace(*([np.empty(0)] * 4))
        self._work_views = self._work
        self._hop_count = 0
        # Dictionaries without values serve as sets that keep an order, so that runs are repeatable.
        self._slots: dict[int, None] = {}
        self._changed_flows: dict[int, None] = {}
        self._changed_links: dict[int, None] = {}
        self._load_links: dict[int, None] = {}

    def __contains__(self, slot: int) -> bool:
        """Return whether the flow in a slot has joined."""
        return slot in self._slots

    def join(self, slot: int) -> None:
        """Let a flow join."""
        self._slots[slot] = None
        self._changed_flows[slot] = None
        hops, link = self._flows.hops(slot), self._flows.views.hop_link
        for hop in hops:
            self._link_flows.add(link[hop], slot, hop)
        self._hop_count += len(hops)

    def leave(self, slot: int) -> None:
        """Take a flow out."""
        del self._slots[slot]
        self._changed_flows.pop(slot, None)
        hops = self._flows.hops(slot)
        for hop in hops:
            link = self._flows.views.hop_link[hop]
            self._link_flows.remove(link, hop)
            self._load_links[link] = None
            # A link of infinite level stopped no flow before, and stops none now.
            if self._views.level[link] < np.inf:
                self._changed_links[link] = None
        self._hop_count -= len(hops)

    def cap_changed(self, slot: int) -> None:
        """Record that the cap of a flow has changed in the table."""
        self._changed_flows[slot] = None

    def set_capacity(self, link: int, capacity: float) -> None:
        """Change the largest sum of the rates of the flows on a link."""
        self._views.capacity[link] = capacity
        self._changed_links[link] = None
        self._load_links[link] = None

    def solve(self, kernel: Kernel, now_s: float) -> tuple[Indices, Indices]:
        """Find all rates; return the slots whose rate changed and the links whose load may have.

        The links whose capacity changed are among the links.
        """
        most_steps = FEWEST_STEPS + STEPS_PER_HOP * self._hop_count
        flow_count, link_count, steps = self._call(
            kernel, list(self._changed_flows), list(self._changed_links), most_steps, now_s
        )
        if steps > most_steps:
            flow_count, link_count = self._solve_from_scratch(kernel, now_s)
        self._changed_flows.clear()
        self._changed_links.clear()
        self._load_links.clear()
        work = self._work
        return work.changed_flows[:flow_count].copy(), work.changed_links[:link_count].copy()

    def _solve_from_scratch(self, kernel: Kernel, now_s: float) -> tuple[int, int]:
        """Raise all levels to infinity and let all flows join: each link then falls only once."""
        self.links.level[:] = np.inf
        self._flows.columns.is_listed[:] = False
        flow_count, link_count, _ = self._call(kernel, list(self._slots), [], sys.maxsize, now_s)
        return flow_count, link_count

    def _call(
        self,
        kernel: Kernel,
        flows: Sequence[int],
        links: Sequence[int],
        most_steps: int,
        now_s: float,
    ) -> tuple[int, int, int]:
        numbers: list[Any] = [flows, links, list(self._load_links)]
        self._make_room()
        if kernel is INTERPRETED:
            columns = self._flows.views, self._views, self._work_views
        else:
            columns = self._flows.columns, self.links, self._work
            numbers = [np.array(some, dtype=np.intp) for some in numbers]
        flow_count, link_count, steps = kernel(*columns, *numbers, most_steps, now_s)
        self.steps += steps
        return flow_count, link_count, steps

    def _make_room(self) -> None:
        if self.links.flow is not self._link_flows.flow:
            self.links = self.links._replace(flow=self._link_flows.flow)
            self._views = self._views._replace(flow=self._link_flows.flow.data)
        slots, hops = len(self._flows.columns.rate), len(self._flows.columns.hop_link)
        if len(self._work.changed_flows) < slots or len(self._work.stop_level) < hops:
            self._work = Workspace(
                stop_level=np.empty(hops),
                stop_weight=np.empty(hops),
                changed_flows=np.empty(slots, dtype=np.intp),
                changed_links=np.empty(len(self.links.level), dtype=np.intp),
            )
            self._work_views = Workspace(*(column.data for column in self._work))


class LinkFlows:
    """The flows of each link, in one block of memory per link, because solving reads all of them.

    Their order in a block has no meaning: the last flow fills the place of one that leaves.

    Args:
        link_count: number of links.

    Attributes:
        first: where the block of each link begins, shape [links].
        count: how many flows it holds, shape [links].
        flow: the blocks, shape [places]; replaced by a longer array when they need more places.
    """

    def __init__(self, link_count: int) -> None:
        self.first = np.zeros(link_count, dtype=np.intp)
        self.count = np.zeros(link_count, dtype=np.intp)
        self.flow = np.zeros(64, dtype=np.intp)
        self._hop = np.zeros(64, dtype=np.intp)  # the hop at each place
        self._place = np.zeros(64, dtype=np.intp)  # the place of each hop
        self._block_size = [0] * link_count
        self._used = 0
        self._firsts, self._counts = self.first.data, self.count.data
        self._update_views()

    def add(self, link: int, flow: int, hop: int) -> None:
        """Put a flow into the block of a link.

        Args:
            link: the link.
            flow: the slot of the flow.
            hop: number of the hop at which the flow crosses the link; `remove` takes it.
        """
        if self._counts[link] == self._block_size[link]:
            self._move_block(link)
        while hop >= len(self._place):
            self._place = doubled(self._place)
            self._update_views()
        count = self._counts[link]
        self._counts[link] = count + 1
        place = self._firsts[link] + count
        self._flows[place], self._hops[place] = flow, hop
        self._places[hop] = place

    def remove(self, link: int, hop: int) -> None:
        """Take a flow out of the block of a link, by the number of its hop."""
        count = self._counts[link] - 1
        self._counts[link] = count
        last, place = self._firsts[link] + count, self._places[hop]
        moved = self._hops[last]
        self._flows[place], self._hops[place] = self._flows[last], moved
        self._places[moved] = place

    def _move_block(self, link: int) -> None:
        """Give a link a block of twice the size, after all others."""
        old, count = self._firsts[link], self._counts[link]
        size = max(2 * count, FIRST_PLACES)
        while self._used + size > len(self.flow):
            self.flow, self._hop = doubled(self.flow), doubled(self._hop)
            self._update_views()
        new = self._used
        if count:
            for column in (self.flow, self._hop):
                column[new : new + count] = column[old : old + count]
            self._place[self._hop[new : new + count]] = range(new, new + count)
        self._firsts[link], self._block_size[link] = new, size
        self._used += size

    def _update_views(self) -> None:
        self._flows, self._hops = self.flow.data, self._hop.data
        self._places = self._place.data
