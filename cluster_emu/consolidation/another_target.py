"""Where a single VM goes when the target planned for it is not free any more."""

from __future__ import annotations

from cluster_emu.consolidation.most_free import MostFree
from cluster_emu.consolidation.plan import Plan


def another_target(plan: Plan, vm: int) -> int | None:
    """Return the host left with the most free CPU among those that may receive `vm`, or None."""
    host = MostFree().choose(plan, vm, plan.may_receive(vm))
    return None if host < 0 else host
