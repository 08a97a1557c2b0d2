"""The classic consolidation step: relieve overloaded hosts, then empty underloaded ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import Trigger, triggers
from cluster_emu.consolidation.fields import (
    OverloadField,
    PlacementField,
    SelectionField,
    UnderloadField,
)
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.overload.static_threshold import StaticThreshold
from cluster_emu.consolidation.placement.filters.has_vms import HasVMs
from cluster_emu.consolidation.placement.power_aware_best_fit_decreasing import (
    PowerAwareBestFitDecreasing,
)
from cluster_emu.consolidation.placement.targets import may_receive
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import TriggerReport
from cluster_emu.consolidation.room import Room
from cluster_emu.consolidation.selection.minimum_migration_time import MinimumMigrationTime
from cluster_emu.consolidation.underload.least_utilised import LeastUtilised

IN_USE = HasVMs()


@triggers.register("consolidation")
@dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Consolidation(Trigger):
    """Takes VMs off overloaded hosts, then empties underloaded hosts all or nothing.

    A host that was overloaded takes no VM, and a host that is the target of a planned move is not
    emptied, so no VM is planned twice. An underloaded host's VMs go only to switched-on hosts that
    have VMs: neither a host woken for them nor one just emptied would save anything. Whether an
    empty host is switched off is not decided here.

    Args:
        overload: which hosts have too much load, and where a VM still fits.
        underload: which hosts to empty, in what order.
        selection: which VMs leave an overloaded host; they are taken until it no longer is one.
        placement: where the VMs go.
    """

    name: ClassVar[str] = "consolidation"
    summary: ClassVar[str] = "relieve overloaded hosts, then empty underloaded ones"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, without its double planning of a VM"

    overload: OverloadField = Field(default_factory=StaticThreshold)
    underload: UnderloadField = Field(default_factory=LeastUtilised)
    selection: SelectionField = Field(default_factory=MinimumMigrationTime)
    placement: PlacementField = Field(default_factory=PowerAwareBestFitDecreasing)

    def moves(self, plan: Plan, rng: np.random.Generator) -> tuple[list[Move], TriggerReport]:
        """Return the moves off overloaded hosts, then those that empty hosts, and the report."""
        overloaded = self.overload.overloaded(plan)
        relief, unplaced = self._relieve(plan, overloaded, rng)
        found = int(overloaded.sum())
        relieved = int((overloaded & ~self.overload.overloaded(plan)).sum())
        evacuations, tried, emptied = self._empty_underloaded(
            plan, ~overloaded & ~plan.drained, rng
        )
        moves = relief + evacuations
        return moves, TriggerReport(
            trigger=self.name,
            moves=len(moves),
            overloaded=found,
            relieved=relieved,
            tried=tried,
            emptied=emptied,
            unplaced=tuple(unplaced),
            note=(
                f"{relieved} of {found} overloaded hosts relieved, "
                f"{len(unplaced)} of their VMs fit nowhere; "
                f"{emptied} of {tried} underloaded hosts emptied"
            ),
        )

    def _relieve(
        self, plan: Plan, overloaded: BoolColumn, rng: np.random.Generator
    ) -> tuple[list[Move], list[int]]:
        """Plan the moves off the overloaded hosts; also return the VMs that fit nowhere."""
        hosts = np.flatnonzero(overloaded).tolist()
        taken = [vm for host in hosts for vm in self._taken(plan, host, rng)]
        moves: list[Move] = []
        unplaced: list[int] = []
        for vm in self.placement.order(plan, np.array(taken, dtype=np.intp)).tolist():
            move = self._planned(plan, vm, ~overloaded, "overload", rng)
            if move is None:
                unplaced.append(vm)
            else:
                moves.append(move)
        return moves, unplaced

    def _taken(self, plan: Plan, host: int, rng: np.random.Generator) -> list[int]:
        """Return the VMs to take off `host`, in the selection's order, leaving `plan` unchanged."""
        mark = plan.snapshot()
        taken: list[int] = []
        for vm in self.selection.rank(plan, host, rng).tolist():
            if plan.vm_cpu_demand[vm] <= 0:
                continue  # a VM that wants no CPU relieves nothing
            plan.lift(vm)
            taken.append(vm)
            if not self.overload.is_overloaded(plan, host):
                break
        plan.restore(mark)
        return taken

    def _empty_underloaded(
        self, plan: Plan, allowed: BoolColumn, rng: np.random.Generator
    ) -> tuple[list[Move], int, int]:
        """Plan the moves that empty hosts; also return how many were tried and are emptied.

        Most hosts cannot be emptied, and that is found for all of them at once: none is tried one
        of whose VMs is too large for every target. From then on targets only lose room, so what was
        found stays true; it is found anew after a failure if moves were planned since.
        """
        moves: list[Move] = []
        tried = emptied = 0
        # A host's utilisation changes only when a move to it is planned, after which it is not
        # emptied, so the order found now stays right.
        candidates = self.underload.candidates(plan, allowed)
        hopeless = self._hopeless(plan, candidates, allowed)
        is_news = False
        for place, host in enumerate(candidates.tolist()):
            if plan.movable_count[host] < plan.vm_count[host]:
                continue
            tried += 1
            if hopeless[host]:
                continue
            evacuation = self._evacuation(plan, host, allowed, rng)
            if evacuation:
                emptied += 1
                moves += evacuation
                is_news = True
            elif is_news:
                hopeless = self._hopeless(plan, candidates[place + 1 :], allowed)
                is_news = False
        return moves, tried, emptied

    def _hopeless(self, plan: Plan, hosts: NDArray[np.intp], allowed: BoolColumn) -> BoolColumn:
        """Return which of some hosts have a VM that fits on no host that may take it, [hosts]."""
        targets = allowed & plan.operational & IN_USE.passes(plan, 0)
        room = Room(plan, targets, self.overload.cpu_limits(plan))
        is_asked = np.zeros(len(plan.on) + 1, dtype=np.bool_)  # the last one is for VMs nowhere
        is_asked[hosts] = True
        vms = np.flatnonzero(is_asked[plan.vm_host])
        _, too_large = room.is_short(vms)
        hopeless = np.zeros(len(plan.on), dtype=np.bool_)
        hopeless[plan.vm_host[vms[too_large]]] = True
        return hopeless

    def _evacuation(
        self, plan: Plan, host: int, allowed: BoolColumn, rng: np.random.Generator
    ) -> list[Move]:
        """Plan the move of every VM of `host`; none, and `plan` as it was, if one fits nowhere."""
        mark = plan.snapshot()
        moves: list[Move] = []
        for vm in self.placement.order(plan, plan.vms_on(host)).tolist():
            in_use = allowed & IN_USE.passes(plan, vm)
            move = self._planned(plan, vm, in_use, "underload", rng)
            if move is None:
                plan.restore(mark)
                return []
            moves.append(move)
        return moves

    def _planned(
        self, plan: Plan, vm: int, allowed: BoolColumn, reason: str, rng: np.random.Generator
    ) -> Move | None:
        """Find a target for `vm` among `allowed` and count the move, or return None."""
        allowed = allowed & may_receive(plan, vm)
        if not allowed.any():
            return None
        allowed &= self.overload.fits(plan, vm)
        target = self.placement.choose(plan, vm, allowed, rng)
        if target < 0:
            return None
        move = Move(vm, int(plan.vm_host[vm]), target, reason, Priority.REBALANCE)
        plan.apply(move)
        return move
