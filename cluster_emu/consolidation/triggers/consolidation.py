"""The classic consolidation step: relieve overloaded hosts, then empty underloaded ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.consolidation.contract import Trigger, triggers
from cluster_emu.consolidation.evacuation import CompiledEvacuation
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
from cluster_emu.consolidation.placement.targets import may_receive, obstacle
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import Obstacle, TriggerReport
from cluster_emu.consolidation.room import Room
from cluster_emu.consolidation.selection.minimum_migration_time import MinimumMigrationTime
from cluster_emu.consolidation.underload.least_utilised import LeastUtilised
from cluster_emu.units import Seconds

IN_USE = HasVMs()


@plain_dataclass(slots=True)
class _Relief:
    """What relieving the overloaded hosts came to; hosts by number."""

    moves: list[Move] = field(default_factory=list)
    unplaced: list[int] = field(default_factory=list)
    unplaced_as: Counter[str] = field(default_factory=Counter)
    with_unplaced: set[int] = field(default_factory=set)
    none_taken_as: dict[int, str] = field(default_factory=dict)

    def why_still_overloaded(self, hosts: Iterable[int]) -> Counter[str]:
        """Return why these hosts are still overloaded."""
        return Counter(
            self.none_taken_as.get(host)
            or (
                "with a VM that fits nowhere"
                if host in self.with_unplaced
                else "without enough VMs that may move"
            )
            for host in hosts
        )


@plain_dataclass(slots=True)
class _Emptying:
    """What emptying the underloaded hosts came to."""

    moves: list[Move] = field(default_factory=list)
    tried: int = 0
    emptied: int = 0
    kept_as: Counter[str] = field(default_factory=Counter)
    untried_as: Counter[str] = field(default_factory=Counter)


@triggers.register("consolidation")
@dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Consolidation(Trigger):
    """Takes VMs off overloaded hosts, then empties underloaded hosts all or nothing.

    A host that was overloaded takes no VM, and a host that is the target of a planned move is not
    emptied, so no VM is planned twice. An underloaded host's VMs go only to switched-on hosts that
    have VMs: neither a host woken for them nor one just emptied would save anything. Whether an
    empty host is switched off is not decided here.

    `cool_down_s`, `host_cool_down_s` and `hysteresis` keep VMs from moving back and forth where
    the load goes up and down; at 0 they change nothing.

    Args:
        overload: which hosts have too much load, and where a VM still fits.
        underload: which hosts to empty, in what order.
        selection: which VMs leave an overloaded host; they are taken until it no longer is one.
        placement: where the VMs go.
        cool_down_s: for how long a VM that has moved stays where it is, also on an overloaded host.
        host_cool_down_s: for how long a host that was switched on is not emptied.
        hysteresis: share of its CPU capacity by which a host must be below its threshold once VMs
            have left it because of overload, or have come to it.
    """

    name: ClassVar[str] = "consolidation"
    summary: ClassVar[str] = "relieve overloaded hosts, then empty underloaded ones"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, without its double planning of a VM"

    overload: OverloadField = Field(default_factory=StaticThreshold)
    underload: UnderloadField = Field(default_factory=LeastUtilised)
    selection: SelectionField = Field(default_factory=MinimumMigrationTime)
    placement: PlacementField = Field(default_factory=PowerAwareBestFitDecreasing)
    cool_down_s: Seconds = 0.0
    host_cool_down_s: Seconds = 0.0
    hysteresis: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)

    def moves(self, plan: Plan, rng: np.random.Generator) -> tuple[list[Move], TriggerReport]:
        """Return the moves off overloaded hosts, then those that empty hosts, and the report."""
        cooling = plan.movable & self._cools_down(plan)
        had_vms = IN_USE.passes(plan, 0)
        with plan.holding(cooling):
            overloaded = self.overload.overloaded(plan)
            found = int(overloaded.sum())
            highest = float(plan.utilisation.max(initial=0.0))
            relief = self._relieve(plan, overloaded, cooling, rng)
            still = np.flatnonzero(overloaded & self.overload.overloaded(plan))
            emptying = self._empty_underloaded(plan, had_vms, overloaded, cooling, rng)
        moves = relief.moves + emptying.moves
        report = TriggerReport(
            trigger=self.name,
            moves=len(moves),
            overloaded=found,
            relieved=found - len(still),
            tried=emptying.tried,
            emptied=emptying.emptied,
            unplaced=tuple(relief.unplaced),
            highest_utilisation=highest,
            unplaced_as=relief.unplaced_as,
            overloaded_as=relief.why_still_overloaded(still.tolist()),
            kept_as=emptying.kept_as,
            untried_as=emptying.untried_as,
        )
        return moves, replace(report, note=report.consolidation_in_words)

    def _cools_down(self, plan: Plan) -> BoolColumn:
        """Return the VMs that moved a short time ago, [vms]."""
        until_s = plan.state.vms.moved_at_s + self.cool_down_s
        return plan.state.time_s < until_s

    def _was_woken(self, plan: Plan) -> BoolColumn:
        """Return the hosts that were switched on a short time ago, [hosts]."""
        until_s = plan.state.hosts.woken_at_s + self.host_cool_down_s
        return plan.state.time_s < until_s

    # --- overloaded hosts -------------------------------------------------------------------------

    def _relieve(
        self, plan: Plan, overloaded: BoolColumn, cooling: BoolColumn, rng: np.random.Generator
    ) -> _Relief:
        """Plan the moves off the overloaded hosts."""
        relief = _Relief()
        taken: list[int] = []
        for host in np.flatnonzero(overloaded).tolist():
            from_here = self._taken(plan, host, rng)
            taken += from_here
            if not from_here:
                relief.none_taken_as[host] = _why_none(plan, host, cooling)
        for vm in self.placement.order(plan, np.array(taken, dtype=np.intp)).tolist():
            move = self._planned(plan, vm, ~overloaded, "overload", rng)
            if isinstance(move, Move):
                relief.moves.append(move)
            else:
                relief.unplaced.append(vm)
                relief.unplaced_as[move] += 1
                relief.with_unplaced.add(int(plan.vm_host[vm]))
        return relief

    def _taken(self, plan: Plan, host: int, rng: np.random.Generator) -> list[int]:
        """Return the VMs to take off `host`, in the selection's order, leaving `plan` unchanged."""
        mark = plan.snapshot()
        taken: list[int] = []
        for vm in self.selection.rank(plan, host, rng).tolist():
            if plan.vm_cpu_demand[vm] <= 0:
                continue  # a VM that wants no CPU relieves nothing
            plan.lift(vm)
            taken.append(vm)
            if self._is_relieved(plan, host):
                break
        plan.restore(mark)
        return taken

    def _is_relieved(self, plan: Plan, host: int) -> bool:
        if self.overload.is_overloaded(plan, host):
            return False
        if self.hysteresis == 0:
            return True
        utilisation = plan.cpu_demand[host] / plan.state.hosts.cpu_capacity[host]
        return bool(utilisation <= self.overload.limits(plan)[host] - self.hysteresis)

    # --- underloaded hosts ------------------------------------------------------------------------

    def _empty_underloaded(
        self,
        plan: Plan,
        had_vms: BoolColumn,
        overloaded: BoolColumn,
        cooling: BoolColumn,
        rng: np.random.Generator,
    ) -> _Emptying:
        """Plan the moves that empty hosts.

        Most hosts cannot be emptied, and that is found for all of them at once: none is tried one
        of whose VMs is too large for every target. From then on targets only lose room, so what was
        found stays true; it is found anew after a failure if moves were planned since.
        """
        emptying = _Emptying()
        allowed = ~overloaded & ~plan.drained
        woken = self._was_woken(plan)
        # A host's utilisation changes only when a move to it is planned, after which it is not
        # emptied, so the order found now stays right.
        candidates = self.underload.candidates(plan, allowed & ~woken)
        emptying.untried_as += _untried_as(plan, had_vms, overloaded, woken, cooling, candidates)
        hopeless = self._hopeless(plan, candidates, allowed)
        compiled = self._compiled(plan, allowed) if len(hopeless) < len(candidates) else None
        is_news = False
        for place, host in enumerate(candidates.tolist()):
            if plan.movable_count[host] < plan.vm_count[host]:
                emptying.untried_as["taking in a VM"] += 1
                continue
            emptying.tried += 1
            if host in hopeless:
                emptying.kept_as[f"with a VM {hopeless[host]}"] += 1
                continue
            evacuation = self._evacuation(plan, host, allowed, compiled, rng)
            if not isinstance(evacuation, Obstacle):
                emptying.emptied += bool(evacuation)
                emptying.moves += evacuation
                is_news = True
                continue
            emptying.kept_as[f"with a VM {evacuation}"] += 1
            if is_news:
                hopeless = self._hopeless(plan, candidates[place + 1 :], allowed)
                is_news = False
        return emptying

    def _hopeless(
        self, plan: Plan, hosts: NDArray[np.intp], allowed: BoolColumn
    ) -> dict[int, Obstacle]:
        """Return which of some hosts have a VM that fits on no host that may take it, and why."""
        targets = self._targets(plan, allowed)
        if (count := int(targets.sum())) < 2:
            alone = hosts if count == 0 else hosts[targets[hosts]]
            return dict.fromkeys(alone.tolist(), Obstacle.NO_OPEN_HOST)
        limits = self.overload.cpu_limits(plan)
        if limits is not None:
            limits = limits - self.hysteresis * plan.state.hosts.cpu_capacity
        is_asked = np.zeros(len(plan.on) + 1, dtype=np.bool_)  # the last one is for VMs nowhere
        is_asked[hosts] = True
        vms = np.flatnonzero(is_asked[plan.vm_host])
        no_memory, none = Room(plan, targets, limits).is_short(vms)
        return dict.fromkeys(plan.vm_host[vms[none]].tolist(), Obstacle.CPU) | dict.fromkeys(
            plan.vm_host[vms[no_memory]].tolist(), Obstacle.MEMORY
        )

    def _targets(self, plan: Plan, allowed: BoolColumn) -> BoolColumn:
        """Return the hosts that may take VMs of underloaded hosts, [hosts]."""
        return allowed & plan.operational & IN_USE.passes(plan, 0)

    def _compiled(self, plan: Plan, allowed: BoolColumn) -> CompiledEvacuation | None:
        """Return what finds the targets of whole hosts in compiled code, if it can here."""
        limits = self.overload.limits(plan) if self.overload.cpu_limits(plan) is not None else None
        if limits is None or not CompiledEvacuation.supports(plan, self.placement):
            return None
        return CompiledEvacuation(plan, self._targets(plan, allowed), limits - self.hysteresis)

    def _evacuation(
        self,
        plan: Plan,
        host: int,
        allowed: BoolColumn,
        compiled: CompiledEvacuation | None,
        rng: np.random.Generator,
    ) -> list[Move] | Obstacle:
        """Plan the move of every VM of `host`; if one fits nowhere, plan none and return why."""
        vms = self.placement.order(plan, plan.vms_on(host))
        if compiled is not None:
            targets = compiled.place(vms, host)
            if isinstance(targets, Obstacle):
                return targets
            places = zip(vms.tolist(), targets, strict=True)
            together = [Move(vm, host, to, "underload", Priority.REBALANCE) for vm, to in places]
            for move in together:
                plan.apply(move)
            return together
        mark = plan.snapshot()
        moves: list[Move] = []
        for vm in vms.tolist():
            in_use = allowed & IN_USE.passes(plan, vm)
            found = self._planned(plan, vm, in_use, "underload", rng)
            if not isinstance(found, Move):
                plan.restore(mark)
                return found
            moves.append(found)
        return moves

    # --- one VM -----------------------------------------------------------------------------------

    def _planned(
        self, plan: Plan, vm: int, allowed: BoolColumn, reason: str, rng: np.random.Generator
    ) -> Move | Obstacle:
        """Find a target for `vm` among `allowed` and plan the move, or return why there is none."""
        has_cpu = self._has_cpu(plan, vm)
        possible = allowed & may_receive(plan, vm) & has_cpu
        target = self.placement.choose(plan, vm, possible, rng) if possible.any() else -1
        if target < 0:
            return obstacle(plan, vm, allowed, has_cpu)
        move = Move(vm, int(plan.vm_host[vm]), target, reason, Priority.REBALANCE)
        plan.apply(move)
        return move

    def _has_cpu(self, plan: Plan, vm: int) -> BoolColumn:
        fits = self.overload.fits(plan, vm)
        if self.hysteresis == 0:
            return fits
        highest: FloatColumn = self.overload.limits(plan) - self.hysteresis
        return fits & (plan.utilisation_with(vm) <= highest)


def _why_none(plan: Plan, host: int, cooling: BoolColumn) -> str:
    """Return why no VM was taken off an overloaded host."""
    if cooling[plan.vms_on(host)].any():
        return "whose VMs cool down"
    return "without a VM that may move and wants CPU"


def _untried_as(
    plan: Plan,
    had_vms: BoolColumn,
    overloaded: BoolColumn,
    woken: BoolColumn,
    cooling: BoolColumn,
    candidates: NDArray[np.intp],
) -> Counter[str]:
    """Return why hosts with VMs are no candidates, the first reason for each host."""
    vms = plan.state.vms
    there = plan.vm_host >= 0
    open_ = had_vms.copy()
    open_[candidates] = False
    reasons: Counter[str] = Counter()

    def count(reason: str, hosts: BoolColumn) -> None:
        reasons[reason] += int((open_ & hosts).sum())
        open_[hosts] = False

    def with_a_vm(mask: BoolColumn) -> BoolColumn:
        return np.bincount(plan.vm_host[mask & there], minlength=len(open_)) > 0

    count("overloaded", overloaded)
    count("drained", plan.drained)
    count("with a VM that may not migrate", with_a_vm(~vms.migratable))
    count("with a VM that cools down", with_a_vm(cooling))
    count("with a VM on its way", ~plan.can_be_emptied)
    count("switched on lately", woken)
    count("not chosen as underloaded", open_.copy())
    return +reasons
