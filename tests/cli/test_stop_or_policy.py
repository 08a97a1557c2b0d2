"""A stop rule or a manager's policy decides when live rounds end, never both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_emu import ClusterModel
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario, built_in_scenarios, load_scenario
from cluster_emu.study.evacuation.plan import drain_scenario
from cluster_emu.study.grid.cells import cells_of
from cluster_emu.study.grid.study_file import read_study
from tests._support.drains import rack

Emu = Callable[..., Any]
Decides = tuple[str | None, str | None]
STOP, POLICY = "transfer.stop", "transfer.policy"
BOTH = {STOP: "qemu", POLICY: "nova"}
REFUSED = r"transfer\.policy = 'nova'.*transfer\.stop = \"qemu\""


@pytest.fixture(scope="module")
def single() -> Scenario:
    return load_scenario("single")


def decides(scenario: Scenario) -> Decides:
    stop, policy = scenario.transfer.stop, scenario.transfer.policy
    return stop and str(stop), policy and str(policy)


def test_a_file_that_sets_both_is_refused(tmp_path: Path, emu: Emu) -> None:
    text = built_in_scenarios()["single"].read_text("utf-8")
    file = tmp_path / "both.toml"
    file.write_text(text.replace("[transfer]", '[transfer]\nstop = "qemu"\npolicy = "nova"'))
    ended = emu("run", file)
    assert ended.exit_code == 2
    assert f"{file}: {POLICY} = 'nova'" in ended.stderr
    assert f'{STOP} = "qemu"' in ended.stderr


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({STOP: "qemu"}, {POLICY: "nova"}, (None, "nova")),
        ({STOP: "qemu"}, {POLICY: {"name": "nova"}}, (None, "nova")),
        ({POLICY: "nova"}, {STOP: "qemu"}, ("qemu", None)),
        ({STOP: "qemu"}, {POLICY: "none"}, ("qemu", None)),
        ({STOP: "qemu"}, {POLICY: None}, ("qemu", None)),
        ({POLICY: "nova"}, {STOP: "none"}, (None, "nova")),
        ({POLICY: "nova"}, {POLICY: "none", STOP: "qemu"}, ("qemu", None)),
        ({STOP: "fixed-rounds"}, {f"{STOP}.rounds": 3}, ("fixed-rounds:rounds=3", None)),
        ({POLICY: "nova"}, {"run.tick_s": 2.0}, (None, "nova")),
    ],
)
def test_a_change_of_one_unsets_the_other(
    before: dict[str, Any], change: dict[str, Any], after: Decides, single: Scenario
) -> None:
    assert decides(single.with_fields(before).with_fields(change)) == after


@pytest.mark.parametrize("change", [BOTH, {"transfer": {"stop": "qemu", "policy": "nova"}}])
def test_a_change_that_sets_both_is_refused(change: dict[str, Any], single: Scenario) -> None:
    with pytest.raises(ScenarioError, match=REFUSED):
        single.with_fields(change)


def test_a_keyword_of_the_model_replaces_the_rule(single: Scenario) -> None:
    model = ClusterModel(single.with_fields({STOP: "qemu"}), rng=1, **{POLICY: "nova"})
    assert decides(model.spec) == (None, "nova")


STUDY = """
name = "stops"
scenario = "single"
strategies = ["pre-copy"]
replications = 1
fields = { "transfer.stop" = "clark" }
[axes]
"""


def cells(tmp_path: Path, axes: str) -> list[Decides]:
    file = tmp_path / "study.toml"
    file.write_text(STUDY + axes, "utf-8")
    return [decides(cell.scenario) for cell in cells_of(*read_study(file), file)]


def test_an_axis_replaces_the_rule_of_the_scenario_but_not_by_none(tmp_path: Path) -> None:
    found = cells(tmp_path, '"transfer.policy" = ["none", "nova"]\n')
    assert found == [("clark", None), (None, "nova")]


def test_axes_that_set_both_are_refused(tmp_path: Path) -> None:
    axes = '"transfer.policy" = ["nova"]\n"transfer.stop.name" = ["qemu"]\n'
    with pytest.raises(ScenarioError, match=REFUSED):
        cells(tmp_path, axes)


def test_a_drain_says_that_its_policy_replaces_the_rule() -> None:
    base = rack([16, 60])
    drain = drain_scenario(base, hosts=[0], policy="nova")
    assert decides(drain.scenario) == (None, "nova")
    said = "The policy nova decides in place of the scenario's stop rule xen-legacy."
    assert said in drain.assumptions
    unchanged = drain_scenario(base, hosts=[0], policy="none")
    assert decides(unchanged.scenario) == ("xen-legacy", None)
    assert not unchanged.assumptions


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evacuate", "--policy", "nova", "--set", "transfer.stop=qemu"), "beside --policy,"),
        (("evacuate", "--policy", "nova", "--set", "transfer.stop.rounds=3"), "beside --policy,"),
        (("advise", "--policies", "nova,qemu", "--set", "transfer.stop=qemu"), "--policies,"),
        (("run", "--set", "transfer.policy=nova", "--set", "transfer.stop=qemu"), POLICY),
    ],
)
def test_options_that_set_both_are_refused(words: tuple[str, ...], said: str, emu: Emu) -> None:
    command, *options = words
    hosts = () if command == "run" else ("--host", "0")
    ended = emu(command, "evacuation", *hosts, *options)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert STOP in ended.stderr
    assert said in ended.stderr
