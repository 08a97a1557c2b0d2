"""Targets for all VMs of a host, found by compiled code where the policies allow it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.consolidation.contract import Placement
from cluster_emu.consolidation.placement.composed import ComposedPlacement
from cluster_emu.consolidation.placement.filters.has_vms import HasVMs
from cluster_emu.consolidation.placement.filters.operational import Operational
from cluster_emu.consolidation.placement.filters.switched_on import SwitchedOn
from cluster_emu.consolidation.placement.scorers.least_power_rise import LeastPowerRise
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import Obstacle
from cluster_emu.consolidation.room import SLACK

DEMAND_LEVELS = 20
MEMORY_LEVELS = 8
LARGEST_TO_SMALLEST = 1e4
"""Levels of VMs: by CPU demand in even ratios, down to this part of the largest, and by memory."""

LEAST_HOSTS = 1000
"""Below, planning takes less time than loading the machine code."""

PASSED_BY_TARGETS = (HasVMs, Operational, SwitchedOn)
"""Filters that every host passes which is up, not drained, and has VMs."""


class CompiledEvacuation:
    """Places all VMs of one host after another on hosts that are up, not drained, and have VMs.

    It finds what the placement would choose for one VM after the other; `supports` says for which
    placements. It keeps copies of the columns of the targets, and changes nothing else.

    Args:
        plan: the cluster.
        targets: hosts that may take VMs (mask, [hosts]).
        limits: the utilisation up to which each host takes VMs, [hosts].
    """

    def __init__(self, plan: Plan, targets: BoolColumn, limits: FloatColumn) -> None:
        from cluster_emu.consolidation import _evacuation_kernels as kernels

        self._kernels = kernels
        self._plan = plan
        self._hosts = np.flatnonzero(targets)
        self._place = np.full(len(targets), -1)
        self._place[self._hosts] = np.arange(len(self._hosts))
        capacity = plan.state.hosts.cpu_capacity
        table = np.empty((kernels.TARGET_ROWS, len(self._hosts)))
        rows = {
            kernels.CPU: plan.cpu_demand,
            kernels.CAPACITY: capacity,
            kernels.LIMIT: limits,
            kernels.REACH: np.maximum(limits * capacity, 0.0) * (1.0 + SLACK),
            kernels.WATTS: plan.watts_now,
            kernels.FREE: plan.memory_free_bytes,
        }
        for row, column in rows.items():
            table[row] = column[self._hosts]
        self._targets = table
        block_count = -(-len(self._hosts) // kernels.BLOCK)
        self._blocks = np.empty((kernels.BLOCK_ROWS, block_count))
        kernels.measure_blocks(self._targets, self._blocks)
        model_of, models = _even_lines(plan)
        self._model = model_of[self._hosts]
        self._line_count = np.array([len(lines.load) - 1 for lines in models])
        self._lines = np.zeros((len(models), 3, int(self._line_count.max()) + 1))
        for number, lines in enumerate(models):
            self._lines[number, :, : len(lines.load)] = lines
        self._demand_levels, self._memory_levels = _levels(plan)
        levels = (len(self._demand_levels) - 1, len(self._memory_levels))
        self._bounds = np.full((block_count, *levels, 2), kernels.UNKNOWN)
        self._possible = np.empty(len(self._hosts), dtype=np.int64)
        self._rises = np.empty(len(self._hosts))

    @staticmethod
    def supports(plan: Plan, placement: Placement) -> bool:
        """Return whether it chooses as a placement does.

        The placement must be a composition with `LeastPowerRise` alone, whose filters all targets
        pass, power must run in even lines, and no VM may be in a group of affinity or
        anti-affinity, or have hosts that alone may take it.
        """
        if len(plan.on) < LEAST_HOSTS or _even_lines(plan) is None:
            return False
        if not isinstance(placement, ComposedPlacement):
            return False
        kind = type(placement)
        return (
            kind.choose is ComposedPlacement.choose
            and kind.best_host is ComposedPlacement.best_host
            and [type(scorer) for scorer in placement.scorers] == [LeastPowerRise]
            and all(
                type(each) in PASSED_BY_TARGETS
                for each in (*placement.filters, *placement.preferred)
            )
            and not (plan.state.vms.anti_affinity >= 0).any()
            and not (plan.state.vms.affinity >= 0).any()
            and not (plan.state.vms.placement_class >= 0).any()
        )

    def place(self, vms: NDArray[np.intp], host: int) -> list[int] | Obstacle:
        """Return the target of each VM of `host`, placed in this order, or why one has none.

        If all have one, they count as placed, and `host` takes no VM any more.
        """
        plan = self._plan
        chosen = np.empty(len(vms), dtype=np.int64)
        placed, short_of_memory = self._kernels.place_all(
            self._targets,
            self._blocks,
            self._model,
            self._line_count,
            self._lines,
            self._demand_levels,
            self._memory_levels,
            self._bounds,
            plan.vm_cpu_demand[vms],
            plan.state.vms.memory_bytes[vms].astype(np.float64),
            int(self._place[host]),
            LeastPowerRise.tolerance,
            chosen,
            np.empty((2, len(vms))),
            self._possible,
            self._rises,
        )
        if placed < len(vms):
            return Obstacle.MEMORY if short_of_memory else Obstacle.CPU
        targets: list[int] = self._hosts[chosen].tolist()
        return targets


def _even_lines(plan: Plan) -> Any:
    """Return the power of hosts in even lines, if it has them, as `metrics.power.PowerColumns`."""
    return getattr(plan.watts, "even_lines", None)


def _levels(plan: Plan) -> tuple[FloatColumn, FloatColumn]:
    """Return where the levels of CPU demand begin and the last one ends, and those of memory."""
    largest = float(plan.vm_cpu_demand.max(initial=0.0)) or 1.0
    ratios = np.geomspace(1.0 / LARGEST_TO_SMALLEST, 1.0, DEMAND_LEVELS - 1)
    sizes = np.unique(plan.state.vms.memory_bytes).astype(np.float64)
    places = np.linspace(0, len(sizes), min(MEMORY_LEVELS, len(sizes)), endpoint=False)
    cpu = np.concatenate(([0.0], largest * ratios, [2.0 * largest]))
    return cpu, sizes[places.astype(np.int64)]
