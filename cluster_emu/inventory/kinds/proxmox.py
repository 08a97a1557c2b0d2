"""Proxmox VE: `/cluster/resources`, and the configurations of VMs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cluster_emu.inventory.contract import inventory_readers
from cluster_emu.inventory.documents import DumpFile, at, flag, plain, text, word
from cluster_emu.inventory.neutral import Inventory, InventoryHost, InventoryVM
from cluster_emu.inventory.quantities import bytes_of, cpus_of, parse_quantity, whole_of
from cluster_emu.units import BITS_PER_BYTE, MIB

CONFIG_KEYS = ("memory", "cores", "sockets", "migrate_speed", "migrate_downtime", "hostpci0")
KIB_PER_S = 1024
DISK = re.compile(r"(?:scsi|virtio|ide|sata)\d+|efidisk\d+|tpmstate\d+")

_LINE = re.compile(r"^([a-z][a-z0-9_]*):\s*(.*?)\s*$")
_ID = re.compile(r"(\d+)")


@inventory_readers.register("proxmox")
@dataclass(frozen=True)
class ProxmoxReader:
    """Nodes are hosts, running guests of type qemu are VMs.

    Configurations are read as text (`qm config`, `/etc/pve/qemu-server/100.conf`) or as JSON; their
    file names hold the number of the VM. Of `datacenter.cfg` the limit on migrations is read.
    """

    name: ClassVar[str] = "proxmox"
    summary: ClassVar[str] = "JSON of pvesh get /cluster/resources, configurations of VMs"
    source: ClassVar[str] = "Proxmox VE API 7 and 8; qemu-server, qm.conf"

    def read(self, files: Sequence[DumpFile]) -> Inventory:
        """Return what the dumps say."""
        found = Inventory(self.name)
        resources: list[dict[str, Any]] = []
        configs: dict[str, dict[str, str]] = {}
        for file in files:
            listed, config = _read(file, found)
            resources += listed
            if config:
                number = _ID.search(file.path.name)
                if number is None:
                    allowed = "a configuration whose file name holds the VM's number: 100.conf"
                    raise file.error("file name", file.path.name, allowed)
                configs[number[1]] = config
        if not any(text(one, "type") in ("node", "qemu") for one in resources):
            allowed = "a list of /cluster/resources with at least one node or VM"
            raise files[0].error("type", "none", allowed)
        shared = {
            text(one, "storage"): bool(flag(one, "shared"))
            for one in resources
            if text(one, "type") == "storage"
        }
        found.policy.setdefault("name", "proxmox")
        for one in resources:
            if text(one, "type") == "node":
                _add_host(one, found)
        used: list[dict[str, str]] = []
        for one in resources:
            kind = text(one, "type")
            if kind == "qemu":
                config = configs.get(str(whole_of(at(one, "vmid")) or ""), {})
                if _add_vm(one, config, shared, found):
                    used.append(config)
            elif kind in ("lxc", "openvz"):
                found.leave_out("containers, which do not migrate live")
        _settings(used, found)
        return found


# --- what is what ---------------------------------------------------------------------------------


def _read(file: DumpFile, found: Inventory) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the resources in a file, and the configuration of a VM."""
    if not file.looks_like_json:
        return [], _config_of_text(file, found)
    resources: list[dict[str, Any]] = []
    config: dict[str, str] = {}
    some = 0
    for one in _objects(file):
        some += 1
        if text(one, "type") and ("node" in one or "storage" in one):
            resources.append(one)
        elif any(key in one for key in CONFIG_KEYS):
            config |= {str(key): _as_text(value) for key, value in one.items()}
    if not resources and not config:
        what = "objects of another kind" if some else "an empty list"
        allowed = "/cluster/resources, or the configuration of a VM"
        raise file.error("content", what, allowed)
    return resources, config


def _objects(file: DumpFile) -> Iterator[dict[str, Any]]:
    for document in file.json():
        data = document.get("data", document) if isinstance(document, dict) else document
        yield from (
            one for one in (data if isinstance(data, list) else [data]) if isinstance(one, dict)
        )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _config_of_text(file: DumpFile, found: Inventory) -> dict[str, str]:
    """Return the fields before the first snapshot; descriptions are comments and left out."""
    config: dict[str, str] = {}
    for line in file.text.splitlines():
        if line.startswith("["):
            break
        if (pair := _LINE.match(line)) is not None:
            config[pair[1]] = pair[2]
    if "bwlimit" in config or "migration" in config:
        _datacenter(config, found)
        return {}
    if not any(key in config for key in CONFIG_KEYS):
        allowed = "/cluster/resources as JSON, or the configuration of a VM"
        raise file.error("content", file.described, allowed)
    return config


def _datacenter(config: dict[str, str], found: Inventory) -> None:
    limit = dict(part.partition("=")[::2] for part in config.get("bwlimit", "").split(","))
    rate = parse_quantity(limit.get("migration"))
    if rate is not None and rate > 0:
        found.limits["transfer.bandwidth_bps"] = float(rate * KIB_PER_S * BITS_PER_BYTE)


# --- hosts and VMs --------------------------------------------------------------------------------


def _add_host(node: Any, found: Inventory) -> None:
    name = text(node, "node") or text(node, "name")
    if not name:
        found.note("A node without a name is left out.")
        return
    status = word(node, "status") or "online"
    found.add_host(
        InventoryHost(
            name=name,
            cpu_capacity=cpus_of(at(node, "maxcpu")),
            memory_bytes=bytes_of(at(node, "maxmem")),
            labels={"level": text(node, "level")} if text(node, "level") else {},
            schedulable=status == "online",
            closed_because="" if status == "online" else status,
        )
    )


def _add_vm(one: Any, config: dict[str, str], shared: dict[str, bool], found: Inventory) -> bool:
    """Add a running VM; return whether it is one."""
    status = word(one, "status") or "unknown"
    if flag(one, "template"):
        found.leave_out("templates")
        return False
    if status != "running":
        found.leave_out(f"status {status}")
        return False
    number = whole_of(at(one, "vmid"))
    name = text(one, "name") or (f"vm-{number}" if number else "")
    if not name:
        found.leave_out("without a name and number")
        return False
    if name in found.vms:
        name = plain(f"{name} ({number})")
    kept = _kept_because(config, shared)
    memory = bytes_of(at(one, "maxmem")) or bytes_of(config.get("memory"), MIB)
    used = bytes_of(at(one, "mem"))
    sockets, cores = (whole_of(config.get(key)) for key in ("sockets", "cores"))
    of_config = (sockets or 1) * (cores or 1) if sockets or cores else None
    found.add_vm(
        InventoryVM(
            name=name,
            host=text(one, "node") or None,
            vcpus=whole_of(at(one, "maxcpu")) or of_config,
            memory_bytes=memory,
            memory_used_bytes=None if used is None or memory is None else min(used, memory),
            labels=dict.fromkeys(filter(None, re.split(r"[;, ]+", text(one, "tags"))), ""),
            migratable=not kept,
            kept_because=kept,
        )
    )
    return True


def _kept_because(config: dict[str, str], shared: dict[str, bool]) -> str:
    for key, value in config.items():
        if key.startswith("hostpci"):
            return "host devices"
        if re.fullmatch(r"usb\d+", key) and "host=" in value:
            return "host devices"
        storage = value.partition(":")[0]
        if DISK.fullmatch(key) and "media=cdrom" not in value and shared.get(storage) is False:
            return "local disks"
    return ""


def _settings(configs: Sequence[dict[str, str]], found: Inventory) -> None:
    """Use what VMs say about migration where all say the same; note where they differ."""
    for key, unit in (("migrate_speed", "MB/s"), ("migrate_downtime", "s")):
        given = {parse_quantity(config[key]) for config in configs if key in config}
        values = sorted(value for value in given if value is not None and value > 0)
        if not values:
            continue
        chosen = values[0]
        with_it = sum(key in config for config in configs)
        if len(values) > 1 or with_it < len(configs):
            found.note(
                f"{key} is given for {with_it} of {len(configs)} VMs, as {float(values[0]):g} to "
                f"{float(values[-1]):g} {unit}; a scenario has one for all: the smallest is used."
            )
        if key == "migrate_speed":
            cap = float(chosen * MIB * BITS_PER_BYTE)
            known = found.limits.get("transfer.bandwidth_bps", cap)
            found.limits["transfer.bandwidth_bps"] = min(cap, known)
        else:
            found.policy["downtime_s"] = float(chosen)
