"""The numpy columns of a cluster: one row per physical machine, one row per VM.

CPU is in the one unit that the scenario uses for hosts and VMs alike (cores, MIPS); memory is in
bytes; demand and utilisation are shares. A `ClusterState` owns the columns and changes them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FloatColumn = NDArray[np.float64]
IntColumn = NDArray[np.int64]
BoolColumn = NDArray[np.bool_]

Rows = IntColumn | slice
"""Some rows of a column by number, each at most once, or a slice of them."""

ALL = slice(None)


@dataclass(frozen=True, slots=True)
class HostColumns:
    """One row per physical machine, each column of shape [hosts].

    `cpu_overhead` is what migrations take of the host; `cpu_wanted` that and what its VMs can use.
    `memory_reserved_bytes` counts the VMs that run there and those that are on their way there
    (and, in post-copy, those whose memory has not all left yet). `switched_on` hosts draw power.
    One that was off boots for `boot_s`; while it is `booting` nothing runs or starts there.
    `woken_at_s` is when it was last switched on, minus infinity if it was on from the start. One
    that is switched off is `shutting_down` for `shutdown_s`; if it is woken meanwhile, it boots
    after that. A host in `drained` takes no new VM. A `failed` host has crashed and is not repaired
    yet: it is off, and nothing may go there.

    `shutdowns` counts how often it was switched off, crashes left out, and `on_before_shutdowns_s`
    adds up how long it was on before that.
    """

    cpu_capacity: FloatColumn
    cpu_overhead: FloatColumn
    cpu_wanted: FloatColumn
    cpu_used: FloatColumn
    memory_bytes: IntColumn
    memory_reserved_bytes: IntColumn
    vm_count: IntColumn
    incoming: IntColumn
    outgoing: IntColumn
    switched_on: BoolColumn
    booting: BoolColumn
    drained: BoolColumn
    failed: BoolColumn
    rack: IntColumn
    boot_s: FloatColumn
    shutdown_s: FloatColumn
    shutting_down: BoolColumn
    shutdowns: IntColumn
    on_before_shutdowns_s: FloatColumn
    woken_at_s: FloatColumn

    @classmethod
    def empty(
        cls,
        cpu_capacity: FloatColumn,
        memory_bytes: IntColumn,
        rack: IntColumn,
        boot_s: FloatColumn | None = None,
        shutdown_s: FloatColumn | None = None,
    ) -> HostColumns:
        """Return hosts that are on and have no VM.

        They boot and shut down in no time unless the last two columns are given.
        """
        count = len(cpu_capacity)
        return cls(
            cpu_capacity=cpu_capacity,
            cpu_overhead=np.zeros(count),
            cpu_wanted=np.zeros(count),
            cpu_used=np.zeros(count),
            memory_bytes=memory_bytes,
            memory_reserved_bytes=np.zeros(count, dtype=np.int64),
            vm_count=np.zeros(count, dtype=np.int64),
            incoming=np.zeros(count, dtype=np.int64),
            outgoing=np.zeros(count, dtype=np.int64),
            switched_on=np.ones(count, dtype=np.bool_),
            booting=np.zeros(count, dtype=np.bool_),
            drained=np.zeros(count, dtype=np.bool_),
            failed=np.zeros(count, dtype=np.bool_),
            rack=rack,
            boot_s=np.zeros(count) if boot_s is None else boot_s,
            shutdown_s=np.zeros(count) if shutdown_s is None else shutdown_s,
            shutting_down=np.zeros(count, dtype=np.bool_),
            shutdowns=np.zeros(count, dtype=np.int64),
            on_before_shutdowns_s=np.zeros(count),
            woken_at_s=np.full(count, -np.inf),
        )

    @property
    def utilisation(self) -> FloatColumn:
        """Share of each host's CPU capacity in use, shape [hosts]."""
        return self.cpu_used / self.cpu_capacity

    @property
    def memory_free_bytes(self) -> IntColumn:
        """Memory that is neither in use nor reserved, shape [hosts]."""
        return self.memory_bytes - self.memory_reserved_bytes


@dataclass(frozen=True, slots=True)
class VMColumns:
    """One row per VM, each column of shape [vms].

    `host` is where the VM runs now; `target` where it is moving to, or -1; `queued` is True from
    the request until the migration ends. `moved_at_s` is when it last resumed at another host,
    minus infinity if it never did. `demand` is the wanted share of `cpu_capacity`; `cpu_granted`
    what the host could give, and `cpu_unhindered` what it could have given if its migrations took
    none. `speed` is the share of its CPU time a migration leaves it: 0 while it is paused, 1 if
    nothing slows it down. `intensity` scales the VM's write classes; `dirty_pages_per_s` is the
    number of distinct pages dirtied per second at that intensity.

    A VM that is not `migratable` stays on its host. VMs with the same number in `anti_affinity`, -1
    for none, are never on one host together; those with the same number in `affinity` belong
    together. `placement_class` says by which row of the allowed hosts a VM is placed, -1 by none.

    A VM that is not `running` crashed with its host and wants nothing. It keeps the number of its
    last host, and its memory there, until it is restarted; one that is `lost` never is, and holds
    no memory. `down_since_s` is when it went down, infinite while it runs; `down_before_s` adds up
    the times it was down before that, and `restarts` counts them. `on_host_since_s` is when it came
    to its host, by a migration or a restart.

    A VM whose `host` is -1 is not in the cluster: it has not arrived or waits for a host, or has
    ended. One that is `booting` has a host and memory there, and does not run yet.
    """

    cpu_capacity: FloatColumn
    cpu_granted: FloatColumn
    cpu_unhindered: FloatColumn
    demand: FloatColumn
    speed: FloatColumn
    intensity: FloatColumn
    dirty_pages_per_s: FloatColumn
    memory_bytes: IntColumn
    page_count: IntColumn
    page_bytes: IntColumn
    migratable: BoolColumn
    anti_affinity: IntColumn
    affinity: IntColumn
    placement_class: IntColumn
    host: IntColumn
    target: IntColumn
    queued: BoolColumn
    moved_at_s: FloatColumn
    running: BoolColumn
    lost: BoolColumn
    down_since_s: FloatColumn
    down_before_s: FloatColumn
    restarts: IntColumn
    on_host_since_s: FloatColumn
    booting: BoolColumn

    @classmethod
    def at_rest(
        cls,
        cpu_capacity: FloatColumn,
        memory_bytes: IntColumn,
        page_count: IntColumn,
        page_bytes: IntColumn,
        host: IntColumn,
        migratable: BoolColumn | None = None,
        anti_affinity: IntColumn | None = None,
        affinity: IntColumn | None = None,
        placement_class: IntColumn | None = None,
    ) -> VMColumns:
        """Return VMs that run on `host`, want nothing yet and do not migrate.

        Those with host -1 are not in the cluster.

        All of them may migrate, and none is kept apart from another or together with it, unless
        the last three columns are given.
        """
        count = len(cpu_capacity)
        return cls(
            cpu_capacity=cpu_capacity,
            cpu_granted=np.zeros(count),
            cpu_unhindered=np.zeros(count),
            demand=np.zeros(count),
            speed=np.ones(count),
            intensity=np.zeros(count),
            dirty_pages_per_s=np.zeros(count),
            memory_bytes=memory_bytes,
            page_count=page_count,
            page_bytes=page_bytes,
            migratable=np.ones(count, dtype=np.bool_) if migratable is None else migratable,
            anti_affinity=np.full(count, -1) if anti_affinity is None else anti_affinity,
            affinity=np.full(count, -1) if affinity is None else affinity,
            placement_class=np.full(count, -1) if placement_class is None else placement_class,
            host=host,
            target=np.full(count, -1, dtype=np.int64),
            queued=np.zeros(count, dtype=np.bool_),
            moved_at_s=np.full(count, -np.inf),
            running=host >= 0,
            lost=np.zeros(count, dtype=np.bool_),
            down_since_s=np.full(count, np.inf),
            down_before_s=np.zeros(count),
            restarts=np.zeros(count, dtype=np.int64),
            on_host_since_s=np.zeros(count),
            booting=np.zeros(count, dtype=np.bool_),
        )

    @property
    def cpu_demand(self) -> FloatColumn:
        """CPU wanted, in the scenario's CPU unit, shape [vms]."""
        return self.demand * self.cpu_capacity

    def down_s(self, now_s: float) -> FloatColumn:
        """Return for how long each VM has been down or lost until now, shape [vms]."""
        return self.down_before_s + np.maximum(now_s - self.down_since_s, 0.0)


C = TypeVar("C", HostColumns, VMColumns)


def read_only(columns: C) -> C:
    """Return views of the same columns that cannot be written."""
    views = {field.name: getattr(columns, field.name).view() for field in fields(columns)}
    for view in views.values():
        view.flags.writeable = False
    return type(columns)(**views)
