"""The one place that counts what time costs: energy, overload, and what VMs want and get.

Between two changes every rate is constant. A change on some hosts closes the account of these
hosts alone, at the cost of their VMs; the rates that follow from it are found when time has moved
on, once for all that changed at the instant.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

import numpy as np

from cluster_emu.cluster.cpu_sharing import overloaded, share_cpu
from cluster_emu.cluster.residents import Part, Residents
from cluster_emu.cluster.state import ClusterState
from cluster_emu.metrics.power import EnergyMeter, PowerColumns
from cluster_emu.metrics.service import ServiceAccount, service_rates

FEW_HOSTS = 4
"""So many hosts are counted faster one by one."""


class Settle(Protocol):
    """What has to be called before columns change that time's cost depends on."""

    def __call__(self, now_s: float, hosts: Collection[int] | None = None) -> None:
        """Count up to now on the hosts that are about to change, or on all.

        Args:
            now_s: the time.
            hosts: where CPU, speed of guests or power change, or VMs leave or arrive, each once;
                None if that may be anywhere.
        """
        ...


class _Views(NamedTuple):
    """The columns of hosts as memory views: single elements of these are read and written fast."""

    counted_s: Any
    watts: Any
    on: Any
    overloaded: Any
    joules: Any
    on_time_s: Any
    overload_time_s: Any


class CostAccounting:
    """Counts energy, time switched on, overload and service, up to each change.

    Args:
        state: the columns.
        power: the power of the hosts.

    Attributes:
        meter: the energy of each host.
        service: what each VM wanted and lost.
        on_time_s: how long each host was switched on, [hosts].
        overload_time_s: for how long more CPU was wanted of it than it has, [hosts].
        settled_s: up to when every host is counted.
    """

    def __init__(self, state: ClusterState, power: PowerColumns) -> None:
        self.meter = EnergyMeter(state.host_count)
        self.service = ServiceAccount(state.vm_count)
        self.on_time_s = np.zeros(state.host_count)
        self.overload_time_s = np.zeros(state.host_count)
        self.settled_s = 0.0
        self._state = state
        self._power = power
        self._residents = Residents(state.vms.host, state.host_count)
        self._counted_s = np.zeros(state.host_count)
        self._watts = np.zeros(state.host_count)
        self._on = np.zeros(state.host_count, dtype=np.bool_)
        self._overloaded = np.zeros(state.host_count, dtype=np.bool_)
        self._service_rates = np.zeros((len(self.service.sums), state.vm_count))
        self._sums, self._rates = self.service.sums.reshape(-1), self._service_rates.reshape(-1)
        self._views = self._views_of_hosts()
        self._changed: set[int] = set()
        self._all_changed = True
        self._changed_s = 0.0

    def settle(self, now_s: float, hosts: Collection[int] | None = None) -> None:
        """Count up to now on hosts that are about to change, all if None; see `Settle`."""
        if hosts is None:
            self.count(now_s)
            self._all_changed = True
        else:
            self._go_on_to(now_s)
            counted_s = self._views.counted_s
            self._count([host for host in hosts if counted_s[host] < now_s], now_s)
            self._changed.update(hosts)

    def count(self, now_s: float) -> None:
        """Count up to now on all hosts; nothing is about to change."""
        self._go_on_to(now_s)
        self.settled_s = now_s
        lasted_s = now_s - self._counted_s
        if not lasted_s.any():
            return
        self.meter.add(self._watts, lasted_s)
        self.on_time_s += self._on * lasted_s
        self.overload_time_s += self._overloaded * lasted_s
        evenly = lasted_s.min() == lasted_s.max()
        vms_lasted_s = lasted_s[0] if evenly else lasted_s[self._residents.seen]
        self.service.add(self._service_rates, vms_lasted_s)
        self._counted_s[:] = now_s

    def refresh(self) -> None:
        """Share the CPU and find the rates anew where something has changed."""
        if self._all_changed:
            self._find_rates(self._residents.look_everywhere())
        elif self._changed:
            self._find_rates(self._residents.look(sorted(self._changed)))
        self._changed.clear()
        self._all_changed = False

    def _find_rates(self, part: Part) -> None:
        share_cpu(self._state, part)
        hosts, columns = part.hosts, self._state.hosts
        on = columns.switched_on[hosts]
        utilisation = columns.cpu_used[hosts] / columns.cpu_capacity[hosts]
        self._watts[hosts] = self._power.watts(utilisation, on, hosts)
        self._on[hosts] = on
        self._overloaded[hosts] = overloaded(self._state, hosts)
        self._service_rates[:, part.vms] = service_rates(self._state.vms, part.vms)

    def _go_on_to(self, now_s: float) -> None:
        """Find the rates that have held since the last change, if time has moved on from it."""
        if now_s > self._changed_s:
            self.refresh()
            self._changed_s = now_s

    def _count(self, hosts: list[int], now_s: float) -> None:
        if len(hosts) <= FEW_HOSTS:
            for host in hosts:
                self._count_one(host, now_s)
            return
        part = self._residents.of(hosts)
        lasted_s = now_s - self._counted_s[hosts]
        self.meter.add(self._watts[hosts], lasted_s, part.hosts)
        self.on_time_s[hosts] += self._on[hosts] * lasted_s
        self.overload_time_s[hosts] += self._overloaded[hosts] * lasted_s
        self.service.add(self._service_rates[:, part.vms], lasted_s[part.place], part.vms)
        self._counted_s[hosts] = now_s

    def _count_one(self, host: int, now_s: float) -> None:
        """Count on one host, which is the usual case, with few arrays; the sums are the same."""
        views = self._views
        lasted_s = now_s - views.counted_s[host]
        views.joules[host] += views.watts[host] * lasted_s
        views.on_time_s[host] += views.on[host] * lasted_s
        views.overload_time_s[host] += views.overloaded[host] * lasted_s
        vms = self._residents.cells(host, len(self._service_rates))
        self._sums[vms] += self._rates[vms] * lasted_s
        views.counted_s[host] = now_s

    def _views_of_hosts(self) -> _Views:
        return _Views(
            counted_s=self._counted_s.data,
            watts=self._watts.data,
            on=self._on.data,
            overloaded=self._overloaded.data,
            joules=self.meter.joules.data,
            on_time_s=self.on_time_s.data,
            overload_time_s=self.overload_time_s.data,
        )
