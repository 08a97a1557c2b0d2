"""Which migrations may start: a queue by priority, and limits on how many hold a slot at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

import numpy as np

from cluster_emu.cluster.columns import BoolColumn, FloatColumn, IntColumn, VMColumns
from cluster_emu.cluster.state import ClusterState
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.scenario.names import Names
from cluster_emu.scheduling.orders import (
    Candidate,
    ChangingOrder,
    Fifo,
    FixedOrder,
    HostSlot,
    QueuedOrder,
    QueueOrder,
    QueueView,
    Side,
)
from cluster_emu.scheduling.waiting_lists import WaitingLists


@dataclass(frozen=True, slots=True)
class QueueRules:
    """Limits on migrations at the same time, and the order of those that wait.

    Args:
        copying: limits on migrations that copy memory.
        preparing: limits on migrations whose target is being prepared; None if preparing uses a
            slot for copying.
        order: the order of migrations of one priority.
        interleave: whether migrations that copy send in round-robin order, one live round each.
    """

    copying: ConcurrencyLimits
    preparing: ConcurrencyLimits | None = None
    order: QueueOrder = field(default_factory=Fifo)
    interleave: bool = False


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """How many slots are held per host.

    Args:
        outgoing: by migrations that leave the host, shape [hosts].
        incoming: by migrations that come to it, shape [hosts].
        add: changes both counts, given the source, the target and the change.
    """

    outgoing: IntColumn
    incoming: IntColumn
    add: Callable[[int, int, int], None]

    @classmethod
    def of_copying(cls, state: ClusterState) -> SlotCounts:
        """Return the counts that the cluster's state keeps of migrations that copy."""
        return cls(state.hosts.outgoing, state.hosts.incoming, state.count_copying)

    @classmethod
    def empty(cls, host_count: int) -> SlotCounts:
        """Return new counts, all 0."""
        outgoing, incoming = np.zeros((2, host_count), dtype=np.int64)

        def add(source: int, target: int, change: int) -> None:
            outgoing[source] += change
            incoming[target] += change

        return cls(outgoing, incoming, add)


class ConcurrencySlots:
    """A queue for slots, and the migrations that hold one.

    Migrations start by priority, and in the given order within a priority. A migration whose hosts
    have no free slot does not delay the others.

    Args:
        limits: how many slots there are.
        counts: how many slots are held per source and target.
        order: the order of migrations of one priority.
        vms: the VMs' columns, for the order.
        capacity_bytes_per_s: nominal capacity of each link, for the order, shape [links].
        booting: hosts to which nothing may start before they have booted, [hosts]; None for none.
        names: the names of the hosts, for what is said of slots.

    Attributes:
        waiting: the queue in order of arrival, by migration number.
        holders: those that hold a slot in the order in which they got it, by migration number.
    """

    def __init__(
        self,
        limits: ConcurrencyLimits,
        counts: SlotCounts,
        order: QueueOrder,
        vms: VMColumns,
        capacity_bytes_per_s: FloatColumn,
        booting: BoolColumn | None = None,
        names: Names | None = None,
    ) -> None:
        self._names = Names() if names is None else names
        self.waiting: dict[int, Candidate] = {}
        self.holders: dict[int, Candidate] = {}
        self._limits = limits
        self._counts = counts
        # memory views, because Python reads their single elements faster
        self._outgoing, self._incoming = counts.outgoing.data, counts.incoming.data
        self._booting = None if booting is None else booting.data
        self._order = order
        self._fixed_order = order if isinstance(order, FixedOrder) else None
        self._changing_order = order if isinstance(order, ChangingOrder) else None
        own = order.queue(capacity_bytes_per_s) if isinstance(order, QueuedOrder) else None
        self._own_queue = own
        self._vms = vms
        keys = () if self._changing_order is None else self._changing_order.keys(vms)
        self._keys = np.array(keys, dtype=np.float64)
        self._of_vm: dict[int, Candidate] = {}
        self._waiting_lists = WaitingLists(self._blocking_slot)
        waiting, running = self.waiting.values(), self.holders.values()
        self._view = QueueView(vms, capacity_bytes_per_s, waiting, running)

    def put(self, candidate: Candidate) -> None:
        """Add a migration to the queue; one that is in it keeps its place, with another target."""
        self.waiting[candidate.number] = candidate
        if self._fixed_order is not None:
            self._waiting_lists.put(candidate, self._fixed_order.key(candidate, self._vms))
        elif self._changing_order is not None:
            self._of_vm[candidate.vm] = candidate
            key = self._keys[candidate.vm]  # another one since then is found by `_put_changed`
            self._waiting_lists.put(candidate, float(key))
        elif self._own_queue is not None:
            self._own_queue.put(candidate)

    def admit(self) -> list[int]:
        """Give a slot to every migration that may have one now; return their numbers in order."""
        if not self.waiting or self._is_full():
            return []
        if self._changing_order is not None:
            self._put_changed(self._changing_order)
            return list(self._admit_next(self._waiting_lists.next))
        if self._fixed_order is not None:
            return list(self._admit_next(self._waiting_lists.next))
        if (own := self._own_queue) is not None:
            return list(self._admit_next(lambda: own.next(self._blocking_slot)))
        by_priority = attrgetter("priority")
        classes = groupby(sorted(self.waiting.values(), key=by_priority), by_priority)
        return [number for _, equals in classes for number in self._admit_equals(list(equals))]

    def leave(self, number: int) -> None:
        """Remove a migration from the queue, or release its slot; it may have neither."""
        if (waiting := self.waiting.pop(number, None)) is not None:
            self._waiting_lists.leave(number)
            self._of_vm.pop(waiting.vm, None)
            if self._own_queue is not None:
                self._own_queue.leave(number)
        holder = self.holders.pop(number, None)
        if holder is not None:
            self._count(holder, -1)
            if self._own_queue is not None:
                self._own_queue.ended(holder)
        if holder is not None and self.waiting:
            self._waiting_lists.wake((Side.SOURCE, holder.source))
            self._waiting_lists.wake((Side.TARGET, holder.target))

    def host_booted(self, host: int) -> None:
        """Let migrations to a host start from now on."""
        self._waiting_lists.wake((Side.BOOT, host))
        if self._own_queue is not None:
            self._own_queue.host_booted(host)

    def scarcest(self, source: int, target: int) -> str:
        """Return in words which slots are the fewest free ones for a migration.

        Just after it got its slot that is what it has waited for.
        """
        limits, host = self._limits, self._names.host
        slots = [
            (limit - used, f"{limit} {where}")
            for limit, used, where in (
                (limits.outbound_per_host, self._outgoing[source], f"away from {host(source)}"),
                (limits.inbound_per_host, self._incoming[target], f"onto {host(target)}"),
                (limits.per_cluster, len(self.holders), "in the cluster"),
            )
            if limit is not None
        ]
        return min(slots, key=lambda slot: slot[0], default=(0, ""))[1]

    def _admit_next(self, following: Callable[[], Candidate | None]) -> Iterator[int]:
        """Give slots to the migrations of a queue that has its own order."""
        while not self._is_full() and (candidate := following()) is not None:
            self._take(candidate)
            yield candidate.number

    def _put_changed(self, order: ChangingOrder) -> None:
        """Give migrations the place in the queue that the present numbers of their VMs ask for."""
        keys = order.keys(self._vms)
        changed = np.flatnonzero(keys != self._keys)
        self._keys[changed] = keys[changed]
        for vm in changed.tolist():
            candidate = self._of_vm.get(vm)
            if candidate is not None:
                self._waiting_lists.put(candidate, float(self._keys[vm]))

    def _admit_equals(self, equals: Sequence[Candidate]) -> Iterator[int]:
        """Give slots to the migrations of one priority, in the given order.

        A rank may depend on the migrations that are ranked before it. So if a migration cannot
        start because another has just taken the last slot of a host, the rest is ranked again.
        """
        refused = True
        while refused and not self._is_full():
            refused = False
            for candidate in self._order.rank(self._startable(equals), self._view):
                if self._is_full():
                    return
                refused = not self._hosts_have_slots(candidate)
                if refused:
                    break
                self._take(candidate)
                yield candidate.number

    def _startable(self, equals: Sequence[Candidate]) -> list[Candidate]:
        waiting = (each for each in equals if each.number in self.waiting)
        return [each for each in waiting if self._hosts_have_slots(each)]

    def _take(self, candidate: Candidate) -> None:
        del self.waiting[candidate.number]
        self._of_vm.pop(candidate.vm, None)
        self.holders[candidate.number] = candidate
        self._count(candidate, 1)
        if self._own_queue is not None:
            self._own_queue.started(candidate)

    def _is_full(self) -> bool:
        limit = self._limits.per_cluster
        return limit is not None and len(self.holders) >= limit

    def _hosts_have_slots(self, candidate: Candidate) -> bool:
        return self._blocking_slot(candidate) is None

    def _blocking_slot(self, candidate: Candidate) -> HostSlot | None:
        """Return what a migration lacks: its target's boot, a slot of the source, of the target."""
        if self._booting is not None and self._booting[candidate.target]:
            return Side.BOOT, candidate.target
        outbound, inbound = self._limits.outbound_per_host, self._limits.inbound_per_host
        if outbound is not None and self._outgoing[candidate.source] >= outbound:
            return Side.SOURCE, candidate.source
        if inbound is not None and self._incoming[candidate.target] >= inbound:
            return Side.TARGET, candidate.target
        return None

    def _count(self, candidate: Candidate, change: int) -> None:
        self._counts.add(candidate.source, candidate.target, change)
