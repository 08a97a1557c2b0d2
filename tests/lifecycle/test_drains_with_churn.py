"""Consolidation, drains and evacuations work while VMs come and go."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cluster_emu import ClusterModel, evacuate
from cluster_emu.view import ClusterFrame, draw_cluster
from tests._support.fault_checks import run_checked
from tests.lifecycle.test_speed_paths import churning

NO_RESIZES = {"arrivals.random_resizes": None, "run.stop_when_idle": False}


def test_a_host_is_evacuated_while_vms_come_and_go() -> None:
    done = evacuate(churning().with_fields(NO_RESIZES), hosts=[0], replications=2, seed=1)
    report = done.report()
    assert not report.failures
    assert all(emptied > 0 for emptied in report.hosts_emptied[0].emptied_s)
    assert any("arrived" in note for note in report.notes)


def test_a_drained_host_stays_empty_although_vms_arrive() -> None:
    scenario = churning(manager={"triggers": [{"name": "drain", "hosts": [0, 1], "at_s": 200}]})
    model = run_checked(ClusterModel(scenario.with_fields(NO_RESIZES), rng=2))
    tables = model.result().tables
    hosts, lives = tables["hosts"], tables["lifecycle"]
    late = hosts[(hosts["time_s"] >= 400) & hosts["host"].isin([0, 1])]
    assert (late["vm_count"] == 0).all()
    later = lives[lives["placed_s"] > 200]
    assert len(later) > 20
    assert not later["first_host"].isin([0, 1]).any()


def test_consolidation_empties_hosts_that_ends_have_left_half_empty() -> None:
    """Without migrations a VM keeps its host on until it ends; with them fewer are on."""
    plain = churning().with_fields(NO_RESIZES)
    consolidated = churning(manager={"triggers": ["consolidation"]}).with_fields(NO_RESIZES)
    model = run_checked(ClusterModel(consolidated, rng=1))
    summary = model.result().summary
    assert summary["completed"] > 0
    assert summary["mean_hosts_on"] < ClusterModel(plain, rng=1).run().summary["mean_hosts_on"]


def test_a_cluster_with_vms_that_are_not_there_is_drawn() -> None:
    model = ClusterModel(churning(), rng=1)
    model.run_until(300.0)
    draw_cluster(ClusterFrame.of(model))
    drawn = ClusterFrame.of(model)
    there = {vm for host in range(6) for vm in drawn.vms_of(host)}
    assert there == {agent.index for agent in model.vms} | set(model.lifecycle.booting)  # type: ignore[union-attr]


def test_a_finished_run_is_drawn() -> None:
    result = ClusterModel(churning(manager={"triggers": ["consolidation"]}), rng=1).run()
    for picture in ("timeline", "gantt", "cluster"):
        result.plot(picture)


def test_a_streamed_run_has_the_same_tables(tmp_path: Path) -> None:
    """The first observation has no VM at all."""
    scenario = churning(vms=[])
    kept = ClusterModel(scenario, rng=1).run()
    ClusterModel(scenario, rng=1, stream_to=tmp_path / "run").run().save(tmp_path / "run")
    for name in ("hosts", "vms", "lifecycle", "summary"):
        streamed = pd.read_parquet(tmp_path / "run" / f"{name}.parquet")
        pd.testing.assert_frame_equal(kept.tables[name], streamed, check_dtype=False)


def test_the_data_collector_has_rows_of_the_agents_that_are_there() -> None:
    model = ClusterModel(churning(), rng=1, agent_reporters=True)
    model.run_until(200.0)
    table = model.datacollector.get_agent_vars_dataframe()
    last = table.loc[model.steps]
    vms = last[last["kind"] == "VM"]
    assert sorted(vms["index"]) == [agent.index for agent in model.vms]
    assert (vms["host"] >= 0).all()
