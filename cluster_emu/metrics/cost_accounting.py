"""What time costs: energy, time switched on, overload, and what VMs want and get.

Between two changes of the state every rate is constant, so a cost is a sum of rate x duration. The
state says when: it calls `accrue` before columns change, for the hosts that change alone, and
`read_rates` once it has shared the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cluster_emu.cluster.cpu_sharing import overloaded
from cluster_emu.cluster.residents import HostGroup
from cluster_emu.cluster.state import ClusterState
from cluster_emu.metrics.power import EnergyMeter, PowerColumns
from cluster_emu.metrics.service import ServiceAccount, service_rates


class _HostViews(NamedTuple):
    """The columns of hosts as memory views: their single elements are read and written faster."""

    accrued_until_s: Any
    watts: Any
    on: Any
    overloaded: Any
    joules: Any
    on_time_s: Any
    overload_time_s: Any


class CostAccounting:
    """Accrues energy, time switched on, overload and service, and registers with the state.

    Args:
        state: the state whose cost is accrued.
        power: the power of the hosts.

    Attributes:
        meter: the energy of each host.
        service: what each VM wanted and lost.
        on_time_s: how long each host was switched on, [hosts].
        overload_time_s: for how long more CPU was wanted of it than it has, [hosts].
        accrued_until_s: up to when the cost of every host has accrued.
    """

    def __init__(self, state: ClusterState, power: PowerColumns) -> None:
        self.meter = EnergyMeter(state.host_count)
        self.service = ServiceAccount(state.vm_count)
        self.on_time_s = np.zeros(state.host_count)
        self.overload_time_s = np.zeros(state.host_count)
        self.accrued_until_s = 0.0
        self._state = state
        self._power = power
        self._host_until_s = np.zeros(state.host_count)
        self._watts = np.zeros(state.host_count)
        self._on = np.zeros(state.host_count, dtype=np.bool_)
        self._overloaded = np.zeros(state.host_count, dtype=np.bool_)
        self._service_rates = np.zeros((len(self.service.sums), state.vm_count))
        self._flat_sums = self.service.sums.reshape(-1)
        self._flat_rates = self._service_rates.reshape(-1)
        self._views = _HostViews(
            accrued_until_s=self._host_until_s.data,
            watts=self._watts.data,
            on=self._on.data,
            overloaded=self._overloaded.data,
            joules=self.meter.joules.data,
            on_time_s=self.on_time_s.data,
            overload_time_s=self.overload_time_s.data,
        )
        state.register_cost(self)

    def figures(self) -> dict[str, float]:
        """Return energy, hosts on, overload and degradation of the whole cluster so far."""
        until_s, on_s = self.accrued_until_s, float(self.on_time_s.sum())
        return {
            "energy_kwh": self.meter.energy_kwh,
            "mean_hosts_on": on_s / until_s if until_s else float("nan"),
            "overload_time_share": float(self.overload_time_s.sum()) / on_s if on_s else 0.0,
            "degradation_by_migration": self.service.degradation_by_migration(),
            "degradation_by_overload": self.service.degradation_by_overload(),
            "simulated_s": until_s,
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
        on = columns.switched_on[hosts]
        utilisation = columns.cpu_used[hosts] / columns.cpu_capacity[hosts]
        self._watts[hosts] = self._power.watts(utilisation, on, hosts)
        self._on[hosts] = on
        self._overloaded[hosts] = overloaded(columns, hosts)
        self._service_rates[:, group.vms] = service_rates(self._state.vms, group.vms)

    def _accrue_all(self, until_s: float) -> None:
        self.accrued_until_s = until_s
        duration_s = until_s - self._host_until_s
        if not duration_s.any():
            return
        self.meter.add(self._watts, duration_s)
        self.on_time_s += self._on * duration_s
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
        views.on_time_s[host] += views.on[host] * duration_s
        views.overload_time_s[host] += views.overloaded[host] * duration_s
        vms = self._state.residents.flat_index(host, len(self._service_rates))
        self._flat_sums[vms] += self._flat_rates[vms] * duration_s
        views.accrued_until_s[host] = until_s
