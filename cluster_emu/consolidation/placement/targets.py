"""The possible targets of a VM, from which a placement chooses."""

from __future__ import annotations

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.placement.composed import passing
from cluster_emu.consolidation.placement.filters.affinity import Affinity
from cluster_emu.consolidation.placement.filters.allowed_hosts import AllowedHosts
from cluster_emu.consolidation.placement.filters.anti_affinity import AntiAffinity
from cluster_emu.consolidation.placement.filters.fits_memory import FitsMemory
from cluster_emu.consolidation.placement.filters.operational import Operational
from cluster_emu.consolidation.placement.filters.other_host import OtherHost
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.report import Obstacle
from cluster_emu.consolidation.view import ClusterView

HAS_MEMORY, IS_OPERATIONAL, IS_ANOTHER = FitsMemory(), Operational(), OtherHost()
IS_APART, IS_TOGETHER, IS_ALLOWED = AntiAffinity(), Affinity(), AllowedHosts()


def may_receive(view: ClusterView, vm: int) -> BoolColumn:
    """Return the hosts for `vm`: with memory, up, not drained, not its own, [hosts].

    None of them has a VM of its anti-affinity group, all keep it with its affinity group, and the
    scenario allows it there.
    """
    return IS_APART.passes(view, vm) & _may_receive_together(view, vm)


def only_kept_apart(view: ClusterView, vm: int) -> bool:
    """Return whether anti-affinity alone leaves no host for `vm`."""
    return bool(_may_receive_together(view, vm).any() and not may_receive(view, vm).any())


def _may_receive_together(view: ClusterView, vm: int) -> BoolColumn:
    conditions = (IS_OPERATIONAL, IS_ANOTHER, IS_TOGETHER, IS_ALLOWED)
    return passing(conditions, view, vm, HAS_MEMORY.passes(view, vm))


def obstacle(view: ClusterView, vm: int, allowed: BoolColumn, has_cpu: BoolColumn) -> Obstacle:
    """Return why `vm` fits on none of `allowed` (mask, [hosts]), `has_cpu` being those with CPU."""
    conditions = (
        (Obstacle.NO_OPEN_HOST, IS_OPERATIONAL.passes(view, vm) & IS_ANOTHER.passes(view, vm)),
        (Obstacle.NOT_ALLOWED, IS_ALLOWED.passes(view, vm)),
        (Obstacle.MEMORY, HAS_MEMORY.passes(view, vm)),
        (Obstacle.AFFINITY, IS_TOGETHER.passes(view, vm)),
        (Obstacle.ANTI_AFFINITY, IS_APART.passes(view, vm)),
        (Obstacle.CPU, has_cpu),
    )
    for name, passes in conditions:
        allowed = allowed & passes
        if not allowed.any():
            return name
    return Obstacle.PLACEMENT


def may_restart_on(view: ClusterView, vm: int) -> BoolColumn:
    """Return the hosts for a VM that is down; where it was it still has its memory, [hosts].

    They keep it with its affinity group if there are such; otherwise running again counts more.
    """
    has_memory = HAS_MEMORY.passes(view, vm).copy()
    has_memory[view.state.vms.host[vm]] = True
    allowed = passing((IS_OPERATIONAL, IS_APART, IS_ALLOWED), view, vm, has_memory)
    together = allowed & IS_TOGETHER.passes(view, vm)
    return together if together.any() else allowed


def another_target(view: ClusterView, vm: int) -> int | None:
    """Return the host for `vm` when its planned target cannot take it any more, or None.

    It is the host that is left with the most free CPU; the VM may still be queued for the old one.
    """
    allowed = may_receive(view, vm)
    allowed[view.state.vms.host[vm]] = False
    host = MostFree().best_host(view, vm, allowed)
    return None if host < 0 else host


def restart_host(view: ClusterView, vm: int) -> int | None:
    """Return the host on which `vm`, which is down, restarts, or None.

    It is the host that is left with the most free CPU.
    """
    host = MostFree().best_host(view, vm, may_restart_on(view, vm))
    return None if host < 0 else host
