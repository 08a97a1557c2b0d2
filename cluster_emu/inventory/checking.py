"""What is strange about an inventory, before anything is made of it."""

from __future__ import annotations

from collections import Counter, defaultdict

from cluster_emu.inventory.documents import named
from cluster_emu.inventory.neutral import Inventory
from cluster_emu.units import GIB
from cluster_emu.wording import counted

CPU_OVERCOMMIT = 4.0
"""So many virtual processors to a core are usual."""


def findings(found: Inventory) -> list[str]:
    """Return what is strange, one sentence each; the inventory has no gaps any more."""
    memory: dict[str, int] = defaultdict(int)
    vcpus: dict[str, int] = defaultdict(int)
    count: Counter[str] = Counter()
    for vm in found.vms.values():
        memory[vm.host or ""] += vm.memory_bytes or 0
        vcpus[vm.host or ""] += vm.vcpus or 0
        count[vm.host or ""] += 1
    free = {
        host.name: (host.memory_bytes or 0) - memory[host.name]
        for host in found.hosts.values()
        if host.schedulable
    }
    return [
        *_closed(found),
        *_too_large(found, free),
        *_overcommitted(found),
        *(
            f"Host {host.name} has {vcpus[host.name]} virtual processors on "
            f"{host.cpu_capacity:g} cores."
            for host in found.hosts.values()
            if host.cpu_capacity and vcpus[host.name] > CPU_OVERCOMMIT * host.cpu_capacity
        ),
        *_line("without a VM", [name for name in found.hosts if not count[name]], "Host"),
        *_kept(found),
    ]


def _closed(found: Inventory) -> list[str]:
    return [
        f"Host {host.name} takes no VM: {host.closed_because or 'set by hand'}."
        for host in found.hosts.values()
        if not host.schedulable
    ]


def _too_large(found: Inventory, free: dict[str, int]) -> list[str]:
    ordered = sorted(free.items(), key=lambda pair: -pair[1])[:2]
    lines = []
    for vm in found.vms.values():
        elsewhere = [size for name, size in ordered if name != vm.host]
        most = max(elsewhere, default=0)
        if vm.migratable and (vm.memory_bytes or 0) > most:
            lines.append(
                f"VM {vm.name} ({(vm.memory_bytes or 0) / GIB:.4g} GiB) is larger than the free "
                f"memory of any other host ({max(most, 0) / GIB:.4g} GiB)."
            )
    return lines


def _overcommitted(found: Inventory) -> list[str]:
    return [
        f"Memory is overcommitted on {counted(len(guess.names), 'host')}: "
        f"{named(list(guess.names))}."
        for guess in found.guesses
        if "overcommitted" in guess.rule
    ]


def _kept(found: Inventory) -> list[str]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for vm in found.vms.values():
        if not vm.migratable:
            reasons[vm.kept_because].append(vm.name)
    return [
        f"{counted(len(names), 'VM')} may not migrate ({why}): {named(names)}."
        for why, names in reasons.items()
    ]


def _line(what: str, names: list[str], kind: str) -> list[str]:
    if not names:
        return []
    return [f"{kind}{'s' if len(names) > 1 else ''} {what}: {named(names)}."]
