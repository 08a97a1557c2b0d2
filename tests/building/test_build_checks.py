"""What cannot work is refused when a run is built, before anything is simulated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster_emu import ClusterModel
from cluster_emu.errors import ScenarioError


@pytest.mark.parametrize("field", ["hosts", "racks"])
def test_a_drain_of_a_host_that_does_not_exist(field: str) -> None:
    drain = {"name": "drain", field: [99], "at_s": 3000.0}
    with pytest.raises(ScenarioError, match=rf"manager\.triggers\.0\.{field} = 99"):
        ClusterModel("cluster", **{"manager.triggers": [drain]})


def test_a_recording_of_pages_that_the_vm_does_not_have(tmp_path: Path) -> None:
    recording = tmp_path / "pages.json"
    recording.write_text(json.dumps({"interval_s": 0.1, "dirty_pages": [[0], [10**6]]}), "utf-8")
    profile = {"name": "replay", "file": str(recording)}
    with pytest.raises(ScenarioError, match=r"pages\.json: dirty_pages = 1000000"):
        ClusterModel("paper", **{"vms.0.profile": profile, "migrations": []})


def test_a_scenario_about_certain_traces_without_them() -> None:
    message = r"workload\.traces = None \(the default\): allowed is a folder .* \(--traces DIR\)"
    with pytest.raises(ScenarioError, match=message):
        ClusterModel("cloudsim-planetlab")


def test_a_scenario_about_certain_traces_with_them(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"trace-{number}").write_text(f"{number}\n{10 + number}\n", "utf-8")
    model = ClusterModel("cloudsim-planetlab", **{"workload.traces": tmp_path})
    model.step()
    assert model.state.vms.demand[:3].tolist() == [0.0, 0.01, 0.02]
    assert (model.state.host_count, model.state.vm_count) == (800, 1052)
    model.close()
