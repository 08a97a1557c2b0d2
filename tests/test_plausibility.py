"""Warnings about numbers that lack a unit."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from typer.testing import CliRunner

from cluster_emu import ClusterModel, ImplausibleValueWarning
from cluster_emu.cli import app
from cluster_emu.network.topologies.from_networkx import as_topology
from cluster_emu.plausibility import RANGES, warn_of_implausible
from cluster_emu.scenario import Scenario, built_in_scenarios, load_scenario

BANDWIDTH = "transfer.bandwidth_bps = 25 was taken for 25 bit/s; usual are 100 kbit/s to 100 Tbit/s"
OFF = {
    "transfer.bandwidth_bps": (25, "25 bit/s"),
    "vms.0.memory_bytes": (8192, "8 KiB"),
    "vms.0.memory_bytes ": (2**30 * 2**20, "1024 TiB"),
    "topology.host_bps": ("25", "25 bit/s"),
    "transfer.resume_s": (20, "20 s"),
    "transfer.prepare_s": (1e4, "2.77778 h"),
    "hosts.0.boot_s": (1e6, "11.5741 d"),
    "run.duration_s": (3.6e12, "4.16667e+07 d"),
    "transfer.stop": ("qemu:downtime_limit_s=300", "5 min"),
    "transfer.policy": ({"name": "qemu", "bandwidth_bytes_per_s": 128}, "128 B/s"),
}


@pytest.mark.parametrize("path", OFF)
def test_a_number_far_from_usual_is_taken_as_it_is_with_a_warning(path: str) -> None:
    value, taken_for = OFF[path]
    with pytest.warns(ImplausibleValueWarning, match=f"was taken for {re.escape(taken_for)};"):
        load_scenario("single").with_fields({path.strip(): value})


USUAL: list[dict[str, Any]] = [
    {"transfer.bandwidth_bps": "25 bit/s"},
    {"transfer.bandwidth_bps": 1e9},
    {"transfer.bandwidth_bps": "unlimited"},
    {"transfer.suspend_s": 0},
    {"transfer.resume_s": "20 s", "hosts.0.boot_s": 240, "transfer.prepare_s": 2},
    {"vms.0.memory_bytes": "8 KiB"},
    {"transfer.stop": "qemu:downtime_limit_s=0.3"},
]


@pytest.mark.parametrize("fields", USUAL)
def test_a_usual_number_and_one_with_a_unit_cause_no_warning(fields: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImplausibleValueWarning)
        load_scenario("single").with_fields(fields).with_fields({"run.tick_s": 1.0})


@pytest.mark.parametrize("name", sorted(built_in_scenarios()))
def test_no_built_in_scenario_causes_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImplausibleValueWarning)
        load_scenario(name)


def test_the_library_warns_where_a_model_is_made() -> None:
    with pytest.warns(ImplausibleValueWarning, match=f"^{BANDWIDTH}"):
        ClusterModel("single", **{"transfer.bandwidth_bps": 25})


def test_the_library_warns_where_a_scenario_is_made_of_its_sections() -> None:
    sections = dict(load_scenario("single"))
    small = sections["vms"][0].model_copy(update={"memory_bytes": 4})
    with pytest.warns(
        ImplausibleValueWarning, match=r"^vms\.0\.memory_bytes = 4 was taken for 4 B"
    ):
        Scenario(**sections | {"vms": (small,)})


def test_the_command_line_warns_once_on_stderr(tmp_path: Path) -> None:
    text = Path(built_in_scenarios()["single"]).read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(
        re.sub(r"\n\[transfer\]\n", "\n[transfer]\nbandwidth_bps = 25\n", text), "utf-8"
    )
    words = ["run", str(file), "--set", "run.duration_s=1", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert result.stderr.count("cluster-emu: warning: ") == 1
    assert f"cluster-emu: warning: {file}: {BANDWIDTH}" in result.stderr


def test_a_graph_causes_one_warning_for_all_links_of_a_kind() -> None:
    star = nx.star_graph(3)
    nx.set_node_attributes(star, {0: "switch", 1: "host", 2: "host", 3: "host"}, "kind")
    nx.set_edge_attributes(star, 10, "capacity_bps")
    with pytest.warns(ImplausibleValueWarning) as found:
        as_topology(star)
    assert [str(each.message).partition(" was")[0] for each in found] == [
        "edges.0-1.capacity_bps = 10"
    ]


def test_every_range_has_the_unit_of_its_fields() -> None:
    assert all(1 in usual.units.values() for usual in RANGES.values())


def test_a_text_that_is_no_part_is_no_number() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImplausibleValueWarning)
        warn_of_implausible({"selection": "minimum-migration-time:=300000000"})
