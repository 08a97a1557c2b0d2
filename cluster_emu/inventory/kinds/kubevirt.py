"""KubeVirt: `kubectl get vmi,node,vmim,kubevirt,migrationpolicy -A -o json`."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cluster_emu.inventory.contract import inventory_readers
from cluster_emu.inventory.documents import (
    DumpFile,
    at,
    flag,
    labels,
    named,
    plain,
    table,
    tables,
    text,
    word,
)
from cluster_emu.inventory.kinds._placement import PlacementRules
from cluster_emu.inventory.kinds._selectors import matches
from cluster_emu.inventory.neutral import Inventory, InventoryHost, InventoryVM, PastMigration
from cluster_emu.inventory.quantities import bytes_of, cpus_of, parse_quantity, whole_of
from cluster_emu.inventory.times import seconds_of
from cluster_emu.units import BITS_PER_BYTE
from cluster_emu.wording import counted

VMI = "VirtualMachineInstance"
MIGRATION = "VirtualMachineInstanceMigration"
POLICY = "MigrationPolicy"
KINDS = (VMI, "Node", MIGRATION, "KubeVirt", POLICY)
RATES = (
    "kubevirt_vmi_dirty_rate_bytes_per_second",
    "kubevirt_vmi_migration_dirty_memory_rate_bytes",
)
RACK_KEYS = ("topology.kubernetes.io/rack", "topology.rook.io/rack", "rack")
ZONE = "topology.kubernetes.io/zone"

_METRIC = re.compile(
    r"^kubevirt_vmi_(?:dirty_rate_bytes_per_second|migration_dirty_memory_rate_bytes)"
    r"\{([^}]*)\}\s+(\S+)",
    re.MULTILINE,
)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@inventory_readers.register("kubevirt")
@dataclass(frozen=True)
class KubeVirtReader:
    """Nodes are hosts, VMIs in phase Running are VMs.

    Also takes metrics in Prometheus' text form for measured dirty rates.
    """

    name: ClassVar[str] = "kubevirt"
    summary: ClassVar[str] = "JSON of kubectl get vmi,node,vmim,kubevirt,migrationpolicy -A"
    source: ClassVar[str] = "KubeVirt API v1 and v1alpha3, Kubernetes API v1"

    def read(self, files: Sequence[DumpFile]) -> Inventory:
        """Return what the dumps say."""
        found = Inventory(self.name)
        items: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        rates: dict[str, float] = {}
        for file in files:
            if file.looks_like_json:
                documents = file.json()
                answers = [one for one in documents if at(one, "data", "result") is not None]
                rates |= _rates_of_answers(answers)
                others = [one for one in documents if one not in answers]
                if others or not answers:
                    _sort(file, others, items, found)
            elif _METRIC.search(file.text):
                rates |= _dirty_rates(file.text)
            else:
                allowed = "JSON of kubectl get ... -o json, or metrics of KubeVirt as text"
                raise file.error("content", file.described, allowed)
        if not items[VMI] and not items["Node"]:
            what = ", ".join(kind for kind in KINDS if items[kind]) or "no object"
            allowed = "at least one VirtualMachineInstance or Node in all files together"
            raise files[0].error("items", what, allowed)
        nodes = _latest(items["Node"])
        for node in nodes:
            found.add_host(_host(node))
        running = [vmi for vmi in _latest(items[VMI]) if _is_running(vmi, found)]
        for vmi in running:
            found.add_vm(_vm(vmi))
        for name in rates.keys() & found.vms.keys():
            found.vms[name].dirty_bytes_per_s = rates[name]
        PlacementRules(found, nodes, running).apply()
        for manager in _latest(items["KubeVirt"])[:1]:
            _settings(table(manager, "spec", "configuration", "migrations"), found, "KubeVirt")
        _policies(_latest(items[POLICY]), running, found)
        _past([*items[MIGRATION], *items[VMI]], found)
        return found


# --- the objects of all files ---------------------------------------------------------------------


def _sort(
    file: DumpFile,
    documents: list[Any],
    items: dict[str, list[dict[str, Any]]],
    found: Inventory,
) -> None:
    """Put the objects of a file under their kinds; refuse a file in which none is of use."""
    others: Counter[str] = Counter()
    used = 0
    for each in _objects(documents):
        kind = text(each, "kind")
        if kind in items and text(each, "metadata", "name"):
            items[kind].append(each)
            used += 1
        else:
            others[f"{kind or 'an object'}{'' if kind not in items else ' without a name'}"] += 1
    if not used:
        what = named(sorted(others)) if others else "an empty list"
        raise file.error("items", what, f"objects of kind {', '.join(KINDS)}")
    if others:
        kinds = named([f"{count} {kind}" for kind, count in sorted(others.items())])
        found.note(f"Ignored in the dump: {kinds}.")


def _objects(documents: list[Any]) -> Iterator[dict[str, Any]]:
    waiting: list[Any] = documents[::-1]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each[::-1]
        elif isinstance(each, dict):
            listed, kind = each.get("items"), each.get("kind")
            if isinstance(listed, list) and (kind is None or str(kind).endswith("List")):
                inner = str(kind or "").removesuffix("List")
                waiting += [
                    {"kind": inner, **item} if inner and isinstance(item, dict) else item
                    for item in listed[::-1]
                ]
            else:
                yield each


def _latest(objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each object once, as the last file says it is, in the order of the first."""
    by_name = {_full_name(each): each for each in objects}
    return list(by_name.values())


def _full_name(each: Any) -> str:
    namespace = text(each, "metadata", "namespace")
    name = text(each, "metadata", "name")
    return plain(f"{namespace}/{name}") if namespace else name


# --- hosts ----------------------------------------------------------------------------------------


def _host(node: Any) -> InventoryHost:
    given = labels(node, "metadata", "labels")
    closed = _closed_because(node, given)
    racks = (given[key] for key in (*RACK_KEYS, ZONE) if given.get(key))
    other = (value for key, value in sorted(given.items()) if key.endswith("/rack") and value)
    return InventoryHost(
        name=text(node, "metadata", "name"),
        cpu_capacity=_first(cpus_of, node, "cpu"),
        memory_bytes=_first(bytes_of, node, "memory"),
        rack=plain(next(racks, next(other, ""))) or None,
        labels=given,
        schedulable=not closed,
        closed_because=closed,
    )


def _first(read: Any, node: Any, resource: str) -> Any:
    for place in ("allocatable", "capacity"):
        value = read(at(node, "status", place, resource))
        if value is not None:
            return value
    return None


def _closed_because(node: Any, given: dict[str, str]) -> str:
    for condition in tables(node, "status", "conditions"):
        if text(condition, "type") == "Ready" and text(condition, "status") != "True":
            return "not ready"
    if flag(node, "spec", "unschedulable"):
        return "cordoned"
    if given.get("kubevirt.io/schedulable") == "false":
        return "not schedulable for KubeVirt"
    return ""


# --- VMs ------------------------------------------------------------------------------------------


def _is_running(vmi: Any, found: Inventory) -> bool:
    phase = word(vmi, "status", "phase") or "unknown"
    if phase != "Running":
        found.leave_out(f"phase {phase}")
    return phase == "Running"


def _vm(vmi: Any) -> InventoryVM:
    domain = table(vmi, "spec", "domain")
    kept = _kept_because(vmi, domain)
    node = text(vmi, "status", "nodeName")
    return InventoryVM(
        name=_full_name(vmi),
        host=node or text(vmi, "metadata", "labels", "kubevirt.io/nodeName") or None,
        vcpus=_vcpus(vmi, domain),
        memory_bytes=_memory(vmi, domain),
        labels=labels(vmi, "metadata", "labels"),
        migratable=not kept,
        kept_because=kept,
    )


def _memory(vmi: Any, domain: Any) -> int | None:
    for value in (
        at(vmi, "status", "memory", "guestCurrent"),
        at(domain, "memory", "guest"),
        at(domain, "resources", "requests", "memory"),
        at(domain, "resources", "limits", "memory"),
        at(vmi, "status", "memory", "guestAtBoot"),
    ):
        found = bytes_of(value)
        if found is not None:
            return found
    return None


def _vcpus(vmi: Any, domain: Any) -> int | None:
    for topology in (table(vmi, "status", "currentCPUTopology"), table(domain, "cpu")):
        given = [whole_of(topology.get(key)) for key in ("cores", "sockets", "threads")]
        if any(given):
            return math.prod(each or 1 for each in given)
    for place in ("requests", "limits"):
        found = cpus_of(at(domain, "resources", place, "cpu"))
        if found is not None:
            return math.ceil(found)
    return None


def _kept_because(vmi: Any, domain: Any) -> str:
    devices = table(domain, "devices")
    for key, what in (("hostDevices", "host devices"), ("gpus", "GPUs")):
        if list(tables(devices, key)):
            return what
    if any("sriov" in interface for interface in tables(devices, "interfaces")):
        return "SR-IOV interfaces"
    if any("hostDisk" in volume for volume in tables(vmi, "spec", "volumes")):
        return "local disks"
    for condition in tables(vmi, "status", "conditions"):
        is_no = text(condition, "status") == "False"
        if text(condition, "type") == "LiveMigratable" and is_no:
            return f"LiveMigratable is False: {word(condition, 'reason') or 'no reason given'}"
    return ""


def _dirty_rates(metrics: str) -> dict[str, float]:
    found = {}
    for given, value in _METRIC.findall(metrics):
        names = dict(_LABEL.findall(given))
        rate = parse_quantity(value)
        if rate is not None and rate >= 0 and names.get("name"):
            found[plain(f"{names.get('namespace', 'default')}/{names['name']}")] = float(rate)
    return found


def _rates_of_answers(answers: Sequence[Any]) -> dict[str, float]:
    """Return dirty rates from answers of Prometheus' API to a query for one metric."""
    found = {}
    for answer in answers:
        for result in tables(answer, "data", "result"):
            names, value = table(result, "metric"), at(result, "value")
            rate = parse_quantity(value[1]) if isinstance(value, list) and len(value) > 1 else None
            name = text(names, "name")
            is_rate = text(names, "__name__") in ("", *RATES)
            if is_rate and name and rate is not None and rate >= 0:
                found[plain(f"{text(names, 'namespace') or 'default'}/{name}")] = float(rate)
    return found


# --- the manager ----------------------------------------------------------------------------------


def _settings(given: dict[str, Any], found: Inventory, where: str) -> None:
    """Set what the migration settings of a KubeVirt object or a policy say."""
    found.policy.setdefault("name", "kubevirt")
    for key, field in (
        ("parallelMigrationsPerCluster", "manager.max_per_cluster"),
        ("parallelOutboundMigrationsPerNode", "manager.max_outbound_per_host"),
    ):
        number = whole_of(given.get(key))
        if number is not None:
            found.limits[field] = number
    for key, parameter, read in (
        ("completionTimeoutPerGiB", "completion_timeout_s_per_gib", whole_of),
        ("progressTimeout", "progress_timeout_s", whole_of),
        ("allowPostCopy", "allow_post_copy", _as_flag),
        ("allowAutoConverge", "auto_converge", _as_flag),
        ("allowWorkloadDisruption", "allow_workload_disruption", _as_flag),
    ):
        value = read(given.get(key))
        if value is not None:
            found.policy[parameter] = value
    downtime_ms = whole_of(given.get("maxDowntimeMs"))
    if downtime_ms is not None:
        found.policy["max_downtime_s"] = downtime_ms / 1000
    if "bandwidthPerMigration" in given:
        cap = bytes_of(given["bandwidthPerMigration"])
        found.limits.pop("transfer.bandwidth_bps", None)
        if cap is not None:
            found.limits["transfer.bandwidth_bps"] = cap * BITS_PER_BYTE
        elif parse_quantity(given["bandwidthPerMigration"]) != 0:
            shown = json.dumps(given["bandwidthPerMigration"])[:40]
            found.note(f"{where}: bandwidthPerMigration = {plain(shown)} is no quantity: ignored.")


def _as_flag(value: object) -> bool | None:
    return flag({"value": value}, "value")


def _policies(
    policies: Sequence[dict[str, Any]], running: Sequence[dict[str, Any]], found: Inventory
) -> None:
    """Apply a migration policy that selects every VM; note the others."""
    for policy in sorted(policies, key=_full_name):
        chosen = [vmi for vmi in running if _selects(policy, vmi)]
        name = _full_name(policy)
        if running and len(chosen) == len(running):
            _settings(table(policy, "spec"), found, f"migration policy {name}")
            found.note(f"The migration policy {name} selects every VM: its settings are used.")
        else:
            found.note(
                f"The migration policy {name} selects {len(chosen)} of "
                f"{counted(len(running), 'VM')}; a scenario has one policy for all, so its "
                "settings are not used."
            )


def _selects(policy: Any, vmi: Any) -> bool:
    selectors = table(policy, "spec", "selectors")
    of_vm = table(selectors, "virtualMachineInstanceSelector")
    of_namespace = table(selectors, "namespaceSelector")
    given = labels(vmi, "metadata", "labels")
    namespace = text(vmi, "metadata", "namespace")
    spaces = {"kubernetes.io/metadata.name": namespace}
    return _takes(of_vm, given) and _takes(of_namespace, spaces)


def _takes(selector: dict[str, Any], given: dict[str, str]) -> bool:
    """Policies select by plain labels, in old versions below matchLabels."""
    if "matchLabels" in selector or "matchExpressions" in selector:
        return matches(selector, given)
    return all(given.get(key) == value for key, value in selector.items())


# --- what has happened ----------------------------------------------------------------------------


def _past(objects: Sequence[dict[str, Any]], found: Inventory) -> None:
    known: dict[tuple[str, float], PastMigration] = {}
    for each in objects:
        state = table(each, "status", "migrationState")
        start_s, end_s = (seconds_of(state.get(key)) for key in ("startTimestamp", "endTimestamp"))
        if start_s is None or end_s is None or end_s <= start_s:
            continue
        is_migration = text(each, "kind") == MIGRATION
        vm = text(each, "spec", "vmiName") if is_migration else text(each, "metadata", "name")
        namespace = text(each, "metadata", "namespace")
        source, target = text(state, "sourceNode"), text(state, "targetNode")
        if not vm or not source or not target or source == target:
            continue
        name = plain(f"{namespace}/{vm}") if namespace else vm
        known[name, start_s] = PastMigration(
            vm=name,
            source=source,
            target=target,
            start_s=start_s,
            end_s=end_s,
            completed=bool(flag(state, "completed")) and not flag(state, "failed"),
            mode={"PostCopy": "post-copy", "Paused": "paused"}.get(text(state, "mode"), "pre-copy"),
        )
    found.past += sorted(known.values(), key=lambda one: (one.start_s, one.vm))
