"""Which VMs may leave a host for another one, as far as the VMs alone decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.consolidation.placement.filters.affinity import Affinity
from cluster_emu.consolidation.view import ClusterView

IS_TOGETHER = Affinity()


def free_to_leave(view: ClusterView, host: int) -> NDArray[np.intp]:
    """Return the movable VMs of `host` that need not stay with their affinity group, ascending."""
    vms = view.movable_on(host)
    grouped = view.state.vms.affinity[vms] >= 0
    if not grouped.any():
        return vms
    stays = [vm for vm in vms[grouped].tolist() if not IS_TOGETHER.passes(view, vm).any()]
    return vms[~np.isin(vms, stays)]
