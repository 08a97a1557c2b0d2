"""The VMs that wait for a host, in the order of their arrival."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Hashable


class WaitingVMs:
    """A queue in which VMs of one kind never overtake each other, and other VMs may.

    VMs are in the order of their numbers, which is that of their arrival. A kind is what decides
    where a VM fits, so after one that fits nowhere no other VM of its kind is tried.

    Args:
        kind_of: returns the kind of a VM; `leave` comes before it changes.
    """

    def __init__(self, kind_of: Callable[[int], Hashable]) -> None:
        self._kind_of = kind_of
        self._of_kind: dict[Hashable, list[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return the number of VMs that wait."""
        return self._count

    def __contains__(self, vm: int) -> bool:
        """Return whether a VM waits."""
        vms = self._of_kind.get(self._kind_of(vm), [])
        place = bisect_left(vms, vm)
        return place < len(vms) and vms[place] == vm

    def has_kind_of(self, vm: int) -> bool:
        """Return whether another VM of its kind waits."""
        return bool(self._of_kind.get(self._kind_of(vm)))

    def join(self, vm: int) -> None:
        """Let a VM wait."""
        insort(self._of_kind.setdefault(self._kind_of(vm), []), vm)
        self._count += 1

    def leave(self, vm: int) -> None:
        """Let a VM wait no longer; it must be waiting."""
        kind = self._kind_of(vm)
        vms = self._of_kind[kind]
        del vms[bisect_left(vms, vm)]
        self._count -= 1
        if not vms:
            del self._of_kind[kind]

    def try_all(self, place: Callable[[int], bool]) -> None:
        """Offer VMs to `place` in their order; those that it takes wait no longer."""
        heads = [vms[0] for vms in self._of_kind.values()]
        heapq.heapify(heads)
        while heads:
            vm = heapq.heappop(heads)
            kind = self._kind_of(vm)
            if place(vm):
                self.leave(vm)
                if kind in self._of_kind:
                    heapq.heappush(heads, self._of_kind[kind][0])
