"""What consolidation policies see: the cluster at one control instant, with moves tried out.

It counts every VM where it will be once all migrations queued, in flight and planned so far have
ended; one that is down or lost is nowhere. Policies read it; triggers change it through
`plan.Plan`, and never the cluster itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import ALL, BoolColumn, FloatColumn, IntColumn, Rows
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.history import UtilisationHistory
from cluster_emu.consolidation.migration_cost import MigrationCost, expected_cost
from cluster_emu.consolidation.network import Bottleneck, MigrationNetwork
from cluster_emu.errors import ClusterEmuError

NOWHERE = -1
"""The host of a VM that is lifted, down or lost."""


class Watts(Protocol):
    """The power of hosts if switched on."""

    def __call__(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return the power of some hosts in watts at utilisations 0..1, shape [these hosts]."""
        ...


@dataclass(slots=True, kw_only=True)
class ClusterView:
    """The cluster as it will be. Its arrays are read only.

    Args:
        state: the cluster as it is.
        watts: power of hosts if switched on.
        history: utilisation at the last control instants, as far as the policies ask for it.
        vm_host: projected host of each VM, [vms]; the target of a VM that is queued or in flight,
            -1 while a VM is lifted, and for VMs that are down or lost.
        vm_cpu_demand: CPU each VM wants, [vms].
        movable: VMs that run, may migrate, and are neither queued, in flight nor planned, [vms].
        cpu_demand: CPU wanted by the projected VMs of each host, [hosts]; may exceed the capacity.
        memory_demand_bytes: memory of the projected VMs of each host, [hosts].
        memory_free_bytes: memory not in use and not reserved, [hosts]. A planned move takes from
            its target; its source gets nothing back before the migration ends.
        vm_count: projected VMs of each host, [hosts].
        movable_count: how many of these are movable, [hosts].
        on: hosts that are switched on or will be because a VM moves there, [hosts]; a host with
            projected VMs is always on.
        drained: hosts that take no new VM, [hosts].
        operational: hosts that are neither drained nor failed, [hosts].
    """

    state: ClusterState
    watts: Watts
    history: UtilisationHistory
    vm_host: IntColumn
    vm_cpu_demand: FloatColumn
    movable: BoolColumn
    cpu_demand: FloatColumn
    memory_demand_bytes: IntColumn
    memory_free_bytes: IntColumn
    vm_count: IntColumn
    movable_count: IntColumn
    on: BoolColumn
    drained: BoolColumn
    operational: BoolColumn
    _network: MigrationNetwork | None
    _vms_by_host: NDArray[np.intp]
    _first_vm: NDArray[np.intp]
    _arrivals: dict[int, list[int]] = field(default_factory=dict)
    _watts_now: FloatColumn | None = None
    _touched: set[int] = field(default_factory=set)
    _kept: dict[int, tuple[object, FloatColumn]] = field(default_factory=dict)

    # --- load -------------------------------------------------------------------------------------

    @property
    def utilisation(self) -> FloatColumn:
        """CPU demand over capacity of each host, [hosts]; above 1 where more is wanted than is."""
        return self.cpu_demand / self.state.hosts.cpu_capacity

    def utilisation_with(self, vm: int) -> FloatColumn:
        """Return the utilisation each host would have with `vm` added, [hosts]."""
        demand: FloatColumn = self.cpu_demand + self.vm_cpu_demand[vm]
        return demand / self.state.hosts.cpu_capacity

    @property
    def memory_utilisation(self) -> FloatColumn:
        """Memory of each host's projected VMs over its memory, [hosts]."""
        return self.memory_demand_bytes / self.state.hosts.memory_bytes

    def memory_utilisation_with(self, vm: int) -> FloatColumn:
        """Return the memory utilisation each host would have with `vm` added, [hosts]."""
        demand: IntColumn = self.memory_demand_bytes + self.state.vms.memory_bytes[vm]
        return demand / self.state.hosts.memory_bytes

    @property
    def utilisation_history(self) -> NDArray[np.float64]:
        """Past utilisation of each host by the VMs it has now, [instants, hosts], oldest first.

        It follows the VMs: a VM that has moved counts at its projected host all along. What a host
        itself did is ``history.hosts``.
        """
        somewhere = np.flatnonzero(self.vm_host >= 0)
        capacity = self.state.vms.cpu_capacity[somewhere]
        sums = [
            np.bincount(self.vm_host[somewhere], row[somewhere] * capacity, len(self.on))
            for row in self.history.vms
        ]
        return np.array(sums).reshape(-1, len(self.on)) / self.state.hosts.cpu_capacity

    # --- power ------------------------------------------------------------------------------------

    def watts_at(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return the power of hosts that are on at this utilisation (cut to 0..1), [hosts]."""
        return self.watts(np.clip(utilisation, 0.0, 1.0), hosts)

    @property
    def watts_now(self) -> FloatColumn:
        """Projected power of each host, 0 where it is off, [hosts]."""
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

    # --- VMs --------------------------------------------------------------------------------------

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

    def kept_apart_from(self, vm: int) -> BoolColumn:
        """Return the hosts where another VM of its anti-affinity group is or will be, [hosts]."""
        hosts = self.state.kept_apart_from(vm)
        if self.state.vms.anti_affinity[vm] >= 0:
            planned = self.vm_host[self.state.others_of_its_group(vm)]
            hosts[planned[planned >= 0]] = True
        return hosts

    def is_kept_apart_from(self, vm: int, host: int) -> bool:
        """Return whether another VM of its anti-affinity group is or will be on `host`."""
        return bool(self.state.vms.anti_affinity[vm] >= 0 and self.kept_apart_from(vm)[host])

    @property
    def can_be_emptied(self) -> BoolColumn:
        """Hosts with VMs, all of which are movable, so that no VM is on its way there, [hosts]."""
        all_movable: BoolColumn = self.movable_count == self.vm_count
        return (self.vm_count > 0) & all_movable

    # --- the network and the cost of a move -------------------------------------------------------

    @property
    def network(self) -> MigrationNetwork:
        """Links and routes.

        Raises:
            ClusterEmuError: if the view was made without a network.
        """
        if self._network is None:
            raise ClusterEmuError("this view of the cluster was made without its network")
        return self._network

    @property
    def migrations_per_link(self) -> IntColumn:
        """Migrations that cross each link: those in flight, queued and planned, [links]."""
        vms = self.state.vms
        moving = np.flatnonzero(vms.running & (self.vm_host >= 0) & (self.vm_host != vms.host))
        return self.network.migrations_per_link(vms.host[moving], self.vm_host[moving])

    def bottlenecks(self, vm: int, targets: NDArray[np.intp]) -> Bottleneck:
        """Return the tightest link from the host of `vm` to each of `targets`, [these targets]."""
        source = int(self.state.vms.host[vm])
        return self.network.bottlenecks(source, targets, self.migrations_per_link)

    def cost_of_moving(
        self, vms: NDArray[np.intp], bytes_per_s: FloatColumn | float
    ) -> MigrationCost:
        """Return the expected bytes and time of migrating some VMs at a rate, [these VMs]."""
        return expected_cost(self.state.vms, vms, bytes_per_s)

    # --- what policies keep for the time of one view ----------------------------------------------

    def kept(self, policy: object, compute: PerHost) -> FloatColumn:
        """Return the value of ``compute(self)`` at the first call for `policy`, [hosts]."""
        if id(policy) not in self._kept:
            self._kept[id(policy)] = (policy, compute(self))
        return self._kept[id(policy)][1]


class PerHost(Protocol):
    """Computes one number per host."""

    def __call__(self, view: ClusterView, /) -> FloatColumn:
        """Return the numbers, [hosts]."""
        ...
