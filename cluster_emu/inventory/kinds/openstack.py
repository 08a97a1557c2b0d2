"""OpenStack: lists of servers and hypervisors, server groups, migrations, and nova.conf."""

from __future__ import annotations

import configparser
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cluster_emu.inventory.contract import inventory_readers
from cluster_emu.inventory.documents import DumpFile, at, named, plain, table, text, word
from cluster_emu.inventory.groups import set_group
from cluster_emu.inventory.neutral import Inventory, InventoryHost, InventoryVM, PastMigration
from cluster_emu.inventory.quantities import bytes_of, cpus_of, parse_quantity, whole_of
from cluster_emu.inventory.times import seconds_of
from cluster_emu.units import BITS_PER_BYTE, MIB

_PAIR = re.compile(r"\b(ram|vcpus)='?(\d+)'?")
"""Newer clients print the flavor of a server as text: ``..., ram='2048', vcpus='1'``."""
LISTS = ("servers", "hypervisors", "server_groups", "migrations", "flavors")
SERVER = ("id", "name", "status")
ALIVE = ("ACTIVE", "PASSWORD", "VERIFY_RESIZE", "RESIZED")


@inventory_readers.register("openstack")
@dataclass(frozen=True)
class OpenStackReader:
    """Hypervisors are hosts, servers in status ACTIVE are VMs.

    Takes answers of the Compute API, and lists of the client (`openstack ... -f json`).
    """

    name: ClassVar[str] = "openstack"
    summary: ClassVar[str] = (
        "JSON of server list --long, hypervisor list --long, server groups; nova.conf"
    )
    source: ClassVar[str] = "Compute API 2.1 to 2.96, python-openstackclient"

    def read(self, files: Sequence[DumpFile]) -> Inventory:
        """Return what the dumps say."""
        found = Inventory(self.name)
        items: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
        for file in files:
            if file.looks_like_json:
                _sort(file, items, found)
            else:
                _read_conf(file, found)
        if not items["servers"] and not items["hypervisors"]:
            allowed = "at least one server or hypervisor in all files together"
            raise files[0].error("content", "none", allowed)
        found.policy.setdefault("name", "nova")
        flavors = {str(_get(one, "id", "ID") or ""): one for one in items["flavors"]}
        flavors |= {str(_get(one, "name", "Name") or ""): one for one in items["flavors"]}
        for hypervisor in items["hypervisors"]:
            _add_host(hypervisor, found)
        names = Counter(_name(server) for server in items["servers"])
        by_id: dict[str, str] = {}
        for server in items["servers"]:
            identity = str(_get(server, "id", "ID") or "")
            name = _name(server) or plain(identity)
            if names[name] > 1 and identity:
                name = plain(f"{name} ({identity[:8]})")
            if not name:
                found.leave_out("without a name")
                continue
            by_id[identity] = name
            _add_vm(server, name, flavors, found)
        _groups(items["server_groups"], by_id, found)
        _past(items["migrations"], by_id, found)
        return found


# --- what is what ---------------------------------------------------------------------------------


def _sort(file: DumpFile, items: dict[str, list[dict[str, Any]]], found: Inventory) -> None:
    others: Counter[str] = Counter()
    used = 0
    for key, each in _objects(file):
        kind = key if key in items else _kind(each)
        if kind:
            items[kind].append(each)
            used += 1
        else:
            others[f"an object with {named(sorted(map(str, each))[:3])}"] += 1
    if not used:
        what = named(sorted(others)) if others else "an empty list"
        allowed = f"a list of {', '.join(LISTS)}, as the Compute API or the client gives it"
        raise file.error("content", plain(what), allowed)
    if others:
        found.note(f"Ignored in {plain(file.path.name)}: {sum(others.values())} objects.")


def _objects(file: DumpFile) -> Iterator[tuple[str, dict[str, Any]]]:
    for document in file.json():
        if isinstance(document, list):
            yield from (("", one) for one in document if isinstance(one, dict))
        elif isinstance(document, dict):
            lists = [key for key in LISTS if isinstance(document.get(key), list)]
            single = [key for key in LISTS if isinstance(document.get(key[:-1]), dict)]
            for key in lists:
                yield from ((key, one) for one in document[key] if isinstance(one, dict))
            for key in single:
                yield key, document[key[:-1]]
            if not lists and not single:
                yield "", document


def _kind(each: dict[str, Any]) -> str:
    """Return which list an object of the client belongs to, by its columns."""
    keys = {str(key).lower().replace(" ", "_").replace("-", "_") for key in each}
    if "hypervisor_hostname" in keys:
        return "hypervisors"
    if {"policies", "policy"} & keys and "members" in keys:
        return "server_groups"
    if {"source_compute", "dest_compute"} <= keys:
        return "migrations"
    if {"id", "status", "name"} <= keys:
        return "servers"
    return "flavors" if {"ram", "vcpus"} <= keys else ""


def _get(each: Any, *keys: str) -> Any:
    """Return the first of several spellings of a field that is given."""
    for key in keys:
        value = at(each, key)
        if value is not None and value != "":
            return value
    return None


def _name(each: Any) -> str:
    found = _get(each, "name", "Name")
    return plain(found) if isinstance(found, str) else ""


# --- hosts ----------------------------------------------------------------------------------------


def _add_host(hypervisor: Any, found: Inventory) -> None:
    given = _get(hypervisor, "hypervisor_hostname", "Hypervisor Hostname")
    name = plain(given) if isinstance(given, str) else ""
    if not name:
        found.note("A hypervisor without hypervisor_hostname is left out.")
        return
    memory = bytes_of(_get(hypervisor, "memory_mb", "Memory MB", "memory_size"), MIB)
    closed = _closed_because(hypervisor)
    found.add_host(
        InventoryHost(
            name=name,
            cpu_capacity=cpus_of(_get(hypervisor, "vcpus", "vCPUs")),
            memory_bytes=memory,
            schedulable=not closed,
            closed_because=closed,
        )
    )


def _closed_because(hypervisor: Any) -> str:
    state = _get(hypervisor, "state", "State")
    if isinstance(state, str) and state.lower() == "down":
        return "down"
    status = _get(hypervisor, "status", "Status")
    return "disabled" if isinstance(status, str) and status.lower() == "disabled" else ""


# --- VMs ------------------------------------------------------------------------------------------


def _add_vm(server: Any, name: str, flavors: dict[str, Any], found: Inventory) -> None:
    status = _get(server, "status", "Status")
    if not isinstance(status, str) or status.upper() not in ALIVE:
        shown = word({"status": status}, "status") or "unknown"
        found.leave_out(f"status {shown}")
        return
    flavor = _flavor(server, flavors)
    host = _get(
        server,
        "OS-EXT-SRV-ATTR:hypervisor_hostname",
        "OS-EXT-SRV-ATTR:host",
        "hypervisor_hostname",
        "compute_host",
        "Host",
        "host",
    )
    kept = _kept_because(flavor)
    found.add_vm(
        InventoryVM(
            name=name,
            host=_host_name(host, found),
            vcpus=whole_of(_get(flavor, "vcpus", "VCPUs")),
            memory_bytes=bytes_of(_get(flavor, "ram", "RAM"), MIB),
            labels=_tags(server),
            migratable=not kept,
            kept_because=kept,
        )
    )


def _tags(server: Any) -> dict[str, str]:
    """Return the tags as labels; metadata may hold secrets and is not read."""
    given = at(server, "tags")
    tags = given if isinstance(given, list) else []
    return {plain(tag): "" for tag in tags if isinstance(tag, str)}


def _host_name(given: Any, found: Inventory) -> str | None:
    if not isinstance(given, str) or not plain(given):
        return None
    name = plain(given)
    if name in found.hosts:
        return name
    short = [host for host in found.hosts if host.split(".")[0] == name.split(".")[0]]
    return short[0] if len(short) == 1 else name


def _flavor(server: Any, flavors: dict[str, Any]) -> dict[str, Any]:
    given = _get(server, "flavor", "Flavor", "Flavor Name")
    if isinstance(given, dict):
        known = flavors.get(str(given.get("id", ""))) or flavors.get(
            str(given.get("original_name", ""))
        )
        return {**(known or {}), **given}
    if isinstance(given, str) and (pairs := dict(_PAIR.findall(given))).keys() & {"ram", "vcpus"}:
        return pairs
    if isinstance(given, str):
        return flavors.get(given) or flavors.get(given.split(" (")[0]) or {}
    return flavors.get(str(_get(server, "Flavor ID") or "")) or {}


def _kept_because(flavor: Any) -> str:
    extra = table(flavor, "extra_specs") or table(flavor, "properties")
    for key in extra:
        if str(key).startswith("pci_passthrough"):
            return "PCI passthrough"
        if str(key).startswith("resources:VGPU"):
            return "virtual GPUs"
    return ""


def _groups(groups: Sequence[Any], by_id: dict[str, str], found: Inventory) -> None:
    for group in groups:
        policies = _get(group, "policy", "Policy", "policies", "Policies")
        if isinstance(policies, list):
            policies = next(iter(policies), "")
        policy = policies if isinstance(policies, str) else ""
        members = _get(group, "members", "Members")
        listed = members.split(",") if isinstance(members, str) else members
        ids = [str(one).strip() for one in listed] if isinstance(listed, list) else []
        vms = [by_id[one] for one in ids if by_id.get(one) in found.vms]
        if policy == "anti-affinity":
            set_group(found, "anti_affinity", _name(group) or "group", vms)
        elif policy == "affinity":
            set_group(found, "affinity", _name(group) or "group", vms)
        elif isinstance(policy, str) and policy:
            found.note(
                f"Server group {_name(group)}: the policy {plain(policy)} is not carried over."
            )


# --- migrations and settings ----------------------------------------------------------------------


def _past(migrations: Sequence[Any], by_id: dict[str, str], found: Inventory) -> None:
    for each in migrations:
        kind = _get(each, "migration_type", "Type")
        start_s = seconds_of(_get(each, "created_at", "Created At"))
        end_s = seconds_of(_get(each, "updated_at", "Updated At"))
        vm = by_id.get(str(_get(each, "instance_uuid", "Server UUID", "server_uuid") or ""), "")
        source, target = (
            plain(value) if isinstance(value, str) else ""
            for value in (
                _get(each, "source_node", "source_compute", "Source Compute"),
                _get(each, "dest_node", "dest_compute", "Dest Compute"),
            )
        )
        if kind != "live-migration" or not vm or not source or not target or source == target:
            continue
        if start_s is None or end_s is None or end_s <= start_s:
            continue
        completed = text(each, "status") == "completed" or text(each, "Status") == "completed"
        found.past.append(PastMigration(vm, source, target, start_s, end_s, completed))
    found.past.sort(key=lambda one: (one.start_s, one.vm))


def _read_conf(file: DumpFile, found: Inventory) -> None:
    """Read the options of nova.conf that live migration uses, and nothing else."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(file.text)
    except configparser.ParsingError:
        pass  # a line that is no option; all others are read
    except configparser.Error as error:
        allowed = "JSON, or nova.conf"
        raise file.error("content", file.described, allowed) from error
    of_libvirt = dict(parser.items("libvirt")) if parser.has_section("libvirt") else {}
    defaults = dict(parser.defaults())
    if not of_libvirt and not defaults:
        raise file.error("content", file.described, "JSON, or nova.conf with a section libvirt")
    found.policy["name"] = "nova"
    limit = parse_quantity(defaults.get("max_concurrent_live_migrations"))
    if limit is not None and limit >= 0 and limit.denominator == 1:
        found.limits["manager.max_outbound_per_host"] = int(limit) or "unlimited"
    cap = parse_quantity(of_libvirt.get("live_migration_bandwidth"))
    if cap is not None and cap > 0:
        found.limits["transfer.bandwidth_bps"] = float(cap * MIB * BITS_PER_BYTE)
    _option(of_libvirt, "live_migration_downtime", found, "downtime_s", 1000, 0.1)
    _option(of_libvirt, "live_migration_downtime_steps", found, "downtime_steps", 1, 3, 100)
    _option(of_libvirt, "live_migration_downtime_delay", found, "downtime_delay_s_per_gib", 1, 1)
    _option(
        of_libvirt,
        "live_migration_completion_timeout",
        found,
        "completion_timeout_s_per_gib",
        1,
        0,
    )
    action = of_libvirt.get("live_migration_timeout_action")
    if action in ("abort", "force_complete"):
        found.policy["timeout_action"] = action
    for key, parameter in (
        ("live_migration_permit_post_copy", "permit_post_copy"),
        ("live_migration_permit_auto_converge", "permit_auto_converge"),
    ):
        value = (of_libvirt.get(key) or "").strip().lower()
        if value in ("true", "false", "1", "0", "yes", "no", "on", "off"):
            found.policy[parameter] = value in ("true", "1", "yes", "on")
    channels = whole_of(of_libvirt.get("live_migration_parallel_connections"))
    if channels is not None and 1 <= channels <= 255:
        found.limits["transfer.channels"] = channels


def _option(
    given: dict[str, str],
    option: str,
    found: Inventory,
    parameter: str,
    divisor: int,
    least: float,
    most: float = math.inf,
) -> None:
    """Set a parameter of the policy; as Nova does, at its limits where it is beyond them."""
    number = parse_quantity(given.get(option))
    if number is not None and number >= 0:
        value = min(max(float(number) / divisor, least), most)
        found.policy[parameter] = int(value) if value.is_integer() else value
