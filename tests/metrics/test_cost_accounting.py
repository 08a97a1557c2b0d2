"""Cost accrued host by host, at changes alone, is the cost of the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu import ClusterModel
from cluster_emu.cluster.state import ClusterState
from cluster_emu.metrics.cost_accounting import CostAccounting
from cluster_emu.metrics.power import LinearPower, PowerColumns
from tests._support.small_state import small_state

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
POWER = LinearPower(idle_w=100.0, peak_w=200.0)


@pytest.mark.parametrize("faults", [{}, CRASHES], ids=["no faults", "crashes"])
def test_cost_by_host_is_that_of_the_whole_cluster(
    faults: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_host = ClusterModel("cluster", rng=3, **BUSY, **faults).run()
    accrue = ClusterState.accrue
    monkeypatch.setattr(
        ClusterState, "accrue", lambda state, until_s, hosts=None: accrue(state, until_s)
    )
    whole = ClusterModel("cluster", rng=3, **BUSY, **faults).run()
    assert by_host.summary["migrations"] > 30
    assert by_host.tables["service"]["cpu_lost_to_migration_s"].sum() > 0
    assert by_host.tables["service"]["cpu_lost_to_overload_s"].sum() > 0
    for name, table in by_host.tables.items():
        pd.testing.assert_frame_equal(table, whole.tables[name], rtol=1e-10, atol=1e-9, obj=name)


def test_energy_on_time_and_overload_by_hand() -> None:
    cluster = small_state([2.0, 2.0, 2.0], [1], [1.0])
    costs = CostAccounting(cluster, PowerColumns([POWER] * 3))
    cluster.refresh()
    cluster.switch_off([0], 10.0)  # 100, 150 and 100 W so far
    cluster.move_vm(0, 2, 20.0)
    cluster.set_cpu_overhead((1,), (3.0,), 20.0)
    cluster.accrue(30.0)
    assert costs.meter.joules.tolist() == [1000.0, 20 * 150.0 + 10 * 200.0, 20 * 100 + 10 * 150.0]
    assert costs.on_time_s.tolist() == [10.0, 30.0, 30.0]
    assert costs.overload_time_s.tolist() == [0.0, 10.0, 0.0]
    assert costs.service.wanted.tolist() == [30.0]
    assert costs.accrued_until_s == 30.0


def test_accruing_twice_at_one_instant_counts_once() -> None:
    cluster = small_state([2.0, 2.0, 2.0], [1], [1.0])
    costs = CostAccounting(cluster, PowerColumns([POWER] * 3))
    for hosts in ([1], [1], [0, 2], None, None):
        cluster.accrue(10.0, hosts)
    assert costs.accrued_until_s == 10.0
    assert costs.meter.joules.tolist() == [1000.0, 1500.0, 1000.0]
    assert costs.service.wanted.tolist() == [10.0]


HOSTS, VMS = 7, 9
CAPACITY = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 0.75]

Step = tuple[float, str, int, int, float, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.25, 1.0, 3.5]),  # time until the change
        st.sampled_from(["demand", "speed", "overhead", "move", "off", "crash", "lose", "restart"]),
        st.integers(0, VMS - 1),
        st.integers(0, HOSTS - 1),
        st.sampled_from([0.0, 0.3, 0.8, 1.0]),
        st.integers(0, 7),  # which extra calls come before the change
    ),
    max_size=25,
)


def change(state: ClusterState, step: Step, now_s: float) -> None:
    """Make one change; nothing where the state it is in rules it out."""
    _, what, vm, host, level, _ = step
    running = bool(state.vms.running[vm])
    if what == "demand":
        state.set_demand(np.roll(np.linspace(0.0, level, VMS), vm), now_s)
    elif what == "speed":
        state.set_guest_speed(vm, level, now_s)
    elif what == "overhead":
        others = (host, (host + 1) % HOSTS, (host + 3) % HOSTS)
        state.set_cpu_overhead(others, (level, 2 * level, 0.5 * level), now_s)
    elif what == "move" and running and state.vms.host[vm] != host:
        source = int(state.vms.host[vm])
        state.reserve_move(vm, host, now_s)
        state.move_vm(vm, host, now_s)
        state.release_move(vm, source)
    elif what == "off":
        state.switch_off([host], now_s)
    elif what == "crash":
        state.crash_hosts([host], now_s)
        state.take_down(np.flatnonzero((state.vms.host == host) & state.vms.running), now_s)
    elif what == "lose" and running:
        state.lose_vm(vm, now_s)
    elif what == "restart" and not running and not state.vms.lost[vm]:
        state.restart_vm(vm, host, now_s)


def call_more(state: ClusterState, step: Step, now_s: float) -> None:
    """Accrue and refresh where no change needs it."""
    extra, hosts = step[5], sorted({step[2] % HOSTS, step[3], 0, 2, 5, 6})
    if extra & 1:
        state.accrue(now_s - step[0] / 2, hosts[: step[2] + 1])
    if extra & 2:
        state.accrue(now_s)
    if extra & 4:
        state.refresh()


def slow_rates(state: ClusterState) -> Iterator[tuple[str, int, float]]:
    """Yield what each second costs, by name and number of host or VM, loop by loop."""
    for host in range(HOSTS):
        there = [vm for vm in range(VMS) if state.vms.host[vm] == host]
        usable = {vm: float(state.vms.demand[vm] * state.vms.speed[vm]) for vm in there}
        capacity, overhead = CAPACITY[host], float(state.hosts.cpu_overhead[host])
        wanted = sum(usable.values())
        share = min(1.0, max(capacity - overhead, 0.0) / wanted) if wanted else 1.0
        without = min(1.0, capacity / wanted) if wanted else 1.0
        is_on = bool(state.hosts.switched_on[host])
        used = min(wanted + overhead, capacity)
        yield "joules", host, 100.0 + 100.0 * used / capacity if is_on else 0.0
        yield "on", host, float(is_on)
        yield "overload", host, float(wanted + overhead > capacity * (1 + 1e-12))
        for vm in there:
            demand = float(state.vms.demand[vm])
            yield "wanted", vm, demand
            yield "lost to overload", vm, usable[vm] * (1 - without)
            yield "lost to migration", vm, demand - usable[vm] + usable[vm] * (without - share)
            yield "paused", vm, float(state.vms.speed[vm] == 0.0)


def sums_of(costs: CostAccounting) -> dict[str, list[float]]:
    service = costs.service
    return {
        "joules": costs.meter.joules.tolist(),
        "on": costs.on_time_s.tolist(),
        "overload": costs.overload_time_s.tolist(),
        "wanted": service.wanted.tolist(),
        "lost to overload": service.lost_to_overload.tolist(),
        "lost to migration": service.lost_to_migration.tolist(),
        "paused": service.paused_s.tolist(),
    }


def run(steps: Sequence[Step], *, more: bool) -> tuple[dict[str, list[float]], ...]:
    """Return the sums accrued, and those of the slow reference."""
    state = small_state(CAPACITY, [0, 1, 1, 2, 2, 2, 3, 4, 5], np.linspace(0.1, 0.9, VMS).tolist())
    costs = CostAccounting(state, PowerColumns([POWER] * HOSTS))
    slow = {name: [0.0] * len(sums) for name, sums in sums_of(costs).items()}
    times = np.cumsum([0.0, *(step[0] for step in steps), 1.0]).tolist()
    for number, (since_s, until_s) in enumerate(pairwise(times)):
        for name, row, rate in slow_rates(state):
            slow[name][row] += rate * (until_s - since_s)
        if number < len(steps):
            if more:
                call_more(state, steps[number], until_s)
            change(state, steps[number], until_s)
    state.accrue(times[-1])
    return sums_of(costs), slow


@given(steps=STEPS)
def test_any_sequence_of_changes_costs_what_a_slow_reference_counts(steps: list[Step]) -> None:
    accrued, slow = run(steps, more=False)
    with_more, _ = run(steps, more=True)
    for name, expected in slow.items():
        assert accrued[name] == pytest.approx(expected, rel=1e-12, abs=1e-9), name
        assert with_more[name] == pytest.approx(expected, rel=1e-12, abs=1e-9), name
