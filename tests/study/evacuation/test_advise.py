"""Advice: what nothing beats, and the fastest drain that is short enough for every VM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.json_output import json_text
from cluster_emu.scenario import Scenario
from cluster_emu.study import (
    Advice,
    ImpossibleDrainError,
    StudyInterrupted,
    advise,
    evacuate,
)
from cluster_emu.study.evacuation import run as drain_run
from cluster_emu.study.evacuation.advice import Option, alike, pareto_front
from cluster_emu.study.execution.seeds import replication_seeds
from tests._support.drains import rack

SIZES = [16, 8, 8, 4]
WAYS: dict[str, Any] = {
    "hosts": [0],
    "policies": ["none"],
    "strategies": ["stop-and-copy", "pre-copy"],
    "parallel": [1, 2],
    "replications": 2,
}


def busy() -> Scenario:
    """Return a rack whose VMs write so much that sending them live takes more than 1 % longer."""
    return rack(SIZES).with_fields({f"vms.{vm}.profile": "cache" for vm in range(len(SIZES))})


@pytest.fixture(scope="module")
def advice() -> Advice:
    return advise(busy(), max_downtime_s=0.05, **WAYS)


def test_an_option_is_what_evacuate_measures(advice: Advice) -> None:
    for option in (one for one in advice.options if one.is_confirmed):
        drain = option.evacuation.drain
        alone = evacuate(
            busy(),
            hosts=[0],
            policy=drain.policy,
            strategy=drain.strategy,
            parallel=drain.scenario.manager.max_per_cluster,
            replications=2,
        )
        assert option.drain_p95_s == alone.drains["drain_s"].max()
        assert option.worst_downtime_s == alone.worst_downtime_s
        assert option.worst_interrupted_s == alone.worst_interrupted_s
        assert option.bytes == pytest.approx(alone.drains["bytes"].mean())


def test_the_fastest_that_is_short_enough_is_recommended(advice: Advice) -> None:
    chosen = advice.recommended.report()
    by_way = {(one.strategy, one.parallel): one for one in advice.report().options}

    assert set(by_way) == {(s, n) for s in ("stop-and-copy", "pre-copy") for n in (1, 2)}
    assert chosen.strategy == "pre-copy"
    assert chosen.worst_downtime_s <= 0.05
    # Stop-and-copy sends every page once, so nothing sends less, and every VM has to wait.
    best = by_way["stop-and-copy", 1]
    assert best.bytes == min(one.bytes for one in by_way.values())
    assert best.worst_downtime_s > 0.05
    assert "stop-and-copy" in advice.reason and "0.05 s" in advice.reason


def test_what_ran_once_is_neither_compared_nor_called_faster(advice: Advice) -> None:
    def once(option: Option) -> Option:
        return Option(replace(option.evacuation, replications=option.evacuation.replications[:1]))

    def strategy(option: Option) -> str:
        return option.evacuation.drain.strategy

    options = tuple(
        once(one) if strategy(one) == "stop-and-copy" else one for one in advice.options
    )
    found = replace(advice, options=options)
    compared = [one for one in options if one.is_confirmed]
    assert found.compared == compared and 0 < len(compared) < 4
    assert {strategy(one) for one in found.front} == {"pre-copy"}
    assert "stop-and-copy" not in found.reason
    ways = "1 way" if len(compared) == 1 else f"{len(compared)} ways"
    assert found.comparison == f"{ways}, each run 2 times, of 4 run at least once"
    assert found.report().comparison == found.comparison

    unsure = replace(advice, options=tuple(once(one) for one in advice.options))
    assert len(unsure.compared) == 4
    assert unsure.comparison == "4 ways, of which none was run as often as wanted"


def test_a_longer_downtime_allows_a_faster_drain(advice: Advice) -> None:
    patient = replace(advice, max_downtime_s=10.0)

    assert patient.recommended.drain_p95_s <= advice.recommended.drain_p95_s
    assert patient.recommended.evacuation.drain.strategy == "stop-and-copy"
    assert patient.report().recommendation.qualifies


def test_where_none_is_short_enough_the_shortest_is_recommended(advice: Advice) -> None:
    hasty = replace(advice, max_downtime_s=1e-6)
    confirmed = [one for one in hasty.options if one.is_confirmed]

    assert hasty.reason.startswith("none stays within 1e-06 s for every VM")
    assert not hasty.report().recommendation.qualifies
    assert hasty.recommended.worst_downtime_s == min(one.worst_downtime_s for one in confirmed)


def test_an_option_in_which_a_vm_is_not_drained_is_not_recommended() -> None:
    aborting = "qemu:downtime_limit_s=0.001,deadline_s=2,at_deadline=abort"
    scenario = rack([16, 60], transfer={"stop": aborting}).with_fields(
        {"vms.1.profile": "memory-hog"}
    )
    found = advise(
        scenario, hosts=[0], max_downtime_s=5, policies=["none"], replications=2,
        strategies=["pre-copy", "post-copy"], parallel=[1],
    )  # fmt: skip
    left = {one.evacuation.drain.strategy: one.failures for one in found.options}

    assert left["pre-copy"] > 0
    assert left["post-copy"] == 0
    assert found.recommended.evacuation.drain.strategy == "post-copy"
    assert [one.evacuation.drain.strategy for one in found.front] == ["post-copy"]
    json_text(found.report())


def test_numbers_at_once_that_cannot_differ_are_tried_once() -> None:
    found = advise(
        rack(SIZES), hosts=[0], policies=["nova", "none"], strategies=["pre-copy"],
        parallel=[8, 1, 4, 2], replications=1,
    )  # fmt: skip
    tried = [
        (one.evacuation.drain.policy, one.evacuation.drain.scenario.manager.max_per_cluster)
        for one in found.options
    ]

    # Nova lets one at a time leave a host; without a policy all four VMs may.
    assert tried == [("nova", 1), ("none", 1), ("none", 2), ("none", 4)]


def test_one_or_two_processes_give_the_same_bytes(advice: Advice, tmp_path: Path) -> None:
    again = advise(busy(), max_downtime_s=0.05, jobs=2, **WAYS)
    first, second = advice.save(tmp_path / "1"), again.save(tmp_path / "2")

    assert [path.name for path in first] == ["advice.json", "options.parquet", "options.csv"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_what_was_finished_before_ctrl_c_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    later = replication_seeds(0, 2)[1]
    simulate = drain_run.simulate

    def interrupted(scenario: Any, seed: int) -> Any:
        if seed == later:
            raise KeyboardInterrupt
        return simulate(scenario, seed)

    monkeypatch.setattr("cluster_emu.study.evacuation.run.simulate", interrupted)
    with pytest.raises(StudyInterrupted) as error:
        advise(rack(SIZES), max_downtime_s=0.05, **WAYS)
    partial: Advice = error.value.partial

    assert [one.replications for one in partial.report().options] == [1] * 4
    assert partial.recommended.evacuation.drain.strategy == "pre-copy"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"hosts": [9]}, "hosts"),
        ({"policies": ["novva"]}, "transfer.policy"),
        ({"policies": []}, "policies"),
        ({"strategies": ["pre-cpoy"]}, "strategies.pre-cpoy"),
        ({"strategies": ["qemu", "qemu"]}, "strategies"),
        ({"parallel": [0, 1]}, "manager.max_per_cluster"),
        ({"max_downtime_s": 0.0}, "max_downtime_s"),
        ({"replications": 0}, "replications"),
    ],
)
def test_what_is_not_allowed_is_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ScenarioError) as error:
        advise(rack(SIZES), **{**WAYS, **given})
    assert error.value.field == field


def test_an_impossible_drain_is_refused_before_anything_runs() -> None:
    seen: list[object] = []
    with pytest.raises(ImpossibleDrainError):
        advise(rack([80]), progress=lambda *each: seen.append(each), **WAYS)
    assert seen == []


class Costs:
    """Stands for an option of which only the costs matter."""

    failures = 0

    def __init__(self, *costs: float) -> None:
        self.costs = costs


POINTS = st.lists(st.tuples(*[st.sampled_from([1.0, 1.005, 1.1, 2.0, 3.0])] * 3), max_size=12)


@given(POINTS)
def test_exactly_what_nothing_beats_is_kept(points: list[tuple[float, float, float]]) -> None:
    kept = pareto_front([Costs(*point) for point in points])  # type: ignore[misc]

    def is_beaten(point: tuple[float, float, float]) -> bool:
        return any(
            other != point and all(x <= y for x, y in zip(other, point, strict=True))
            for other in points
        )

    assert kept == [place for place, point in enumerate(points) if not is_beaten(point)]


def test_ways_that_are_alike_do_not_evict_each_other_in_a_chain() -> None:
    chain = [Costs(100.0 * 1.009**step, 1.0 - 0.07 * step, 5.0) for step in range(12)]
    assert pareto_front(chain) == list(range(12))  # type: ignore[arg-type]


def test_ways_are_shown_as_one_only_where_all_are_like_the_first() -> None:
    ways = [Costs(100.0 * 1.006**step, 1.0 - 0.001 * step, 5.0) for step in range(6)]
    groups = alike(ways)  # type: ignore[arg-type]

    assert groups == [[0, 1], [2, 3], [4, 5]]
    apart = [Costs(100.0, 1.0, 5.0), Costs(100.9, 0.9, 5.0), Costs(101.8, 0.8, 5.0)]
    assert alike(apart) == [[0], [1], [2]]  # type: ignore[arg-type]


def test_stalls_after_the_resume_count_for_the_limit() -> None:
    """Post-copy pauses a VM for milliseconds, and then lets it wait for its pages."""
    scenario = rack([48]).with_fields({"vms.0.profile": "memory-hog"})
    given: dict[str, Any] = {"hosts": [0], "policies": ["none"], "parallel": [1]}
    found = advise(scenario, strategies=["post-copy"], replications=1, **given)
    (option,) = found.options
    down, interrupted = option.worst_downtime_s, option.worst_interrupted_s

    assert down < 0.03 < 2 * down < interrupted
    limit = (down + interrupted) / 2
    assert not replace(found, max_downtime_s=limit).report().recommendation.qualifies
    assert replace(found, max_downtime_s=interrupted).report().recommendation.qualifies


def tried(found: Advice) -> list[tuple[str, str]]:
    drains = [one.evacuation.drain for one in found.options]
    return list(dict.fromkeys((drain.policy, drain.strategy) for drain in drains))


def test_only_pairs_that_exist_are_tried_unless_asked() -> None:
    given: dict[str, Any] = {
        "hosts": [0],
        "strategies": ["pre-copy", "hybrid"],
        "policies": ["proxmox", "kubevirt", "kubevirt:allow_post_copy=true", "none"],
        "parallel": [1],
        "replications": 1,
    }
    found = advise(rack(SIZES), **given)
    policies = given["policies"]

    assert tried(found) == [
        (policy, strategy)
        for policy in policies
        for strategy in given["strategies"]
        if strategy == "pre-copy" or policy in policies[2:]
    ]
    assert found.not_tried == ("proxmox with hybrid", "kubevirt with hybrid")
    assert any("proxmox with hybrid" in text for text in found.report().assumptions)
    assert len(tried(advise(rack(SIZES), any_pair=True, **given))) == 8


def test_the_scenarios_own_pair_is_tried_and_none_left_is_an_error() -> None:
    given: dict[str, Any] = {"hosts": [0], "parallel": [1], "replications": 1}
    given |= {"policies": ["proxmox"], "strategies": ["hybrid"]}
    own = rack(SIZES).with_fields({"transfer.policy": "proxmox", "transfer.strategy": "hybrid"})

    assert tried(advise(own, **given)) == [("proxmox", "hybrid")]
    with pytest.raises(ScenarioError) as error:
        advise(rack(SIZES), **given)
    assert error.value.field == "strategies"
    assert error.value.value == "proxmox with hybrid"


def test_ways_that_chance_moves_are_run_as_often_as_wanted() -> None:
    """Each migration is aborted at first, so that one run does not tell how long a drain takes."""
    policy = "kubevirt:completion_timeout_s_per_gib=1,retries=1,retry_backoff_s=1"
    scenario = rack([16, 60]).with_fields({"vms.1.profile": "memory-hog"})
    found = advise(
        scenario, hosts=[0], policies=[policy, "none"], strategies=["pre-copy"],
        parallel=[1], replications=2,
    )  # fmt: skip

    by_policy = {one.evacuation.drain.policy: one for one in found.options}
    aborted = by_policy[policy]
    assert aborted.evacuation.has_retries and not by_policy["none"].evacuation.has_retries
    assert aborted.is_confirmed


def test_of_those_as_fast_the_least_interruption_is_recommended(advice: Advice) -> None:
    def option(drain_s: float, downtime_s: float) -> Option:
        (first, *_) = (one for one in advice.options if one.is_confirmed)
        evacuation = first.evacuation
        again = []
        for one in evacuation.replications:
            vms = one.run.vms.assign(interrupted_s=downtime_s)
            again.append(one._replace(run=replace(one.run, drain_s=drain_s, vms=vms)))
        return Option(replace(evacuation, replications=tuple(again)))

    ways = [option(10.0, 0.3), option(10.05, 0.1), option(10.2, 0.01), option(5.0, 0.9)]
    found = replace(advice, max_downtime_s=0.5, options=tuple(ways))

    assert found.recommended is ways[1]
    assert found.reason.startswith("the least interruption of the fastest whose VMs all move")
    assert "takes 5 s, but an interruption of up to 0.9 s is to be expected" in found.reason
    assert replace(found, options=tuple(ways[:2])).reason.endswith("0.1 s")


def test_the_report_has_how_many_can_run_at_once() -> None:
    found = advise(
        rack([8, 8, 8]).with_fields({"vms.2.host": 1}), hosts=[0, 1], policies=["nova"],
        strategies=["pre-copy"], parallel=[16], replications=1,
    )  # fmt: skip
    option = found.report().options[0]

    # Nova lets one at a time leave each of the two hosts.
    assert (option.parallel, option.possible_at_once) == (16, 2)
    assert found.recommended.label == "policy nova, strategy pre-copy, 16 (2 possible) at once"
