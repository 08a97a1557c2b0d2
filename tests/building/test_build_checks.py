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
