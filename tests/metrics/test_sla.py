"""The service-level metrics of the literature, each by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cluster_emu.metrics.aggregations import RunFigures
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.metrics.cost_accounting import CostAccounting
from cluster_emu.metrics.power import LinearPower, PowerColumns
from cluster_emu.metrics.sla import mean_overload_share
from cluster_emu.model import ClusterModel
from tests._support.small_scenarios import PAGE, scenario
from tests._support.small_state import small_state

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}


def test_slatah_is_the_mean_over_hosts_that_served() -> None:
    overload_s = np.array([10.0, 0.0, 5.0, 0.0])
    serving_s = np.array([40.0, 100.0, 10.0, 0.0])
    assert mean_overload_share(overload_s, serving_s) == (0.25 + 0.0 + 0.5) / 3
    assert mean_overload_share(overload_s[3:], serving_s[3:]) == 0.0


def test_a_host_that_is_full_and_gives_all_that_is_wanted_is_not_short() -> None:
    state = small_state([2.0, 1.0], [0, 0, 1, 1], [1.0, 1.0, 1.0, 0.5])
    costs = CostAccounting(state, PowerColumns([LinearPower(100, 200)] * 2))
    state.accrue(20.0)
    assert costs.figures()["slatah"] == 0.5  # host 0 at 100 % all the time, host 1 short


def test_a_host_serves_while_it_is_up_and_has_vms() -> None:
    state = small_state([2.0, 2.0, 2.0], [0, 1], [1.0, 1.0])
    costs = CostAccounting(state, PowerColumns([LinearPower(100, 200)] * 3))
    state.refresh()
    state.reserve_move(0, 1, 10.0)
    state.move_vm(0, 1, 20.0)
    state.release_move(0, 0)
    state.switch_off([0], 30.0)
    state.accrue(50.0)
    assert costs.serving_time_s.tolist() == [20.0, 50.0, 0.0]
    assert costs.on_time_s.tolist() == [30.0, 50.0, 50.0]


def test_slav_and_esv_are_products_under_both_rules() -> None:
    cluster = {
        "energy_kwh": 8.0,
        "slatah": 0.05,
        "degradation_by_migration": 0.002,
        "degradation_by_ten_percent_rule": 0.001,
    }
    run = RunFigures({}, cluster)
    found = {
        name: metric_catalogue[name].value(run)
        for name in ("slav", "slav_by_ten_percent_rule", "esv_kwh", "esv_by_ten_percent_rule_kwh")
    }
    assert found == pytest.approx(
        {
            "slav": 1e-4,
            "slav_by_ten_percent_rule": 5e-5,
            "esv_kwh": 8e-4,
            "esv_by_ten_percent_rule_kwh": 4e-4,
        },
        rel=1e-12,
    )


def test_the_ten_percent_rule_counts_what_is_wanted_while_memory_is_copied() -> None:
    state = small_state([4.0], [0, 0, 0], [1.0, 0.5, 0.0])
    service = CostAccounting(state, PowerColumns([LinearPower()])).service
    state.accrue(10.0)
    service.begin_migration(0)
    service.begin_migration(2)
    state.accrue(30.0)
    assert service.wanted_in_migrations.tolist() == [20.0, 0.0, 0.0]  # under way
    service.end_migration(0)
    service.begin_migration(1)
    state.accrue(50.0)
    service.end_migration(1)
    service.end_migration(2)
    state.accrue(100.0)
    assert service.wanted_in_migrations.tolist() == [20.0, 10.0, 0.0]
    # of 100 and 50 wanted; the third VM wanted nothing
    assert service.degradation_by_ten_percent_rule() == pytest.approx((0.02 + 0.02) / 2)


def test_overall_and_average_violation_by_hand() -> None:
    state = small_state([1.0, 4.0], [0, 0, 1], [1.0, 0.6, 1.0])
    service = CostAccounting(state, PowerColumns([LinearPower()] * 2)).service
    state.accrue(10.0)  # host 0: 1 of 1.6 is there, 6 of 16 lost
    state.set_guest_speed(2, 0.5, 10.0)
    state.accrue(30.0)  # VM 2 loses 10 of 30; host 0 loses 12 of 32 more
    assert service.overall_violation() == pytest.approx((18 + 10) / (48 + 30))
    # two VMs short by 3/8 for 30 s each, one by 1/2 for 20 s
    assert service.short_s.tolist() == [30.0, 30.0, 20.0]
    assert service.average_violation() == pytest.approx((60 * 0.375 + 20 * 0.5) / 80)


def test_waits_for_pages_count_as_a_lack_of_all_cpu() -> None:
    state = small_state([4.0], [0], [1.0])
    service = CostAccounting(state, PowerColumns([LinearPower()])).service
    service.count_stall(0, 2.0, 1.0)
    state.accrue(10.0)
    assert service.average_violation() == 1.0
    assert service.overall_violation() == pytest.approx(0.2)


def test_a_cluster_without_any_lack_violates_nothing() -> None:
    state = small_state([4.0], [0, 0], [1.0, 0.0])
    costs = CostAccounting(state, PowerColumns([LinearPower()]))
    state.accrue(10.0)
    figures = costs.figures()
    for name in ("slatah", "overall_sla_violation", "average_sla_violation"):
        assert figures[name] == 0.0
    assert figures["host_shutdowns"] == 0
    assert math.isnan(figures["time_before_shutdown_s"])


def test_shutdowns_and_the_time_before_them_by_hand() -> None:
    state = small_state([2.0, 2.0, 2.0], [0], [0.5])
    costs = CostAccounting(state, PowerColumns([LinearPower()] * 3))
    state.switch_off([1, 2], 10.0)
    state.switch_on(1, 30.0)
    state.switch_off([1], 90.0)
    state.crash_hosts([0], 95.0)  # not a shutdown
    state.accrue(100.0)
    figures = costs.figures()
    assert figures["host_shutdowns"] == 3
    assert figures["time_before_shutdown_s"] == (10.0 + 10.0 + 60.0) / 3


def test_the_time_before_a_migration_begins_where_the_vm_came_to_its_host() -> None:
    vm = {"cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "profile": QUIET, "host": 0, "count": 1}
    asked = [{"vm": 0, "target": 1, "at_s": 10.0}, {"vm": 0, "target": 2, "at_s": 50.0}]
    crash = {"kind": "host-crash", "host": 2, "at_s": 60.0, "repair_s": 100.0}
    spec = scenario(
        hosts=3,
        vms=[vm],
        migrations=[*asked, {"vm": 0, "target": 1, "at_s": 90.0}],
        run={
            "tick_s": 1.0,
            "control_interval_s": 5.0,
            "duration_s": 100.0,
            "stop_when_idle": False,
        },
        manager={"switch_off_empty_hosts": False},
        faults=[crash],
        high_availability={"restart_delay_s": 5.0},
    )
    result = ClusterModel(spec, rng=1).run()
    first, second, third = result.migrations.to_dict("records")
    assert (first["stay_s"], second["stay_s"]) == (10.0, second["start_s"] - first["resume_s"])
    assert third["source"] == 0  # restarted there at 65 s
    assert third["stay_s"] == 90.0 - 65.0
    assert result.summary["time_before_migration_s"] == pytest.approx(
        (10.0 + second["stay_s"] + 25.0) / 3
    )
