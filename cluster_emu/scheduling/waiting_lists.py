"""A queue whose order is fixed: finds who is first among those whose hosts have a slot."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from enum import Enum
from itertools import count
from typing import NamedTuple

from cluster_emu.scheduling.orders import Candidate


class Side(Enum):
    """At which end of a migration a host is."""

    SOURCE = "source"
    TARGET = "target"


Place = tuple[Side, int]
"""The slots of one host for migrations that leave it, or for those that come."""


class _Entry(NamedTuple):
    """Sorted by its first three fields, of which no two entries have the same."""

    priority: int
    key: float
    arrival: int
    candidate: Candidate
    stood_at: Place | None = None


class WaitingLists:
    """Keeps those that cannot start aside, with the host they wait for.

    Once the host has a slot, the first of them comes forward, and the next one when it is clear
    that the first has not used the slot. So a slot costs a few looks, not one at the whole queue.

    Args:
        is_waiting: tells whether a candidate still waits; those that do not are forgotten.
        busy_place: returns which host has no slot for a candidate, None if it may start.
    """

    def __init__(
        self,
        is_waiting: Callable[[Candidate], bool],
        busy_place: Callable[[Candidate], Place | None],
    ) -> None:
        self._is_waiting = is_waiting
        self._busy_place = busy_place
        self._arrivals = count()
        self._in_front: list[_Entry] = []
        self._aside: defaultdict[Place, list[_Entry]] = defaultdict(list)

    def put(self, candidate: Candidate, key: float) -> None:
        """Add a candidate; of equal priority and key, the one that came first goes first."""
        entry = _Entry(candidate.priority, key, next(self._arrivals), candidate)
        heapq.heappush(self._in_front, entry)

    def look_again(self, place: Place) -> None:
        """Let the first of those that wait for this host come forward; it may have a slot now."""
        if self._aside.get(place):
            entry = heapq.heappop(self._aside[place])
            heapq.heappush(self._in_front, entry._replace(stood_at=place))

    def next(self) -> Candidate | None:
        """Return the first that may start, which then leaves this queue, or None."""
        while self._in_front:
            entry = heapq.heappop(self._in_front)
            waits = self._is_waiting(entry.candidate)
            busy = self._busy_place(entry.candidate) if waits else None
            if entry.stood_at is not None and entry.stood_at != busy:
                self.look_again(entry.stood_at)
            if busy is not None:
                heapq.heappush(self._aside[busy], entry._replace(stood_at=None))
            elif waits:
                return entry.candidate
        return None
