"""``"none"`` unsets a field and ``"unlimited"`` lifts a limit, wherever a value is written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cluster_emu import ClusterModel
from cluster_emu.building import build
from cluster_emu.cli import app
from cluster_emu.cli.inputs import parse_settings
from cluster_emu.errors import ScenarioError
from cluster_emu.faults import fault_kinds
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario, load_scenario, scenario_from
from cluster_emu.strategies import strategies
from cluster_emu.study.grid.cells import cells_of
from cluster_emu.study.grid.study_file import read_study
from cluster_emu.workload import WriteProfile

OPTIONAL = [
    "transfer.policy",
    "transfer.bandwidth_bps",
    "transfer.page_time_s",
    "transfer.channel_bandwidth_bps",
    "manager.max_per_cluster",
    "manager.preparing",
    "migration_topology",
    "workload.traces",
    "vms.0.page_count",
    "vms.0.host",
]
LISTS = ["manager.triggers", "transfer.encoders", "background", "faults", "migrations"]


def value_at(scenario: Scenario, path: str) -> Any:
    place: Any = scenario
    for part in path.split("."):
        place = place[int(part)] if part.isdigit() else getattr(place, part)
    return place


@pytest.mark.parametrize("path", OPTIONAL)
def test_none_unsets_an_optional_field(path: str) -> None:
    unset = load_scenario("evacuation").with_fields(parse_settings([f"{path}=none"]))
    assert value_at(unset, path) is None


@pytest.mark.parametrize("path", LISTS)
def test_none_empties_a_list_that_may_be_empty(path: str) -> None:
    assert value_at(load_scenario("cluster").with_fields({path: "none"}), path) == ()


def test_none_is_no_value_of_a_field_that_needs_one() -> None:
    with pytest.raises(ScenarioError, match=r"run\.tick_s = 'none'"):
        load_scenario("single").with_fields({"run.tick_s": "none"})
    with pytest.raises(ScenarioError, match=r"hosts = 'none'"):
        load_scenario("single").with_fields({"hosts": "none"})


def test_none_unsets_a_parameter_of_a_part() -> None:
    profile = {"classes": [{"share": 1.0, "writes_per_page_s": 1.0}]}
    unset = WriteProfile.from_parameters({**profile, "zipf": "none", "burst": "none"})
    assert unset == WriteProfile.from_parameters(profile)
    crash = {"host": 0, "at_s": 5.0}
    assert fault_kinds.create("host-crash", **crash, repair_s="none") == fault_kinds.create(
        "host-crash", **crash
    )


STUDY = """
name = "with and without"
scenario = "single"
strategies = ["pre-copy"]
replications = 1
[fields]
"transfer.bandwidth_bps" = "none"
[axes]
"transfer.policy" = ["none", "qemu"]
"manager.max_per_cluster" = ["unlimited", 1]
"workload.traces" = ["none"]
"""


def test_a_study_goes_through_none_and_unlimited(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(STUDY, "utf-8")
    cells = cells_of(*read_study(file), file)
    policies = [cell.scenario.transfer.policy for cell in cells]
    assert [policy and policy.name for policy in policies] == [None, None, "qemu", "qemu"]
    assert [cell.labels["transfer.policy"] for cell in cells[::2]] == ["none", "qemu"]
    limits = [build(cell.scenario, RandomStreams(0)).queue.copying for cell in cells]
    assert [each.per_cluster for each in limits] == [None, 1, None, 1]


def test_unlimited_lifts_what_the_policy_would_set() -> None:
    single = load_scenario("single")
    limited = single.with_fields({"transfer.policy": "qemu", "transfer.bandwidth_bps": "none"})
    lifted = limited.with_fields({"transfer.bandwidth_bps": "unlimited"})
    caps = [
        build(each, RandomStreams(0)).factory.settings.bandwidth_bytes_per_s
        for each in (limited, lifted)
    ]
    assert caps == [128 * 2**20, math.inf]
    assert lifted.model_dump(mode="json")["transfer"]["bandwidth_bps"] == "unlimited"
    assert scenario_from(lifted.model_dump(mode="json")) == lifted


@pytest.mark.parametrize("path", ["transfer.bandwidth_bps", "manager.max_per_cluster"])
def test_the_error_about_a_limit_of_0_names_both_words(path: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load_scenario("single").with_fields({path: 0})
    assert str(error.value) == (
        f'{path} = 0: allowed is a number > 0, or "unlimited" for no limit, '
        'or "none" to leave it unset'
    )


# --- parts in parts ------------------------------------------------------------------------------

IN_A_TEXT = {"manager.triggers.0.overload": "static-threshold:upper=0.7"}
IN_A_TABLE = {"manager.triggers.0.overload": {"name": "static-threshold", "upper": 0.7}}
ALL_IN_ONE = {"manager.triggers": ["consolidation:overload=static-threshold:upper=0.7"]}


@pytest.mark.parametrize("fields", [IN_A_TEXT, IN_A_TABLE, ALL_IN_ONE])
def test_a_part_in_a_part_is_a_text_or_a_table(fields: dict[str, Any]) -> None:
    parts = build(load_scenario("cluster").with_fields(fields), RandomStreams(0))
    (trigger,) = parts.planner.triggers
    assert trigger.overload.upper == 0.7  # type: ignore[attr-defined]


def test_a_path_goes_into_a_part_that_was_given_as_text() -> None:
    given = load_scenario("cluster").with_fields(IN_A_TEXT)
    changed = given.with_fields({"manager.triggers.0.overload.upper": 0.9})
    assert changed.manager.triggers[0].parameters["overload"]["upper"] == 0.9


def test_commas_in_a_value_do_not_end_it() -> None:
    (trigger,) = scenario_from(
        load_scenario("cluster").model_dump()
        | {"manager": {"triggers": ["drain:hosts=[0,1],at_s=10"]}}
    ).manager.triggers
    assert trigger.parameters == {"hosts": [0, 1], "at_s": 10}


# --- defaults ------------------------------------------------------------------------------------


def test_an_error_about_a_default_says_so() -> None:
    with pytest.raises(ScenarioError, match=r"^threshold = 4 \(the default\): allowed is 1 to 3"):
        strategies.create("time-series", history=3)
    with pytest.raises(ScenarioError, match=r"^threshold = 4: allowed is 1 to 3"):
        strategies.create("time-series", history=3, threshold=4)
    with pytest.raises(ScenarioError, match=r"transfer\.strategy\.threshold = 4 \(the default\)"):
        ClusterModel("single", "time-series:history=3")


def test_an_error_about_a_default_of_the_scenario_says_so() -> None:
    data = load_scenario("single").model_dump(exclude_unset=True)
    data["run"] = {"duration_s": 100.0, "control_interval_s": 100.0, "tick_s": 7.0}
    typed = scenario_from(data)
    with pytest.raises(ScenarioError, match=r"run\.tick_s = 7\.0: "):
        ClusterModel(typed)
    del data["run"]["tick_s"]
    data["run"]["control_interval_s"] = 10.5
    with pytest.raises(ScenarioError, match=r"run\.tick_s = 1\.0 \(the default\): "):
        ClusterModel(scenario_from(data))
    # another field set by path leaves it a default
    changed = scenario_from(data).with_fields({"run.duration_s": 200.0, "transfer.weight": 2.0})
    assert changed.takes_default("run.tick_s")
    assert not changed.takes_default("run.duration_s")


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "cluster_emu/scenarios/single.toml").read_text("utf-8")
    file = tmp_path / "marked.toml"
    file.write_text(text, "utf-8-sig")
    assert load_scenario(file) == load_scenario("single")


def test_the_command_line_says_that_a_value_is_a_default() -> None:
    result = CliRunner().invoke(app, ["run", "single", "--strategy", "time-series:history=3"])
    assert result.exit_code == 2
    assert "(time-series.threshold) = 4 (the default): allowed is 1 to 3" in result.stderr
