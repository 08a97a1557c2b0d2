"""A queue that knows how many migrations cross each link, and starts those that share the least."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cluster_emu.network.incidence import Flags, Floats, Indices
from cluster_emu.scheduling.orders.contract import Candidate, HostSlot, Side

SAME = 1 - 1e-9
"""A share of at least this part of a rate counts as that rate."""

NOT_WAITING = np.iinfo(np.intp).max
"""Arrival of the first migration of a group in which none waits."""


class _Group(NamedTuple):
    """What migrations have in common that differ in nothing but their arrival."""

    priority: int
    source: int
    target: int
    route: tuple[int, ...]
    cap_bytes_per_s: float


class BottleneckQueue:
    """Waiting migrations in groups of equals, and the number of migrations on each link.

    A group that cannot start is looked at again only when a migration ends that crosses one of its
    links or holds a slot of one of its hosts. So a start costs a few groups, not all that wait.

    Args:
        capacity_bytes_per_s: nominal capacity of each link, shape [links].
        shares: whether a migration that shares its bottleneck starts after those that do not,
            instead of waiting.
    """

    def __init__(self, capacity_bytes_per_s: Floats, *, shares: bool) -> None:
        self._shares = shares
        # one more link, with which routes of different lengths are filled up
        self._capacity = np.append(capacity_bytes_per_s, math.inf)
        self._on_link = np.zeros(len(self._capacity))
        self._load = np.zeros(len(self._capacity))
        self._rates: defaultdict[int, dict[int, float]] = defaultdict(dict)
        self._arrivals = 0
        self._arrival_of: dict[int, int] = {}
        self._candidates: dict[int, Candidate] = {}
        self._group_of: dict[int, int] = {}
        self._numbers: dict[_Group, int] = {}
        self._heaps: list[list[tuple[int, int]]] = []
        self._at_link: defaultdict[int, list[int]] = defaultdict(list)
        self._at_slot: defaultdict[HostSlot, list[int]] = defaultdict(list)
        self._taken: set[HostSlot] = set()
        self._make_columns(groups=16, hops=4)

    def _make_columns(self, groups: int, hops: int) -> None:
        """Make the columns of the groups; `links` has the shape [groups, hops], others [groups]."""
        self._links = np.full((groups, hops), len(self._capacity) - 1, dtype=np.intp)
        self._priority = np.zeros(groups, dtype=np.intp)
        self._first = np.full(groups, NOT_WAITING, dtype=np.intp)
        self._may_start = np.zeros(groups, dtype=np.bool_)
        self._lacks = np.zeros(groups, dtype=np.intp)
        self._cap, self._alone = np.zeros((2, groups))
        self._is_capped = np.zeros(groups, dtype=np.bool_)

    def put(self, candidate: Candidate) -> None:
        """Add a migration; one of the same number is replaced, and keeps its arrival."""
        number = candidate.number
        if number not in self._candidates:
            self._arrival_of[number] = self._arrivals
            self._arrivals += 1
        group = self._group(candidate)
        before = self._group_of.get(number)
        self._candidates[number], self._group_of[number] = candidate, group
        if before != group:
            heapq.heappush(self._heaps[group], (self._arrival_of[number], number))
            self._find_first(group)
            if before is not None:
                self._find_first(before)

    def leave(self, number: int) -> None:
        """Remove a migration that waits."""
        if number in self._candidates:
            group = self._group_of.pop(number)
            del self._candidates[number], self._arrival_of[number]
            self._find_first(group)

    def started(self, candidate: Candidate) -> None:
        """Count a migration on its links, and add the rate that it would have alone."""
        links = list(candidate.route)
        self._on_link[links] += 1
        # the others are many enough to fill a link
        if candidate.cap_bytes_per_s < math.inf:
            rate = min(candidate.cap_bytes_per_s, float(self._capacity[links].min()))
            self._load[links] += rate
            for link in links:
                self._rates[link][candidate.number] = rate

    def ended(self, candidate: Candidate) -> None:
        """Count a migration no more on its links; what waits for them or its hosts may start."""
        self._on_link[list(candidate.route)] -= 1
        for link in candidate.route:
            if self._rates[link].pop(candidate.number, None) is not None:
                # summed again: a difference would keep the rounding of every migration before
                self._load[link] = sum(self._rates[link].values())
            self._may_start[self._at_link[link]] = True
        self._wake((Side.SOURCE, candidate.source))
        self._wake((Side.TARGET, candidate.target))

    def host_booted(self, host: int) -> None:
        """Let migrations to a host start, which has booted."""
        self._wake((Side.BOOT, host))

    def _wake(self, slot: HostSlot) -> None:
        """Let migrations start that need a host slot, which may be free now."""
        if slot in self._taken:
            self._taken.remove(slot)
            groups = self._at_slot[slot]
            self._lacks[groups] -= 1
            self._may_start[groups] = True

    def _park(self, slot: HostSlot) -> None:
        """Let no migration start that needs a host slot, until `_wake`."""
        self._taken.add(slot)
        self._lacks[self._at_slot[slot]] += 1

    def next(self, blocking_slot: Callable[[Candidate], HostSlot | None]) -> Candidate | None:
        """Return the first that may start, which then leaves this queue, or None.

        Args:
            blocking_slot: returns which host slot a migration lacks, None if it has both.
        """
        while True:
            groups = np.flatnonzero(self._may_start)
            waits = (self._first[groups] != NOT_WAITING) & (self._lacks[groups] == 0)
            self._may_start[groups[~waits]] = False
            groups = groups[waits]
            if not groups.size:
                return None
            groups = groups[self._priority[groups] == self._priority[groups].min()]
            share, is_alone = self._expected(groups)
            if not self._shares:
                self._may_start[groups[~is_alone]] = False
            if is_alone.any():
                groups, share = groups[is_alone], share[is_alone]
            elif not self._shares:
                continue
            best = groups[share == share.max()]
            group = int(best[np.argmin(self._first[best])])
            number = self._heaps[group][0][1]
            candidate = self._candidates[number]
            blocking = blocking_slot(candidate)
            if blocking is None:
                self.leave(number)
                return candidate
            self._park(blocking)

    def _expected(self, groups: Indices) -> tuple[Floats, Flags]:
        """Return the rate each group can expect, and whether that is what it would have alone."""
        links = self._links[groups]
        capacity = self._capacity[links]
        # a migration more on each link: C / (n + 1)
        share = np.minimum((capacity / (self._on_link[links] + 1)).min(axis=1), self._cap[groups])
        is_free = self._is_capped[groups] & ((SAME * capacity - self._load[links]) > 0).all(axis=1)
        return share, is_free | (share >= SAME * self._alone[groups])

    def _find_first(self, group: int) -> None:
        """Set the arrival of a group's first migration, which may be another one now."""
        heap = self._heaps[group]
        while heap and not self._waits(group, *heap[0]):
            heapq.heappop(heap)
        first = heap[0][0] if heap else NOT_WAITING
        if first < self._first[group] or self._first[group] == NOT_WAITING:
            self._may_start[group] = True
        self._first[group] = first

    def _waits(self, group: int, arrival: int, number: int) -> bool:
        return self._group_of.get(number) == group and self._arrival_of[number] == arrival

    def _group(self, one: Candidate) -> int:
        """Return the number of a migration's group; make the group if it is new."""
        key = _Group(one.priority, one.source, one.target, one.route, one.cap_bytes_per_s)
        number = self._numbers.setdefault(key, len(self._numbers))
        if number == len(self._heaps):
            self._make_room(number, len(one.route))
            self._heaps.append([])
            widest = float(self._capacity[list(one.route)].min())
            self._links[number, : len(one.route)] = one.route
            self._priority[number] = one.priority
            self._cap[number] = one.cap_bytes_per_s
            self._alone[number] = min(widest, one.cap_bytes_per_s)
            self._is_capped[number] = one.cap_bytes_per_s < SAME * widest
            for link in one.route:
                self._at_link[link].append(number)
            slots = (Side.SOURCE, one.source), (Side.TARGET, one.target), (Side.BOOT, one.target)
            for slot in slots:
                self._at_slot[slot].append(number)
                self._lacks[number] += slot in self._taken
        return number

    def _make_room(self, number: int, hops: int) -> None:
        """Make the columns longer, to twice their length, and as wide as a route needs."""
        rows, width = self._links.shape
        if number < rows and hops <= width:
            return
        names = ("links", "priority", "first", "may_start", "lacks", "cap", "alone", "is_capped")
        before = {name: getattr(self, f"_{name}") for name in names}
        self._make_columns(2 * rows if number == rows else rows, max(hops, width))
        for name, column in before.items():
            part = getattr(self, f"_{name}")[:rows]
            part[..., : column.shape[-1]] = column
