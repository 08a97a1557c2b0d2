"""A projection of the cluster at one control instant, in which policies try moves out.

The projection is a copy: planning never changes the state. It counts every VM where it will be once
all migrations queued, in flight and planned so far have ended; one that is down or lost is nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import ALL, BoolColumn, FloatColumn, IntColumn, Rows
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.move import Move


class Watts(Protocol):
    """The power of hosts if switched on."""

    def __call__(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return the power of some hosts in watts at utilisations 0..1, shape [these hosts]."""
        ...


NOWHERE = -1


class _Change(NamedTuple):
    """What one step did, and the values it overwrote."""

    vm: int
    host: int
    landing: bool
    cpu_demand: float
    on: bool


@dataclass(slots=True)
class Plan:
    """The cluster as it will be; made by `Plan.of`, changed only by its methods.

    Args:
        state: the cluster as it is, read only.
        watts: power of hosts if switched on.
        vm_host: projected host of each VM, [vms]; the target of a VM that is queued or in flight,
            -1 while a VM is lifted, and for VMs that are down or lost.
        vm_cpu_demand: CPU each VM wants, [vms].
        movable: VMs that run and are neither queued, in flight nor planned, [vms].
        cpu_demand: CPU wanted by the projected VMs of each host, [hosts]; may exceed the capacity.
        memory_free_bytes: memory not in use and not reserved, [hosts]. A planned move takes from
            its target; its source gets nothing back before the migration ends.
        vm_count: projected VMs of each host, [hosts].
        movable_count: how many of these are movable, [hosts].
        on: hosts that are switched on or will be because a VM goes there, [hosts]; a host with
            projected VMs is always on.
        drained: hosts that take no new VM, [hosts].
    """

    state: ClusterState
    watts: Watts
    vm_host: IntColumn
    vm_cpu_demand: FloatColumn
    movable: BoolColumn
    cpu_demand: FloatColumn
    memory_free_bytes: IntColumn
    vm_count: IntColumn
    movable_count: IntColumn
    on: BoolColumn
    drained: BoolColumn
    _vms_by_host: NDArray[np.intp]
    _first_vm: NDArray[np.intp]
    _arrivals: dict[int, list[int]] = field(default_factory=dict)
    _journal: list[_Change] = field(default_factory=list)
    _watts_now: FloatColumn | None = None
    _touched: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, state: ClusterState, watts: Watts, wanted: FloatColumn | None = None) -> Plan:
        """Return the projection of `state` with nothing planned yet.

        Args:
            state: the cluster as it is.
            watts: power of hosts if switched on.
            wanted: CPU each VM would want if it ran, where VMs that are down are to be placed.
        """
        vms, hosts, n = state.vms, state.hosts, state.host_count
        vm_host = np.where(vms.target >= 0, vms.target, vms.host)
        vm_host[~vms.running] = NOWHERE
        movable = vms.running & ~vms.queued & (vms.target < 0)
        somewhere = np.flatnonzero(vm_host >= 0)
        their_host = vm_host[somewhere]
        vm_cpu_demand = vms.cpu_demand if wanted is None else wanted
        vm_count = np.bincount(their_host, minlength=n)
        return cls(
            state=state,
            watts=watts,
            vm_host=vm_host,
            vm_cpu_demand=vm_cpu_demand,
            movable=movable,
            cpu_demand=np.bincount(
                their_host, weights=vm_cpu_demand[somewhere], minlength=n
            ).astype(np.float64),
            memory_free_bytes=hosts.memory_free_bytes,
            vm_count=vm_count,
            movable_count=np.bincount(vm_host[movable], minlength=n),
            on=(hosts.switched_on | (vm_count > 0)) & ~hosts.failed,
            drained=hosts.drained.copy(),
            _vms_by_host=somewhere[np.argsort(their_host, kind="stable")],
            _first_vm=np.concatenate([[0], np.cumsum(vm_count)]),
        )

    @property
    def utilisation(self) -> FloatColumn:
        """CPU demand over capacity of each host, [hosts]; above 1 where more is wanted than is."""
        return self.cpu_demand / self.state.hosts.cpu_capacity

    def utilisation_with(self, vm: int) -> FloatColumn:
        """Return the utilisation each host would have with `vm` added, [hosts]."""
        demand: FloatColumn = self.cpu_demand + self.vm_cpu_demand[vm]
        return demand / self.state.hosts.cpu_capacity

    def watts_at(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return the power of hosts that are on at this utilisation (cut to 0..1), [hosts]."""
        return self.watts(np.clip(utilisation, 0.0, 1.0), hosts)

    @property
    def watts_now(self) -> FloatColumn:
        """Projected power of each host, 0 where it is off, [hosts]; read only."""
        if self._watts_now is None:
            self._watts_now = self._watts_of(ALL)
        elif self._touched:
            hosts = np.array(sorted(self._touched))
            self._watts_now[hosts] = self._watts_of(hosts)
        self._touched.clear()
        return self._watts_now

    def _watts_of(self, hosts: Rows) -> FloatColumn:
        utilisation = self.cpu_demand[hosts] / self.state.hosts.cpu_capacity[hosts]
        return np.where(self.on[hosts], self.watts_at(utilisation, hosts), 0.0)

    def vms_on(self, host: int) -> NDArray[np.intp]:
        """Return the numbers of the projected VMs of `host`, ascending."""
        at_first = self._vms_by_host[self._first_vm[host] : self._first_vm[host + 1]]
        stayed = at_first[self.vm_host[at_first] == host]
        arrived = np.array(self._arrivals.get(host, []), dtype=np.intp)
        return np.sort(np.concatenate([stayed, arrived]))

    def movable_on(self, host: int) -> NDArray[np.intp]:
        """Return the numbers of the projected VMs of `host` that may be moved, ascending."""
        vms = self.vms_on(host)
        return vms[self.movable[vms]]

    @property
    def can_be_emptied(self) -> BoolColumn:
        """Hosts that have VMs, all of them movable, so none that has been promised one, [hosts]."""
        all_movable: BoolColumn = self.movable_count == self.vm_count
        return (self.vm_count > 0) & all_movable

    def by_decreasing_demand(self, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return `vms` with the largest CPU demand first; equals keep their order."""
        return vms[np.argsort(-self.vm_cpu_demand[vms], kind="stable")]

    def fits_memory(self, vm: int) -> BoolColumn:
        """Return the hosts with free memory for `vm`, [hosts]."""
        fits: BoolColumn = self.memory_free_bytes >= self.state.vms.memory_bytes[vm]
        return fits

    def may_receive(self, vm: int) -> BoolColumn:
        """Return the hosts with memory for `vm`, up, not drained and not its own, [hosts]."""
        mask = self.fits_memory(vm) & ~self.drained & ~self.state.hosts.failed
        if self.vm_host[vm] != NOWHERE:
            mask[self.vm_host[vm]] = False
        return mask

    def may_restart_on(self, vm: int) -> BoolColumn:
        """Return the hosts for a VM that is down; where it was it still has its memory, [hosts]."""
        mask = self.may_receive(vm)
        last = self.state.vms.host[vm]
        mask[last] = not (self.drained[last] or self.state.hosts.failed[last])
        return mask

    def drain(self, hosts: BoolColumn) -> None:
        """Let the `hosts` (mask, [hosts]) take no new VM in this plan; `restore` keeps that."""
        self.drained |= hosts

    def apply(self, move: Move) -> None:
        """Count `move` as done.

        Raises:
            ValueError: if the VM may not be moved, is not on the source, or the target is not
                allowed to receive it.
        """
        self._check(move)
        self.lift(move.vm)
        self._land(move.vm, move.target)

    def restart(self, vm: int, host: int) -> None:
        """Count a VM that is down as running on `host`; for good, `restore` leaves it there.

        Raises:
            ValueError: if it runs, or may not be restarted on `host`.
        """
        if self.vm_host[vm] != NOWHERE or not self.may_restart_on(vm)[host]:
            raise ValueError(f"VM {vm} cannot be restarted on host {host}")
        self._land(vm, host)
        if host == self.state.vms.host[vm]:
            self.memory_free_bytes[host] += self.state.vms.memory_bytes[vm]
        self._journal.pop()

    def lift(self, vm: int) -> None:
        """Take a movable VM off its host without saying where it goes; end with `restore`."""
        if not self.movable[vm]:
            raise ValueError(f"VM {vm} is queued, in flight or planned already")
        host = int(self.vm_host[vm])
        self._note(vm, host, landing=False)
        self.vm_host[vm] = NOWHERE
        self.movable[vm] = False
        self.vm_count[host] -= 1
        self.movable_count[host] -= 1
        self.cpu_demand[host] -= self.vm_cpu_demand[vm]
        if self.vm_count[host] == 0:
            # Subtracting shares one by one may leave a rounding error on an empty host.
            self.cpu_demand[host] = 0.0

    def snapshot(self) -> int:
        """Return a mark for `restore`."""
        return len(self._journal)

    def restore(self, mark: int) -> None:
        """Take back, exactly, every move and lift since `mark`."""
        while len(self._journal) > mark:
            change = self._journal.pop()
            self._touched.add(change.host)
            if change.landing:
                self._undo_landing(change)
            else:
                self._undo_lift(change)

    def _check(self, move: Move) -> None:
        if move.source != self.vm_host[move.vm]:
            raise ValueError(f"{move}: the VM is on host {self.vm_host[move.vm]}")
        if not self._accepts(move.vm, move.target):
            raise ValueError(f"{move}: the target is drained, too full or the VM's own host")

    def _accepts(self, vm: int, host: int) -> bool:
        """Return what `may_receive` does, for one host."""
        fits = self.memory_free_bytes[host] >= self.state.vms.memory_bytes[vm]
        closed = self.drained[host] or self.state.hosts.failed[host]
        return bool(fits and not closed and host != self.vm_host[vm])

    def _land(self, vm: int, host: int) -> None:
        self._note(vm, host, landing=True)
        self.vm_host[vm] = host
        self.vm_count[host] += 1
        self.cpu_demand[host] += self.vm_cpu_demand[vm]
        self.memory_free_bytes[host] -= self.state.vms.memory_bytes[vm]
        self.on[host] = True
        self._arrivals.setdefault(host, []).append(vm)

    def _note(self, vm: int, host: int, *, landing: bool) -> None:
        before = _Change(vm, host, landing, float(self.cpu_demand[host]), bool(self.on[host]))
        self._journal.append(before)
        self._touched.add(host)

    def _undo_landing(self, change: _Change) -> None:
        vm, host = change.vm, change.host
        self._arrivals[host].pop()
        self.on[host] = change.on
        self.memory_free_bytes[host] += self.state.vms.memory_bytes[vm]
        self.cpu_demand[host] = change.cpu_demand
        self.vm_count[host] -= 1
        self.vm_host[vm] = NOWHERE

    def _undo_lift(self, change: _Change) -> None:
        vm, host = change.vm, change.host
        self.cpu_demand[host] = change.cpu_demand
        self.movable_count[host] += 1
        self.vm_count[host] += 1
        self.movable[vm] = True
        self.vm_host[vm] = host
