"""A saved run is drawn and run again wherever its folder is, without the file of its topology."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from cluster_emu import ClusterModel, Scenario, load_scenario
from cluster_emu.errors import ScenarioError

Emu = Callable[..., Any]

SCENARIO = """
name = "files"
topology = { name = "graphml", path = "net.graphml", latency_s = "5 us" }
run = { duration_s = "60 s", stop_when_idle = true }
hosts = [{ count = 2, cpu_capacity = 8, memory_bytes = "16 GiB" }]
migrations = [{ vm = 0, target = 1 }, { vm = 1, target = 1, at_s = 0.01 }]
workload = { demand = "trace", traces = "traces" }
[[vms]]
count = 2
cpu_capacity = 2
memory_bytes = "4 MiB"
profile = { name = "replay", file = "replay.json" }
host = 0
"""
TABLES = ("migrations.csv", "rounds.csv", "links.csv", "vms.csv", "hosts.csv", "summary.csv")


def write_network(file: Path, capacity_bps: float = 1e9) -> None:
    graph = nx.Graph()
    graph.add_nodes_from(["é<1>", "b"], kind="host")
    graph.add_nodes_from(["s", "t"], kind="switch")
    for a, b in [("t", "b"), ("s", "é<1>"), ("b", "s"), ("é<1>", "t")]:
        graph.add_edge(a, b, capacity_bps=capacity_bps)
    nx.write_graphml(graph, file)


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a scenario that names a topology, traces and a recording."""
    folder = tmp_path / "in"
    (folder / "traces").mkdir(parents=True)
    (folder / "traces" / "a").write_text("40\n" * 5)
    (folder / "replay.json").write_text('{"interval_s": 1, "dirty_pages": [[0, 1], [2]]}')
    write_network(folder / "net.graphml")
    (folder / "x.toml").write_text(SCENARIO, "utf-8")
    monkeypatch.chdir(tmp_path)
    return Path("in")


def moved_run(emu: Emu, inputs: Path, folder: Path) -> Path:
    """Run the scenario by a relative path, and move the folder of the result."""
    ended = emu("run", inputs / "x.toml", "--out", folder / "out", "--csv", "--seed", 3)
    assert ended.exit_code == 0, ended.output
    return Path(shutil.move(folder / "out", folder / "elsewhere"))


def test_a_moved_run_needs_no_topology_file(
    emu: Emu, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = moved_run(emu, inputs, tmp_path)
    (inputs / "net.graphml").unlink()
    (inputs / "x.toml").unlink()
    monkeypatch.chdir("/")

    assert "cluster.png" in emu("plot", saved).stdout
    again = emu("run", saved, "--out", tmp_path / "again", "--csv", "--seed", 3)
    assert again.exit_code == 0, again.output
    for name in TABLES:
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes(), name
    about = json.loads((saved / "run.json").read_text("utf-8"))
    assert "path" not in about["scenario"]["topology"]
    assert [one["field"] for one in about["files"]] == ["workload.traces", "vms.0.profile.file"]
    assert all(Path(one["path"]).is_absolute() for one in about["files"])
    assert load_scenario(saved) == load_scenario(saved / "run.json")


def test_a_moved_run_is_drawn_without_any_of_its_files(
    emu: Emu, inputs: Path, tmp_path: Path
) -> None:
    saved = moved_run(emu, inputs, tmp_path)
    shutil.rmtree(inputs)

    assert "cluster.png" in emu("plot", saved).stdout
    refused = emu("run", saved)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"scenario.workload.traces = '{tmp_path / 'in' / 'traces'}'" in refused.stderr
    assert "it is gone" in refused.stderr


@pytest.mark.parametrize(
    ("file", "field"),
    [("traces/a", "workload.traces"), ("replay.json", "vms.0.profile.file")],
)
def test_a_file_that_has_changed_is_refused(
    file: str, field: str, emu: Emu, inputs: Path, tmp_path: Path
) -> None:
    saved = moved_run(emu, inputs, tmp_path)
    (inputs / file).write_bytes((inputs / file).read_bytes() + b"\n")
    with pytest.raises(ScenarioError, match=rf"{field} = .*it has changed"):
        load_scenario(saved)


def test_a_run_has_its_topology_as_it_was_at_the_start(inputs: Path) -> None:
    model = ClusterModel(inputs / "x.toml", rng=1)
    write_network(inputs / "net.graphml", 2e9)
    result = model.run()
    again = ClusterModel(Scenario.model_validate(result.scenario), rng=1).run()
    assert again.tables["links"].equals(result.tables["links"])


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"scenario": {}, "files": [{}]}', "{" * 9999])
def test_what_is_no_saved_run_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ScenarioError, match=r"run\.json"):
        load_scenario(tmp_path)


def test_a_network_is_given_once(emu: Emu, inputs: Path) -> None:
    for setting in ("topology.content=<x/>", "topology.path=none"):
        ended = emu("run", inputs / "x.toml", "--set", setting)
        assert ended.exit_code == 2
        assert "unless content is given" in ended.stderr
