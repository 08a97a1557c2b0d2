"""Preparing, copying, finishing: when each happens, what it holds, and how it is cancelled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.scheduling.orders import queue_orders
from cluster_emu.transfer.records import COPYING, Phase
from tests._support.small_scenarios import PAGE, random_scenarios, scenario
from tests.test_invariants import run_checked

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
NEAR = 1e-9


def drain(
    count: int = 3,
    *,
    manager: dict[str, Any] | None = None,
    transfer: dict[str, Any] | None = None,
    run: dict[str, Any] | None = None,
    **more: Any,
) -> Scenario:
    """Return a scenario in which `count` idle VMs, 0.5 s each alone, leave host 0 for host 1."""
    vm = {"cpu_capacity": 1, "memory_bytes": 500 * PAGE, "profile": QUIET, "host": 0}
    return scenario(
        vms=[{**vm, "count": count}],
        migrations=[{"vm": vm, "target": 1} for vm in range(count)],
        manager=manager or {},
        transfer=transfer,
        run={"tick_s": 0.05, "control_interval_s": 0.05, **(run or {})},
        **more,
    )


def advance(model: ClusterModel, until_s: float) -> None:
    # A run ends, and its clock stands still, as soon as nothing is left to move.
    while model.running and model.time_s < until_s - NEAR:
        model.step()


def run(given_scenario: Scenario) -> pd.DataFrame:
    return ClusterModel(given_scenario, rng=1).run().migrations


def check_times(migrations: pd.DataFrame) -> None:
    """The total time is that of the phases, the wait the rest since the request."""
    total = migrations["prepare_s"] + (migrations["end_s"] - migrations["start_s"])
    assert migrations["total_time_s"].tolist() == total.tolist()
    wait = migrations["start_s"] - migrations["queued_s"] - migrations["prepare_s"]
    assert (wait > -NEAR).all()


def test_one_slot_covers_preparing_copying_and_finishing() -> None:
    migrations = run(
        drain(manager={"max_per_cluster": 1}, transfer={"prepare_s": 1.0, "finish_s": 0.25})
    )
    assert migrations["start_s"].tolist() == pytest.approx([1.0, 2.75, 4.5])
    assert migrations["end_s"].tolist() == pytest.approx([1.75, 3.5, 5.25])
    assert migrations["prepare_s"].tolist() == pytest.approx([1.0] * 3)
    assert migrations["finish_s"].tolist() == pytest.approx([0.25] * 3)
    assert migrations["total_time_s"].tolist() == pytest.approx([1.75] * 3)
    resumed = migrations["end_s"] - 0.25
    assert migrations["resume_s"].tolist() == pytest.approx(resumed.tolist())
    check_times(migrations)


def test_with_slots_of_their_own_all_prepare_at_once_and_copy_one_by_one() -> None:
    given_scenario = drain(
        manager={"max_per_cluster": 1, "preparing": {}},
        transfer={"prepare_s": 1.0, "finish_s": 0.25},
    )
    result = ClusterModel(given_scenario, rng=1).run()
    migrations = result.migrations
    # a copying slot is held until the source has been released
    assert migrations["start_s"].tolist() == pytest.approx([1.0, 1.75, 2.5])
    assert migrations["total_time_s"].tolist() == pytest.approx([1.75] * 3)
    assert result.summary["queue_wait_s"] == pytest.approx((0 + 0.75 + 1.5) / 3)
    check_times(migrations)


def test_preparing_slots_are_limited_on_their_own() -> None:
    manager = {"preparing": {"max_inbound_per_host": 2}}
    migrations = run(drain(count=5, manager=manager, transfer={"prepare_s": 4.0}))
    assert (migrations["start_s"] - migrations["prepare_s"]).tolist() == pytest.approx(
        [0.0, 0.0, 4.0, 4.0, 8.0]
    )
    check_times(migrations)


def test_the_dispatcher_knows_where_each_migration_stands() -> None:
    model = ClusterModel(
        drain(manager={"max_per_cluster": 1, "preparing": {}}, transfer={"prepare_s": 1.0}), rng=1
    )
    records = model.manager.scheduler.records
    advance(model, 0.5)
    assert [job.state for job in model.manager.scheduler.live.values()] == [Phase.PREPARING] * 3
    advance(model, 1.25)
    states = [job.state for job in model.manager.scheduler.live.values()]
    assert states == [Phase.PRE_COPY, Phase.READY, Phase.READY]
    assert model.manager.scheduler.queue_length == 2
    assert list(model.manager.scheduler.active) == [0]
    assert [record.prepare_s for record in records] == [1.0] * 3


def test_preparing_that_takes_no_time_changes_nothing() -> None:
    plain = run(drain(count=5, manager={"max_per_cluster": 2}))
    two_stages = run(
        drain(count=5, manager={"max_per_cluster": 2, "preparing": {"max_per_cluster": 1}})
    )
    pd.testing.assert_frame_equal(plain, two_stages, check_exact=True)


def test_the_sources_memory_is_reserved_and_the_vm_not_movable_until_the_end() -> None:
    model = ClusterModel(drain(count=1, transfer={"finish_s": 2.0}), rng=1)
    advance(model, 1.0)
    (job,) = model.manager.scheduler.live.values()
    hosts, vms = model.state.hosts, model.state.vms
    assert job.state is Phase.FINISHING
    assert vms.host.tolist() == [1]
    assert vms.queued.all()
    assert hosts.memory_reserved_bytes.tolist() == [500 * PAGE] * 2
    assert hosts.switched_on.tolist() == [True, True]
    advance(model, 2.5)
    assert not vms.queued.any()
    assert hosts.memory_reserved_bytes.tolist() == [0, 500 * PAGE]


STAGES = {
    # state at 1.25 s: settings that bring the first migration there by then
    Phase.QUEUED: ({"max_per_cluster": 1}, {"prepare_s": 1.0, "finish_s": 1.0}, 1),
    Phase.PREPARING: ({"max_per_cluster": 1}, {"prepare_s": 2.0}, 0),
    Phase.READY: ({"max_per_cluster": 1, "preparing": {}}, {"prepare_s": 1.0}, 1),
    Phase.PRE_COPY: ({"max_per_cluster": 1}, {"prepare_s": 1.0}, 0),
    Phase.STOP_AND_COPY: ({"max_per_cluster": 1}, {"suspend_s": 3.0}, 0),
    Phase.FINISHING: ({"max_per_cluster": 1}, {"finish_s": 1.0}, 0),
}


@pytest.mark.parametrize("state", STAGES)
def test_one_may_be_cancelled_wherever_it_stands(state: Phase) -> None:
    manager, transfer, number = STAGES[state]
    model = ClusterModel(drain(manager=manager, transfer=transfer), rng=1)
    scheduler, hosts, vms = model.manager.scheduler, model.state.hosts, model.state.vms
    advance(model, 1.25)
    assert scheduler.live[number].state is state

    scheduler.cancel(number, Phase.FAILED, "a test", model.loop.now_s)
    record = scheduler.records[number]
    assert (record.outcome, record.why, record.end_s) == ("failed", "a test", model.loop.now_s)
    assert number not in scheduler.live
    moved = state is Phase.FINISHING
    assert vms.host[number] == (1 if moved else 0)
    assert not vms.queued[number]
    assert vms.target[number] == -1
    assert (hosts.memory_reserved_bytes / (500 * PAGE)).tolist() == [3 - moved, 2 + moved]
    held_by_others = sum(job.state in COPYING for job in scheduler.live.values())
    assert hosts.outgoing[0] <= 1
    assert len(scheduler.active) == held_by_others

    scheduler.admit(model.loop.now_s)
    migrations = model.run().migrations
    others = migrations[migrations["migration"] != number]
    assert (others["outcome"] == "completed").all()
    assert (hosts.memory_reserved_bytes / (500 * PAGE)).tolist() == [0 + (not moved), 2 + moved]
    assert (hosts.outgoing.sum(), hosts.incoming.sum()) == (0, 0)
    assert model.loop.flows == []


def test_what_was_spent_on_preparing_and_finishing_is_what_was_really_spent() -> None:
    model = ClusterModel(drain(count=2, transfer={"prepare_s": 2.0, "finish_s": 2.0}), rng=1)
    scheduler = model.manager.scheduler
    advance(model, 1.25)
    scheduler.cancel(0, Phase.FAILED, "a test", model.loop.now_s)
    advance(model, 3.0)
    scheduler.cancel(1, Phase.FAILED, "a test", model.loop.now_s)
    assert [record.prepare_s for record in scheduler.records] == pytest.approx([1.25, 2.0])
    assert np.isnan(scheduler.records[0].total_time_s)
    assert scheduler.records[1].finish_s == pytest.approx(0.5)
    assert scheduler.records[1].total_time_s == pytest.approx(3.0)


@settings(max_examples=25)
@given(
    given_scenario=random_scenarios(),
    seconds=st.tuples(st.sampled_from([0.0, 0.2]), st.sampled_from([0.0, 0.3])),
    order=st.sampled_from(queue_orders.names()),
)
def test_what_holds_for_all_migrations_holds_with_more_phases_and_other_orders(
    given_scenario: Scenario, seconds: tuple[float, float], order: str
) -> None:
    prepare_s, finish_s = seconds
    run_checked(
        given_scenario.with_fields(
            {
                "transfer.prepare_s": prepare_s,
                "transfer.finish_s": finish_s,
                "manager.order": order,
            }
        )
    )


@settings(max_examples=25)
@given(data=st.data())
def test_nothing_is_held_after_cancellations_at_any_time(data: st.DataObject) -> None:
    slots = st.sampled_from([None, 1, 2])
    manager: dict[str, Any] = {"max_per_cluster": data.draw(slots)}
    if data.draw(st.booleans()):
        manager["preparing"] = {"max_per_cluster": data.draw(slots)}
    seconds = st.sampled_from([0.0, 0.3, 1.0])
    transfer = {"prepare_s": data.draw(seconds), "finish_s": data.draw(seconds)}
    strategy = data.draw(st.sampled_from(["pre-copy", "post-copy", "stop-and-copy"]))
    model = ClusterModel(drain(5, manager=manager, transfer=transfer, strategy=strategy), rng=1)
    scheduler, hosts, vms = model.manager.scheduler, model.state.hosts, model.state.vms
    now_s = 0.0
    for step_s in data.draw(st.lists(st.sampled_from([0.1, 0.3, 0.7]), max_size=5)):
        now_s += step_s
        advance(model, now_s)
        if scheduler.live:
            number = data.draw(st.sampled_from(sorted(scheduler.live)))
            scheduler.cancel(number, Phase.FAILED, "a test", model.loop.now_s)
            scheduler.admit(model.loop.now_s)
    migrations = model.run().migrations
    assert set(migrations["outcome"]) <= {"completed", "failed"}
    assert (migrations.loc[migrations["outcome"] == "completed", "total_time_s"] > 0).all()
    assert scheduler.live == {}
    assert not vms.queued.any()
    assert (hosts.outgoing.sum(), hosts.incoming.sum()) == (0, 0)
    where = np.bincount(vms.host, minlength=2)
    assert (hosts.memory_reserved_bytes / (500 * PAGE)).tolist() == where.tolist()
    check_times(migrations[migrations["outcome"] == "completed"])


def test_the_run_may_end_in_any_phase() -> None:
    for state, (manager, transfer, number) in STAGES.items():
        given_scenario = drain(manager=manager, transfer=transfer, run={"duration_s": 1.25})
        model = ClusterModel(given_scenario, rng=1)
        row = model.run().migrations.loc[number]
        still = "still " if state is Phase.QUEUED else ""
        assert (row["outcome"], row["why"]) == ("unfinished", f"{still}{state} when the run ended")
        assert np.isnan(row["end_s"]) == (state is Phase.QUEUED)


def retried(hosts: int) -> pd.DataFrame:
    """Return the migrations of a run in which one is aborted and its target drained meanwhile."""
    policy = "kubevirt:stall_detection=false,completion_timeout_s_per_gib=500,retries=1"
    given_scenario = scenario(
        hosts=hosts,
        pages=1_000,
        profile={"name": "uniform", "writes_per_page_s": 50.0},
        transfer={"policy": policy + ",retry_backoff_s=5"},
        run={"duration_s": 20.0, "tick_s": 0.5, "control_interval_s": 0.5},
    )
    model = ClusterModel(given_scenario, rng=1)
    advance(model, 1.0)
    model.state.set_drained(np.arange(hosts) == 1)
    return model.run().migrations


def test_a_retry_looks_for_another_target_where_its_old_one_is_not_free_any_more() -> None:
    migrations = retried(hosts=3)
    assert migrations["target"].tolist() == [1, 2]
    assert migrations["attempt"].tolist() == [1, 2]


def test_a_retry_that_finds_no_target_says_so() -> None:
    migrations = retried(hosts=2)
    assert len(migrations) == 1
    assert migrations["why"].iloc[0].endswith("not tried again, no host is free for the VM")


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_a_cluster_limit_of_m_is_parallel_m_and_of_one_is_serial(at_once: int) -> None:
    migrations = run(drain(4, manager={"max_per_cluster": at_once}))
    starts = np.repeat(np.arange(4 // at_once) * 0.5 * at_once, at_once)
    assert migrations["start_s"].tolist() == pytest.approx(starts.tolist())
    assert migrations["end_s"].max() == pytest.approx(2.0)
