"""Where the VMs are when a run begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario
from cluster_emu.state import IntColumn


def place(
    scenario: Scenario,
    host_memory_bytes: IntColumn,
    vm_memory_bytes: IntColumn,
    rng: np.random.Generator,
) -> IntColumn:
    """Return the host of each VM, shape [vms], by memory alone.

    "spread" gives each VM in turn to the host with the most free memory, "pack" to the first host
    it fits on, "random" to a random one it fits on; a group with a fixed `host` goes there.

    Raises:
        ScenarioError: if a VM is larger than every host, or no host has room for it any more.
    """
    free = host_memory_bytes.copy()
    fixed = [group.host for group in scenario.vms for _ in range(group.count)]
    group_of = [i for i, group in enumerate(scenario.vms) for _ in range(group.count)]
    hosts = np.empty(len(fixed), dtype=np.int64)
    for vm, need in enumerate(vm_memory_bytes):
        field = f"vms.{group_of[vm]}"
        if need > host_memory_bytes.max():
            allowed = f"at most the largest host's {host_memory_bytes.max()} bytes"
            raise ScenarioError(f"{field}.memory_bytes", int(need), allowed)
        host = _host(fixed[vm], scenario.placement, free, need, rng, field)
        if host is None:
            fitted = group_of[:vm].count(group_of[vm])
            allowed = (
                f"what the hosts' memory holds, {fitted} with placement {scenario.placement!r}"
            )
            raise ScenarioError(f"{field}.count", scenario.vms[group_of[vm]].count, allowed)
        hosts[vm] = host
        free[host] -= need
    return hosts


def _host(
    fixed: int | None,
    how: str,
    free: IntColumn,
    need: np.int64,
    rng: np.random.Generator,
    field: str,
) -> int | None:
    """Return the host of a VM, None where it fits on none."""
    fits: NDArray[np.intp] = np.flatnonzero(free >= need)
    if fixed is not None:
        if fixed not in fits:
            allowed = f"the number of a host below {len(free)} with {need} bytes of memory left"
            raise ScenarioError(f"{field}.host", fixed, allowed)
        return fixed
    if not len(fits):
        return None
    if how == "pack":
        return int(fits[0])
    if how == "random":
        return int(rng.choice(fits))
    return int(np.argmax(free))
