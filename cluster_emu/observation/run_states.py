"""The state of a finished run at any instant, from its tables alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.building import cluster_graph
from cluster_emu.network import LinkTable
from cluster_emu.observation.run_columns import (
    HostColumns,
    LinkColumns,
    MigrationColumns,
    VMColumns,
)
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import scenario_from

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RunState:
    """A run at one instant.

    Args:
        time_s: the instant.
        host_instant: number of the last observation of hosts until then.
        vm_instant: number of the last observation of VMs until then.
        queued: numbers of the migrations that are requested and have not begun, ascending.
        sending: numbers of the migrations that have begun and not ended, ascending.
        rates: what each of `sending` sends, byte/s: the mean of its round.
        vm_host: the host of each VM, -1 for one that is on none, [vms].
        vm_demand: share of its CPU that each VM wants, [vms].
        switched_on: whether each host draws power, [hosts].
        utilisation: share of each host's CPU in use, [hosts].
        link_load_bytes_per_s: what migrations send over each link, [links].
    """

    time_s: float
    host_instant: int
    vm_instant: int
    queued: Ints
    sending: Ints
    rates: tuple[float, ...]
    vm_host: Ints
    vm_demand: Floats
    switched_on: NDArray[np.bool_]
    utilisation: Floats
    link_load_bytes_per_s: Floats


class RunStates:
    """A finished run, of which the state at any instant can be had, in any order.

    Places, migrations and routes are exact. CPU demand and which hosts are on are those of the last
    observation before; the load of a migration is its mean over the round it is in.

    Args:
        result: the run.

    Attributes:
        scenario: its scenario.
        graph: its topology, hosts first.
        links: the links of the topology.
        hosts: the table `hosts`.
        vms: the table `vms`, and places.
        migrations: the table `migrations`.
        traffic: what migrations carry on the links.
        host_memory_bytes: memory of each host, [hosts].
        vm_memory_bytes: memory of each VM, [vms].
        vm_count: number of VMs, also of those that come later.

    Raises:
        ClusterEmuError: if the scenario's topology cannot be built any more.
    """

    def __init__(self, result: RunResult) -> None:
        self.scenario = scenario_from(result.scenario)
        self.graph = cluster_graph(self.scenario)
        self.links = LinkTable.of(self.graph)
        self._lives = lives = result.tables.get("lifecycle")
        host_table, vm_table = result.tables["hosts"], result.tables["vms"]
        numbers = [vm_table["vm"].max()] + ([] if lives is None else [lives["vm"].max()])
        self.vm_count = int(np.nanmax([-1, *numbers])) + 1
        self.hosts = HostColumns(host_table, self.scenario.host_count)
        self.migrations = MigrationColumns(result.migrations)
        self.vms = VMColumns(vm_table, self.migrations, lives, self.vm_count)
        self.traffic = LinkColumns(result.rounds, self.migrations.routes, len(self.links))
        self.host_memory_bytes = self._per_host("memory_bytes").astype(np.int64)
        self.vm_memory_bytes = self._per_vm("memory_bytes").astype(np.int64)
        self._host_capacity = self._per_host("cpu_capacity")
        self._vm_capacity = self._per_vm("cpu_capacity")

    def at(self, time_s: float) -> RunState:
        """Return the state at an instant."""
        hosts, vms, migrations = self.hosts, self.vms, self.migrations
        sending = migrations.sending(time_s)
        rates = tuple(self.traffic.rate_of(number, time_s) for number in sending.tolist())
        host_instant, vm_instant = hosts.observed.at(time_s), vms.observed.at(time_s)
        switched_on = hosts.switched_on[host_instant].copy()
        switched_on[migrations.target[sending]] = True
        place, demand = vms.place(time_s), vms.demand(vm_instant)
        return RunState(
            time_s=time_s,
            host_instant=host_instant,
            vm_instant=vm_instant,
            queued=migrations.queued(time_s),
            sending=sending,
            rates=rates,
            vm_host=place,
            vm_demand=demand,
            switched_on=switched_on,
            utilisation=self._utilisation(place, demand, sending, time_s),
            link_load_bytes_per_s=self.traffic.load(sending.tolist(), rates),
        )

    def _utilisation(self, place: Ints, demand: Floats, sending: Ints, time_s: float) -> Floats:
        """Return the share of each host's CPU that its VMs and migrations want, at most 1.

        A VM that is paused wants nothing; how far one was slowed down at the time is not recorded.
        """
        migrations, costs = self.migrations, self.scenario.costs
        wanted = demand * self._vm_capacity
        stopped = sending[migrations.is_stopped(sending, time_s)]
        wanted[migrations.vm[stopped]] = 0.0
        there = place >= 0
        per_host = np.bincount(place[there], wanted[there], len(self._host_capacity))
        np.add.at(per_host, migrations.source[sending], costs.source_cpu)
        np.add.at(per_host, migrations.target[sending], costs.target_cpu)
        used: Floats = np.minimum(per_host / self._host_capacity, 1.0)
        return used

    def _per_host(self, field: str) -> Floats:
        groups = self.scenario.hosts
        return np.array([getattr(group, field) for group in groups for _ in range(group.count)])

    def _per_vm(self, field: str) -> Floats:
        if self._lives is None:
            groups = self.scenario.vms
            return np.array([getattr(group, field) for group in groups for _ in range(group.count)])
        values = np.zeros(self.vm_count)
        values[self._lives["vm"]] = self._lives[field]
        return values
