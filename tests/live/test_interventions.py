"""What a reader of the page does to a model: it takes effect at once, and refusals say why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cluster_emu import ClusterModel, load_scenario
from cluster_emu.errors import RequestRefusedError, ScenarioError
from cluster_emu.live.interventions import act
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.settings import (
    actions_of,
    compared_with,
    controls,
    seed_of,
    with_settings,
)


@pytest.fixture
def model() -> Iterator[LiveModel]:
    scenario = load_scenario("evacuation").with_fields(
        {"run.fidelity": "auto", "run.stop_when_idle": False, "run.duration_s": 600}
    )
    made = LiveModel(scenario, seed=3)
    made.advance(5.5)
    yield made
    made.close()


def test_a_host_is_drained_now_and_stays_so(model: LiveModel) -> None:
    said = act(model, {"do": "drain", "host": 4})
    assert "host 4 is drained: 20 migrations requested" in said
    assert model.now_s == 5.5
    assert model.migrations_running > 0

    model.advance(400)
    assert model.state.hosts.vm_count[4] == 0
    assert model.state.hosts.drained[4]
    with pytest.raises(RequestRefusedError, match="drained already"):
        act(model, {"do": "drain", "host": 4})
    assert not (model.state.vms.host == 4).any()


def test_a_vm_migrates_where_it_is_sent(model: LiveModel) -> None:
    source = int(model.state.vms.host[7])
    target = (source + 1) % model.state.host_count
    assert "VM 7 is to migrate" in act(model, {"do": "migrate", "vm": 7, "target": target})
    with pytest.raises(RequestRefusedError):
        act(model, {"do": "migrate", "vm": 7, "target": target})
    act(model, {"do": "cancel", "migration": 0})
    assert model.manager.scheduler.records[0].outcome == "cancelled"

    act(model, {"do": "migrate", "vm": 7, "target": target})
    model.advance(100)
    assert model.state.vms.host[7] == target


def test_a_vm_migrates_to_the_best_host(model: LiveModel) -> None:
    source = int(model.state.vms.host[9])
    act(model, {"do": "migrate", "vm": 9})
    record = model.manager.scheduler.records[0]
    assert (record.vm, record.source) == (9, source)
    assert record.target != source


def test_a_host_crashes_and_is_repaired(model: LiveModel) -> None:
    there = np.flatnonzero(model.state.vms.host == 2)
    act(model, {"do": "crash", "host": 2, "repair_s": 30})
    assert model.state.hosts.failed[2]
    assert not model.state.vms.running[there].any()
    assert [row.kind for row in model.fault_rows] == ["host-crash"]
    model.advance(36)
    assert not model.state.hosts.failed[2]


def test_a_link_is_cut_in_both_directions_for_a_time(model: LiveModel) -> None:
    links = model.links
    back = links.between(int(links.target[0]), int(links.source[0]))[0]
    full = model.loop.capacities
    act(model, {"do": "degrade", "link": 0, "factor": 0.1, "repair_s": 10})
    np.testing.assert_allclose(model.loop.capacities[[0, back]], 0.1 * full[[0, back]])
    model.advance(20)
    np.testing.assert_allclose(model.loop.capacities, full)


def test_the_other_triggers_draw_what_they_would_have_drawn() -> None:
    """A fault injected by hand is the same fault as one that the scenario has."""
    scenario = load_scenario("cluster").with_fields({"run.duration_s": 900, "run.fidelity": "auto"})
    fault = {"kind": "host-crash", "host": 3, "at_s": 333.0, "repair_s": 100.0}
    planned = ClusterModel(scenario.with_fields({"faults": [fault]}), rng=5)
    by_hand = LiveModel(scenario, seed=5)
    by_hand.advance(333.0)
    act(by_hand, {"do": "crash", "host": 3, "repair_s": 100.0})
    tables = by_hand.run().tables
    expected = planned.run().tables

    for name in ("migrations", "rounds", "vms", "faults"):
        assert tables[name].equals(expected[name]), name


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ({"do": "explode"}, "no action"),
        ({}, "no action"),
        ({"do": "drain"}, "host = None"),
        ({"do": "drain", "host": 10**6}, "allowed is 0 to 39"),
        ({"do": "drain", "host": True}, "host = True"),
        ({"do": "migrate", "vm": 0, "target": -1}, "target = -1"),
        ({"do": "degrade", "link": 0, "factor": 2}, "factor = 2"),
        ({"do": "crash", "host": 0, "repair_s": 0}, "repair_s = 0"),
        ({"do": "cancel", "migration": 0}, "migration = 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    model: LiveModel, action: dict[str, object], why: str
) -> None:
    with pytest.raises(RequestRefusedError, match=why):
        act(model, action)


def test_settings_set_fields_and_leave_the_rest() -> None:
    scenario = load_scenario("cluster")
    changed = with_settings(
        scenario,
        {"strategy": "qemu", "policy": "kubevirt", "cluster_limit": "3", "bandwidth": "2 Gbit/s"},
    )
    assert changed.transfer.strategy.name == "qemu"
    assert changed.transfer.policy is not None
    assert changed.manager.max_per_cluster == 3
    assert changed.transfer.bandwidth_bps == 2e9
    assert changed.manager.max_outbound_per_host == scenario.manager.max_outbound_per_host
    assert changed.run.fidelity == "auto"
    paper = with_settings(scenario.with_fields({"run.fidelity": "pages"}), {})
    assert paper.run.fidelity == "pages"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"cluster_limit": "many"}, "manager.max_per_cluster"),
        ({"bandwidth": "fast"}, "transfer.bandwidth_bps"),
        ({"stop": "qemu", "policy": "kubevirt"}, "transfer.policy"),
        ({"strategy": "x" * 10_000}, "transfer.strategy"),
    ],
)
def test_a_bad_setting_names_its_field(settings: dict[str, str], field: str) -> None:
    with pytest.raises(ScenarioError, match=field):
        with_settings(load_scenario("cluster"), settings)


def test_seeds_and_actions_of_an_address_are_checked() -> None:
    assert seed_of({}) == 0
    assert seed_of({"seed": "12"}) == 12
    for bad in ("-1", "1.5", "x"):
        with pytest.raises(ScenarioError):
            seed_of({"seed": bad})
    assert actions_of({"do": '[{"do":"a","at_s":2},{"do":"b","at_s":1}]'})[0]["do"] == "b"
    for text in ("[", "{}", "[3]", '[{"do":"a"}]', '[{"do":"a","at_s":-1}]'):
        with pytest.raises(ScenarioError, match="do"):
            actions_of({"do": text})


def test_lane_one_differs_where_it_was_asked_to() -> None:
    assert compared_with({"strategy": "qemu"}) is None
    assert compared_with({"strategy": "qemu", "seed": "2", "b_strategy": "hybrid"}) == {
        "strategy": "hybrid",
        "seed": "2",
        "b_strategy": "hybrid",
    }
    assert "stop" not in (compared_with({"stop": "qemu", "b_policy": "nova"}) or {})


def test_every_control_offers_what_there_is() -> None:
    found = {control["name"]: control for control in controls(load_scenario("evacuation"))}
    assert found["strategy"]["value"] == "qemu"
    assert {"pre-copy", "hybrid", "history-majority"} <= set(found["strategy"]["options"])
    assert found["policy"]["value"] == "kubevirt"
    assert found["cluster_limit"]["empty"] == "as the policy says"
