"""Whether hosts have the CPU that the migrations which a drain allows at once take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.consolidation import Move
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.scenario.costs import Costs
from cluster_emu.scenario.names import Names


def cpu_warnings(
    costs: Costs,
    limits: ConcurrencyLimits,
    moves: Sequence[Move],
    cpu_capacity: FloatColumn,
    names: Names,
) -> tuple[str, ...]:
    """Return a warning where migrations at once may want more CPU of a host than it has.

    Args:
        costs: CPU that one migration takes of its source and of its target.
        limits: how many may copy at once.
        moves: the moves of the drain.
        cpu_capacity: of the hosts, [hosts].
        names: the names of the hosts.
    """
    count = len(cpu_capacity)
    sources, targets = ([getattr(move, end) for move in moves] for end in ("source", "target"))
    leaving = _at_once(sources, count, limits.outbound_per_host, limits.per_cluster)
    arriving = _at_once(targets, count, limits.inbound_per_host, limits.per_cluster)
    if limits.per_cluster is not None:  # for both ends together: as many as can be of the dearer
        if costs.source_cpu >= costs.target_cpu:
            arriving = np.minimum(arriving, limits.per_cluster - leaving)
        else:
            leaving = np.minimum(leaving, limits.per_cluster - arriving)
    wanted = costs.source_cpu * leaving + costs.target_cpu * arriving
    over = np.flatnonzero(wanted > cpu_capacity)
    if not len(over):
        return ()
    worst = int(over[np.argmax(wanted[over] / cpu_capacity[over])])
    hosts = "1 host" if len(over) == 1 else f"{len(over)} hosts"
    return (
        f"migrations at once may take more CPU than {hosts} have: of {names.host(worst)}, "
        f"which has {cpu_capacity[worst]:g}, {wanted[worst]:g} ({leaving[worst]} leaving at "
        f"costs.source_cpu = {costs.source_cpu:g}, {arriving[worst]} arriving at "
        f"costs.target_cpu = {costs.target_cpu:g}); its VMs get no CPU meanwhile. Allow fewer at "
        "once, or give these costs in the hosts' CPU unit",
    )


def _at_once(hosts: list[int], count: int, *limits: int | None) -> IntColumn:
    most = np.bincount(np.array(hosts, dtype=np.int64), minlength=count)
    for limit in limits:
        most = most if limit is None else np.minimum(most, limit)
    return most.astype(np.int64)
