"""Page states that the machine has no memory for."""

from __future__ import annotations

import pytest

from cluster_emu import ClusterModel
from cluster_emu.errors import ClusterEmuError, ScenarioError

ROOM = {"hosts.0.memory_bytes": "900000 TiB", "vms.0.count": 1}
LARGE = {**ROOM, "vms.0.memory_bytes": "256 GiB"}


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine have 1 GiB."""
    monkeypatch.setattr("cluster_emu.building.fidelity.machine_bytes", lambda: 2.0**30)


@pytest.mark.usefixtures("small_machine")
def test_a_vm_larger_than_the_machine_is_refused_with_the_way_out() -> None:
    allowed = r"lumped .* needs 4 GiB of memory, and this machine has 1 GiB"
    with pytest.raises(ScenarioError, match=allowed):
        ClusterModel("single", rng=1, **LARGE)
    model = ClusterModel("single", rng=1, **LARGE, **{"run.fidelity": "lumped"})
    model.close()


@pytest.mark.usefixtures("small_machine")
def test_a_vm_that_never_migrates_has_no_page_state() -> None:
    model = ClusterModel("single", rng=1, **LARGE, migrations=[])
    model.close()


def test_a_vm_too_large_for_what_is_free_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster_emu.memory.models.pages.available_bytes", lambda: 2.0**20)
    model = ClusterModel("single", rng=1, **ROOM, **{"vms.0.memory_bytes": "32 GiB"})
    with pytest.raises(ClusterEmuError, match=r"needs 512 MiB of memory, and 1 MiB are available"):
        model.run()
    model.close()
