"""Memory in use of traces: on the grid, the pages in use, and what it does to a migration."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cluster_emu import ClusterModel
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.scenario import Scenario
from cluster_emu.traces import DemandTraces
from cluster_emu.traces.formats.auto import AutoReader
from cluster_emu.traces.quantities import shares_of
from cluster_emu.traces.series import Series
from cluster_emu.workload import MemoryUse, TraceDemand
from tests._support.recorded import MACHINES, made_up
from tests._support.small_scenarios import scenario

COLUMNS = made_up("bitbrains_1.csv")[0].read_text().splitlines()[0]
PAGES = 1000


def write_bitbrains(folder: Path, name: str, *memory_share: float) -> None:
    lines = [
        ";\t".join(map(repr, [300 * i, 1, 1000.0, 500.0, 50.0, 1e6, 1e6 * share, *[0.0] * 4]))
        for i, share in enumerate(memory_share)
    ]
    (folder / f"{name}.csv").write_text("\n".join([COLUMNS, *lines]) + "\n")


def with_memory(folder: Path, at_s: float = 0.0, **fields: object) -> Scenario:
    made = scenario(
        pages=PAGES,
        profile={"name": "inline", "classes": [{"share": 1, "writes_per_page_s": 0.001}]},
        transfer={"encoders": ["zero-page:share=0"]},
        migrations=[{"vm": 0, "target": 1, "at_s": at_s}],
        run={"duration_s": 3000.0, "track_versions": False},
    )
    return made.with_fields(
        {
            "workload.traces": folder,
            "workload.demand": "trace:order=files",
            "workload.memory_use": "traces",
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("quantities", "facts", "wanted"),
    [
        ({"memory_share": [0.2, 1.5]}, {}, [0.2, 1.0]),
        ({"memory_bytes": [100.0, 300.0]}, {"memory_capacity_bytes": 400.0}, [0.25, 0.75]),
        ({"memory_machine_share": [0.01, 0.02]}, {"memory_machine_share": 0.04}, [0.25, 0.5]),
        ({"memory_bytes": [100.0, 300.0]}, {}, [np.nan, np.nan]),
        (
            {"memory_share": [np.nan, np.nan], "memory_bytes": [1.0, 2.0]},
            {"memory_capacity_bytes": 4.0},
            [0.25, 0.5],
        ),
        ({}, {}, [np.nan, np.nan]),
    ],
)
def test_memory_in_use_is_a_share_of_the_vm_s_own(
    quantities: dict[str, list[float]], facts: dict[str, float], wanted: list[float]
) -> None:
    columns = {name: np.array(values) for name, values in quantities.items()}
    series = Series("a", np.array([0.0, 300.0]), np.full(2, np.nan), columns)
    tally: Counter[str] = Counter()
    found = shares_of(series, "memory_share", facts, tally)
    assert found == pytest.approx(wanted, nan_ok=True)
    assert sum(tally.values()) == (wanted[1] == 1.0)


def test_missing_values_are_filled_and_vms_without_any_have_none(tmp_path: Path) -> None:
    """Machines of Alibaba: memory bandwidth is blank in most rows."""
    for path in made_up(*MACHINES):
        text = path.read_text()
        if "usage" in path.name:
            text += "m_2,386640,41,92,,,1,1,5\nm_2,386700,41,92,,,1,1,5\n"
        (tmp_path / path.name).write_text(text)
    traces = AutoReader().read_with(tmp_path, ["memory_bandwidth_share", "memory_share"])
    assert traces.names == ("m_1", "m_2")
    bandwidth = traces.quantities["memory_bandwidth_share"]
    assert bandwidth[0] == pytest.approx([0.0143] * 3)
    assert np.isnan(bandwidth[1]).all()
    assert traces.quantities["memory_share"] == pytest.approx(np.full((2, 3), 0.92))


def test_the_largest_use_so_far_is_a_function_of_time_alone() -> None:
    memory = np.array([[0.2, 0.5, 0.3, 0.9], [np.nan] * 4])
    traces = DemandTraces(
        ("a", "b"), np.zeros((2, 4)), "given", 10.0, None, {"memory_share": memory}
    )
    demand = TraceDemand(order="files", scale=3.0).build(2, np.random.default_rng(0), traces)
    use = MemoryUse(demand.quantities["memory_share"])
    for time_s, wanted in ((0.0, 0.2), (35.0, 0.9), (25.0, 0.5), (10.0, 0.5), (100.0, 0.9)):
        largest = use.largest_until(time_s)
        assert largest[0] == wanted
        assert np.isnan(largest[1])


@pytest.mark.parametrize(("at_s", "used"), [(0.0, 200), (400.0, 600), (1000.0, 600)])
def test_pages_never_used_are_sent_as_zero_pages(tmp_path: Path, at_s: float, used: int) -> None:
    """0.2 of the memory is used at first, 0.6 from 300 s on, 0.4 from 600 s on."""
    write_bitbrains(tmp_path, "1", 0.2, 0.6, 0.4)
    run = ClusterModel(with_memory(tmp_path, at_s), rng=3).run()
    first = run.rounds.iloc[0]
    sent_raw = first["bytes"] / (4096 + 8)
    # a zero page takes its header alone
    assert sent_raw == pytest.approx(used + (PAGES - used) * 8 / 4104, abs=0.01 * PAGES)
    assert "Pages in use follow the memory in use" in " ".join(run.assumptions)


def test_dirty_rates_follow_the_pages_in_use(tmp_path: Path) -> None:
    write_bitbrains(tmp_path, "1", 0.2, 0.6, 0.4)
    fields = {"workload.write_intensity": "constant", "run.stop_when_idle": False}
    model = ClusterModel(with_memory(tmp_path, **fields), rng=3)
    seen = []
    for time_s in (0.0, 400.0, 700.0):
        model.workload(time_s)
        seen.append(float(model.state.vms.dirty_pages_per_s[0]))
    per_page = 1 - np.exp(-0.001)
    assert seen == pytest.approx([200 * per_page, 600 * per_page, 600 * per_page])


def test_a_group_with_its_own_memory_in_use_keeps_it(tmp_path: Path) -> None:
    write_bitbrains(tmp_path, "1", 0.2, 0.6)
    fields = {"vms.0.memory_used_bytes": 500 * 4096}
    run = ClusterModel(with_memory(tmp_path, **fields), rng=3).run()
    assert run.rounds.iloc[0]["bytes"] / 4104 == pytest.approx(501, abs=2)
    assert "VMs that follow no memory of a trace: 1 of 1" in " ".join(run.assumptions)


def test_what_lacks_memory_in_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"workload.memory_use = 'traces': allowed is"):
        ClusterModel(scenario().with_fields({"workload.memory_use": "traces"}))
    (tmp_path / "vm").write_text("10\n20\n")
    with pytest.raises(ClusterEmuError, match="no memory in use as a share of the VM's memory"):
        ClusterModel(with_memory(tmp_path))
    fields = {
        "workload.memory_use": "fixed",
        "workload.write_intensity": "affine:driver=memory-bandwidth",
    }
    with pytest.raises(ClusterEmuError, match="no memory bandwidth"):
        ClusterModel(with_memory(tmp_path, **fields))
    with pytest.raises(ScenarioError, match=r"workload.write_intensity = .*: allowed is"):
        ClusterModel(with_memory(tmp_path, **{**fields, "workload.demand": "constant"}))
