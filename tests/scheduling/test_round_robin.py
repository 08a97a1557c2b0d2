"""Taking turns on the network: one live round each, the downtime undivided."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.transfer.records import Phase
from tests._support.small_scenarios import PAGE, WIRE, random_scenarios, scenario
from tests.test_invariants import run_checked

PAGES_PER_S = 1_000
"""What the link of a small scenario carries."""


def drain(
    count: int, *, pages: int = 500, writes: float = 0.0, interleave: bool = True, **more: Any
) -> Scenario:
    """Return a scenario in which equal VMs leave host 0 for host 1, all at 0 s."""
    vm = {
        "count": count,
        "cpu_capacity": 1,
        "memory_bytes": pages * PAGE,
        "profile": {"name": "uniform", "writes_per_page_s": writes},
        "host": 0,
    }
    return scenario(
        vms=[vm],
        migrations=[{"vm": number, "target": 1} for number in range(count)],
        manager={"interleave": interleave, **more.pop("manager", {})},
        **more,
    )


def tables(given_scenario: Scenario, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    result = ClusterModel(given_scenario, rng=seed).run()
    return result.migrations, result.rounds


def test_idle_vms_go_as_they_would_one_at_a_time() -> None:
    interleaved, rounds = tables(drain(4))
    serial, serial_rounds = tables(drain(4, interleave=False, manager={"max_per_cluster": 1}))
    # what they wait for has another name: a turn, or the one slot
    waits = ["limited_by", "limited_share"]
    pd.testing.assert_frame_equal(
        interleaved.drop(columns=waits), serial.drop(columns=waits), check_exact=True
    )
    pd.testing.assert_frame_equal(rounds, serial_rounds)


def test_rounds_take_turns_and_stop_and_copy_follows_its_round() -> None:
    _, rounds = tables(drain(3, writes=0.1, stop="fixed-rounds:rounds=2"))
    by_time = rounds.sort_values("start_s", kind="stable")
    live = by_time[by_time["phase"] == Phase.PRE_COPY.value]
    assert live["migration"].tolist() == [0, 1, 2, 0, 1, 2]
    assert by_time["migration"].tolist() == [0, 1, 2, 0, 0, 1, 1, 2, 2]
    # nothing is ever sent by two of them, and the link is never idle
    assert by_time["start_s"].tolist()[1:] == pytest.approx(by_time["end_s"].tolist()[:-1])


def expected_rounds(pages: int, writes: float, count: int, rounds: int) -> list[list[float]]:
    """Return the pages each migration sends in each live round and stopped, by recurrence.

    Its round i+1 sends what was written since the beginning of its round i, in the round itself and
    in the wait for its turn; stop-and-copy what was written in its last round.
    """
    clean = [float(pages)] * count
    began_s = [0.0] * count
    sent: list[list[float]] = [[] for _ in range(count)]
    now_s = 0.0
    for number in range(1, rounds + 1):
        for each in range(count):
            if number > 1:
                since_s = now_s - began_s[each]
                clean[each] = pages * (1 - math.exp(-writes * since_s))
            began_s[each] = now_s
            sent[each].append(clean[each])
            now_s += clean[each] / PAGES_PER_S
            if number == rounds:
                last_s = clean[each] / PAGES_PER_S
                stopped = pages * (1 - math.exp(-writes * last_s))
                sent[each].append(stopped)
                now_s += stopped / PAGES_PER_S
    return sent


@pytest.mark.parametrize("count", [1, 2, 4])
def test_what_is_written_while_waiting_is_sent_in_the_coming_round(count: int) -> None:
    pages, writes, rounds, seeds = 20_000, 0.01, 3, 10
    given_scenario = drain(count, pages=pages, writes=writes, stop=f"fixed-rounds:rounds={rounds}")
    runs = [tables(given_scenario, seed)[1] for seed in range(seeds)]
    sent = pd.concat(runs).groupby(["migration", "round"])["sent"].mean().unstack()
    expected = np.array(expected_rounds(pages, writes, count, rounds))
    # numbers of pages scatter a little more than Poisson ones, as rounds differ in length, too
    tolerance = 5 * np.sqrt(expected / seeds)
    assert np.all(np.abs(sent.to_numpy() - expected) <= tolerance)


def test_downtime_is_near_serials_and_the_total_between_serial_and_parallel() -> None:
    several: dict[str, Any] = {"pages": 4_000, "writes": 0.05, "stop": "fixed-rounds:rounds=3"}
    ways = {
        "serial": drain(4, interleave=False, manager={"max_per_cluster": 1}, **several),
        "interleaved": drain(4, **several),
        "parallel": drain(4, interleave=False, **several),
    }
    found = {name: tables(way)[0] for name, way in ways.items()}
    drained = {name: rows["end_s"].max() for name, rows in found.items()}
    downtime = {name: rows["downtime_s"].mean() for name, rows in found.items()}
    assert drained["serial"] < drained["interleaved"] < drained["parallel"]
    assert downtime["serial"] < downtime["interleaved"] < 0.5 * downtime["parallel"]


def test_one_that_joins_waits_for_its_first_turn_and_counts_it_as_a_wait() -> None:
    model = ClusterModel(drain(2, writes=0.5, stop="fixed-rounds:rounds=2"), rng=1)
    row = model.run().migrations.loc[1]
    assert row["start_s"] == pytest.approx(0.5)
    assert row["total_time_s"] == row["end_s"] - row["start_s"]
    assert 0 < row["waited_s"] < row["total_time_s"]


@pytest.mark.parametrize("at_s", [0.25, 0.5, 0.75, 1.25])
@pytest.mark.parametrize("number", range(3))
def test_a_turn_is_passed_on_when_its_holder_is_cancelled(number: int, at_s: float) -> None:
    model = ClusterModel(drain(3, writes=0.2, stop="fixed-rounds:rounds=3"), rng=1)
    scheduler = model.manager.scheduler

    def cancel(now_s: float) -> None:
        scheduler.cancel(number, Phase.FAILED, "a test", now_s)
        scheduler.admit(now_s)

    model.loop.call_at(at_s, cancel)
    migrations = model.run().migrations
    outcomes = ["failed" if n == number else "completed" for n in range(3)]
    assert migrations["outcome"].tolist() == outcomes
    rounds = model.result().rounds.sort_values("start_s", kind="stable")
    assert rounds["start_s"].tolist()[1:] == pytest.approx(rounds["end_s"].tolist()[:-1])


def test_one_may_get_its_turn_back_in_the_instant_in_which_it_passed_it_on() -> None:
    model = ClusterModel(drain(2, writes=0.2, stop="fixed-rounds:rounds=3"), rng=1)
    scheduler, loop = model.manager.scheduler, model.loop
    offer_turn = scheduler.offer_turn

    def pass_on_and_cancel(record: Any, now_s: float) -> bool:
        answer = offer_turn(record, now_s)
        if now_s > 1.0 and 1 in scheduler.live:
            loop.call_at(now_s, cancel)
        return answer

    def cancel(now_s: float) -> None:
        scheduler.cancel(1, Phase.FAILED, "a test", now_s)
        scheduler.admit(now_s)

    scheduler.offer_turn = pass_on_and_cancel  # type: ignore[method-assign]
    assert model.run().migrations["outcome"].tolist() == ["completed", "failed"]


@pytest.mark.parametrize("at_deadline", ["abort", "stop"])
def test_a_deadline_does_not_come_nearer_in_the_wait_for_a_turn(at_deadline: str) -> None:
    # The first has its rounds in 0..0.5 s and from 1 s on.
    stop = f"fixed-rounds:rounds=9,deadline_s=0.5503,at_deadline={at_deadline}"
    migrations, rounds = tables(drain(2, writes=0.2, stop=stop))
    first = migrations.loc[0]
    assert first["why"] == "deadline of 0.5503 s"
    assert first["waited_s"] == pytest.approx(0.5)
    assert rounds.loc[rounds["migration"] == 0, "round"].tolist()[:2] == [1, 2]
    if at_deadline == "abort":
        assert first["outcome"] == "not converged"
        assert first["end_s"] == pytest.approx(1.0503)
    else:  # the page in transit is finished
        assert first["outcome"] == "completed"
        assert first["pause_s"] == pytest.approx(1.051)


def test_limits_say_how_many_take_turns() -> None:
    _, rounds = tables(
        drain(4, writes=0.1, stop="fixed-rounds:rounds=2", manager={"max_per_cluster": 2})
    )
    live = rounds[rounds["phase"] == Phase.PRE_COPY.value].sort_values("start_s", kind="stable")
    assert live["migration"].tolist() == [0, 1, 0, 1, 2, 3, 2, 3]


def test_the_end_of_the_run_finds_each_where_it_stands() -> None:
    migrations, _ = tables(drain(3, run={"duration_s": 0.75}, writes=0.1))
    assert migrations["why"].tolist() == [
        "pre-copy when the run ended",
        "pre-copy when the run ended",
        "ready when the run ended",
    ]
    assert math.isnan(migrations["start_s"][2])
    assert migrations["waited_s"].tolist() == pytest.approx([0.25, 0.0, 0.0])
    assert migrations["bytes"].sum() == pytest.approx(750 * WIRE, rel=1e-3)


def test_the_network_is_free_for_the_next_while_a_source_is_released() -> None:
    migrations, _ = tables(drain(2, transfer={"finish_s": 10.0}))
    assert migrations["start_s"].tolist() == pytest.approx([0.0, 0.5])


@settings(max_examples=25)
@given(given_scenario=random_scenarios(), seed=st.integers(0, 3))
def test_what_holds_for_all_migrations_holds_for_these(given_scenario: Scenario, seed: int) -> None:
    fields = {"manager.interleave": True}
    run_checked(given_scenario.with_fields(fields), seed)
