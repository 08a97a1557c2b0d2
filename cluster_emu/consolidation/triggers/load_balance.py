"""Even out the load: move VMs from the fullest hosts to the emptiest."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import Trigger, triggers
from cluster_emu.consolidation.fields import PlacementField, SelectionField
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.placement.targets import may_receive
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import TriggerReport
from cluster_emu.consolidation.selection.minimum_migration_time import MinimumMigrationTime
from cluster_emu.consolidation.view import ClusterView


@triggers.register("load-balance")
@dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class LoadBalance(Trigger):
    """Moves VMs from the most to the least utilised hosts while the spread is too large.

    A move counts only if it leaves both of its hosts at least `margin` below what the source had.
    The way back would need the opposite, so with a steady load no VM ever returns. Hosts that are
    off or drained take no part.

    Args:
        spread: largest spread of the utilisation that triggers nothing.
        measure: "range" for the largest minus the least utilisation, "stddev" for the standard
            deviation over the hosts.
        margin: the least improvement worth a migration, as utilisation.
        max_moves: moves at one control instant.
        selection: which VM of the most utilised host moves first.
        placement: its target.
    """

    name: ClassVar[str] = "load-balance"
    summary: ClassVar[str] = "move VMs from the most to the least utilised hosts"
    source: ClassVar[str] = "greedy pairwise balancing, own rule against moving back and forth"

    spread: float = Field(default=0.2, gt=0, allow_inf_nan=False)
    measure: Literal["range", "stddev"] = "range"
    margin: float = Field(default=0.02, gt=0, le=1, allow_inf_nan=False)
    max_moves: int = Field(default=8, gt=0)
    selection: SelectionField = Field(default_factory=MinimumMigrationTime)
    placement: PlacementField = Field(default_factory=MostFree)

    def moves(self, plan: Plan, rng: np.random.Generator) -> tuple[list[Move], TriggerReport]:
        """Return at most `max_moves` moves, and the report."""
        moves: list[Move] = []
        taking_part = plan.on & ~plan.drained
        stuck = np.zeros_like(taking_part)
        before = self._spread_of(plan, taking_part)
        while len(moves) < self.max_moves and self._spread_of(plan, taking_part) > self.spread:
            source = _fullest(plan, taking_part, stuck)
            if source < 0:
                break
            move = self._move_off(plan, source, taking_part, rng)
            if move is None:
                stuck[source] = True
            else:
                moves.append(move)
        after = self._spread_of(plan, taking_part)
        note = (
            f"{self.measure} of the utilisation {before:.3f}, {after:.3f} after the moves, "
            f"{self.spread:.3f} allowed; {int(stuck.sum())} hosts above the mean have no VM to move"
        )
        return moves, TriggerReport(trigger=self.name, moves=len(moves), note=note)

    def _spread_of(self, view: ClusterView, taking_part: BoolColumn) -> float:
        utilisation = view.utilisation[taking_part]
        if len(utilisation) == 0:
            return 0.0
        return float(np.ptp(utilisation) if self.measure == "range" else np.std(utilisation))

    def _move_off(
        self, plan: Plan, source: int, taking_part: BoolColumn, rng: np.random.Generator
    ) -> Move | None:
        """Find the first VM of `source` whose move is worth it, and count the move."""
        ceiling = plan.utilisation[source] - self.margin
        for vm in self.selection.rank(plan, source, rng).tolist():
            if plan.vm_cpu_demand[vm] < self.margin * plan.state.hosts.cpu_capacity[source]:
                continue
            improved = plan.utilisation_with(vm) <= ceiling
            allowed = taking_part & may_receive(plan, vm) & improved
            target = self.placement.choose(plan, vm, allowed, rng)
            if target >= 0:
                move = Move(vm, source, target, "balance", Priority.REBALANCE)
                plan.apply(move)
                return move
        return None


def _fullest(view: ClusterView, taking_part: BoolColumn, stuck: BoolColumn) -> int:
    """Return the most utilised host that is not stuck and above the mean, or -1."""
    utilisation = view.utilisation
    above = taking_part & ~stuck & (utilisation > utilisation[taking_part].mean())
    if not above.any():
        return -1
    return int(np.argmax(np.where(above, utilisation, -np.inf)))
