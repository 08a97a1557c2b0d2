"""What it takes to import a cluster of 5,000 VMs on 200 hosts, all different.

    pytest benchmarks/bench_import.py -s

Target: less than 5 s of CPU time for each dump, the check of the scenario included.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from cluster_emu.inventory import import_inventory, save

HOSTS, VMS = 200, 5_000
MOST_S = 5.0


def node(number: int) -> dict[str, Any]:
    labels = {"topology.kubernetes.io/rack": f"r{number % 10}", "pool": f"p{number % 4}"}
    return {
        "kind": "Node",
        "metadata": {"name": f"worker-{number}", "labels": labels},
        "status": {"allocatable": {"cpu": "64", "memory": "512Gi"}},
    }


def vmi(number: int) -> dict[str, Any]:
    labels = {"app": f"a{number // 3}"}
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    host = number % HOSTS
    return {
        "kind": "VirtualMachineInstance",
        "metadata": {"name": f"vm-{number}", "namespace": "prod", "labels": labels},
        "spec": {
            "domain": {"cpu": {"cores": 1 + number % 4}, "memory": {"guest": f"{1024 + number}Mi"}},
            "affinity": {"podAntiAffinity": required},
            "nodeSelector": {"pool": f"p{host % 4}"} if number % 5 == 0 else {},
        },
        "status": {"phase": "Running", "nodeName": f"worker-{host}"},
    }


def test_kubevirt(tmp_path: Path) -> None:
    items = [*map(node, range(HOSTS)), *map(vmi, range(VMS))]
    file = tmp_path / "dump.json"
    file.write_text(json.dumps({"kind": "List", "items": items}, indent=4))
    _measure("kubevirt", [file], tmp_path)


def test_proxmox(tmp_path: Path) -> None:
    resources: list[dict[str, Any]] = [
        {"type": "node", "node": f"pve{number}", "maxcpu": 64, "maxmem": 2**39}
        for number in range(HOSTS)
    ]
    resources += [
        {
            "type": "qemu",
            "vmid": 100 + number,
            "name": f"vm-{number}",
            "node": f"pve{number % HOSTS}",
            "status": "running",
            "maxmem": 2**30 + number * 2**20,
            "mem": 2**29 + number * 2**20,
            "maxcpu": 2,
        }
        for number in range(VMS)
    ]
    file = tmp_path / "resources.json"
    file.write_text(json.dumps(resources))
    _measure("proxmox", [file], tmp_path)


def _measure(kind: str, files: list[Path], folder: Path) -> None:
    started = time.process_time()
    imported = import_inventory(kind, files)
    save(imported, folder / "mine.toml")
    took_s = time.process_time() - started
    assert imported.scenario.vm_count == VMS
    size = len(imported.text) / 1e6
    print(
        f"\n{kind}: {VMS} VMs in {took_s:.2f} s of CPU (at most {MOST_S:g}), {size:.1f} MB of TOML"
    )
    assert took_s < MOST_S
