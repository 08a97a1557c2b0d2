"""Why a VM may not migrate to a host: one reason, the right one."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.errors import ClusterEmuError, RequestRefusedError
from cluster_emu.managers.plain import PlainPolicy
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import PAGE, scenario


def five_vms() -> Scenario:
    """Return VMs 0 to 4, of 1,000 pages each, and hosts that hold three of them."""
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "profile": "idle"}
    pinned, apart = {"migratable": False}, {"anti_affinity": "db"}
    return scenario(
        hosts=4,
        vms=[
            {**vm, "host": 0},
            {**vm, "host": 0, **pinned},
            {**vm, "host": 0, **apart},
            {**vm, "host": 1, **apart},
            {**vm, "host": 2, "memory_bytes": 3_000 * PAGE},
        ],
        faults=[{"kind": "host-crash", "host": 3, "at_s": 1.0}],
        run={"stop_when_idle": False, "duration_s": 20.0},
    ).with_fields({"migrations": [], "hosts.0.memory_bytes": 3_000 * PAGE})


@pytest.mark.parametrize(
    ("vm", "target", "why"),
    [
        (0, 0, "VM 0 is on host 0 already"),
        (1, 1, "VM 1 may not migrate (migratable = false)"),
        (2, 1, "host 1 has, or expects, a VM of the anti-affinity group of VM 2"),
        (
            0,
            2,
            "VM 0 does not fit into the free memory of host 2: it has 4096000 bytes, 0 are free",
        ),
    ],
)
def test_a_request_is_refused_for_its_own_reason(vm: int, target: int, why: str) -> None:
    model = ClusterModel(five_vms(), rng=1)
    with pytest.raises(RequestRefusedError) as error:
        model.manager.migrate(vm, target, 0.0)
    assert str(error.value) == why
    assert isinstance(error.value, ClusterEmuError)
    assert model.manager.scheduler.idle


def test_hosts_that_failed_or_are_drained_and_vms_under_way_are_named() -> None:
    model = ClusterModel(five_vms(), rng=1)
    for _ in range(3):
        model.step()
    model.state.set_drained(np.arange(4) == 2)
    with pytest.raises(RequestRefusedError, match=r"^host 3 has failed$"):
        model.manager.migrate(0, 3, model.time_s)
    with pytest.raises(RequestRefusedError, match=r"^host 2 is drained$"):
        model.manager.migrate(0, 2, model.time_s)
    model.manager.migrate(0, 1, model.time_s)
    with pytest.raises(RequestRefusedError, match="VM 0 is migrating already, to host 1"):
        model.manager.migrate(0, 1, model.time_s)


def test_what_is_refused_becomes_a_note_of_the_run() -> None:
    asked = {"migrations": [{"vm": 1, "target": 1, "at_s": 2.0}]}
    result = ClusterModel(five_vms().with_fields(asked), rng=1).run()
    assert len(result.migrations) == 0
    assert result.notes == (
        "request at 2 s not carried out: VM 1 may not migrate (migratable = false)",
    )


def test_a_bug_in_a_plug_in_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(policy: PlainPolicy, memory_bytes: float) -> None:
        raise ValueError("math domain error")

    monkeypatch.setattr(PlainPolicy, "create_controller", broken)
    asked = five_vms().with_fields({"migrations": [{"vm": 0, "target": 1, "at_s": 2.0}]})
    with pytest.raises(ValueError, match="math domain error") as error:
        ClusterModel(asked, rng=1).run()
    assert not isinstance(error.value, ClusterEmuError)


def test_a_vm_stays_with_its_affinity_group_unless_its_host_is_drained() -> None:
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "profile": "idle"}
    web = {**vm, "affinity": "web", "host": 0}
    vms = [web, web, {**vm, "affinity": "alone", "host": 0}]
    model = ClusterModel(scenario(hosts=3, vms=vms).with_fields({"migrations": []}), rng=1)
    with pytest.raises(RequestRefusedError) as error:
        model.manager.migrate(0, 1, 0.0)
    assert str(error.value) == "VM 0 stays with its affinity group, which is on host 0"
    model.manager.migrate(2, 1, 0.0)
    model.state.set_drained(np.arange(3) == 0)
    model.manager.migrate(0, 1, 0.0)
    with pytest.raises(RequestRefusedError, match=r"affinity group, which is on host 1$"):
        model.manager.migrate(1, 2, 0.0)
    model.manager.migrate(1, 1, 0.0)
