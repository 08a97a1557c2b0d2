"""Queues made by hand, without migrations in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cluster_emu.cluster.columns import VMColumns
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.scheduling.orders import Candidate, Fifo, QueueOrder
from cluster_emu.scheduling.slots import ConcurrencySlots, SlotCounts

HOSTS = 4
VMS = 32

MIGRATIONS = st.lists(
    st.tuples(st.integers(0, HOSTS - 1), st.integers(0, HOSTS - 1), st.integers(0, 2)),
    min_size=1,
    max_size=25,
)
"""Source, target and priority of each."""


def candidate(
    number: int,
    source: int = 0,
    target: int = 1,
    priority: int = 0,
    route: Sequence[int] = (),
    cap: float = math.inf,
) -> Candidate:
    """Return the migration of the VM with the same number."""
    return Candidate(number, number, source, target, priority, tuple(route), cap)


def vm_columns(**columns: Sequence[float]) -> VMColumns:
    """Return the columns of VMs that are all alike but for those given."""
    values: dict[str, Any] = {name: np.ones(VMS) for name in VMColumns.__dataclass_fields__}
    values.update({name: np.array(values) for name, values in columns.items()})
    return VMColumns(**values)


def queue(
    *,
    counts: SlotCounts | None = None,
    order: QueueOrder | None = None,
    vms: VMColumns | None = None,
    capacities: Sequence[float] = (),
    **limits: int | None,
) -> ConcurrencySlots:
    """Return an empty queue without limits but those given."""
    return ConcurrencySlots(
        ConcurrencyLimits(**limits),
        counts or SlotCounts.empty(HOSTS),
        order or Fifo(),
        vms or vm_columns(),
        np.array(capacities, dtype=np.float64),
    )
