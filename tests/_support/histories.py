"""Plans on clusters whose VMs have a utilisation history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation import MigrationNetwork, Plan, UtilisationHistory
from cluster_emu.consolidation.view import Watts


def plan_after(
    state: ClusterState,
    loads: Sequence[Sequence[float]] | np.ndarray,
    watts: Watts,
    *,
    kept: int | None = None,
    network: MigrationNetwork | None = None,
) -> Plan:
    """Return the plan of the instant of the last row, after the VMs wanted `loads`.

    Args:
        state: the cluster.
        loads: demand of each VM over its capacity, [instants, vms], the oldest instant first.
        watts: power of hosts if switched on.
        kept: instants that the history keeps, as many as there are rows if None.
        network: links and routes.
    """
    history = UtilisationHistory(len(loads) if kept is None else kept, state)
    for load in loads:
        state.set_demand(np.array(load, dtype=np.float64), state.time_s)
        history.record()
    return Plan.of(state, watts, history=history, network=network)
