"""What a queue order is: it ranks the waiting migrations of one priority."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

from cluster_emu.cluster.columns import FloatColumn, VMColumns
from cluster_emu.plugins import Registry


@dataclass(frozen=True, slots=True)
class Candidate:
    """A migration in the queue, or with a slot.

    Args:
        number: its number.
        vm: number of the VM.
        source: host it leaves.
        target: host it moves to.
        priority: its class; a lower number is more urgent.
        route: the links it crosses.
        cap_bytes_per_s: rate that it will not exceed, infinite for none.
    """

    number: int
    vm: int
    source: int
    target: int
    priority: int
    route: tuple[int, ...]
    cap_bytes_per_s: float = math.inf


class Side(Enum):
    """Whether a host is the source or the target of a migration, or a target that boots."""

    SOURCE = "source"
    TARGET = "target"
    BOOT = "boot"


HostSlot = tuple[Side, int]
"""What a migration waits for at one host.

The slots for migrations that leave it, those for migrations that come to it, or the end of its
boot.
"""


@dataclass(frozen=True, slots=True)
class QueueView:
    """The data that an order may read, at the present time.

    Args:
        vms: the VMs' columns: memory sizes, present write rates and so on.
        capacity_bytes_per_s: nominal capacity of each link, shape [links]; infinite where the
            slots are for preparing, which uses no link.
        waiting: every migration in the queue, of all priorities, in order of arrival.
        running: those that hold a slot, in the order in which they got it.
    """

    vms: VMColumns
    capacity_bytes_per_s: FloatColumn
    waiting: Collection[Candidate]
    running: Collection[Candidate]


class QueueOrder(Protocol):
    """Ranks waiting migrations. Implementations are frozen pydantic dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line that says which migration starts first.
        source: where the order comes from.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Iterable[Candidate]:
        """Return the candidates in the order in which they start; candidates left out wait.

        Slots are given in this order while there are any. If a candidate takes the last slot of a
        host that a later one needs, the rest of the ranking is dropped and `rank` is called again.
        So an order may assume that every candidate it returns starts. If no migration runs, it must
        return at least one, or the queue would never move.

        Args:
            candidates: migrations of one priority whose hosts have a slot, in order of arrival.
            view: the queue and the cluster.
        """
        ...


class FixedOrder(QueueOrder, ABC):
    """An order by a number that stays constant while a migration waits.

    Such a queue stays sorted, so the cost of a slot hardly depends on the length of the queue.
    """

    @abstractmethod
    def key(self, candidate: Candidate, vms: VMColumns) -> float:
        """Return the number; the lowest starts first, equals in order of arrival."""

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Iterable[Candidate]:
        """Return the candidates by their numbers."""
        return sorted(candidates, key=lambda each: self.key(each, view.vms))


class ChangingOrder(QueueOrder, ABC):
    """An order by a number of each VM that may change while its migration waits.

    Only the VMs whose numbers have changed take another place in the queue.
    """

    @abstractmethod
    def keys(self, vms: VMColumns) -> FloatColumn:
        """Return the present numbers, shape [vms]; the lowest first, equals in order of arrival."""

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Iterable[Candidate]:
        """Return the candidates by their present numbers."""
        keys = self.keys(view.vms)
        return sorted(candidates, key=lambda each: keys[each.vm])


class OrderQueue(Protocol):
    """The queue of a `QueuedOrder`."""

    def put(self, candidate: Candidate) -> None:
        """Add a migration; one of the same number is replaced, and keeps its arrival."""
        ...

    def leave(self, number: int) -> None:
        """Remove a migration, if it waits."""
        ...

    def started(self, candidate: Candidate) -> None:
        """Note that a migration has a slot now."""
        ...

    def ended(self, candidate: Candidate) -> None:
        """Note that a migration has released its slot."""
        ...

    def host_booted(self, host: int) -> None:
        """Note that migrations to a host may start now, because it has booted."""
        ...

    def next(self, blocking_slot: Callable[[Candidate], HostSlot | None]) -> Candidate | None:
        """Return the first that may start, which then leaves this queue, or None.

        Args:
            blocking_slot: returns which host slot a migration lacks, None if it has both.
        """
        ...


class QueuedOrder(QueueOrder, ABC):
    """An order with a queue of its own, which keeps what does not change between two starts."""

    @abstractmethod
    def queue(self, capacity_bytes_per_s: FloatColumn) -> OrderQueue:
        """Return an empty queue.

        Args:
            capacity_bytes_per_s: nominal capacity of each link, shape [links].
        """

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Iterator[Candidate]:
        """Return the candidates one after another, each chosen after those before it."""
        queue = self.queue(view.capacity_bytes_per_s)
        for each in view.running:
            queue.started(each)
        for each in candidates:
            queue.put(each)
        while (chosen := queue.next(lambda _: None)) is not None:
            queue.started(chosen)
            yield chosen


queue_orders: Registry[QueueOrder] = Registry(
    "queue order",
    "cluster_emu.queue_orders",
    package="cluster_emu.scheduling.orders",
    summary="which waiting migration of one priority gets the next slot",
)
