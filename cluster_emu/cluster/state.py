"""The state of a cluster: its columns, the only ways to change them, and the cost of every change.

Readers get columns that cannot be written. Each method that changes a column accrues by itself what
the time up to the change has cost on the hosts concerned, and marks these hosts; their CPU is
shared again when time moves on, once for all that changed at the instant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import (
    BoolColumn,
    FloatColumn,
    HostColumns,
    IntColumn,
    VMColumns,
    read_only,
)
from cluster_emu.cluster.cpu_sharing import share_cpu
from cluster_emu.cluster.residents import HostGroup, Residents
from cluster_emu.scenario.names import Names


class CostAccount(Protocol):
    """Sums up a cost over time; every rate is constant between two calls of `read_rates`."""

    def accrue(self, until_s: float, hosts: Sequence[int] | None) -> None:
        """Add the cost of the time until `until_s` on these hosts, on all if None."""
        ...

    def read_rates(self, group: HostGroup) -> None:
        """Read from the columns what each second costs from now on, on the hosts of a group."""
        ...

    def end_vm(self, vm: int) -> None:
        """Let a VM cost nothing from now on; its cost has accrued."""
        ...


class ClusterState:
    """All columns of one cluster, and the simulated time in seconds.

    Args:
        hosts: the columns of the hosts; the state owns them from now on.
        vms: the columns of the VMs, likewise.
        time_s: simulated time.
        names: the names of hosts and VMs; none by default.
        allowed_hosts: for each `placement_class` of VMs the hosts that may take them, shape
            [classes, hosts]; None if there are no classes.

    Attributes:
        names: the names of hosts, VMs and racks.
        hosts: the columns of the hosts, read-only.
        vms: the columns of the VMs, read-only.
        residents: the VMs of each host as of the last sharing of CPU.
        time_s: simulated time.
        host_kernels: machine code for single hosts; None for none.
        version: grows with every change of where VMs are, are going to be, and what they want,
            but those of their arrival and end.
    """

    def __init__(
        self,
        hosts: HostColumns,
        vms: VMColumns,
        time_s: float = 0.0,
        *,
        names: Names | None = None,
        allowed_hosts: BoolColumn | None = None,
    ) -> None:
        self.names: Final = Names() if names is None else names
        self._allowed_hosts = allowed_hosts
        self.hosts: Final = read_only(hosts)
        self.vms: Final = read_only(vms)
        self.host_count: Final = len(hosts.cpu_capacity)
        self.vm_count: Final = len(vms.cpu_capacity)
        self.residents: Final = Residents(vms.host, self.host_count)
        self.time_s = time_s
        self._hosts = hosts
        self._vms = vms
        self._cost: CostAccount | None = None
        self._changed_hosts: set[int] = set()
        self._all_changed = True
        self._shared_until_s = 0.0
        self.version = 0
        self._room_listeners: list[Callable[[], None]] = []
        self.host_kernels: ModuleType | None = None

    def compile_hosts(self) -> None:
        """Share the CPU of single hosts in machine code from now on, with the same results.

        To load it takes about a second: that pays where VMs come and go by the thousand.
        """
        self.host_kernels = import_module("cluster_emu.cluster._host_kernels")

    def notify_room(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever a VM may fit on a host on which it did not fit before."""
        self._room_listeners.append(listener)

    def _room_may_grow(self) -> None:
        for listener in self._room_listeners:
            listener()

    def vms_on(self, host: int) -> NDArray[np.intp]:
        """Return the numbers of the VMs on `host`, those that are down too, ascending."""
        return np.flatnonzero((self._vms.host == host) & ~self._vms.lost)

    def sum_per_host(self, values: FloatColumn | IntColumn) -> FloatColumn:
        """Sum a VM column over the VMs of each host, shape [hosts]."""
        host = self._vms.host
        there = host >= 0
        sums = np.bincount(host[there], weights=values[there], minlength=self.host_count)
        return sums.astype(np.float64, copy=False)

    def others_of_its_group(self, vm: int) -> NDArray[np.intp]:
        """Return the VMs that run or boot and must not be on one host with `vm`: anti-affinity."""
        vms = self._vms
        group = vms.anti_affinity[vm]
        is_other = (group >= 0) & (vms.anti_affinity == group) & (vms.running | vms.booting)
        is_other[vm] = False
        return np.flatnonzero(is_other)

    def kept_apart_from(self, vm: int) -> BoolColumn:
        """Return the hosts where another VM of its anti-affinity group is or is expected, [hosts].

        A VM that migrates counts at both of its hosts, so the VMs are apart however it ends.
        """
        hosts = np.zeros(self.host_count, dtype=np.bool_)
        if self._vms.anti_affinity[vm] < 0:
            return hosts
        others = self.others_of_its_group(vm)
        hosts[self._vms.host[others]] = True
        targets = self._vms.target[others]
        hosts[targets[targets >= 0]] = True
        return hosts

    def may_take(self, vm: int) -> BoolColumn:
        """Return the hosts that the scenario allows for `vm` at all, [hosts]."""
        kind = self._vms.placement_class[vm]
        if kind < 0 or self._allowed_hosts is None:
            return np.ones(self.host_count, dtype=np.bool_)
        allowed: BoolColumn = self._allowed_hosts[kind]
        return allowed

    def together_with(self, vm: int) -> NDArray[np.intp]:
        """Return the other VMs that belong on one host with `vm`, but lost ones: affinity."""
        vms = self._vms
        group = vms.affinity[vm]
        is_other = (group >= 0) & (vms.affinity == group) & ~vms.lost
        is_other[vm] = False
        return np.flatnonzero(is_other)

    # --- what time costs --------------------------------------------------------------------------

    def register_cost(self, cost: CostAccount) -> None:
        """Accrue the cost of time with `cost`, too, from now on."""
        self._cost = cost
        self._all_changed = True

    def accrue(self, until_s: float, hosts: Sequence[int] | None = None) -> None:
        """Accrue what the time until `until_s` costs on these hosts, on all if None.

        Additional calls change sums only by rounding errors.
        """
        if until_s > self._shared_until_s:
            self.refresh()
            self._shared_until_s = until_s
        if self._cost is not None:
            self._cost.accrue(until_s, hosts)

    def refresh(self) -> None:
        """Share the CPU of the hosts on which something has changed since the last time."""
        if self._all_changed:
            group = self.residents.update_all()
        elif self._changed_hosts:
            group = self.residents.update(sorted(self._changed_hosts))
        else:
            return
        if self.host_kernels is not None and group.host_count == 1:
            self._share_host(self.host_kernels, group)
        else:
            share_cpu(self._hosts, self._vms, group)
        if self._cost is not None:
            self._cost.read_rates(group)
        self._changed_hosts.clear()
        self._all_changed = False

    def _share_host(self, kernels: ModuleType, group: HostGroup) -> None:
        """Share the CPU of the one host of a group, as `share_cpu` does."""
        assert group.numbers is not None
        host, hosts, vms = group.numbers[0], self._hosts, self._vms
        capacity, overhead = hosts.cpu_capacity[host], hosts.cpu_overhead[host]
        columns = vms.demand, vms.cpu_capacity, vms.speed, vms.cpu_granted, vms.cpu_unhindered
        wanted = kernels.share_host(group.vms, *columns, capacity, overhead) + overhead
        hosts.cpu_wanted[host] = wanted
        hosts.cpu_used[host] = min(wanted, capacity)

    def _begin_change(self, now_s: float, hosts: Sequence[int]) -> None:
        """Accrue the cost of some hosts, each given once, which change at `now_s`."""
        self.accrue(now_s, hosts)
        self._changed_hosts.update(hosts)

    # --- what VMs want and get --------------------------------------------------------------------

    def set_demand(self, demand: FloatColumn, now_s: float) -> None:
        """Set the share of its CPU capacity that each VM wants, shape [vms]; 0 for one down."""
        wanted = demand * self._vms.running
        if not np.array_equal(wanted, self._vms.demand):
            self.accrue(now_s)
            self._all_changed = True
            self._vms.demand[:] = wanted
            self.version += 1
            self._room_may_grow()

    def set_intensity(
        self, vms: IntColumn, intensity: FloatColumn, dirty_pages_per_s: FloatColumn
    ) -> None:
        """Set write intensity and dirty rate of some VMs, each shape [VMs]; neither costs."""
        self._vms.intensity[vms] = intensity
        self._vms.dirty_pages_per_s[vms] = dirty_pages_per_s

    def set_guest_speed(self, vm: int, speed: float, now_s: float) -> None:
        """Let a VM use this share of the CPU time it wants: 0 pauses it."""
        self._begin_change(now_s, [int(self._vms.host[vm])])
        self._vms.speed[vm] = speed

    def set_cpu_overhead(
        self, hosts: tuple[int, ...], overhead: tuple[float, ...], now_s: float
    ) -> None:
        """Set what migrations take of the CPU of some hosts, each given once."""
        self.accrue(now_s, hosts)
        for host, cpu in zip(hosts, overhead, strict=True):
            if self._hosts.cpu_overhead[host] != cpu:
                self._hosts.cpu_overhead[host] = cpu
                self._changed_hosts.add(host)

    # --- where VMs are and move to ----------------------------------------------------------------

    def reserve_move(self, vm: int, target: int, now_s: float) -> None:
        """Reserve a VM's memory at the target of its migration, and have that switched on."""
        self._begin_change(now_s, [target])
        self._hosts.memory_reserved_bytes[target] += self._vms.memory_bytes[vm]
        self._switch_on(target, now_s)
        self._vms.queued[vm] = True
        self._vms.target[vm] = target
        self.version += 1

    def move_vm(self, vm: int, target: int, now_s: float) -> None:
        """Let a VM run at another host; its memory stays reserved at both until `release_move`."""
        source = int(self._vms.host[vm])
        self._begin_change(now_s, (source, target))
        self._vms.host[vm] = target
        self._vms.on_host_since_s[vm] = now_s
        self._vms.moved_at_s[vm] = now_s
        self._hosts.vm_count[source] -= 1
        self._hosts.vm_count[target] += 1
        self.version += 1

    def release_move(self, vm: int, vacated: int) -> None:
        """End a migration: release the VM's memory at the host, source or target, it is not on."""
        self._hosts.memory_reserved_bytes[vacated] -= self._vms.memory_bytes[vm]
        self._vms.queued[vm] = False
        self._vms.target[vm] = -1
        self.version += 1
        self._room_may_grow()

    def count_copying(self, source: int, target: int, change: int) -> None:
        """Count migrations that get (1) or return (-1) a slot to copy from source to target."""
        self._hosts.outgoing[source] += change
        self._hosts.incoming[target] += change

    # --- hosts ------------------------------------------------------------------------------------

    def switch_on(self, host: int, now_s: float) -> None:
        """Switch on a host; one that was off ends its shutdown, if any, and boots first."""
        self._begin_change(now_s, [host])
        self._switch_on(host, now_s)

    def _switch_on(self, host: int, now_s: float) -> None:
        hosts = self._hosts
        if not hosts.switched_on[host]:
            hosts.switched_on[host] = True
            hosts.woken_at_s[host] = now_s
            hosts.booting[host] = hosts.boot_s[host] > 0 or hosts.shutting_down[host]

    def end_boot(self, host: int, now_s: float) -> None:
        """Let VMs run on a host that has booted."""
        self._begin_change(now_s, [host])
        self._hosts.booting[host] = False

    def switch_off(self, hosts: Sequence[int], now_s: float) -> None:
        """Switch off some hosts, each given once; those with a `shutdown_s` shut down first."""
        self._begin_change(now_s, hosts)
        columns, rows = self._hosts, np.array(hosts)
        rows = rows[columns.switched_on[rows]]
        columns.switched_on[rows] = False
        columns.shutting_down[rows] = columns.shutdown_s[rows] > 0
        columns.shutdowns[rows] += 1
        columns.on_before_shutdowns_s[rows] += now_s - np.maximum(columns.woken_at_s[rows], 0.0)

    def end_shutdown(self, host: int, now_s: float) -> None:
        """Note that a host has shut down."""
        self._begin_change(now_s, [host])
        self._hosts.shutting_down[host] = False

    def set_drained(self, drained: BoolColumn) -> None:
        """Set which hosts take no new VM, shape [hosts]."""
        if not np.array_equal(self._hosts.drained, drained):
            self._hosts.drained[:] = drained
            self.version += 1
            self._room_may_grow()

    # --- crashes ----------------------------------------------------------------------------------

    def crash_hosts(self, hosts: Sequence[int], now_s: float) -> None:
        """Switch off hosts that fail, each given once; cost accrues on every host."""
        self.accrue(now_s)
        self._begin_change(now_s, hosts)
        self._hosts.failed[list(hosts)] = True
        self._hosts.switched_on[list(hosts)] = False
        self._hosts.booting[list(hosts)] = False
        self._hosts.shutting_down[list(hosts)] = False
        self.version += 1

    def repair_hosts(self, hosts: Sequence[int], now_s: float) -> None:
        """Switch on hosts that had failed, each given once; cost accrues on every host."""
        self.accrue(now_s)
        self._begin_change(now_s, hosts)
        self._hosts.failed[list(hosts)] = False
        self._hosts.switched_on[list(hosts)] = True
        self._hosts.woken_at_s[list(hosts)] = now_s
        self.version += 1
        self._room_may_grow()

    def take_down(self, vms: Sequence[int], now_s: float) -> None:
        """Stop VMs that crash with their hosts; their memory stays reserved until a restart."""
        rows = list(vms)
        self._begin_change(now_s, np.unique(self._vms.host[rows]).tolist())
        self._vms.running[rows] = False
        self._vms.demand[rows] = 0.0
        self._vms.down_since_s[rows] = now_s
        self.version += 1

    def lose_vm(self, vm: int, now_s: float) -> None:
        """Stop a VM for good and release its memory."""
        self.take_down([vm], now_s)
        host = self._vms.host[vm]
        self._hosts.memory_reserved_bytes[host] -= self._vms.memory_bytes[vm]
        self._hosts.vm_count[host] -= 1
        self._vms.lost[vm] = True
        self._room_may_grow()

    def restart_vm(self, vm: int, target: int, now_s: float) -> None:
        """Run a VM that is down on `target`, which may be its last host; it wants nothing yet."""
        vms, hosts = self._vms, self._hosts
        last = int(vms.host[vm])
        self._begin_change(now_s, [target] if last == target else [last, target])
        hosts.memory_reserved_bytes[last] -= vms.memory_bytes[vm]
        hosts.memory_reserved_bytes[target] += vms.memory_bytes[vm]
        hosts.vm_count[last] -= 1
        hosts.vm_count[target] += 1
        self._switch_on(target, now_s)
        vms.host[vm] = target
        vms.on_host_since_s[vm] = now_s
        vms.running[vm] = True
        vms.down_before_s[vm] += max(now_s - float(vms.down_since_s[vm]), 0.0)
        vms.down_since_s[vm] = np.inf
        vms.restarts[vm] += 1
        self.version += 1
        self._room_may_grow()

    # --- VMs that come and go ---------------------------------------------------------------------

    def place_vm(self, vm: int, host: int, now_s: float) -> None:
        """Let a VM that was nowhere boot on a host, and have that switched on."""
        vms, hosts = self._vms, self._hosts
        self._begin_change(now_s, [host])
        hosts.memory_reserved_bytes[host] += vms.memory_bytes[vm]
        hosts.vm_count[host] += 1
        self._switch_on(host, now_s)
        vms.host[vm] = host
        vms.booting[vm] = True
        vms.on_host_since_s[vm] = now_s
        self.residents.enter(vm, host)

    def start_vm(self, vm: int, demand: float, now_s: float) -> None:
        """Let a VM that boots run, and want a share of its CPU capacity."""
        self._begin_change(now_s, [int(self._vms.host[vm])])
        self._vms.booting[vm] = False
        self._vms.running[vm] = True
        self._vms.demand[vm] = demand

    def end_vm(self, vm: int, now_s: float) -> None:
        """Take a VM that runs, boots or is down off its host; no migration of it is under way."""
        vms, hosts = self._vms, self._hosts
        host = int(vms.host[vm])
        self._begin_change(now_s, [host])
        hosts.memory_reserved_bytes[host] -= vms.memory_bytes[vm]
        hosts.vm_count[host] -= 1
        vms.host[vm] = -1
        vms.running[vm] = vms.booting[vm] = False
        for column in (vms.demand, vms.cpu_granted, vms.cpu_unhindered, vms.intensity):
            column[vm] = 0.0
        vms.dirty_pages_per_s[vm] = 0.0
        vms.down_before_s[vm] += max(now_s - float(vms.down_since_s[vm]), 0.0)
        vms.down_since_s[vm] = np.inf
        self.residents.leave(vm)
        if self._cost is not None:
            self._cost.end_vm(vm)
        self._room_may_grow()

    def resize_vm(
        self, vm: int, cpu_capacity: float, memory_bytes: int, page_count: int, now_s: float
    ) -> None:
        """Give a VM another size; its memory is reserved anew where it is and is expected."""
        vms, hosts = self._vms, self._hosts
        host, target = int(vms.host[vm]), int(vms.target[vm])
        change = memory_bytes - int(vms.memory_bytes[vm])
        if host >= 0:
            self._begin_change(now_s, [host])
            hosts.memory_reserved_bytes[host] += change
        if target >= 0 and target != host:
            hosts.memory_reserved_bytes[target] += change
        vms.cpu_capacity[vm] = cpu_capacity
        vms.memory_bytes[vm] = memory_bytes
        vms.page_count[vm] = page_count
        self.version += 1
        self._room_may_grow()
