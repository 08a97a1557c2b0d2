from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.consolidation import Move, Priority
from cluster_emu.consolidation.triggers import Consolidation, Drain, LoadBalance
from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from tests._support.no_draws import NO_DRAWS


def hops(moves: list[Move]) -> list[tuple[int, int, int]]:
    return [(move.vm, move.source, move.target) for move in moves]


def test_every_vm_leaves_a_drained_host_most_urgently(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(0, 3.0), vm(1, 5.0)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    moves, report = Drain(hosts=(0,)).moves(plan, NO_DRAWS)
    assert hops(moves) == [(1, 0, 2), (0, 0, 2)]
    assert {(move.reason, move.priority) for move in moves} == {("drain", Priority.DRAIN)}
    assert report.unplaced == ()
    assert report.note == "2 VMs to move off 1 host, 0 fit nowhere"


def test_a_rack_is_drained_into_the_others(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(1, 1.0), vm(2, 9.5), vm(3, 1.0)]
    plan = plan_of(make_state([10] * 4, [16] * 4, vms, racks=[7, 7, 8, 8]))
    moves, _ = Drain(racks=(7,)).moves(plan, NO_DRAWS)
    assert hops(moves) == [(0, 0, 3), (1, 1, 3)]
    assert plan.drained.tolist() == [True, True, False, False]


def test_nothing_happens_before_its_time(make_state, vm, plan_of):
    drain = Drain(hosts=(0,), at_s=600)
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 1.0)], time_s=599.0))
    moves, report = drain.moves(plan, NO_DRAWS)
    assert (moves, report.note) == ([], "begins at 600 s")
    assert not plan.drained.any()
    late = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 1.0)], time_s=600.0))
    assert hops(drain.moves(late, NO_DRAWS)[0]) == [(0, 0, 1)]


def test_vms_that_are_moving_already_are_not_moved_again(make_state, vm, plan_of):
    vms = [vm(0, 1.0, target=1), vm(0, 1.0, queued=True), vm(1, 1.0, target=0)]
    moves, report = Drain(hosts=(0,)).moves(plan_of(make_state([10] * 2, [16] * 2, vms)), NO_DRAWS)
    assert (moves, report.unplaced) == ([], ())


def test_vms_without_a_place_for_their_memory_are_reported(make_state, vm, plan_of):
    vms = [vm(0, 2.0, 8), vm(0, 1.0, 8), vm(1, 1.0, 8)]
    moves, report = Drain(hosts=(0,)).moves(plan_of(make_state([10] * 2, [16] * 2, vms)), NO_DRAWS)
    assert hops(moves) == [(0, 0, 1)]
    assert report.unplaced == (1,)


def test_without_cpu_to_spare_the_least_loaded_host_with_memory_takes_the_vm(
    make_state, vm, plan_of
):
    vms = [vm(0, 3.0, 4), vm(1, 9.0, 1), vm(2, 8.0, 1), vm(3, 7.5, 14)]
    state = make_state([10] * 4, [16] * 4, vms)
    assert hops(Drain(hosts=(0,)).moves(plan_of(state), NO_DRAWS)[0]) == [(0, 0, 2)]
    moves, report = Drain(hosts=(0,), overcommit=False).moves(plan_of(state), NO_DRAWS)
    assert (moves, report.unplaced) == ([], (0,))


def test_later_triggers_of_the_instant_avoid_a_host_being_drained(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(1, 5.0), vm(1, 5.0), vm(2, 6.0)]
    state = make_state([10] * 3, [16] * 3, vms)
    assert 0 in {move.target for move in Consolidation().moves(plan_of(state), NO_DRAWS)[0]}
    plan = plan_of(state)
    Drain(hosts=(0,)).moves(plan, NO_DRAWS)
    assert 0 not in {move.target for move in Consolidation().moves(plan, NO_DRAWS)[0]}


def test_vms_that_may_not_migrate_are_reported_as_blocking(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(0, 1.0, migratable=False), vm(1, 1.0, migratable=False)]
    moves, report = Drain(hosts=(0,)).moves(plan_of(make_state([10] * 2, [16] * 2, vms)), NO_DRAWS)
    assert hops(moves) == [(0, 0, 1)]
    assert (report.unplaced, report.blocking) == ((), (1,))
    assert report.note == (
        "1 VM to move off 1 host, 0 fit nowhere; VM 1 may not migrate and blocks the drain"
    )


@pytest.mark.parametrize("trigger", [Consolidation(), LoadBalance(spread=0.05), Drain(hosts=(0,))])
def test_no_trigger_moves_a_vm_that_may_not_migrate(make_state, vm, plan_of, trigger):
    wanted = [(0, 6.0), (0, 3.0), (1, 0.5), (2, 4.0)]
    free, pinned = (
        make_state([10] * 3, [16] * 3, [vm(*each, migratable=may) for each in wanted])
        for may in (True, False)
    )
    assert trigger.moves(plan_of(free), NO_DRAWS)[0]
    assert trigger.moves(plan_of(pinned), NO_DRAWS)[0] == []


def drained(*drains: dict[str, Any]) -> RunResult:
    """Return the run in which eight idle VMs on host 0 of four are moved by these drains."""
    return ClusterModel(
        "single",
        rng=0,
        **{
            "topology.hosts": 4,
            "hosts.0.count": 4,
            "vms.0.count": 8,
            "vms.0.profile": "idle",
            "migrations": [],
            "manager.triggers": [{"name": "drain", **each} for each in drains],
            "run.control_interval_s": 60,
            "run.stop_when_idle": False,
        },
    ).run()


def test_two_drains_are_one_drain_of_both_hosts() -> None:
    two, one = drained({"hosts": [0]}, {"hosts": [1]}), drained({"hosts": [0, 1]})
    assert len(two.migrations) == len(one.migrations) == 8
    assert two.summary["makespan_s"] == one.summary["makespan_s"] == pytest.approx(69.1, abs=0.05)
    pd.testing.assert_frame_equal(two.migrations, one.migrations)


def test_the_notes_speak_of_each_drain() -> None:
    notes = drained({"hosts": [0]}, {"hosts": [1]}).notes
    assert [note.split(";")[0] for note in notes] == [
        "drain: 8 moves in 10 control instants (all carried out)",
        "drain: 0 moves in 10 control instants",
    ]


@pytest.mark.parametrize(("also", "targets"), [([], {1, 2}), (["drain:hosts=[1]"], {2})])
def test_a_trigger_before_the_drain_avoids_its_hosts_too(
    also: list[str], targets: set[int]
) -> None:
    model = ClusterModel(
        "single",
        rng=0,
        **{
            "topology.hosts": 3,
            "hosts.0.count": 3,
            "vms.0.count": 8,
            "vms.0.memory_bytes": "64 MiB",
            "migrations": [],
            "manager.triggers": ["load-balance:spread=0.05", *also],
        },
    )
    assert set(model.run().migrations["target"]) == targets


@pytest.mark.parametrize(
    ("drain", "message"),
    [
        (Drain(hosts=(2,)), "hosts = 2: allowed is one of 0 to 1"),
        (Drain(hosts=(-1,)), "hosts = -1: allowed is one of 0 to 1"),
        (Drain(racks=(5,)), "racks = 5: allowed is one of 0 to 0"),
    ],
)
def test_hosts_and_racks_that_do_not_exist_are_named(make_state, vm, plan_of, drain, message):
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 1.0)]))
    with pytest.raises(ScenarioError) as error:
        drain.moves(plan, NO_DRAWS)
    assert str(error.value) == message


def test_a_drain_of_nothing_is_refused():
    with pytest.raises(ScenarioError, match="at least one host or rack"):
        Drain()
