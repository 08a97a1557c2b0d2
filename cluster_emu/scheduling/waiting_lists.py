"""A queue in a fixed order that finds the first candidate whose hosts have a free slot."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from cluster_emu.scheduling.orders.contract import Candidate, HostSlot

MOST_ENTRIES_EACH, FEW_ENTRIES = 2, 64
"""With more entries than this per candidate, and a few more, those that were replaced go."""


class _Entry(NamedTuple):
    """Entries are sorted by their first four fields, the last of which is unique."""

    priority: int
    key: float
    arrival: int
    put: int
    candidate: Candidate
    woken_from: HostSlot | None = None


class WaitingLists:
    """A queue that parks blocked candidates, each at the host slot that it waits for.

    Candidates are in one heap of active ones, or in the heap parked at a host slot. When such a
    slot may be free, `wake` makes the first of its heap active; the next one follows only if
    the first does not use the slot. So a slot that becomes free costs a few checks, not a check of
    every candidate in the queue.

    Args:
        blocking_slot: returns which host slot a candidate lacks, None if it may start.
    """

    def __init__(self, blocking_slot: Callable[[Candidate], HostSlot | None]) -> None:
        self._blocking_slot = blocking_slot
        self._put_count = 0
        self._arrival_of: dict[int, int] = {}
        self._put_of: dict[int, int] = {}
        self._entries = 0
        self._active: list[_Entry] = []
        self._parked: defaultdict[HostSlot, list[_Entry]] = defaultdict(list)

    def put(self, candidate: Candidate, key: float) -> None:
        """Add a candidate; candidates of equal priority and key are in order of arrival.

        One of the same number that waits already is replaced, and keeps its arrival.
        """
        put = self._put_count
        self._put_count += 1
        arrival = self._arrival_of.setdefault(candidate.number, put)
        self._put_of[candidate.number] = put
        heapq.heappush(self._active, _Entry(candidate.priority, key, arrival, put, candidate))
        self._entries += 1
        if self._entries > MOST_ENTRIES_EACH * len(self._put_of) + FEW_ENTRIES:
            self._drop_replaced()

    def leave(self, number: int) -> None:
        """Forget a candidate that does not wait any more."""
        self._arrival_of.pop(number, None)
        self._put_of.pop(number, None)

    def wake(self, slot: HostSlot) -> None:
        """Make the first candidate parked at a host slot active; the slot may be free now."""
        if self._parked.get(slot):
            entry = heapq.heappop(self._parked[slot])
            heapq.heappush(self._active, entry._replace(woken_from=slot))

    def next(self) -> Candidate | None:
        """Return the first that may start, which then leaves this queue, or None."""
        while self._active:
            entry = heapq.heappop(self._active)
            self._entries -= 1
            waits = self._is_current(entry)
            blocking = self._blocking_slot(entry.candidate) if waits else None
            if entry.woken_from is not None and entry.woken_from != blocking:
                # It does not need the slot, so the next candidate may use it.
                self.wake(entry.woken_from)
            if blocking is not None:
                heapq.heappush(self._parked[blocking], entry._replace(woken_from=None))
                self._entries += 1
            elif waits:
                self.leave(entry.candidate.number)
                return entry.candidate
        return None

    def _is_current(self, entry: _Entry) -> bool:
        """Return whether an entry's candidate waits and has not been put again since."""
        return self._put_of.get(entry.candidate.number) == entry.put

    def _drop_replaced(self) -> None:
        """Remove the entries of candidates that were put again, or wait no more."""
        for parked in self._parked.values():
            parked[:] = filter(self._is_current, parked)
            heapq.heapify(parked)
        # an entry that was woken stays: the next one at its slot depends on it
        self._active = [
            each for each in self._active if each.woken_from is not None or self._is_current(each)
        ]
        heapq.heapify(self._active)
        self._entries = len(self._active) + sum(map(len, self._parked.values()))
