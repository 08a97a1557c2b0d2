"""Hosts, VMs and racks by name: what is drained, what tables and messages show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster_emu import ClusterModel, evacuate, load_scenario
from cluster_emu.errors import ScenarioError
from cluster_emu.results.schemas import SCHEMAS
from cluster_emu.scenario import Scenario
from cluster_emu.scenario.names import numbers_meant
from cluster_emu.study.evacuation.plan import ImpossibleDrainError
from cluster_emu.study.execution.runs import simulate
from cluster_emu.study.report.links import busiest_link

TOML = """
name = "named"
topology = { name = "leaf-spine", leaves = 2, spines = 1, hosts_per_leaf = 2, host_bps = 1e9 }
rack_names = ["north", "south"]
transfer = { policy = "kubevirt" }
run = { duration_s = 600, control_interval_s = 300, stop_when_idle = true, fidelity = "scalar" }

[[hosts]]
names = ["rack1-a", "rack1-b", "rack2-a"]
cpu_capacity = 8
memory_bytes = "8 GiB"

[[hosts]]
names = ["gpu-1"]
cpu_capacity = 8
memory_bytes = "8 GiB"

[[vms]]
names = ["prod/db-1", "prod/db-2"]
host = "rack1-a"
cpu_capacity = 1
memory_bytes = "1 GiB"
profile = { name = "inline", classes = [{ share = 1.0, writes_per_page_s = 0.001 }] }

[[vms]]
names = ["prod/gpu"]
host = 2
allowed_hosts = ["rack2-*", "gpu-*"]
cpu_capacity = 1
memory_bytes = "1 GiB"
profile = { name = "inline", classes = [{ share = 1.0, writes_per_page_s = 0.001 }] }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "named.toml"
    path.write_text(TOML)
    return path


@pytest.fixture
def scenario(file: Path) -> Scenario:
    return load_scenario(file)


def moved(scenario: Scenario, **drained: Any) -> set[tuple[str, str]]:
    table = evacuate(scenario, replications=1, **drained).vms
    return set(zip(table["vm_name"], table["source_name"], strict=True))


DB = {("prod/db-1", "rack1-a"), ("prod/db-2", "rack1-a")}
GPU = {("prod/gpu", "rack2-a")}


@pytest.mark.parametrize(
    ("drained", "expected"),
    [
        ({"hosts": ["rack1-a"]}, DB),
        ({"hosts": ["rack1-*"]}, DB),
        ({"hosts": ["rack1-b, rack2-a"]}, GPU),
        ({"hosts": [2]}, GPU),
        ({"vms": ["prod/db-2"]}, {("prod/db-2", "rack1-a")}),
        ({"vms": ["prod/db-*"]}, DB),
    ],
)
def test_names_patterns_and_numbers(
    scenario: Scenario, drained: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    assert moved(scenario, **drained) == expected


def test_vm_without_an_allowed_host_elsewhere_is_named_with_the_reason(scenario: Scenario) -> None:
    with pytest.raises(ImpossibleDrainError, match=r"allowed_hosts alone\): VM prod/gpu "):
        evacuate(scenario, racks=["south"])


def test_vm_goes_only_where_it_is_allowed(scenario: Scenario) -> None:
    table = evacuate(scenario, hosts=["rack2-a"], replications=3).vms
    assert set(table["target_name"]) == {"gpu-1"}


def test_cordoned_host_takes_no_vm_and_is_not_drained(scenario: Scenario) -> None:
    cordoned = scenario.with_fields({"hosts.1.schedulable": False})
    with pytest.raises(ImpossibleDrainError, match="prod/gpu"):
        evacuate(cordoned, hosts=["rack2-a"])
    result = evacuate(cordoned, hosts=["rack1-a"], replications=1)
    assert result.report().hosts == (0,)
    assert "gpu-1" not in set(result.vms["target_name"])


def test_single_vm_moves_once(scenario: Scenario) -> None:
    drain = {"name": "drain", "vms": [0]}
    fields = {"manager.triggers": [drain], "run.stop_when_idle": False, "run.duration_s": 1500}
    result = simulate(scenario.with_fields(fields), 0)
    assert result.migrations["vm_name"].to_list() == ["prod/db-1"]


def test_tables_have_names_beside_numbers(scenario: Scenario) -> None:
    drain = {"manager.triggers": [{"name": "drain", "hosts": [0]}]}
    result = simulate(scenario.with_fields(drain), 0)
    rows = result.migrations
    assert list(rows)[:6] == ["migration", "vm", "vm_name", "source", "source_name", "target"]
    assert set(result.tables["hosts"]["host_name"]) == {"rack1-a", "rack1-b", "rack2-a", "gpu-1"}
    assert set(result.tables["vms"]["vm_name"]) == {"prod/db-1", "prod/db-2", "prod/gpu"}
    busiest = busiest_link(result)
    assert busiest is not None
    assert busiest.name.startswith("rack1-a -> leaf0 (north)")


def test_scenario_without_names_has_no_such_columns(scenario: Scenario) -> None:
    data = scenario.model_dump(exclude_unset=True)
    data.pop("rack_names")
    data["hosts"] = [{**group, "names": ()} for group in data["hosts"]]
    data["vms"] = [{**group, "names": ()} for group in data["vms"]]
    data["vms"][0]["host"], data["vms"][1]["allowed_hosts"] = 0, ("2", "3")
    tables = simulate(Scenario(**data), 0).tables
    for name in tables.keys() & SCHEMAS.keys():
        assert list(tables[name]) == [column.name for column in SCHEMAS[name].columns]


def test_messages_name_hosts_and_vms(scenario: Scenario) -> None:
    model = ClusterModel(scenario)
    with pytest.raises(ValueError, match=r"VM prod/gpu may not go to host rack1-a"):
        model.manager.migrate(2, 0, 0.0)
    with pytest.raises(ValueError, match=r"VM prod/db-1 is on host rack1-a already"):
        model.manager.migrate(0, 0, 0.0)
    model.close()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hosts.0.names", ["a", "b"], "as many names as its count"),
        ("hosts.1.names", ["rack1-a"], "'rack1-a' is given twice"),
        ("vms.1.names", ["a\nb"], "printable"),
        ("vms.0.host", True, "the number of a host, or its name"),
        ("vms.0.host", -1, "a number >= 0"),
    ],
)
def test_wrong_names_are_refused(
    scenario: Scenario, field: str, value: object, message: str
) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario.with_fields({field: value})


def test_unknown_host_of_a_vm_is_named(scenario: Scenario) -> None:
    wrong = scenario.with_fields({"vms.0.host": "rack1-c"})
    with pytest.raises(ScenarioError, match=r"vms\.0\.host = 'rack1-c'.*did you mean 'rack1-"):
        ClusterModel(wrong)


def test_rack_names_fit_the_topology(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match="as many names as the topology has racks, 2"):
        ClusterModel(scenario.with_fields({"rack_names": ["north"]}))


def test_a_name_comes_before_a_number_and_a_list() -> None:
    names = ("1", "a,b", "")
    assert numbers_meant("hosts", ["1"], names) == (0,)
    assert numbers_meant("hosts", ["a,b"], names) == (1,)
    assert numbers_meant("hosts", ["2,1"], names) == (2, 0)
