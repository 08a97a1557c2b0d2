"""What time costs: energy, time switched on, overload, and what VMs want and get.

Between two changes of the state every rate is constant, so a cost is a sum of rate x duration. The
state says when: it calls `accrue` before columns change, for the hosts that change alone, and
`read_rates` once it has shared the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.cluster.cpu_sharing import overloaded
from cluster_emu.cluster.residents import HostGroup
from cluster_emu.cluster.state import ClusterState
from cluster_emu.metrics.power import JOULES_PER_KWH, EnergyMeter, PowerColumns
from cluster_emu.metrics.service import ServiceAccount, service_rates
from cluster_emu.metrics.sla import mean_overload_share

BOOT, SHUTDOWN, MIGRATION = range(3)
"""The rows of `EnergyParts`."""


class EnergyParts:
    """The parts of each host's energy that boots, shutdowns and migrations cause, in joules.

    A host that boots or shuts down draws all of its power for that. What migrations cost is the
    difference of the power with and without the CPU that they take of the host::

        P(min(wanted, capacity) / capacity) - P(min(wanted - overhead, capacity) / capacity)

    Most hosts do none of the three most of the time, so the hosts that do are kept by number, and
    read and written in scalars.

    Args:
        state: the columns.
        power: the power of the hosts.

    Attributes:
        joules: shape [3, hosts].
        hosts: the hosts that boot, shut down or have migrations that take CPU.
    """

    def __init__(self, state: ClusterState, power: PowerColumns) -> None:
        self.joules = np.zeros((3, state.host_count))
        self.hosts: set[int] = set()
        self._columns = state.hosts
        self._power = power
        self._watts = np.zeros((3, state.host_count))
        self._part_w: Any = self._watts.data
        self._part_j: Any = self.joules.data
        self._capacity = state.hosts.cpu_capacity.data
        self._wanted = state.hosts.cpu_wanted.data
        self._overhead = state.hosts.cpu_overhead.data
        self._switched_on = state.hosts.switched_on.data
        self._booting = state.hosts.booting.data
        self._shutting_down = state.hosts.shutting_down.data

    def read(self, group: HostGroup, watts: FloatColumn) -> None:
        """Read what each part costs from now on; `watts` is what each host draws, [hosts]."""
        numbers = group.numbers
        if numbers is None:
            columns = self._columns
            busy = (columns.cpu_overhead > 0) | columns.booting | columns.shutting_down
            numbers = list(self.hosts.union(np.flatnonzero(busy).tolist()))
        migrating = []
        for host in numbers:
            shuts_down, boots = self._shutting_down[host], self._booting[host]
            if self._overhead[host] > 0 or shuts_down or boots:
                self.hosts.add(host)
                drawn_w = float(watts[host])
                self._part_w[SHUTDOWN, host] = drawn_w if shuts_down else 0.0
                self._part_w[BOOT, host] = drawn_w if boots and not shuts_down else 0.0
                self._part_w[MIGRATION, host] = 0.0
                if self._switched_on[host] and not (boots or shuts_down):
                    migrating.append(host)
            elif host in self.hosts:
                self.hosts.discard(host)
                self._watts[:, host] = 0.0
        if migrating:
            without_w = self._watts_without_migrations(migrating)
            for host, without in zip(migrating, without_w, strict=True):
                self._part_w[MIGRATION, host] = float(watts[host]) - without

    def _watts_without_migrations(self, hosts: list[int]) -> list[float]:
        utilisation = np.empty(len(hosts))
        for i, host in enumerate(hosts):
            capacity = self._capacity[host]
            wanted = self._wanted[host] - self._overhead[host]
            utilisation[i] = min(max(wanted, 0.0), capacity) / capacity
        watts: list[float] = self._power.watts_if_on(utilisation, np.array(hosts)).tolist()
        return watts

    def add(self, duration_s: FloatColumn) -> None:
        """Add some time on every host, [hosts]."""
        self.joules += self._watts * duration_s

    def add_one(self, host: int, duration_s: float) -> None:
        """Add some time on one host."""
        for part in (BOOT, SHUTDOWN, MIGRATION):
            self._part_j[part, host] += self._part_w[part, host] * duration_s

    @property
    def host_energy_kwh(self) -> FloatColumn:
        """Energy of each part on each host so far, [3, hosts]."""
        return self.joules / JOULES_PER_KWH

    @property
    def energy_kwh(self) -> FloatColumn:
        """Energy of each part over all hosts so far, [3]."""
        energy_kwh: FloatColumn = self.host_energy_kwh.sum(axis=1)
        return energy_kwh


class _HostViews(NamedTuple):
    """The columns of hosts as memory views: their single elements are read and written faster."""

    accrued_until_s: Any
    watts: Any
    on: Any
    serving: Any
    overloaded: Any
    joules: Any
    on_time_s: Any
    serving_time_s: Any
    overload_time_s: Any


class CostAccounting:
    """Accrues energy, time switched on, overload and service, and registers with the state.

    Args:
        state: the state whose cost is accrued.
        power: the power of the hosts.

    Attributes:
        meter: the energy of each host.
        parts: what boots, shutdowns and migrations cause of it.
        service: what each VM wanted and lost.
        on_time_s: how long each host was switched on, [hosts].
        serving_time_s: how long it was on, had booted and had VMs, [hosts].
        overload_time_s: for how long more CPU was wanted of it than it has, [hosts].
        accrued_until_s: up to when the cost of every host has accrued.
    """

    def __init__(self, state: ClusterState, power: PowerColumns) -> None:
        self.meter = EnergyMeter(state.host_count)
        self.parts = EnergyParts(state, power)
        self.service = ServiceAccount(state.vm_count)
        self.on_time_s = np.zeros(state.host_count)
        self.serving_time_s = np.zeros(state.host_count)
        self.overload_time_s = np.zeros(state.host_count)
        self.accrued_until_s = 0.0
        self._state = state
        self._power = power
        self._host_until_s = np.zeros(state.host_count)
        self._watts = np.zeros(state.host_count)
        self._on = np.zeros(state.host_count, dtype=np.bool_)
        self._serving = np.zeros(state.host_count, dtype=np.bool_)
        self._overloaded = np.zeros(state.host_count, dtype=np.bool_)
        self._service_rates = np.zeros((len(self.service.sums), state.vm_count))
        self._flat_sums = self.service.sums.reshape(-1)
        self._flat_rates = self._service_rates.reshape(-1)
        self._views = _HostViews(
            accrued_until_s=self._host_until_s.data,
            watts=self._watts.data,
            on=self._on.data,
            serving=self._serving.data,
            overloaded=self._overloaded.data,
            joules=self.meter.joules.data,
            on_time_s=self.on_time_s.data,
            serving_time_s=self.serving_time_s.data,
            overload_time_s=self.overload_time_s.data,
        )
        columns = state.hosts
        self._host_columns = columns.switched_on.data, columns.booting.data, columns.vm_count.data
        state.register_cost(self)

    def figures(self) -> dict[str, float]:
        """Return energy, hosts on, overload and degradation of the whole cluster so far."""
        until_s, on_s = self.accrued_until_s, float(self.on_time_s.sum())
        hosts, service, parts_kwh = self._state.hosts, self.service, self.parts.energy_kwh
        shutdowns = int(hosts.shutdowns.sum())
        on_before_s = float(hosts.on_before_shutdowns_s.sum())
        return {
            "energy_kwh": self.meter.energy_kwh,
            "boot_energy_kwh": float(parts_kwh[BOOT]),
            "shutdown_energy_kwh": float(parts_kwh[SHUTDOWN]),
            "migration_energy_kwh": float(parts_kwh[MIGRATION]),
            "host_shutdowns": shutdowns,
            "time_before_shutdown_s": on_before_s / shutdowns if shutdowns else float("nan"),
            "slatah": mean_overload_share(self.overload_time_s, self.serving_time_s),
            "degradation_by_ten_percent_rule": service.degradation_by_ten_percent_rule(),
            "overall_sla_violation": service.overall_violation(),
            "average_sla_violation": service.average_violation(),
            "mean_hosts_on": on_s / until_s if until_s else float("nan"),
            "overload_time_share": float(self.overload_time_s.sum()) / on_s if on_s else 0.0,
            "degradation_by_migration": service.degradation_by_migration(),
            "degradation_by_overload": service.degradation_by_overload(),
            "simulated_s": until_s,
        }

    def host_energy_kwh(self) -> dict[str, FloatColumn]:
        """Return the energy of each host so far, and parts of it, by name, [hosts]."""
        parts_kwh = self.parts.host_energy_kwh
        return {
            "energy_kwh": self.meter.host_energy_kwh,
            "boot_energy_kwh": parts_kwh[BOOT],
            "shutdown_energy_kwh": parts_kwh[SHUTDOWN],
            "migration_energy_kwh": parts_kwh[MIGRATION],
        }

    def accrue(self, until_s: float, hosts: Sequence[int] | None) -> None:
        """Add rate x duration up to `until_s` on these hosts, on all if None; see `CostAccount`."""
        if hosts is None:
            self._accrue_all(until_s)
            return
        host_until_s = self._views.accrued_until_s
        for host in hosts:
            if host_until_s[host] < until_s:
                self._accrue_one(host, until_s)

    def read_rates(self, group: HostGroup) -> None:
        """Read the rates that hold from now on, on the hosts of a group; see `CostAccount`."""
        hosts, columns = group.hosts, self._state.hosts
        self._watts[hosts] = self._power.drawn_w(columns, hosts)
        self._overloaded[hosts] = overloaded(columns, hosts)
        kernels = self._state.host_kernels
        if kernels is not None and group.host_count == 1:
            vms = self._state.vms
            of_vms = vms.demand, vms.cpu_capacity, vms.speed, vms.cpu_granted, vms.cpu_unhindered
            kernels.read_service_rates(group.vms, *of_vms, self._service_rates)
        else:
            self._service_rates[:, group.vms] = service_rates(self._state.vms, group.vms)
        self.parts.read(group, self._watts)
        if group.numbers is None:
            self._on[:] = columns.switched_on
            self._serving[:] = columns.switched_on & ~columns.booting & (columns.vm_count > 0)
            return
        on, serving = self._views.on, self._views.serving
        switched_on, booting, vm_count = self._host_columns
        for host in group.numbers:
            is_on = switched_on[host]
            on[host] = is_on
            serving[host] = is_on and not booting[host] and vm_count[host] > 0

    def end_vm(self, vm: int) -> None:
        """Let a VM want and lose nothing from now on; see `CostAccount`."""
        self._service_rates[:, vm] = 0.0

    def _accrue_all(self, until_s: float) -> None:
        self.accrued_until_s = until_s
        duration_s = until_s - self._host_until_s
        if not duration_s.any():
            return
        self.meter.add(self._watts, duration_s)
        if self.parts.hosts:
            self.parts.add(duration_s)
        self.on_time_s += self._on * duration_s
        self.serving_time_s += self._serving * duration_s
        self.overload_time_s += self._overloaded * duration_s
        all_alike = duration_s.min() == duration_s.max()
        of_vms_s = duration_s[0] if all_alike else duration_s[self._state.residents.host_of]
        self.service.add(self._service_rates, of_vms_s)
        self._host_until_s[:] = until_s

    def _accrue_one(self, host: int, until_s: float) -> None:
        """Accrue on one host of which the cost lags behind.

        Host by host, in scalars: nearly all changes concern one or two hosts. Measured with 9 VMs a
        host, one host takes 2.9 us and n hosts take 2.4 n us; whole arrays would take 24 us for one
        host and be faster from 14 hosts on, which only crashes and switch-offs reach.
        """
        views = self._views
        duration_s = until_s - views.accrued_until_s[host]
        views.joules[host] += views.watts[host] * duration_s
        if host in self.parts.hosts:
            self.parts.add_one(host, duration_s)
        views.on_time_s[host] += views.on[host] * duration_s
        views.serving_time_s[host] += views.serving[host] * duration_s
        views.overload_time_s[host] += views.overloaded[host] * duration_s
        state = self._state
        if state.host_kernels is not None:
            vms = state.residents.vms_of(host)
            rates, sums = self._service_rates, self.service.sums
            state.host_kernels.accrue_service(vms, rates, sums, duration_s)
        else:
            vms = state.residents.flat_index(host, len(self._service_rates))
            self._flat_sums[vms] += self._flat_rates[vms] * duration_s
        views.accrued_until_s[host] = until_s
