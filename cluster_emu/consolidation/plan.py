"""A view of the cluster in which a trigger tries moves out.

The projection is a copy: planning never changes the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.history import UtilisationHistory
from cluster_emu.consolidation.move import Move
from cluster_emu.consolidation.network import MigrationNetwork
from cluster_emu.consolidation.view import NOWHERE, ClusterView, Watts


class _Change(NamedTuple):
    """What one step did, and the values it overwrote."""

    vm: int
    host: int
    landing: bool
    cpu_demand: float
    on: bool


@dataclass(slots=True, kw_only=True)
class Plan(ClusterView):
    """The cluster as it will be; made by `Plan.of`, changed only by its methods."""

    _journal: list[_Change] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        state: ClusterState,
        watts: Watts,
        *,
        vm_cpu_demand: FloatColumn | None = None,
        history: UtilisationHistory | None = None,
        network: MigrationNetwork | None = None,
    ) -> Plan:
        """Return the projection of `state` with nothing planned yet.

        Args:
            state: the cluster as it is.
            watts: power of hosts if switched on.
            vm_cpu_demand: CPU each VM would want if it ran, where VMs that are down are to be
                placed; what each VM wants now if None.
            history: utilisation at the last control instants; none kept if None.
            network: links and routes, for policies that ask for them.
        """
        vms, hosts, n = state.vms, state.hosts, state.host_count
        vm_host = np.where(vms.target >= 0, vms.target, vms.host)
        vm_host[~(vms.running | vms.booting)] = NOWHERE
        movable = vms.running & vms.migratable & ~vms.queued & (vms.target < 0)
        somewhere = np.flatnonzero(vm_host >= 0)
        their_host = vm_host[somewhere]
        demand = vms.cpu_demand if vm_cpu_demand is None else vm_cpu_demand
        vm_count = np.bincount(their_host, minlength=n)
        return cls(
            state=state,
            watts=watts,
            history=UtilisationHistory(0, state) if history is None else history,
            vm_host=vm_host,
            vm_cpu_demand=demand,
            movable=movable,
            cpu_demand=np.bincount(their_host, weights=demand[somewhere], minlength=n).astype(
                np.float64
            ),
            memory_demand_bytes=np.bincount(
                their_host, weights=vms.memory_bytes[somewhere], minlength=n
            ).astype(np.int64),
            memory_free_bytes=hosts.memory_free_bytes,
            vm_count=vm_count,
            movable_count=np.bincount(vm_host[movable], minlength=n),
            on=(hosts.switched_on | (vm_count > 0)) & ~hosts.failed,
            drained=hosts.drained.copy(),
            operational=~(hosts.drained | hosts.failed),
            _network=network,
            _vms_by_host=somewhere[np.argsort(their_host, kind="stable")],
            _first_vm=np.concatenate([[0], np.cumsum(vm_count)]),
        )

    def drain(self, hosts: BoolColumn) -> None:
        """Close `hosts` (mask, [hosts]) to new VMs in this plan; `restore` does not reopen them."""
        self.drained |= hosts
        self.operational &= ~hosts

    @contextmanager
    def holding(self, vms: BoolColumn) -> Iterator[None]:
        """Let the movable ones of `vms` (mask, [vms]) stay where they are within the context."""
        held = np.flatnonzero(vms & self.movable)
        their_host = self.vm_host[held]
        self.movable[held] = False
        np.subtract.at(self.movable_count, their_host, 1)
        try:
            yield
        finally:
            self.movable[held] = True
            np.add.at(self.movable_count, their_host, 1)

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
        stays = host == self.state.vms.host[vm]  # there its memory is still reserved
        room = stays or self.memory_free_bytes[host] >= self.state.vms.memory_bytes[vm]
        allowed = room and self.operational[host] and not self.is_kept_apart_from(vm, host)
        if self.vm_host[vm] != NOWHERE or not allowed:
            raise ValueError(f"VM {vm} cannot be restarted on host {host}")
        self._land(vm, host)
        if stays:
            self.memory_free_bytes[host] += self.state.vms.memory_bytes[vm]
        self._journal.pop()

    def arrive(self, vm: int, host: int) -> None:
        """Count a VM that was nowhere as being on `host`; for good, `restore` leaves it there."""
        self._land(vm, host)
        self._journal.pop()

    def update_switched_on(self) -> None:
        """Take in which hosts were switched on or off since the plan was made."""
        hosts = self.state.hosts
        on = (hosts.switched_on | (self.vm_count > 0)) & ~hosts.failed
        changed = np.flatnonzero(on != self.on)
        if len(changed):
            self.on[changed] = on[changed]
            self._touched.update(changed.tolist())

    def leave(self, vm: int) -> None:
        """Count a VM that ends as being nowhere, its memory as free; for good, too."""
        host = int(self.vm_host[vm])
        self._note(vm, host, landing=False)
        self._journal.pop()
        self.vm_host[vm] = NOWHERE
        self.vm_count[host] -= 1
        self.cpu_demand[host] -= self.vm_cpu_demand[vm]
        self.memory_demand_bytes[host] -= self.state.vms.memory_bytes[vm]
        self.memory_free_bytes[host] += self.state.vms.memory_bytes[vm]
        if self.vm_count[host] == 0:
            self.cpu_demand[host] = 0.0  # without the rounding error of many sums
        if self.movable[vm]:
            self.movable[vm] = False
            self.movable_count[host] -= 1
        arrived = self._arrivals.get(host, [])
        if vm in arrived:
            arrived.remove(vm)

    def lift(self, vm: int) -> None:
        """Take a movable VM off its host, to nowhere; end with `restore`."""
        if not self.movable[vm]:
            raise ValueError(f"VM {vm} may not migrate, or is queued, in flight or planned already")
        host = int(self.vm_host[vm])
        self._note(vm, host, landing=False)
        self.vm_host[vm] = NOWHERE
        self.movable[vm] = False
        self.vm_count[host] -= 1
        self.movable_count[host] -= 1
        self.cpu_demand[host] -= self.vm_cpu_demand[vm]
        self.memory_demand_bytes[host] -= self.state.vms.memory_bytes[vm]
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
        """Refuse a move that no cluster could carry out."""
        if move.source != self.vm_host[move.vm]:
            raise ValueError(f"{move}: the VM is on host {self.vm_host[move.vm]}")
        fits = self.memory_free_bytes[move.target] >= self.state.vms.memory_bytes[move.vm]
        if not (fits and self.operational[move.target]) or move.target == move.source:
            raise ValueError(f"{move}: the target is drained, too full or the VM's own host")
        if self.is_kept_apart_from(move.vm, move.target):
            raise ValueError(f"{move}: a VM of its anti-affinity group is at the target")
        if not self.state.may_take(move.vm)[move.target]:
            raise ValueError(f"{move}: the scenario does not allow the VM there")

    def _land(self, vm: int, host: int) -> None:
        self._note(vm, host, landing=True)
        self.vm_host[vm] = host
        self.vm_count[host] += 1
        self.cpu_demand[host] += self.vm_cpu_demand[vm]
        self.memory_demand_bytes[host] += self.state.vms.memory_bytes[vm]
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
        self.memory_demand_bytes[host] -= self.state.vms.memory_bytes[vm]
        self.cpu_demand[host] = change.cpu_demand
        self.vm_count[host] -= 1
        self.vm_host[vm] = NOWHERE

    def _undo_lift(self, change: _Change) -> None:
        vm, host = change.vm, change.host
        self.cpu_demand[host] = change.cpu_demand
        self.memory_demand_bytes[host] += self.state.vms.memory_bytes[vm]
        self.movable_count[host] += 1
        self.vm_count[host] += 1
        self.movable[vm] = True
        self.vm_host[vm] = host
