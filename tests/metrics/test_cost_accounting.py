"""Accounts closed host by host give what accounts closed for the whole cluster give."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from cluster_emu import ClusterModel
from cluster_emu.cluster.residents import Residents
from cluster_emu.cluster.state import ClusterState, HostColumns, VMColumns
from cluster_emu.metrics.cost_accounting import CostAccounting
from cluster_emu.metrics.power import LinearPower, PowerColumns

BUSY = {
    "run.duration_s": 3600.0,
    "workload.demand": "trace",
    "vms.0.count": 60,
    "vms.0.page_bytes": 2**20,
    "vms.1.count": 20,
    "vms.1.page_bytes": 2**20,
    "hosts.0.cpu_capacity": 5.0,
    "costs": {"source_cpu": 0.7, "target_cpu": 0.4, "tracking_slowdown": 0.1},
    "manager.triggers.0.underload.max_hosts": 6,
    "manager.triggers.0.underload.below": 0.6,
}
CRASHES = {"faults": [{"kind": "host-crash", "mtbf_s": 8_000.0, "mttr_s": 300.0}]}


class Whole(ClusterModel):
    """Closes every account at every change."""

    def settle(self, now_s: float, hosts: Iterable[int] | None = None) -> None:
        super().settle(now_s)


@pytest.mark.parametrize("faults", [{}, CRASHES], ids=["no faults", "crashes"])
def test_accounts_by_host_are_those_of_the_whole_cluster(faults: dict[str, object]) -> None:
    by_host = ClusterModel("cluster", rng=3, **BUSY, **faults).run()
    whole = Whole("cluster", rng=3, **BUSY, **faults).run()
    assert by_host.summary["migrations"] > 30
    assert by_host.tables["service"]["cpu_lost_to_migration_s"].sum() > 0
    assert by_host.tables["service"]["cpu_lost_to_overload_s"].sum() > 0
    for name, table in by_host.tables.items():
        pd.testing.assert_frame_equal(table, whole.tables[name], rtol=1e-10, atol=1e-9, obj=name)


def test_energy_on_time_and_overload_by_hand() -> None:
    cluster = _three_hosts()
    ledger = CostAccounting(cluster, PowerColumns([LinearPower(idle_w=100.0, peak_w=200.0)] * 3))
    ledger.refresh()
    ledger.settle(10.0, [0])  # 100, 150 and 100 W so far
    cluster.hosts.switched_on[0] = False
    ledger.settle(20.0, [1, 2])
    cluster.vms.host[0] = 2
    cluster.hosts.cpu_overhead[1] = 3.0
    ledger.settle(30.0)
    assert ledger.meter.joules.tolist() == [1000.0, 20 * 150.0 + 10 * 200.0, 20 * 100 + 10 * 150.0]
    assert ledger.on_time_s.tolist() == [10.0, 30.0, 30.0]
    assert ledger.overload_time_s.tolist() == [0.0, 10.0, 0.0]
    assert ledger.service.wanted.tolist() == [30.0]
    assert ledger.settled_s == 30.0


def test_settling_twice_at_one_instant_counts_once() -> None:
    cluster = _three_hosts()
    ledger = CostAccounting(cluster, PowerColumns([LinearPower(idle_w=100.0, peak_w=200.0)] * 3))
    ledger.refresh()
    for _ in range(2):
        ledger.settle(10.0, [1])
    ledger.settle(10.0, [0, 2])
    for _ in range(2):
        ledger.settle(10.0)
    assert ledger.settled_s == 10.0
    assert ledger.meter.joules.tolist() == [1000.0, 1500.0, 1000.0]
    assert ledger.service.wanted.tolist() == [10.0]


def test_residents_follow_moves_among_the_hosts_looked_at() -> None:
    host = np.array([0, 1, 1, 2, 0])
    residents = Residents(host, 4)
    host[[1, 4]] = [3, 1]
    part = residents.look([0, 1, 3])
    assert part.vms.tolist() == [0, 2, 4, 1]
    assert part.place.tolist() == [0, 1, 1, 2]
    host[3] = 0
    residents.look_everywhere()
    assert residents.of([0, 2]).vms.tolist() == [0, 3]


def _three_hosts() -> ClusterState:
    """Hosts of capacity 2; one VM that wants 1, on host 1."""
    zeros = np.zeros(3, dtype=np.int64)
    hosts = HostColumns.empty(np.full(3, 2.0), zeros + 2**30, zeros)
    one = np.array([1])
    vms = VMColumns.at_rest(np.ones(1), one, one, one, host=one)
    vms.demand[:] = 1.0
    return ClusterState(hosts, vms)
