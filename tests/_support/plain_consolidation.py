"""The trigger "consolidation" in its plain form: it tries every host, one VM after the other."""

from __future__ import annotations

import numpy as np

from cluster_emu.consolidation import Move, Plan, Priority
from cluster_emu.consolidation.placement.targets import may_receive
from cluster_emu.consolidation.triggers import Consolidation


def plain_moves(
    trigger: Consolidation, plan: Plan, rng: np.random.Generator
) -> tuple[list[Move], int, int]:
    """Return the moves of `trigger`, and how many hosts it tried to empty and how many it empties.

    It applies the moves to `plan`.
    """
    overloaded = trigger.overload.overloaded(plan)
    moves = _relief(trigger, plan, overloaded, rng)
    tried = emptied = 0
    allowed = ~overloaded & ~plan.drained
    for host in trigger.underload.candidates(plan, allowed).tolist():
        if plan.movable_count[host] < plan.vm_count[host]:
            continue
        tried += 1
        mark, evacuation = plan.snapshot(), []
        for vm in trigger.placement.order(plan, plan.vms_on(host)).tolist():
            move = _planned(trigger, plan, vm, allowed & (plan.vm_count > 0), "underload", rng)
            if move is None:
                plan.restore(mark)
                evacuation = []
                break
            evacuation.append(move)
        emptied += bool(evacuation)
        moves += evacuation
    return moves, tried, emptied


def _relief(
    trigger: Consolidation, plan: Plan, overloaded: np.ndarray, rng: np.random.Generator
) -> list[Move]:
    taken = []
    for host in np.flatnonzero(overloaded).tolist():
        mark = plan.snapshot()
        for vm in trigger.selection.rank(plan, host, rng).tolist():
            if plan.vm_cpu_demand[vm] > 0 and trigger.overload.is_overloaded(plan, host):
                plan.lift(vm)
                taken.append(vm)
        plan.restore(mark)
    order = trigger.placement.order(plan, np.array(taken, dtype=np.intp)).tolist()
    moves = [_planned(trigger, plan, vm, ~overloaded, "overload", rng) for vm in order]
    return [move for move in moves if move is not None]


def _planned(
    trigger: Consolidation,
    plan: Plan,
    vm: int,
    allowed: np.ndarray,
    reason: str,
    rng: np.random.Generator,
) -> Move | None:
    allowed = allowed & may_receive(plan, vm) & trigger.overload.fits(plan, vm)
    target = trigger.placement.choose(plan, vm, allowed, rng) if allowed.any() else -1
    if target < 0:
        return None
    move = Move(vm, int(plan.vm_host[vm]), target, reason, Priority.REBALANCE)
    plan.apply(move)
    return move
