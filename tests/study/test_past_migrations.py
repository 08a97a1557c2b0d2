"""Past migrations of a dump against their replays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.inventory import Imported, import_inventory
from cluster_emu.study.past_migrations import group_scenario, replay_past_migrations
from tests.inventory.dumps import files_of

MIB = 2**20
CAP = 64 * MIB
START = datetime(2026, 3, 1, 10, tzinfo=UTC)


def stamp(after_s: float) -> str:
    return (START + timedelta(seconds=after_s)).isoformat().replace("+00:00", "Z")


def migration(name: str, vm: str, times: tuple[float, float], **state: Any) -> dict[str, Any]:
    start, end = map(stamp, times)
    return {
        "kind": "VirtualMachineInstanceMigration",
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"vmiName": vm},
        "status": {
            "migrationState": {
                "startTimestamp": start,
                "endTimestamp": end,
                "sourceNode": "a",
                "targetNode": "b",
                "completed": True,
                **state,
            }
        },
    }


def dump(folder: Path, *migrations: dict[str, Any]) -> Imported:
    nodes = [
        {"kind": "Node", "metadata": {"name": name}, "status": {"allocatable": {"memory": "64Gi"}}}
        for name in "ab"
    ]
    vms = [
        {
            "kind": "VirtualMachineInstance",
            "metadata": {"name": name, "namespace": "n"},
            "spec": {"domain": {"memory": {"guest": "1Gi"}}},
            "status": {"phase": "Running", "nodeName": "b"},
        }
        for name in ("x", "y")
    ]
    settings = {"migrations": {"bandwidthPerMigration": "64Mi"}}
    manager = {
        "kind": "KubeVirt",
        "metadata": {"name": "k"},
        "spec": {"configuration": settings},
    }
    (folder / "dump.json").write_text(json.dumps([*nodes, *vms, manager, *migrations]))
    quiet = "[[vms]]\ndirty_bytes_per_s = 0\n[scenario]\nrun = { fidelity = 'scalar' }\n"
    (folder / "mine.overrides.toml").write_text(quiet)
    return import_inventory("kubevirt", [folder / "dump.json"], folder / "mine.toml")


def test_quiet_vm_takes_its_memory_over_the_cap(tmp_path: Path) -> None:
    (one,) = replay_past_migrations(dump(tmp_path, migration("m", "x", (0, 20)))).migrations
    by_hand_s = 2**30 / CAP * (1 + 8 / 4096)  # a page has a header of 8 bytes
    assert one.replayed_s is not None
    # what fits 0.3 s under the cap is sent while the VM is stopped, when QEMU lifts the cap
    assert by_hand_s - 0.3 <= one.replayed_s <= by_hand_s
    assert one.ratio == one.replayed_s / 20


def test_those_that_overlap_run_together_at_their_times(tmp_path: Path) -> None:
    imported = dump(
        tmp_path,
        migration("1", "x", (0, 20)),
        migration("2", "y", (5, 24)),
        migration("3", "x", (100, 120)),
    )
    found = replay_past_migrations(imported)
    assert [(one.vm, one.at_once) for one in found.migrations] == [
        ("n/x", 2),
        ("n/y", 2),
        ("n/x", 1),
    ]
    requests = group_scenario(imported, imported.inventory.past[:2]).migrations
    assert [request.at_s for request in requests] == [0, 5]
    assert found.median_ratio == pytest.approx(0.8, rel=0.08)
    assert found.mean_absolute_error == pytest.approx(0.2, abs=0.05)


def test_what_cannot_be_replayed_is_counted(tmp_path: Path) -> None:
    imported = dump(
        tmp_path,
        migration("1", "x", (0, 20), failed=True),
        migration("2", "gone", (0, 20)),
        migration("3", "y", (20, 10)),
        migration("4", "y", (0, 10), targetNode="a"),
    )
    found = replay_past_migrations(imported)
    assert found.migrations == ()
    assert found.left_out == {"did not complete": 1, "their VM does not run now": 1}


def test_hosts_that_are_gone_can_be_in_a_replay(tmp_path: Path) -> None:
    imported = dump(tmp_path, migration("1", "x", (0, 20), sourceNode="old"))
    (one,) = replay_past_migrations(imported).migrations
    assert one.outcome == "completed"


def test_golden_dump_is_replayed() -> None:
    found = replay_past_migrations(import_inventory("kubevirt", files_of("kubevirt-v1")))
    assert [one.vm for one in found.migrations] == ["prod/db-1", "prod/web-1", "prod/web-2"]
    assert found.left_out == {"did not complete": 1}
