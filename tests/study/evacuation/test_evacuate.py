"""Emptying hosts: what is measured is what the model does, and the impossible is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu import ClusterModel
from cluster_emu.errors import ScenarioError
from cluster_emu.json_output import plain_data
from cluster_emu.scenario import Scenario
from cluster_emu.study import Evacuation, ImpossibleDrainError, StudyInterrupted, evacuate
from cluster_emu.study.execution import runs as study_runs
from cluster_emu.study.execution.seeds import replication_seeds
from tests._support.drains import MIB, rack

SIZES = [16, 8, 8, 4]
ABORTING = "qemu:downtime_limit_s=0.001,deadline_s=2,at_deadline=abort"


@pytest.fixture(scope="module")
def evacuation() -> Evacuation:
    return evacuate(rack(SIZES), hosts=[0], parallel=2, replications=3, seed=4)


def test_a_replication_is_the_run_of_the_drain_under_its_seed(evacuation: Evacuation) -> None:
    for number, seed in enumerate(replication_seeds(4, 3)):
        model = ClusterModel(
            rack(SIZES),
            rng=seed,
            **{
                "manager.triggers": [{"name": "drain", "hosts": [0]}],
                "manager.max_per_cluster": 2,
                "run.stop_when_idle": True,
            },
        )
        migrations = model.run().migrations
        model.close()
        row = evacuation.drains.iloc[number]
        vms = evacuation.vms.query("replication == @number").set_index("vm")
        assert row["drain_s"] == migrations["end_s"].max()
        assert row["bytes"] == migrations["bytes"].sum()
        assert vms["downtime_s"].to_dict() == migrations.set_index("vm")["downtime_s"].to_dict()
        assert vms["moved"].all()


def test_the_report_sums_the_tables_up(evacuation: Evacuation) -> None:
    document = plain_data(evacuation.report())
    drain_s = evacuation.drains["drain_s"]
    downtime_s = evacuation.vms["downtime_s"]
    per_seed = evacuation.vms.groupby("replication")["downtime_s"].max()
    worst = document["per_vm"]["downtime_s"]["max"]

    assert document["hosts"] == [0]
    assert document["vms_to_move"] == [4, 4, 4]
    assert document["drain_s"]["p50"]["value"] == drain_s.median()
    assert document["drain_s"]["p95"]["value"] == drain_s.max()
    assert document["drain_s"]["p50"]["ci95"] == [None, None]
    assert worst["all_vms"] == downtime_s.max()
    assert worst["mean"] == pytest.approx(per_seed.mean())
    # Student's t with two degrees of freedom at 97.5 %.
    half = 4.302652729911275 * per_seed.std() / math.sqrt(3)
    assert worst["ci95"][1] == pytest.approx(per_seed.mean() + half)
    assert evacuation.worst_downtime_s == pytest.approx(max(worst["ci95"][1], downtime_s.max()))
    assert sum(one["migrations"] for one in document["outcomes"]) == 12
    assert document["failures"] == []
    assert evacuation.median_replication is not None
    assert evacuation.median_replication.run.drain_s == drain_s.median()


def test_one_or_two_processes_give_the_same_bytes(evacuation: Evacuation, tmp_path: Path) -> None:
    again = evacuate(rack(SIZES), hosts=[0], parallel=2, replications=3, seed=4, jobs=2)
    first, second = evacuation.save(tmp_path / "1"), again.save(tmp_path / "2")

    assert [path.name for path in first[:4]] == [
        "evacuation.json",
        "run.json",
        "vms.parquet",
        "vms.csv",
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_policy_strategy_and_limit_replace_the_scenarios() -> None:
    scenario = rack(SIZES, manager={"max_per_cluster": 1, "triggers": [{"name": "load-balance"}]})
    scenario = scenario.with_fields({"migrations": [{"vm": 0, "target": 1}]})
    found = evacuate(
        scenario, hosts=[0], policy="nova", strategy="qemu", parallel=3, replications=1
    )
    report = found.report()
    said = " ".join(report.assumptions)

    assert (report.policy, report.strategy) == ("nova", "qemu")
    assert "3 in the cluster, 1 away from a host" in said
    assert "ignored from the scenario: load-balance, 1 requested migrations" in said
    assert set(found.vms["policy"]) == {"nova"}
    assert len(found.vms) == len(SIZES)
    plain = evacuate(scenario, hosts=[0], policy="none", replications=1).report()
    assert (plain.policy, plain.parallel) == ("none", 1)


def test_the_limits_of_scenario_and_policy_are_reported() -> None:
    def limits(scenario: Scenario, policy: str) -> list[int | None]:
        found = evacuate(scenario, hosts=[0], policy=policy, replications=1).report()
        return [found.parallel, found.outbound_per_host, found.inbound_per_host]

    assert limits(rack(SIZES), "kubevirt") == [5, 2, None]
    assert limits(rack(SIZES), "nova") == [None, 1, None]
    assert limits(rack(SIZES, manager={"max_inbound_per_host": 3}), "none") == [None, None, 3]


def test_a_vm_that_fits_on_no_other_host_is_named_before_any_run() -> None:
    seen: list[object] = []
    with pytest.raises(ImpossibleDrainError) as error:
        evacuate(rack([16, 80, 8, 72]), hosts=[0], progress=lambda *each: seen.append(each))

    assert error.value.vms == (1, 3)
    assert "VM 1 (0.07812 GiB), VM 3 (0.07031 GiB)" in str(error.value)
    assert "3 hosts with 0.1875 GiB free, at most 0.0625 GiB on one" in str(error.value)
    assert seen == []


def test_vms_that_do_not_fit_together_are_named() -> None:
    with pytest.raises(ImpossibleDrainError, match="2 VMs, no placement found for them") as error:
        evacuate(rack([40, 40, 40, 40, 40]), hosts=[0])

    assert len(error.value.vms) == 2


def test_vms_that_may_not_migrate_are_named_before_any_run() -> None:
    pinned = rack(SIZES).with_fields({"vms.1.migratable": False, "vms.3.migratable": False})
    with pytest.raises(ImpossibleDrainError) as error:
        evacuate(pinned, hosts=[0])
    assert error.value.vms == (1, 3)
    assert "2 VMs may not migrate (migratable = false): VM 1 (0.007812 GiB), VM 3" in str(
        error.value
    )


def test_vms_that_anti_affinity_keeps_from_every_host_are_counted() -> None:
    apart = {f"vms.{vm}.anti_affinity": "db" for vm in range(4)}
    scenario = rack([16, 8, 8, 4], hosts=4, placement="spread").with_fields(
        {**{f"vms.{vm}.host": vm for vm in range(4)}, **apart}
    )
    with pytest.raises(ImpossibleDrainError, match=r"\(1 because of anti-affinity alone\): VM 0"):
        evacuate(scenario, hosts=[0])


def test_emptying_every_host_is_impossible() -> None:
    with pytest.raises(ImpossibleDrainError, match="elsewhere 0 hosts with 0 GiB free"):
        evacuate(rack(SIZES), racks=[0])


def test_room_that_only_a_packing_by_memory_finds_is_used() -> None:
    # By CPU demand the small ones come first, one to a host: too little is left for the others.
    scenario = rack([16, 16, 16, 52, 52])
    busy = {f"vms.{vm}.cpu_capacity": 12 for vm in range(3)}
    found = evacuate(scenario.with_fields(busy), hosts=[0], replications=1)

    assert found.drains["by_memory"].tolist() == [True]
    assert found.vms["moved"].all()
    assert "Free memory is so small in replications 0" in " ".join(found.report().assumptions)
    used = found.vms.groupby("target")["memory_pages"].sum() * 4096
    assert used.max() <= 64 * MIB


def test_a_vm_that_never_converges_is_reported_as_not_drained() -> None:
    scenario = rack(
        [16, 60],
        transfer={"strategy": "pre-copy", "stop": ABORTING},
    )
    scenario = scenario.with_fields({"vms.1.profile": "memory-hog"})
    found = evacuate(scenario, hosts=[0], replications=2)
    document = plain_data(found.report())

    assert found.drains["drain_s"].tolist() == [math.inf, math.inf]
    assert document["drain_s"]["p50"]["value"] is None
    assert (document["drain_s"]["drained"], document["drain_s"]["runs"]) == (0, 2)
    assert [one["vm"] for one in document["failures"]] == [1, 1]
    assert document["failures"][0]["outcome"] == "not converged"
    assert found.vms.query("vm == 1")["released_s"].isna().all()


def test_hosts_without_vms_are_empty_at_once() -> None:
    report = evacuate(rack(SIZES), hosts=[1], replications=2).report()

    assert report.vms_to_move == (0, 0)
    assert report.drain_s.p50.value == 0.0
    assert report.per_vm["downtime_s"].max.all_vms is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "hosts"),
        ({"hosts": [9]}, "hosts"),
        ({"racks": [3]}, "racks"),
        ({"hosts": [0], "policy": "novva"}, "transfer.policy"),
        ({"hosts": [0], "strategy": "pre-cpoy"}, "strategies.pre-cpoy"),
        ({"hosts": [0], "parallel": 0}, "manager.max_per_cluster"),
        ({"hosts": [0], "replications": 0}, "replications"),
    ],
)
def test_what_is_not_allowed_is_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(ScenarioError) as error:
        evacuate(rack(SIZES), **given)  # type: ignore[arg-type]
    assert error.value.field == field


def test_a_run_that_fails_is_reported_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = replication_seeds(0, 3)[1]
    manage = ClusterModel.manage

    def fail(model: ClusterModel, now_s: float) -> None:
        if model.seed == failing:
            raise RuntimeError("out of luck")
        manage(model, now_s)

    monkeypatch.setattr(ClusterModel, "manage", fail)
    found = evacuate(rack(SIZES), hosts=[0], replications=3)

    assert [one.replication for one in found.errors] == [1]
    assert found.errors[0].error == "RuntimeError: out of luck"
    assert found.report().drain_s.runs == 2
    assert np.isnan(found.drains["drain_s"][1])


def test_what_was_finished_before_ctrl_c_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = replication_seeds(0, 3)
    simulate = study_runs.simulate

    def interrupted(scenario: object, seed: int) -> object:
        if seed == seeds[1]:
            raise KeyboardInterrupt
        return simulate(scenario, seed)  # type: ignore[arg-type]

    monkeypatch.setattr("cluster_emu.study.evacuation.run.simulate", interrupted)
    with pytest.raises(StudyInterrupted) as error:
        evacuate(rack(SIZES), hosts=[0], replications=3)
    partial: Evacuation = error.value.partial

    assert partial.report().replications == 1
    assert partial.report().replications_wanted == 3
    expected = evacuate(rack(SIZES), hosts=[0], replications=1)
    pd.testing.assert_frame_equal(partial.vms, expected.vms)


def fixed(**more: Any) -> Scenario:
    """Return a rack in which nothing is random: mean dirty rates and constant demand."""
    demand = {"demand": {"name": "constant", "share": 1.0}}
    scenario = rack(SIZES, workload=demand, **more)
    profile = {"name": "inline", "classes": [{"share": 1.0, "writes_per_page_s": 0.05}]}
    steady = {f"vms.{vm}.profile": profile for vm in range(len(SIZES))}
    return scenario.with_fields({"run.fidelity": "scalar", **steady})


def test_replications_that_are_all_the_same_are_said_to_be_so() -> None:
    found = evacuate(fixed(), hosts=[0], replications=3)
    said = "Nothing in this scenario is random: all 3 replications are the same"

    assert not found.is_random
    assert said in found.report().answer
    assert evacuate(fixed(), hosts=[0], replications=1).is_random  # one alone tells nothing
    uncertain = evacuate(fixed(), hosts=[0], replications=3, uncertain=0.2)
    assert uncertain.is_random and "random" not in uncertain.report().answer
    low_s, high_s = uncertain.drain_s.min(), uncertain.drain_s.max()
    (exact_s,) = set(found.drain_s.tolist())
    assert exact_s / 1.2 - 0.1 < low_s < high_s < exact_s / 0.8 + 0.1


def test_what_limits_a_drain_is_told_with_its_share() -> None:
    report = evacuate(fixed(), hosts=[0], parallel=2, replications=1).report()
    tables = evacuate(fixed(), hosts=[0], parallel=2, replications=1).replications[0].run.limits
    times = tables.groupby("kind")["limited_s"].sum()

    assert report.limits[0].limit == "link host0 -> switch"
    assert sum(one.share for one in report.limits) == pytest.approx(1.0)
    running_s = times.sum() - times["slot"]
    assert report.limits[0].share == pytest.approx(times["link"] / running_s)
    assert [one.limit for one in report.waits] == ["slots: 2 in the cluster"]
    assert report.waits[0].share == pytest.approx(times["slot"] / times.sum())
    assert "What limits migrations while they run: link host0 -> switch" in report.answer


def test_the_cap_that_a_policy_brings_is_in_the_answer() -> None:
    policy = "qemu:bandwidth_bytes_per_s=1 MiB"
    answer = evacuate(fixed(), hosts=[0], policy=policy, replications=1).report().answer
    assert "bandwidth cap of 8.389 Mbit/s (policy qemu)" in answer


def test_the_answer_counts_stalls_after_the_resume() -> None:
    found = evacuate(rack(SIZES), hosts=[0], strategy="post-copy", replications=2)
    stalls, whole = found.vms["fault_stall_s"], found.vms["interrupted_s"]

    assert stalls.max() > 0
    assert whole.to_numpy() == pytest.approx((stalls + found.vms["downtime_s"]).to_numpy())
    answer = found.report().answer
    assert f"interruption of a VM's service is {whole.max():.3g} s" in answer
    assert "stalls after the resume included" in answer
    assert found.report().per_vm["interrupted_s"].max.all_vms == whole.max()


def test_loads_of_links_are_shares_of_what_they_could_carry() -> None:
    found = evacuate(fixed(), hosts=[0], replications=1)
    (replication,) = found.replications
    use = replication.run.link_use
    assert use is not None
    carried = dict(zip(use.numbers, use.carried_bytes.tolist(), strict=True))
    first = found.report().link_loads[0]

    assert first.name == "host0 -> switch"
    whole_s = replication.run.drain_s
    crossed = 2 * replication.run.vms["bytes"].sum()  # both links of each route
    assert sum(carried.values()) == pytest.approx(crossed)
    assert first.mean_share == pytest.approx(carried[first.link] / (1e9 / 8 * whole_s))


def test_loads_of_links_do_not_depend_on_the_tick() -> None:
    loads = [
        evacuate(fixed(), hosts=[0], replications=1, fields={"run.tick_s": tick_s})
        .report()
        .link_loads[0]
        .mean_share
        for tick_s in (0.5, 60.0)
    ]
    assert loads[0] == pytest.approx(loads[1], rel=1e-9)


def test_equal_links_that_share_the_load_badly_are_named() -> None:
    """Two spines; the hash of equal-cost multipath decides how many flows each of them gets."""
    topology = {
        "name": "leaf-spine",
        "leaves": 2,
        "hosts_per_leaf": 1,
        "spines": 2,
        "host_bps": "1 Gbit/s",
        "uplink_bps": "1 Gbit/s",
    }
    scenario = fixed().with_fields(
        {"topology": topology, "hosts.1.count": 1, "hosts.1.memory_bytes": 2**30}
    )
    report = evacuate(scenario, hosts=[0], replications=1).report()
    uneven = report.uneven_links
    (run,) = (one.run for one in evacuate(scenario, hosts=[0], replications=1).replications)

    assert uneven is not None and uneven.node == "leaf0" and uneven.links == 2
    use = run.link_use
    assert use is not None
    out = [use.carried_bytes[place] for place, node in enumerate(use.nodes) if node == "leaf0"]
    out = sorted(out)[-2:]  # over the spines
    assert uneven.busiest_bytes == max(out)
    assert uneven.times_mean == pytest.approx(2 * max(out) / sum(out))
