"""What a dump does not say, filled in by rules that are listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from cluster_emu.inventory.neutral import Inventory, InventoryHost
from cluster_emu.units import GIB, MIB

LINK_BPS = 10e9
DIRTY_PER_VCPU = 4 * MIB
MEMORY_BYTES = 4 * GIB
CPU_OVERCOMMIT = 2.0
ONE_RACK = "rack"


def fill_in(found: Inventory) -> None:
    """Fill in every None of hosts and VMs; each rule that did so becomes a guess."""
    _vms(found)
    _place_homeless(found)
    _hosts(found)
    _rates(found)


def _vms(found: Inventory) -> None:
    for vm in found.vms.values():
        if vm.vcpus is None:
            vm.vcpus = 1
            found.guess("virtual processors of VMs", "1, as nothing is given", vm.name)
        if vm.memory_bytes is None:
            vm.memory_bytes = MEMORY_BYTES
            found.guess("memory of VMs", "4 GiB, as nothing is given", vm.name)
        if vm.memory_used_bytes is not None and vm.memory_used_bytes > vm.memory_bytes:
            vm.memory_used_bytes = None
    without = [vm.name for vm in found.vms.values() if vm.memory_used_bytes is None]
    if without:
        found.guess(
            "memory in use of VMs", "all of it, so that every page is sent at least once", *without
        )


def name_unknown_hosts(found: Inventory) -> None:
    """Make the hosts that VMs name and no dump describes."""
    for vm in found.vms.values():
        if vm.host is not None and vm.host not in found.hosts:
            found.add_host(InventoryHost(vm.host))
            found.guess("hosts", "not described in the dump, only named by VMs", vm.host)


def _place_homeless(found: Inventory) -> None:
    name_unknown_hosts(found)  # an override may have named one
    homeless = [vm for vm in found.vms.values() if vm.host is None]
    if homeless:
        rule = "not given: placed by the scenario's rule, the host with the most free memory first"
        found.guess("host of VMs", rule, *(vm.name for vm in homeless))
        if not found.hosts:
            found.add_host(InventoryHost("host-1"))
            found.add_host(InventoryHost("host-2"))
            found.guess("hosts", "two, as the dump has none", "host-1", "host-2")


def _hosts(found: Inventory) -> None:
    memory: dict[str, int] = defaultdict(int)
    vcpus: dict[str, int] = defaultdict(int)
    for vm in found.vms.values():
        memory[vm.host or ""] += vm.memory_bytes or 0
        vcpus[vm.host or ""] += vm.vcpus or 0
    spread = -(-memory[""] // max(len(found.hosts), 1))
    largest = max((vm.memory_bytes or 0 for vm in found.vms.values()), default=0)
    sizes = [host.memory_bytes for host in found.hosts.values() if host.memory_bytes]
    cores = [host.cpu_capacity for host in found.hosts.values() if host.cpu_capacity]
    more = 0 if _homeless_fit(found, memory) else spread + largest
    for host in found.hosts.values():
        needed = memory[host.name] + more
        if host.memory_bytes is None:
            rule = "the most of any host in the dump" if sizes else "twice what VMs have, 64 GiB"
            host.memory_bytes = max(*sizes, needed) if sizes else max(2 * needed, 64 * GIB)
            found.guess("memory of hosts", f"{rule}, as nothing is given", host.name)
        elif host.memory_bytes < needed:
            rule = "as much as its VMs have: they have more than the host (memory is overcommitted)"
            if host.memory_bytes >= memory[host.name]:
                rule = "more than given, with room for the VMs whose host is not given"
            host.memory_bytes = needed
            found.guess("memory of hosts", rule, host.name)
        if host.cpu_capacity is None:
            half = max(vcpus[host.name] / CPU_OVERCOMMIT, 8.0)
            host.cpu_capacity = max(cores) if cores else float(-(-half // 1))
            rule = "the most of any host" if cores else "one core for two virtual processors, 8"
            found.guess("cores of hosts", f"{rule}, as nothing is given", host.name)
        if host.link_bps is None:
            host.link_bps = LINK_BPS
            found.guess("link speed of hosts", "10 Gbit/s, as no dump has it", host.name)
        if host.rack is None:
            host.rack = ONE_RACK
            found.guess("rack of hosts", f"one rack, called {ONE_RACK}", host.name)


def _homeless_fit(found: Inventory, memory: Mapping[str, int]) -> bool:
    """Return whether VMs without a host certainly fit into what is free where it is known.

    Wherever one of them does not fit, less than its memory is free; so all fit if as much as they
    have is left when each host keeps that of the largest.
    """
    homeless = [vm.memory_bytes or 0 for vm in found.vms.values() if vm.host is None]
    largest = max(homeless, default=0)
    free = [
        host.memory_bytes - memory[host.name] - largest
        for host in found.hosts.values()
        if host.memory_bytes is not None and host.schedulable
    ]
    return not homeless or sum(each for each in free if each > 0) >= sum(homeless)


def _rates(found: Inventory) -> None:
    measured = [vm.name for vm in found.vms.values() if vm.dirty_bytes_per_s is not None]
    for vm in found.vms.values():
        if vm.dirty_bytes_per_s is None and vm.profile is None:
            vm.dirty_bytes_per_s = float(DIRTY_PER_VCPU * (vm.vcpus or 1))
            found.guess("dirty rate of VMs", "4 MiB/s for each virtual processor", vm.name)
    if measured:
        found.note(
            f"Dirty rates of {len(measured)} of {len(found.vms)} VMs are single readings. One "
            "reading cannot tell how the rate changes with load, and not whether few pages are "
            "written often or many seldom: the pages of 10 s of it are taken as the working set."
        )
