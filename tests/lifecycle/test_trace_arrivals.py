"""VMs of a trace arrive and end when it says, and each follows its own trace."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario, scenario_from
from tests._support.small_scenarios import BPS

GIB = 2**30
DATA = Path(__file__).parents[1] / "data"

# name, created, deleted, cores, GB, CPU in per cent
VMS = (
    ("early", 0, 900, 1, 2, 50.0),
    ("late", 600, 1500, 2, 4, 20.0),
    ("short", 600, 900, 4, 8, 80.0),
    ("stays", 300, 3000, 8, 16, 10.0),
)


@pytest.fixture
def azure(tmp_path: Path) -> Path:
    """Return a folder with a small trace in the format of Azure 2017, of 3,000 s."""
    table = [
        f"{name},sub,dep,{start},{end},99,3,10,Unknown,{cores},{size}"
        for name, start, end, cores, size, _ in VMS
    ]
    readings = [
        f"{time_s},{name},{cpu},{cpu},{cpu}"
        for time_s in range(0, 3000, 300)
        for name, start, end, _, _, cpu in VMS
        if start <= time_s < end
    ]
    for name, lines in (
        ("vmtable.csv.gz", table),
        ("vm_cpu_readings-file-1-of-125.csv.gz", readings),
    ):
        with gzip.open(tmp_path / name, "wt", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    return tmp_path


def replay(traces: Path, process: Any = "trace", **more: Any) -> Scenario:
    arrivals = more.pop("arrivals", {})
    return scenario_from(
        {
            "name": "traces",
            "run": {"duration_s": 3000, "tick_s": 10, "control_interval_s": 300},
            "topology": {"name": "star", "hosts": 2, "host_bps": BPS},
            "hosts": [{"count": 2, "cpu_capacity": 16, "memory_bytes": 64 * GIB}],
            "workload": {"demand": "trace", "traces": str(traces), **more.pop("workload", {})},
            "arrivals": {
                "process": process,
                "flavours": [{"cpu_capacity": 1, "memory_bytes": GIB, "profile": "idle"}],
                **arrivals,
            },
            **more,
        }
    )


def test_vms_come_and_go_as_the_trace_says(azure: Path) -> None:
    result = ClusterModel(replay(azure, "trace:sizes=trace"), rng=1).run()
    lives = result.tables["lifecycle"].set_index("cpu_capacity").sort_index()
    assert lives["arrived_s"].tolist() == [0.0, 600.0, 600.0, 300.0]
    assert lives["ended_s"].tolist()[:3] == [900.0, 1500.0, 900.0]
    assert np.isnan(lives["ended_s"].iloc[3])  # it lives to the end of the trace
    assert lives["memory_bytes"].tolist() == [2 * GIB, 4 * GIB, 8 * GIB, 16 * GIB]
    assert any("it states the life of 4" in each for each in result.assumptions)


def test_each_vm_wants_the_cpu_of_its_own_trace(azure: Path) -> None:
    result = ClusterModel(replay(azure, "trace:sizes=trace,cpu_per_core=2"), rng=1).run()
    lives = result.tables["lifecycle"].set_index("vm")
    wanted_s = result.tables["service"].set_index("vm")["cpu_wanted_s"]
    expected = {
        2.0 * cores: 2 * cores * cpu / 100 * (end - start) for _, start, end, cores, _, cpu in VMS
    }
    found = dict(zip(lives["cpu_capacity"], wanted_s[lives.index], strict=True))
    assert found == pytest.approx(expected)


def test_sizes_are_those_of_flavours_otherwise(azure: Path) -> None:
    lives = ClusterModel(replay(azure), rng=1).run().tables["lifecycle"]
    assert set(lives["cpu_capacity"]) == {1.0}
    assert set(lives["memory_bytes"]) == {GIB}


def test_a_window_of_the_trace_begins_with_the_vms_that_are_there(azure: Path) -> None:
    window = {"trace_format": "auto:from_s=700"}
    lives = ClusterModel(replay(azure, workload=window), rng=1).run().tables["lifecycle"]
    assert lives["arrived_s"].tolist() == [0.0] * 4
    assert sorted(lives["lifetime_s"]) == [200.0, 200.0, 800.0, np.inf]


def test_the_vms_of_the_start_come_first(azure: Path) -> None:
    first = [{"count": 2, "cpu_capacity": 1, "memory_bytes": GIB, "profile": "idle"}]
    result = ClusterModel(replay(azure, vms=first), rng=1).run()
    assert result.tables["lifecycle"]["flavour"].tolist() == [-1, -1, 0, 0, 0, 0]


def test_vms_of_a_trace_without_lifetimes_live_while_they_have_samples() -> None:
    lives = (
        ClusterModel(replay(DATA / "traces" / "bitbrains_1.csv"), rng=1).run().tables["lifecycle"]
    )
    assert lives["arrived_s"].tolist() == [0.0]
    assert lives["outcome"].tolist() == ["running"]


def test_traces_that_are_not_on_one_clock_are_refused(azure: Path) -> None:
    own = {"trace_format": "auto:align=own-start"}
    with pytest.raises(ScenarioError, match=r"arrivals\.process.*on one clock.*align=clock"):
        ClusterModel(replay(azure, workload=own), rng=1)


def test_without_traces_there_is_nothing_to_arrive() -> None:
    scenario = replay(DATA).with_fields({"workload.traces": None})
    with pytest.raises(ScenarioError, match=r"arrivals\.process.*on one clock"):
        ClusterModel(scenario, rng=1)
