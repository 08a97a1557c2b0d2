"""A consolidation that does nothing says why: each reason with its count, by hand examples."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu import ClusterModel
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import FilterScheduler, PowerAwareBestFitDecreasing
from cluster_emu.consolidation.placement.filters import SwitchedOn
from cluster_emu.consolidation.report import TriggerReport, TriggerTotals
from cluster_emu.consolidation.triggers import Consolidation
from cluster_emu.consolidation.underload import LeastUtilised
from tests._support.no_draws import NO_DRAWS

BUSY = LeastUtilised(below=0.001)
"""No host that wants any CPU is underloaded."""


def report_of(plan, **parts: object) -> TriggerReport:
    return Consolidation(**parts).moves(plan, NO_DRAWS)[1]


def test_no_host_is_above_its_threshold(make_state, vm, plan_of):
    plan = plan_of(make_state([10, 10], [8, 8], [vm(0, 4.0), vm(1, 7.5)]))
    assert report_of(plan, underload=BUSY).note == (
        "no host above its threshold (at most 0.75 of its CPU wanted); "
        "no host to empty: 2 not chosen as underloaded"
    )


def test_no_vm_of_an_overloaded_host_may_move(make_state, vm, plan_of):
    vms = [vm(0, 9.0, migratable=False), vm(0, 0.0), vm(1, 9.0, queued=True), vm(2, 1.0)]
    report = report_of(plan_of(make_state([10] * 3, [8] * 3, vms)))
    assert (report.moves, report.overloaded, report.relieved) == (0, 2, 0)
    assert report.overloaded_as == {"without a VM that may move and wants CPU": 2}
    assert report.note.startswith(
        "0 of 2 overloaded hosts relieved (2 without a VM that may move and wants CPU), "
        "0 of their VMs fit nowhere;"
    )


def test_the_vms_that_may_move_do_not_suffice(make_state, vm, plan_of):
    vms = [vm(0, 9.0, migratable=False), vm(0, 1.0)]
    report = report_of(plan_of(make_state([10, 10], [8, 8], vms)))
    assert (report.moves, report.relieved) == (1, 0)
    assert report.overloaded_as == {"without enough VMs that may move": 1}


# VM 0 wants 5 of CPU and 4 GiB, and leaves host 0, which is overloaded.
NOWHERE = {
    "short of memory": ([10, 10], {}, [(1, 1.0, 14, -1)]),
    "short of CPU": ([10, 10], {}, [(1, 4.0, 1, -1)]),
    "kept apart by anti-affinity": ([10, 10], {}, [(1, 1.0, 1, 7)]),
    "without a host that takes VMs": ([10, 10], {"drained": [1]}, []),
    "refused by the placement": ([10, 10], {"off": [1]}, []),
}


@pytest.mark.parametrize("reason", NOWHERE)
def test_a_vm_of_an_overloaded_host_fits_nowhere(make_state, vm, plan_of, reason):
    cpu, hosts, others = NOWHERE[reason]
    vms = [vm(0, 5.0, 4, group=7), vm(0, 5.0, 8)]
    vms += [vm(host, wants, size, group=group) for host, wants, size, group in others]
    awake = PowerAwareBestFitDecreasing(wake=False)

    report = report_of(plan_of(make_state(cpu, [16, 16], vms, **hosts)), placement=awake)

    assert report.unplaced == (0,)
    assert report.unplaced_as == {reason: 1}
    assert report.overloaded_as == {"with a VM that fits nowhere": 1}
    assert f"1 of their VMs fit nowhere (1 {reason})" in report.note


# Two hosts of 10 CPUs and 16 GiB with a VM each, which are in one anti-affinity group or in none.
KEPT = {
    "with a VM short of CPU": [(0, 4.0, 1, -1), (1, 4.5, 1, -1)],
    "with a VM short of memory": [(0, 1.0, 9, -1), (1, 1.0, 9, -1)],
    "with a VM kept apart by anti-affinity": [(0, 1.0, 1, 7), (1, 1.0, 1, 7)],
}


@pytest.mark.parametrize("reason", KEPT)
def test_underloaded_hosts_keep_their_vms(make_state, vm, plan_of, reason):
    vms = [vm(host, wants, size, group=group) for host, wants, size, group in KEPT[reason]]
    report = report_of(plan_of(make_state([10] * 2, [16] * 2, vms)))
    assert (report.moves, report.tried, report.emptied) == (0, 2, 0)
    assert report.kept_as == {reason: 2}
    assert report.note.endswith(f"0 of 2 underloaded hosts emptied (2 {reason})")


def test_vms_that_fit_one_by_one_but_not_together_keep_their_host(make_state, vm, plan_of):
    # Each of host 0's VMs fits on host 1 (4 + 3 <= 8), both do not (4 + 3 + 3 > 8).
    vms = [vm(0, 3.0), vm(0, 3.0), vm(1, 4.0)]
    report = report_of(plan_of(make_state([10] * 2, [16] * 2, vms)))
    assert (report.tried, report.emptied) == (2, 0)
    assert report.kept_as == {"with a VM short of CPU": 2}


def test_hosts_that_are_not_tried(make_state, vm, plan_of):
    vms = [
        vm(0, 9.0, migratable=False),
        vm(1, 1.0),
        vm(2, 1.0, migratable=False),
        vm(3, 1.0, queued=True),
        vm(4, 6.0),
    ]
    plan = plan_of(make_state([10] * 6, [16] * 6, vms, drained=[1]))
    report = report_of(plan, underload=LeastUtilised(below=0.5))
    assert report.untried_as == {
        "overloaded": 1,
        "drained": 1,
        "with a VM that may not migrate": 1,
        "with a VM on its way": 1,
        "not chosen as underloaded": 1,
    }
    assert report.note.endswith(
        "no host to empty: 1 overloaded, 1 drained, 1 with a VM that may not migrate, "
        "1 with a VM on its way, 1 not chosen as underloaded"
    )


def test_a_host_that_takes_in_a_vm_is_not_tried(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(1, 2.0), vm(2, 3.0)]
    report = report_of(plan_of(make_state([10] * 3, [8] * 3, vms)))
    assert (report.tried, report.emptied) == (2, 2)
    assert report.untried_as == {"taking in a VM": 1}


def test_a_placement_that_refuses_all_hosts_is_named(make_state, vm, plan_of):
    never = FilterScheduler(filters=(SwitchedOn(),))
    plan = plan_of(make_state([10] * 2, [8] * 2, [vm(0, 5.0), vm(0, 4.0)], off=[1]))
    assert report_of(plan, placement=never).unplaced_as == {"refused by the placement": 1}


def test_the_reasons_are_added_up_over_a_run():
    totals = TriggerTotals()
    totals.add(TriggerReport("consolidation", tried=2, kept_as={"with a VM short of CPU": 2}))
    kept = {"with a VM short of CPU": 1, "with a VM short of memory": 4}
    totals.add(TriggerReport("consolidation", tried=5, kept_as=kept, highest_utilisation=0.4))
    totals.add(TriggerReport("consolidation", untried_as={"drained": 1}))
    assert totals.in_words(3) == (
        "0 moves in 3 control instants; "
        "no host above its threshold (at most 0.40 of its CPU wanted); "
        "0 of 7 underloaded hosts emptied (4 with a VM short of memory, 3 with a VM short of CPU)"
        "; other hosts: 1 drained"
    )


def test_a_run_without_migrations_says_why():
    fields = {
        "run.duration_s": "10 min",
        "vms.0.migratable": False,
        "vms.1.migratable": False,
        "workload.demand": "constant:share=0.1",
    }
    model = ClusterModel("cluster", rng=0, **fields)
    result = model.run()
    model.close()
    assert len(result.migrations) == 0
    assert result.notes == (
        "consolidation: 0 moves in 2 control instants; no host above its threshold "
        "(at most 0.17 of its CPU wanted); no host to empty: 64 with a VM that may not migrate",
    )


def test_the_thresholds_count_as_the_detector_has_them(make_state, vm, plan_of):
    plan = plan_of(make_state([10, 10], [8, 8], [vm(0, 4.0), vm(1, 7.5)]))
    report = report_of(plan, overload=StaticThreshold(upper=0.7), underload=BUSY)
    assert report.overloaded == 1
    assert report.highest_utilisation == 0.75
    assert np.isclose(plan.utilisation.max(), 0.75)
