"""How one migration runs and ends: stop rules, deadlines, costs, caps, and what is given back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import BPS, PAGE, WIRE, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
BUSY = {"name": "uniform", "writes_per_page_s": 50.0}


def finished(given_scenario: Scenario, seed: int = 1) -> tuple[ClusterModel, pd.DataFrame]:
    model = ClusterModel(given_scenario, rng=seed)
    return model, model.run().migrations


def one(given_scenario: Scenario, seed: int = 1) -> pd.Series:
    return finished(given_scenario, seed)[1].iloc[0]


# --- deadlines -----------------------------------------------------------------------------------


def test_a_deadline_may_abort_in_mid_round_and_the_vm_stays_where_it_is() -> None:
    model, migrations = finished(
        scenario(pages=1_000, profile=BUSY, stop="fixed-rounds:rounds=50,deadline_s=2.5003")
    )
    row = migrations.iloc[0]
    assert (row["outcome"], row["why"]) == ("not converged", "deadline of 2.5003 s")
    assert row["end_s"] == pytest.approx(2.5003)
    assert np.isnan(row["pause_s"])
    assert np.isnan(row["resume_s"])
    assert np.isnan(row["downtime_s"])
    # two whole rounds of 1 s, then 500.3 pages of the third; what was begun counts
    assert (row["rounds"], row["pages_sent_precopy"]) == (3, 2_501)
    assert row["bytes"] == pytest.approx(2_500.3 * WIRE)
    assert model.loop.bytes_carried().max() == pytest.approx(row["bytes"])
    hosts, vms = model.state.hosts, model.state.vms
    assert vms.host.tolist() == [0]
    assert not vms.queued.any()
    assert vms.target.tolist() == [-1]
    assert hosts.memory_reserved_bytes.tolist() == [1_000 * PAGE, 0]
    assert hosts.vm_count.tolist() == [1, 0]
    assert (hosts.outgoing.sum(), hosts.incoming.sum()) == (0, 0)


def test_a_cut_off_round_is_in_the_table_of_rounds() -> None:
    model, migrations = finished(
        scenario(pages=1_000, profile=BUSY, stop="fixed-rounds:rounds=50,deadline_s=2.5")
    )
    rounds = model.result().rounds
    assert rounds["sent"].sum() == migrations["pages_sent_precopy"].iloc[0]
    assert rounds["bytes"].sum() == pytest.approx(migrations["bytes"].iloc[0])


def test_a_deadline_may_force_the_stop_in_mid_round() -> None:
    model, migrations = finished(
        scenario(
            pages=1_000,
            profile=BUSY,
            stop="fixed-rounds:rounds=50,deadline_s=2.5003,at_deadline=stop",
        )
    )
    row = migrations.iloc[0]
    assert (row["outcome"], row["why"]) == ("completed", "deadline of 2.5003 s")
    assert row["pause_s"] == pytest.approx(2.501)  # the page in transit is finished
    assert (row["rounds"], row["pages_sent_precopy"], row["pages_sent_stop"]) == (3, 2_501, 1_000)
    last = model.result().rounds.iloc[2]
    assert (last["sent"], last["unvisited"]) == (501, 499)
    assert model.state.vms.host.tolist() == [1]


def test_a_deadline_in_the_stop_is_too_late() -> None:
    row = one(scenario(pages=1_000, strategy="stop-and-copy", stop="xen-v2:deadline_s=0.5"))
    assert row["outcome"] == "completed"
    assert row["total_time_s"] == pytest.approx(1.0)


def test_a_deadline_after_the_end_does_nothing() -> None:
    row = one(scenario(pages=1_000, profile=QUIET, stop="xen-v2:deadline_s=1.5"))
    assert (row["outcome"], row["end_s"]) == ("completed", pytest.approx(1.0))


def test_an_aborted_migration_lets_the_next_one_start_at_that_instant() -> None:
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "host": 0}
    _, migrations = finished(
        scenario(
            vms=[{**vm, "profile": BUSY}, {**vm, "profile": QUIET}],
            stop="fixed-rounds:rounds=50,deadline_s=2.5",
            migrations=[{"vm": 0, "target": 1}, {"vm": 1, "target": 1}],
            manager={"max_per_cluster": 1},
        )
    )
    assert migrations["outcome"].tolist() == ["not converged", "completed"]
    assert migrations["start_s"].tolist() == pytest.approx([0.0, 2.5])
    assert migrations["end_s"].tolist() == pytest.approx([2.5, 3.5])


@pytest.mark.parametrize("at_deadline", ["abort", "stop"])
def test_a_deadline_strikes_in_the_last_round_too(at_deadline: str) -> None:
    # round 1 ends at 1 s with some 30 pages dirty, which xen-v2 sends live once more
    row = one(
        scenario(
            pages=1_000,
            profile={"name": "uniform", "writes_per_page_s": 0.03},
            stop=f"xen-v2:deadline_s=1.0105,at_deadline={at_deadline}",
        )
    )
    assert row["why"] == "deadline of 1.0105 s"
    if at_deadline == "abort":
        assert (row["outcome"], row["end_s"]) == ("not converged", pytest.approx(1.0105))
    else:
        assert (row["outcome"], row["pause_s"]) == ("completed", pytest.approx(1.011))


def with_a_link_down(given: Scenario, from_s: float, until_s: float) -> ClusterModel:
    """Return a model in which the link into host 1 is down for a while."""
    model = ClusterModel(given, rng=1)
    (link,) = np.flatnonzero(model.links.target == 1)
    capacity = model.links.capacity_bytes_per_s[link]
    model.loop.call_at(from_s, lambda now_s: model.loop.set_capacity(link, 0.0))
    model.loop.call_at(until_s, lambda now_s: model.loop.set_capacity(link, capacity))
    return model


@pytest.mark.parametrize("at_deadline", ["abort", "stop"])
def test_a_deadline_strikes_while_the_link_is_down(at_deadline: str) -> None:
    given = scenario(
        pages=1_000, profile=BUSY, stop=f"deadline:deadline_s=1.5,at_deadline={at_deadline}"
    )
    row = with_a_link_down(given, 0.5003, 2.0003).run().migrations.iloc[0]
    assert row["why"] == "deadline of 1.5 s"
    if at_deadline == "abort":
        assert (row["outcome"], row["end_s"]) == ("not converged", 1.5)
    else:  # the page in transit is finished when the link is back
        assert (row["outcome"], row["pause_s"]) == ("completed", pytest.approx(2.001))
        assert row["pages_sent_precopy"] == 501


@pytest.mark.parametrize(
    "strategy", ["pre-copy", "xen-legacy:peek_batch_pages=1", "qemu", "post-copy", "hybrid"]
)
def test_a_link_that_is_down_for_a_while_delays_and_breaks_nothing(strategy: str) -> None:
    given = scenario(pages=1_000, profile=QUIET, strategy=strategy, stop="fixed-rounds:rounds=3")
    plain = one(given)
    row = with_a_link_down(given, 0.5003, 2.5003).run().migrations.iloc[0]
    assert row["outcome"] == "completed"
    assert row["total_time_s"] == pytest.approx(plain["total_time_s"] + 2.0)
    writing = given.with_fields({"vms.0.profile": "memory-hog"})
    assert with_a_link_down(writing, 0.5003, 2.5003).run().summary["completed"] == 1


# --- stop rules in a run -------------------------------------------------------------------------


def test_qemu_stops_as_soon_as_the_rest_fits_the_downtime_limit() -> None:
    # 1,000 pages/s and 0.2995 s: as much as 300.1 pages without their headers, so at most 300 pages
    # left. The log is read as soon as no more than these wait for their turn; what is stale then
    # decides.
    model, migrations = finished(
        scenario(
            pages=2_000,
            profile={"name": "uniform", "writes_per_page_s": 0.2},
            strategy="qemu",
            stop="qemu:downtime_limit_s=0.2995",
        )
    )
    row, rounds = migrations.iloc[0], model.result().rounds
    live = rounds[rounds["phase"] == "pre-copy"]
    assert row["why"] == "fits 0.2995 s of downtime"
    assert 0 < row["pages_sent_stop"] <= 300
    assert row["downtime_s"] <= 0.3
    assert live["unvisited"].iloc[0] == 300
    assert (live["unvisited"] <= 300).all()
    assert (live["due"].iloc[1:] >= 301).all()


def test_qemu_gives_up_on_a_vm_that_writes_faster_than_the_link() -> None:
    row = one(
        scenario(pages=2_000, profile="memory-hog", strategy="qemu", stop="qemu:deadline_s=20")
    )
    assert (row["outcome"], row["why"]) == ("not converged", "deadline of 20 s")
    assert row["end_s"] == 20.0


def test_the_memory_hog_never_converges_on_ten_gigabit() -> None:
    row = one(
        scenario(
            pages=32_768,
            profile="memory-hog",
            stop="qemu:deadline_s=10,downtime_limit_s=0.03",
            link_bps=10e9,
            run={"track_versions": False},
        )
    )
    assert row["outcome"] == "not converged"


def test_no_progress_stops_a_migration_that_gets_nowhere() -> None:
    row = one(scenario(pages=500, profile=BUSY, stop="no-progress:patience=2"))
    assert (row["outcome"], row["why"]) == ("completed", "no progress for 2 rounds")
    assert row["rounds"] <= 8


def test_xen_v2_sends_a_small_rest_live_once_more() -> None:
    row = one(
        scenario(pages=1_000, profile={"name": "uniform", "writes_per_page_s": 0.03}, stop="xen-v2")
    )
    model, _ = finished(
        scenario(pages=1_000, profile={"name": "uniform", "writes_per_page_s": 0.03}, stop="xen-v2")
    )
    live = model.result().rounds
    live = live[live["phase"] == "pre-copy"]
    assert row["rounds"] == 2
    assert live["dirtied"].iloc[0] < 50
    assert live["sent"].iloc[1] == live["dirtied"].iloc[0]


@pytest.mark.parametrize("strategy", ["pre-copy", "xen-legacy:peek_batch_pages=1"])
def test_a_fixed_number_of_rounds_is_kept_while_there_is_something_to_send(strategy: str) -> None:
    row = one(scenario(pages=1_000, profile=BUSY, strategy=strategy, stop="fixed-rounds:rounds=7"))
    assert (row["rounds"], row["why"]) == (7, "7 rounds")


@pytest.mark.parametrize("seed", range(2))
def test_a_round_in_which_every_page_is_held_back_does_not_end_the_fixed_rounds(seed: int) -> None:
    # Hot pages are held back until their histories have cooled; histories shift in empty rounds
    # too, so the rounds after one that sent nothing are not in vain.
    profile = {
        "name": "inline",
        "classes": [
            {"share": 0.1, "writes_per_page_s": 30.0},
            {"share": 0.9, "writes_per_page_s": 0.0},
        ],
    }
    row = one(
        scenario(
            pages=300,
            profile=profile,
            strategy="history-majority:first_round=full",
            stop="fixed-rounds:rounds=8",
            transfer={"warm_intervals": 5},
        ),
        seed,
    )
    assert (row["rounds"], row["why"]) == (8, "8 rounds")


def test_hybrid_leaves_its_live_rounds_early_if_the_stop_rule_says_so() -> None:
    row = one(
        scenario(
            pages=1_000, profile=BUSY, strategy="hybrid:live_rounds=9", stop="fixed-rounds:rounds=2"
        )
    )
    assert (row["rounds"], row["why"], row["outcome"]) == (2, "2 rounds", "completed")
    assert row["pages_sent_postcopy"] == 1_000


# --- costs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["pre-copy", "hybrid", "post-copy", "stop-and-copy"])
@pytest.mark.parametrize("suspend_s", [0.0, 0.125])
@pytest.mark.parametrize("resume_s", [0.0, 0.25])
@pytest.mark.parametrize("device_pages", [0, 40])
def test_downtime_is_suspend_stop_set_device_state_and_resume(
    strategy: str, suspend_s: float, resume_s: float, device_pages: int
) -> None:
    row = one(
        scenario(
            pages=500,
            profile={"name": "samples", "probability": 0.5},
            strategy=strategy,
            stop="fixed-rounds:rounds=2",
            transfer={
                "suspend_s": suspend_s,
                "resume_s": resume_s,
                "device_state_bytes": device_pages * WIRE,
            },
        )
    )
    stopped_s = (row["pages_sent_stop"] + device_pages) / 1_000
    assert row["downtime_s"] == pytest.approx(suspend_s + stopped_s + resume_s)
    pages = row["pages_sent_precopy"] + row["pages_sent_stop"] + row["pages_sent_postcopy"]
    assert row["total_time_s"] == pytest.approx(
        suspend_s + resume_s + (pages + device_pages) / 1_000
    )
    assert row["bytes"] == pytest.approx((pages + device_pages) * WIRE)


def test_nothing_is_written_while_the_vm_is_stopped() -> None:
    # a long suspend changes neither what is stale nor, in post-copy, what has been touched
    kinds = []
    for suspend_s in (0.0, 5.0):
        row = one(
            scenario(
                pages=400,
                profile="stream",
                stop="fixed-rounds:rounds=2",
                transfer={"suspend_s": suspend_s, "resume_s": suspend_s},
            )
        )
        kinds.append((row["pages_sent_precopy"], row["pages_sent_stop"]))
    assert kinds[0] == kinds[1]


def test_a_header_costs_link_time() -> None:
    times = [
        one(scenario(pages=500, profile=QUIET, transfer={"page_header_bytes": header}))[
            "total_time_s"
        ]
        for header in (0.0, 4096.0)
    ]
    assert times[1] == pytest.approx(2 * times[0])


# --- instants ------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["pre-copy", "post-copy", "stop-and-copy"])
def test_an_intensity_that_changes_a_rounding_error_after_another_event(strategy: str) -> None:
    # Both belong to one instant of the network, which then shows the earlier of the two times.
    wave = {"name": "diurnal", "mean": 0.5, "amplitude": 0.5, "period_s": 5.0, "step_s": 1.0}
    given = scenario(pages=1_500, profile="web", strategy=strategy, stop="xen-v2", demand=wave)
    plain = ClusterModel(given, rng=1).run().migrations
    model = ClusterModel(given, rng=1)
    for change_s in (1.0, 2.0):
        model.loop.call_at(math.nextafter(change_s, 0.0), lambda now_s: None)
    disturbed = model.run().migrations
    times = ["pause_s", "resume_s", "end_s"]
    assert np.allclose(disturbed[times], plain[times], rtol=1e-9)


# --- requests ------------------------------------------------------------------------------------


def many(count: int, **more: Any) -> Scenario:
    return scenario(
        vms=[
            {
                "count": count,
                "cpu_capacity": 1,
                "memory_bytes": 500 * PAGE,
                "profile": QUIET,
                "host": 0,
            }
        ],
        migrations=[{"vm": vm, "target": 1} for vm in range(count)],
        **more,
    )


def test_one_at_a_time_is_a_queue() -> None:
    _, migrations = finished(many(4, manager={"max_per_cluster": 1}))
    assert migrations["start_s"].tolist() == pytest.approx([0.0, 0.5, 1.0, 1.5])
    assert migrations["queued_s"].tolist() == [0.0] * 4
    assert migrations["total_time_s"].tolist() == pytest.approx([0.5] * 4)


def test_memory_is_reserved_at_the_target_from_the_request_on() -> None:
    given = many(4, manager={"max_per_cluster": 1}).with_fields(
        {"run.tick_s": 0.25, "run.control_interval_s": 0.25}
    )
    model = ClusterModel(given, rng=1)
    model.step()
    assert model.state.hosts.memory_reserved_bytes.tolist() == [2_000 * PAGE, 2_000 * PAGE]
    while model.running:
        model.step()
    assert model.state.hosts.memory_reserved_bytes.tolist() == [0, 2_000 * PAGE]


def test_a_target_without_room_refuses_and_the_run_says_so() -> None:
    given = many(3).with_fields({"hosts.0.memory_bytes": 1_500 * PAGE + 100})
    larger = given.with_fields({"migrations": [{"vm": 0, "target": 1}, {"vm": 0, "target": 1}]})
    model, migrations = finished(larger)
    assert len(migrations) == 1
    assert "migrating already" in model.result().notes[0]


def test_what_is_under_way_or_queued_when_the_run_ends_says_so() -> None:
    given = many(3, manager={"max_per_cluster": 1}).with_fields({"run.duration_s": 0.2503})
    model, migrations = finished(given)
    assert migrations["outcome"].tolist() == ["unfinished"] * 3
    assert migrations["why"].tolist() == [
        "pre-copy when the run ended",
        "still queued when the run ended",
        "still queued when the run ended",
    ]
    assert migrations["pages_sent_precopy"].tolist() == [251, 0, 0]
    assert migrations["bytes"].tolist() == pytest.approx([250.3 * WIRE, 0, 0])
    hosts = model.state.hosts
    assert (hosts.outgoing.sum(), hosts.incoming.sum()) == (0, 0)
    assert model.state.vms.host.tolist() == [0, 0, 0]


def test_nothing_stays_reserved_for_migrations_that_will_never_run() -> None:
    given = many(3, manager={"max_per_cluster": 1}).with_fields({"run.duration_s": 0.25})
    model, _ = finished(given)
    assert model.state.hosts.memory_reserved_bytes.tolist() == [1_500 * PAGE, 0]
    assert not model.state.vms.queued.any()


def test_a_request_that_comes_after_the_end_of_the_run_is_explained() -> None:
    given = scenario(
        run={"duration_s": 5.0, "stop_when_idle": False},
        migrations=[{"vm": 0, "target": 1, "at_s": 20.0}],
    )
    result = ClusterModel(given, rng=1).run()
    assert len(result.migrations) + len(result.notes) == 1


def test_device_state_on_its_way_when_the_run_ends_is_not_pages() -> None:
    given = scenario(
        pages=500,
        profile=QUIET,
        stop="fixed-rounds:rounds=1",
        transfer={"device_state_bytes": 1_000 * WIRE},
        run={"duration_s": 1.0},
    )
    row = one(given)
    assert (row["outcome"], row["pages_sent_stop"]) == ("unfinished", 0)
    assert row["bytes"] == pytest.approx(1_000 * WIRE)


def test_a_vm_may_go_and_come_back() -> None:
    model, migrations = finished(
        scenario(
            profile="web",
            migrations=[{"vm": 0, "target": 1}, {"vm": 0, "target": 0, "at_s": 100.0}],
        )
    )
    assert migrations["outcome"].tolist() == ["completed", "completed"]
    assert migrations["source"].tolist() == [0, 1]
    assert model.state.vms.host.tolist() == [0]


def test_rate_and_route_are_those_of_the_slowest_link() -> None:
    row = one(
        scenario(
            pages=500,
            profile=QUIET,
            hosts=4,
            topology={
                "name": "leaf-spine",
                "leaves": 2,
                "spines": 1,
                "hosts_per_leaf": 2,
                "host_bps": BPS,
                "uplink_bps": BPS / 4,
            },
            migrations=[{"vm": 0, "target": 3}],
        )
    )
    assert row["total_time_s"] == pytest.approx(2.0)
