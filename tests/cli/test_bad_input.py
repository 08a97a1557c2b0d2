"""Malformed scenarios and traces: exit status 2, and one message that says what and where."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

Emu = Callable[..., Any]

SINGLE = (resources.files("cluster_emu") / "scenarios" / "single.toml").read_text("utf-8")
DAY = ["40"] * 288

GRAPH = """<?xml version="1.0"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="k" for="node" attr.name="kind" attr.type="string"/>
<key id="c" for="edge" attr.name="capacity_bps" attr.type="double"/>
<graph edgedefault="undirected">
<node id="a"><data key="k">host</data></node><node id="b"><data key="k">host</data></node>
<node id="s"><data key="k">switch</data></node>
<edge source="a" target="s"><data key="c">{capacity}</data></edge>{second}
</graph></graphml>
"""
SECOND = '<edge source="b" target="s"><data key="c">1e9</data></edge>'

# What is replaced in the scenario `single`, by what, and the words that the message must have.
SCENARIOS = {
    "an unknown key": ("placement", 'colour = "red"\n', "colour = 'red'", "one of"),
    "an unknown key in a table": ("run", "speed = 3\n", "run.speed = 3", "one of"),
    "a wrong unit": ('"1 GiB"', '"1 GiBit"', "vms.0.memory_bytes = '1 GiBit'", "KiB, MiB, GiB"),
    "a time in bytes": ('"10 min"', '"10 MB"', "run.duration_s = '10 MB'", "us, ms, s, min"),
    "a negative capacity": ("capacity = 8", "capacity = -8", "hosts.0.cpu_capacity = -8", "> 0"),
    "a negative link": ('"1 Gbit/s"', "-1", "topology.host_bps = -1", "> 0"),
    "not a number": ("capacity = 2", "capacity = nan", "vms.0.cpu_capacity = nan", "finite"),
    "infinitely long": ('"10 min"', "inf", "run.duration_s = inf", "finite"),
    "no VM": ("count = 1", "count = 0", "vms.0.count = 0", "> 0"),
    "half a host": ("count = 2", "count = 1.5", "hosts.0.count = 1.5", "whole number"),
    "more hosts than places": ("count = 2", "count = 3", "hosts = 3", "2 hosts"),
    "a VM larger than every host": ('"1 GiB"', '"20 GiB"', "vms.0.memory_bytes", "largest host"),
    "a strategy nobody has": (
        "history-majority",
        "history-minority",
        "'history-minority'",
        "did you",
    ),
    "a profile nobody has": ('"web"', '"wob"', "vms.0.profile = 'wob'", "did you mean 'web'"),
    "a share above one": (
        "share = 0.5",
        "share = 1.5",
        "workload.demand.share = 1.5",
        "<= 1",
    ),
    "a request for no VM": ("vm = 0", "vm = 4", "migrations.0.vm = 4", "below 1"),
    "a missing field": ("duration_s", "#", "run.duration_s = nothing", "no default"),
    "no TOML": ("[run]", "[run", "TOML", "line"),
}


def scenario_with(folder: Path, old: str, new: str) -> Path:
    """Return a scenario with a text in place of another, or put at the start of a table."""
    text = SINGLE
    if old == "placement":
        text = new + text
    elif old == "run":
        text = text.replace("[run]\n", "[run]\n" + new)
    else:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return path


def check(result: Any, *said: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("cluster-emu: ")
    assert result.stderr.count("\n") == 1
    assert "allowed is " in result.stderr
    for words in said:
        assert words in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "named", "allowed"), SCENARIOS.values(), ids=list(SCENARIOS)
)
def test_malformed_scenarios(
    emu: Emu, tmp_path: Path, old: str, new: str, named: str, allowed: str
) -> None:
    path = scenario_with(tmp_path, old, new)
    result = emu("run", path, "--out", tmp_path / "out")

    check(result, str(path), named, allowed)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("capacity", "second", "said"),
    [
        ("1e9", "", "connected"),
        ("-1e9", SECOND, "capacity_bps"),
        ("NaN", SECOND, "capacity_bps"),
        ("fast", SECOND, "GraphML"),
    ],
)
def test_malformed_graphs(emu: Emu, tmp_path: Path, capacity: str, second: str, said: str) -> None:
    graph = tmp_path / "net.graphml"
    graph.write_text(GRAPH.format(capacity=capacity, second=second), "utf-8")
    topology = f'topology={{ name = "graphml", path = "{graph}" }}'

    check(emu("run", "single", "--set", topology), str(graph), said)


def test_the_graph_of_these_tests_is_good_otherwise(emu: Emu, tmp_path: Path) -> None:
    graph = tmp_path / "net.graphml"
    graph.write_text(GRAPH.format(capacity="1e9", second=SECOND), "utf-8")
    topology = f'topology={{ name = "graphml", path = "{graph}" }}'

    assert emu("run", "single", "--set", topology).exit_code == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([*DAY[:16], "idle", *DAY[17:]], "line 17: 'idle'"),
        ([*DAY[:16], "101", *DAY[17:]], "line 17: '101'"),
        ([*DAY[:16], "-1", *DAY[17:]], "line 17: '-1'"),
        ([*DAY[:16], "4.5", *DAY[17:]], "line 17: '4.5'"),
        ([*DAY, "140"], "line 289"),
        ([], "line 1"),
    ],
)
@pytest.mark.parametrize(
    "command", [("run", "cluster"), ("compare", "cluster", "--strategies", "ma,xen-v2")]
)
def test_malformed_traces(
    emu: Emu, tmp_path: Path, command: tuple[str, ...], lines: list[str], said: str
) -> None:
    folder = tmp_path / "20990101"
    folder.mkdir()
    (folder / "vm_1").write_text("\n".join(DAY) + "\n", "utf-8")
    (folder / "vm_2").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    result = emu(*command, "--traces", folder, "--out", tmp_path / "out")

    check(result, str(folder / "vm_2"), said)
    assert not (tmp_path / "out").exists()


def test_a_missing_trace_folder(emu: Emu, tmp_path: Path) -> None:
    check(emu("run", "single", "--traces", tmp_path / "no"), str(tmp_path / "no"))


def test_what_was_typed_is_not_blamed_on_the_file(emu: Emu, tmp_path: Path) -> None:
    path = scenario_with(tmp_path, "count = 1", "count = 1")
    result = emu("run", path, "--set", "transfer.stop=never")

    check(result, "transfer.stop = 'never'")
    assert str(path) not in result.stderr


def test_a_missing_scenario_file_is_called_one(emu: Emu, tmp_path: Path) -> None:
    path = tmp_path / "no.toml"
    check(
        emu("run", path),
        f"scenario = '{path}'",
        "a file that exists, or one of cloudsim-planetlab, cluster",
    )
