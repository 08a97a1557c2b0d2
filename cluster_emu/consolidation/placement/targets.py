"""Where a VM can go at all, whichever placement chooses among these hosts."""

from __future__ import annotations

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.placement.composed import passing
from cluster_emu.consolidation.placement.filters.fits_memory import FitsMemory
from cluster_emu.consolidation.placement.filters.not_drained import NotDrained
from cluster_emu.consolidation.placement.filters.not_failed import NotFailed
from cluster_emu.consolidation.placement.filters.other_host import OtherHost
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.view import ClusterView

FILTERS = (FitsMemory(), NotDrained(), NotFailed(), OtherHost())
"""What every migration needs of its target."""
UP_FILTERS = (NotDrained(), NotFailed())


def may_receive(view: ClusterView, vm: int) -> BoolColumn:
    """Return the hosts with memory for `vm`, up, not drained and not its own, [hosts]."""
    return passing(FILTERS[1:], view, vm, FILTERS[0].passes(view, vm))


def may_restart_on(view: ClusterView, vm: int) -> BoolColumn:
    """Return the hosts for a VM that is down; where it was it still has its memory, [hosts]."""
    has_memory = FitsMemory().passes(view, vm).copy()
    has_memory[view.state.vms.host[vm]] = True
    return passing(UP_FILTERS, view, vm, has_memory)


def another_target(view: ClusterView, vm: int) -> int | None:
    """Return where `vm` goes when the target planned for it cannot take it any more, or None.

    It is the host left with the most free CPU.
    """
    host = MostFree().best_host(view, vm, may_receive(view, vm))
    return None if host < 0 else host


def restart_host(view: ClusterView, vm: int) -> int | None:
    """Return where `vm`, which is down, starts again, or None: most free CPU, as above."""
    host = MostFree().best_host(view, vm, may_restart_on(view, vm))
    return None if host < 0 else host
