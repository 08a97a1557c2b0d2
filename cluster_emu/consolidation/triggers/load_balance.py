"""Even out the load: move VMs from the fullest hosts to the emptiest."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.consolidation.contract import Placement, Trigger, triggers
from cluster_emu.consolidation.fields import PlacementField, SelectionField
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.placement.filter_scheduler import FilterScheduler
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.placement.scorers.most_free_memory import MostFreeMemory
from cluster_emu.consolidation.placement.targets import may_receive
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import Spread, TriggerReport
from cluster_emu.consolidation.selection.minimum_migration_time import MinimumMigrationTime
from cluster_emu.consolidation.view import ClusterView
from cluster_emu.wording import counted

Resource = Literal["cpu", "memory"]

BY_RESOURCE: dict[Resource, Placement] = {
    "cpu": MostFree(),
    "memory": FilterScheduler(largest="memory", scorers=(MostFreeMemory(),)),
}
"""The placement unless another one is chosen: the least utilised host with the VM."""


@triggers.register("load-balance")
@dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class LoadBalance(Trigger):
    """Moves VMs from the most to the least utilised hosts while the spread is too large.

    A move counts only if its target ends at least `margin` below what the source had. The way back
    would need the opposite, so with a steady load no VM ever returns. A host that is drained takes
    no part, nor does one that is off, unless it may be woken.

    Args:
        spread: largest spread of the utilisation that triggers nothing.
        measure: "range" for the largest minus the least utilisation, "stddev" for the standard
            deviation over the hosts.
        margin: how far below the former utilisation of its source the target of a move must end.
        max_moves: moves at one control instant.
        resource: whether the utilisation is that of the "cpu" or of the "memory".
        wake: whether hosts that are off take part as empty ones, and are woken; load is then spread
            over all hosts, and none is left off to save energy.
        selection: which VM of the most utilised host moves first.
        placement: its target; if None, the host that ends the least utilised.
    """

    name: ClassVar[str] = "load-balance"
    summary: ClassVar[str] = "move VMs from the most to the least utilised hosts"
    source: ClassVar[str] = "greedy pairwise balancing, own rule against moving back and forth"

    spread: float = Field(default=0.2, gt=0, allow_inf_nan=False)
    measure: Literal["range", "stddev"] = "range"
    margin: float = Field(default=0.02, gt=0, le=1, allow_inf_nan=False)
    max_moves: int = Field(default=8, gt=0)
    resource: Resource = "cpu"
    wake: bool = False
    selection: SelectionField = Field(default_factory=MinimumMigrationTime)
    placement: PlacementField | None = None

    def moves(self, plan: Plan, rng: np.random.Generator) -> tuple[list[Move], TriggerReport]:
        """Return at most `max_moves` moves, and the report."""
        moves: list[Move] = []
        taking_part = plan.operational if self.wake else plan.operational & plan.on
        if taking_part.sum() < 2:
            return moves, TriggerReport(trigger=self.name, note=self._too_few(plan, taking_part))
        stuck = np.zeros_like(taking_part)
        before = self._spread_of(plan, taking_part)
        while len(moves) < self.max_moves and self._spread_of(plan, taking_part) > self.spread:
            source = self._fullest(plan, taking_part, stuck)
            if source < 0:
                break
            move = self._move_off(plan, source, taking_part, rng)
            if move is None:
                stuck[source] = True
            else:
                moves.append(move)
        after = self._spread_of(plan, taking_part)
        measured = f"{self.measure} of the {self._utilisation_name}"
        at_limit = after > self.spread and len(moves) == self.max_moves
        no_vm = no_target = 0
        if after > self.spread and not at_limit:
            no_vm = int((stuck & (plan.movable_count == 0)).sum())
            no_target = int(stuck.sum()) - no_vm
        note = f"{measured} {before:.3f}, {after:.3f} after the moves, {self.spread:.3f} allowed"
        if at_limit:
            note += f"; {counted(self.max_moves, 'move')} at most at one instant"
        if no_vm:
            note += f"; {_hosts_have(no_vm)} no VM that may migrate now"
        if no_target:
            note += f"; with a margin of {self.margin:g}, {_hosts_have(no_target)} no VM to move"
        no_move = f"x a host above the mean without a VM to move by the margin {self.margin:g}"
        above_as = {
            f"x {counted(self.max_moves, 'move')} at most at one instant": int(at_limit),
            "x a host above the mean without a VM that may migrate": no_vm,
            no_move: no_target,
        }
        why = {reason: count for reason, count in above_as.items() if count}
        spread = Spread(measured, before, after, self.spread, why)
        return moves, TriggerReport(trigger=self.name, moves=len(moves), spread=spread, note=note)

    def _move_off(
        self, plan: Plan, source: int, taking_part: BoolColumn, rng: np.random.Generator
    ) -> Move | None:
        """Find the first VM of `source` whose move is worth it, and count the move."""
        ceiling = self._utilisation(plan)[source] - self.margin
        placement = self.placement or BY_RESOURCE[self.resource]
        for vm in self.selection.rank(plan, source, rng).tolist():
            if self._wanted(plan, vm) <= 0:
                continue  # its move would change nothing
            improved = self._utilisation_with(plan, vm) <= ceiling
            allowed = taking_part & may_receive(plan, vm) & improved
            target = placement.choose(plan, vm, allowed, rng)
            if target >= 0:
                move = Move(vm, source, target, "balance", Priority.REBALANCE)
                plan.apply(move)
                return move
        return None

    def _fullest(self, view: ClusterView, taking_part: BoolColumn, stuck: BoolColumn) -> int:
        """Return the most utilised host that is not stuck and above the mean, or -1."""
        utilisation = self._utilisation(view)
        above = taking_part & ~stuck & (utilisation > utilisation[taking_part].mean())
        if not above.any():
            return -1
        return int(np.argmax(np.where(above, utilisation, -np.inf)))

    # --- the resource -----------------------------------------------------------------------------

    @property
    def _utilisation_name(self) -> str:
        return "utilisation" if self.resource == "cpu" else "memory utilisation"

    def _utilisation(self, view: ClusterView) -> FloatColumn:
        return view.utilisation if self.resource == "cpu" else view.memory_utilisation

    def _utilisation_with(self, view: ClusterView, vm: int) -> FloatColumn:
        if self.resource == "cpu":
            return view.utilisation_with(vm)
        return view.memory_utilisation_with(vm)

    def _wanted(self, view: ClusterView, vm: int) -> float:
        wanted = view.vm_cpu_demand if self.resource == "cpu" else view.state.vms.memory_bytes
        return float(wanted[vm])

    def _spread_of(self, view: ClusterView, taking_part: BoolColumn) -> float:
        utilisation = self._utilisation(view)[taking_part]
        return float(np.ptp(utilisation) if self.measure == "range" else np.std(utilisation))

    # --- in words ---------------------------------------------------------------------------------

    def _too_few(self, view: ClusterView, taking_part: BoolColumn) -> str:
        who = "no host takes part"
        if taking_part.any():
            who = f"only host {int(np.argmax(taking_part))} takes part"
        states = view.state.hosts
        off = int((view.operational & ~view.on).sum())
        reasons = [
            f"{off} off (wake = false)" if off else "",
            f"{drained} drained" if (drained := int((view.drained & ~states.failed).sum())) else "",
            f"{failed} failed" if (failed := int(states.failed.sum())) else "",
        ]
        others = ", ".join(filter(None, reasons)) or "there is no other"
        return f"{who}, so there is nothing to balance; of the other hosts: {others}"


def _hosts_have(count: int) -> str:
    """Return how a sentence about hosts begins: ``1 host above the mean has``."""
    return f"{counted(count, 'host')} above the mean {'has' if count == 1 else 'have'}"
