"""libvirt: `virsh domstats`, `dumpxml`, `nodeinfo` and `capabilities` of each host."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar
from xml.etree import ElementTree

from cluster_emu.inventory.contract import inventory_readers
from cluster_emu.inventory.documents import DumpFile, plain
from cluster_emu.inventory.neutral import Inventory, InventoryHost, InventoryVM
from cluster_emu.inventory.quantities import bytes_of, parse_quantity, whole_of
from cluster_emu.units import MIB

KIB = 1024
RUNNING = 1
STATES = {
    0: "no state",
    1: "running",
    2: "blocked",
    3: "paused",
    4: "shutting down",
    5: "shut off",
    6: "crashed",
    7: "suspended",
}
"""virDomainState."""
ALIVE = (1, 2)
MEASURED = 2
"""VIR_DOMAIN_DIRTYRATE_MEASURED."""
LOCAL_PATHS = ("/var/lib/libvirt/images/", "/dev/sd", "/dev/nvme", "/dev/vd", "/dev/mapper/")
UNITS = {
    "b": 1,
    "bytes": 1,
    "kb": 10**3,
    "k": 2**10,
    "kib": 2**10,
    "mb": 10**6,
    "m": 2**20,
    "mib": 2**20,
    "gb": 10**9,
    "g": 2**30,
    "gib": 2**30,
    "tb": 10**12,
    "t": 2**40,
    "tib": 2**40,
}
"""Units of memory in domain XML; without one it is KiB."""

_DOMAIN = re.compile(r"^Domain:\s*'?(.*?)'?\s*$")
_NODE_INFO = re.compile(r"^Memory size:\s*(\d+)\s*KiB", re.MULTILINE)
_NODE_CPUS = re.compile(r"^CPU\(s\):\s*(\d+)", re.MULTILINE)
_PART = re.compile(
    r"<(?:domain|capabilities|domstatus)\b.*?</(?:domain|capabilities|domstatus)>", re.S
)
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


@inventory_readers.register("libvirt")
@dataclass(frozen=True)
class LibvirtReader:
    """Hosts are named by the files: all up to the first dot, or the folder that a file is in.

    The files of several hosts are in a folder for each, or begin with the name of the host.
    """

    name: ClassVar[str] = "libvirt"
    summary: ClassVar[str] = (
        "virsh domstats --dirtyrate --balloon --vcpu --state, dumpxml, nodeinfo"
    )
    source: ClassVar[str] = "libvirt: virDomainListGetStats, formatdomain, formatcaps; 6.10 to 11"

    def read(self, files: Sequence[DumpFile]) -> Inventory:
        """Return what the dumps say."""
        found = Inventory(self.name)
        folders = {file.path.absolute().parent for file in files}
        states: dict[str, int | None] = {}
        for file in files:
            by_folder = len(folders) > 1
            host = file.path.absolute().parent.name if by_folder else file.path.name.split(".")[0]
            host = plain(host) or "host"
            if file.looks_like_xml:
                known = _read_xml(file, host, found, states)
            elif _NODE_INFO.search(file.text):
                known = _read_node_info(file, host, found)
            else:
                known = _read_stats(file, host, found, states)
            if not known:
                allowed = "output of virsh domstats, dumpxml, nodeinfo or capabilities"
                raise file.error("content", file.described, allowed)
            rule = "named by the folder of its files" if by_folder else "named by its files"
            found.guess("names of hosts", f"{rule}, as dumps of virsh hold no name", host)
        for name, state in states.items():
            if name in found.vms and state not in ALIVE:
                del found.vms[name]
                found.leave_out(f"state {STATES.get(state or 0, 'unknown')}")
        _shorten_names(found)
        return found


def _key(host: str, name: str) -> str:
    """Return what a domain is kept under: its name is its own on one host alone."""
    return f"{host}/{name}"


def _shorten_names(found: Inventory) -> None:
    """Name each VM as its domain; those of one name on several hosts with the host before it."""
    vms = list(found.vms.values())
    short = {vm.name: vm.name.removeprefix(f"{vm.host}/") for vm in vms}
    count = Counter(short.values())
    found.vms.clear()
    for vm in vms:
        if count[short[vm.name]] == 1:
            vm.name = short[vm.name]
        found.vms[vm.name] = vm


# --- domstats -------------------------------------------------------------------------------------


def _read_stats(file: DumpFile, host: str, found: Inventory, states: dict[str, int | None]) -> bool:
    """Read what `virsh domstats` prints; return whether there is a domain."""
    some = False
    for name, stats in _blocks(file.text):
        some = True
        vm_host = InventoryHost(host)
        found.add_host(vm_host)
        name = _key(host, name)
        found.add_vm(_vm_of_stats(name, host, stats))
        state = whole_of(stats.get("state.state"))
        if "state.state" in stats:
            states[name] = state
        else:
            states.setdefault(name, RUNNING if "balloon.current" in stats else 5)
    return some


def _blocks(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    name = ""
    stats: dict[str, str] = {}
    for line in text.splitlines():
        if start := _DOMAIN.match(line):
            if name:
                yield name, stats
            name, stats = plain(start[1]), {}
        elif name and "=" in line:
            key, _, value = line.strip().partition("=")
            stats[key] = value
    if name:
        yield name, stats


def _vm_of_stats(name: str, host: str, stats: dict[str, str]) -> InventoryVM:
    memory = bytes_of(stats.get("balloon.current"), KIB)
    maximum = bytes_of(stats.get("balloon.maximum"), KIB)
    return InventoryVM(
        name=name,
        host=host,
        vcpus=whole_of(stats.get("vcpu.current")) or whole_of(stats.get("vcpu.maximum")),
        memory_bytes=memory or maximum,
        memory_used_bytes=_used(stats, memory or maximum),
        dirty_bytes_per_s=_dirty_rate(stats),
    )


def _used(stats: dict[str, str], memory: int | None) -> int | None:
    """Return what a guest uses: the balloon's figures where its driver reports, else the host's."""
    available = bytes_of(stats.get("balloon.available"), KIB)
    for free_key in ("balloon.unused", "balloon.usable"):
        free = bytes_of(stats.get(free_key), KIB)
        if available is not None and free is not None and free < available:
            return available - free
    rss = bytes_of(stats.get("balloon.rss"), KIB)
    return None if rss is None or memory is None else min(rss, memory)


def _dirty_rate(stats: dict[str, str]) -> float | None:
    if whole_of(stats.get("dirtyrate.calc_status")) != MEASURED:
        return None
    rate = parse_quantity(stats.get("dirtyrate.megabytes_per_second"))
    if rate is None:
        parts = [
            parse_quantity(value)
            for key, value in stats.items()
            if re.fullmatch(r"dirtyrate\.vcpu\.\d+\.megabytes_per_second", key)
        ]
        known = [part for part in parts if part is not None]
        rate = sum(known, Fraction(0)) if known else None
    return float(rate * MIB) if rate is not None and 0 <= rate < 2**40 else None


# --- XML ------------------------------------------------------------------------------------------


def _read_xml(file: DumpFile, host: str, found: Inventory, states: dict[str, int | None]) -> bool:
    """Read domains and capabilities; return whether there is one."""
    if _DECLARATION.search(file.text):
        raise file.error("content", "<!DOCTYPE or <!ENTITY", "XML as virsh prints it, without any")
    some = False
    for part in _PART.findall(file.text) or [file.text]:
        try:
            root = ElementTree.fromstring(part)
        except (ElementTree.ParseError, ValueError, RecursionError) as error:
            raise file.error("content", "broken XML", f"XML ({error})") from error
        for element in root.iter():
            if element.tag == "capabilities":
                some = True
                found.add_host(_host_of(element, host))
            elif element.tag == "domain" and element.findtext("name"):
                some = True
                _add_domain(element, host, found, states)
    return some


def _host_of(capabilities: ElementTree.Element, host: str) -> InventoryHost:
    memory, cpus = 0, 0
    for cell in capabilities.iterfind("./host/topology/cells/cell"):
        size = cell.find("memory")
        if size is not None:
            memory += _memory(size) or 0
        cpus += len(cell.findall("./cpus/cpu"))
    topology = capabilities.find("./host/cpu/topology")
    if not cpus and topology is not None:
        numbers = [whole_of(topology.get(key)) or 1 for key in ("sockets", "dies", "cores")]
        cpus = numbers[0] * numbers[1] * numbers[2] * (whole_of(topology.get("threads")) or 1)
    return InventoryHost(host, float(cpus) or None, memory or None)


def _memory(element: ElementTree.Element | None) -> int | None:
    if element is None:
        return None
    unit = UNITS.get((element.get("unit") or "KiB").lower(), KIB)
    return bytes_of((element.text or "").strip(), unit)


def _add_domain(
    domain: ElementTree.Element, host: str, found: Inventory, states: dict[str, int | None]
) -> None:
    found.add_host(InventoryHost(host))
    name = _key(host, plain(domain.findtext("name") or ""))
    kept = _kept_because(domain)
    vcpu = domain.find("vcpu")
    text = None if vcpu is None else vcpu.get("current") or (vcpu.text or "").strip()
    current, memory = (_memory(domain.find(tag)) for tag in ("currentMemory", "memory"))
    found.add_vm(
        InventoryVM(
            name=name,
            host=host,
            vcpus=whole_of(text),
            memory_bytes=current or memory,
            migratable=not kept,
            kept_because=kept,
        )
    )
    states.setdefault(name, RUNNING if domain.get("id") else 5)
    local = _local_disk(domain)
    if local and not kept:
        rule = "on storage that other hosts have, too; an override can say migratable = false"
        found.guess("disks of VMs on local-looking paths", rule, name.removeprefix(f"{host}/"))


def _kept_because(domain: ElementTree.Element) -> str:
    devices = domain.find("devices")
    if devices is None:
        return ""
    if devices.find("hostdev") is not None:
        return "host devices"
    for interface in devices.iterfind("interface"):
        if interface.get("type") == "hostdev":
            return "SR-IOV interfaces"
    for disk in devices.iterfind("disk"):
        if disk.get("type") in ("nvme", "vhostvdpa"):
            return "local disks"
    if devices.find("./filesystem[@type='mount']") is not None:
        return "file systems of the host"
    return ""


def _local_disk(domain: ElementTree.Element) -> bool:
    for source in domain.iterfind("./devices/disk[@device='disk']/source"):
        place = source.get("file") or source.get("dev") or ""
        if place.startswith(LOCAL_PATHS):
            return True
    return False


# --- the host -------------------------------------------------------------------------------------


def _read_node_info(file: DumpFile, host: str, found: Inventory) -> bool:
    memory, cpus = _NODE_INFO.search(file.text), _NODE_CPUS.search(file.text)
    if memory is None:
        return False
    cores = whole_of(cpus[1]) if cpus is not None else None
    found.add_host(InventoryHost(host, float(cores) if cores else None, bytes_of(memory[1], KIB)))
    return True
