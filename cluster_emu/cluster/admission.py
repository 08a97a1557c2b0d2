"""Whether a VM may migrate to a host now, by the state alone, and why it may not."""

from __future__ import annotations

from cluster_emu.cluster.state import ClusterState


def refusal(state: ClusterState, vm: int, target: int) -> str | None:
    """Return in words why a VM may not migrate to a host now, None if it may.

    CPU is no reason: a user and a retry may overcommit it.
    """
    vms, hosts = state.vms, state.hosts
    source = int(vms.host[vm])
    if vms.lost[vm]:
        return f"VM {vm} is lost"
    if not vms.running[vm]:
        return f"VM {vm} is down"
    if not vms.migratable[vm]:
        return f"VM {vm} may not migrate (migratable = false)"
    if vms.queued[vm]:
        return f"VM {vm} is migrating already, to host {vms.target[vm]}"
    if source == target:
        return f"VM {vm} is on host {target} already"
    if hosts.failed[target]:
        return f"host {target} has failed"
    if hosts.drained[target]:
        return f"host {target} is drained"
    if state.kept_apart_from(vm)[target]:
        return f"host {target} has, or expects, a VM of the anti-affinity group of VM {vm}"
    if hosts.memory_free_bytes[target] < vms.memory_bytes[vm]:
        return (
            f"VM {vm} does not fit into the free memory of host {target}: it has "
            f"{vms.memory_bytes[vm]} bytes, {hosts.memory_free_bytes[target]} are free"
        )
    return None
