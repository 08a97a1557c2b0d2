"""Whether a VM may migrate to a host now, by the state alone, and why it may not."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.state import ClusterState


def refusal(state: ClusterState, vm: int, target: int) -> str | None:
    """Return in words why a VM may not migrate to a host now, None if it may.

    CPU is no reason: a user and a retry may overcommit it.
    """
    vms, hosts = state.vms, state.hosts
    source = int(vms.host[vm])
    if vms.lost[vm]:
        return f"{state.names.vm(vm)} is lost"
    if source < 0:
        return f"{state.names.vm(vm)} is not in the cluster"
    if vms.booting[vm]:
        return f"{state.names.vm(vm)} boots"
    if not vms.running[vm]:
        return f"{state.names.vm(vm)} is down"
    if not vms.migratable[vm]:
        return f"{state.names.vm(vm)} may not migrate (migratable = false)"
    if vms.queued[vm]:
        return f"{state.names.vm(vm)} is migrating already, to {state.names.host(vms.target[vm])}"
    if source == target:
        return f"{state.names.vm(vm)} is on {state.names.host(target)} already"
    if hosts.failed[target]:
        return f"{state.names.host(target)} has failed"
    if hosts.drained[target]:
        return f"{state.names.host(target)} is drained"
    if state.kept_apart_from(vm)[target]:
        return (
            f"{state.names.host(target)} has, or expects, a VM of the anti-affinity group of "
            f"{state.names.vm(vm)}"
        )
    if not state.may_take(vm)[target]:
        return f"{state.names.vm(vm)} may not go to {state.names.host(target)} (allowed_hosts)"
    if (group_host := _host_of_group(state, vm, target)) is not None:
        where = state.names.host(group_host)
        return f"{state.names.vm(vm)} stays with its affinity group, which is on {where}"
    if hosts.memory_free_bytes[target] < vms.memory_bytes[vm]:
        return (
            f"{state.names.vm(vm)} does not fit into the free memory of "
            f"{state.names.host(target)}: it has "
            f"{vms.memory_bytes[vm]} bytes, {hosts.memory_free_bytes[target]} are free"
        )
    return None


def _host_of_group(state: ClusterState, vm: int, target: int) -> int | None:
    """Return a host where others of its affinity group keep a VM from `target`, None if none do.

    From a drained host the first of the group may go anywhere; the others follow.
    """
    vms, others = state.vms, state.together_with(vm)
    others = others[vms.running[others]]
    where = np.where(vms.target[others] >= 0, vms.target[others], vms.host[others])
    source = vms.host[vm]
    leaving = state.hosts.drained[source] and (where == source).all()
    if len(where) == 0 or target in where or leaving:
        return None
    return int(where[0])
