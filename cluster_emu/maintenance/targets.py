"""Where the VMs of a host go that is emptied in a campaign."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import Placement
from cluster_emu.consolidation.overload.static_threshold import StaticThreshold
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.placement.targets import may_receive, obstacle
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import Obstacle
from cluster_emu.units import GIB

NEVER = np.iinfo(np.int64).max
"""The turn of a host that is not emptied any more."""
ENOUGH_CPU = StaticThreshold(upper=1.0)


class Targets:
    """Chooses targets, hosts that are not emptied again first.

    Args:
        placement: chooses among equal hosts.
        avoid_next: whether hosts that are emptied soon come last.
        overcommit: whether a VM may go to a host that has the memory but not the CPU.
        rng: what the placement may draw from.
    """

    def __init__(
        self,
        placement: Placement,
        rng: np.random.Generator,
        *,
        avoid_next: bool,
        overcommit: bool,
    ) -> None:
        self._placement = placement
        self._rng = rng
        self._avoid_next = avoid_next
        self._overcommit = overcommit

    def order(self, plan: Plan, vms: NDArray[np.intp]) -> list[int]:
        """Return VMs in the order in which they are placed."""
        ordered: list[int] = self._placement.order(plan, vms).tolist()
        return ordered

    def target(self, plan: Plan, vm: int, turn: NDArray[np.int64]) -> int:
        """Return the host for a VM, -1 if there is none.

        Args:
            plan: the cluster, what is planned included.
            vm: a VM that may be moved.
            turn: when each host is to be emptied, as an ascending number, [hosts].
        """
        with_memory = may_receive(plan, vm)
        with_cpu = with_memory & ENOUGH_CPU.fits(plan, vm)
        for allowed in self._preferred(with_cpu, turn):
            target = int(self._placement.choose(plan, vm, allowed, self._rng))
            if target >= 0:
                return target
        if self._overcommit:
            for allowed in self._preferred(with_memory, turn):
                target = int(MostFree().best_host(plan, vm, allowed))
                if target >= 0:
                    return target
        return -1

    def _preferred(self, allowed: BoolColumn, turn: NDArray[np.int64]) -> Iterator[BoolColumn]:
        """Yield hosts that are not emptied again, those in the later half, and all, if there are.

        A VM on a host of the later half moves twice, as on one of the earlier half, but hosts that
        come back by then may take it.
        """
        if not allowed.any():
            return
        if self._avoid_next:
            stays = allowed & (turn == NEVER)
            if stays.any():
                yield stays
            to_come = allowed & (turn < NEVER)
            if to_come.any():
                late = to_come & (turn >= np.median(turn[turn < NEVER]))
                if late.any():
                    yield late
        yield allowed

    def why_none(self, plan: Plan, vm: int) -> str:
        """Return why there is no host for a VM, and what would help."""
        everywhere = np.ones(plan.state.host_count, dtype=np.bool_)
        has_cpu = everywhere if self._overcommit else ENOUGH_CPU.fits(plan, vm)
        found = obstacle(plan, vm, everywhere, has_cpu)
        if found is not Obstacle.MEMORY:
            return f"VM {vm} is {found}"
        open_ = plan.operational.copy()
        open_[plan.vm_host[vm]] = False
        host = int(np.argmax(np.where(open_, plan.memory_free_bytes, -1)))
        free, needed = plan.memory_free_bytes[host] / GIB, plan.state.vms.memory_bytes[vm] / GIB
        return (
            f"VM {vm} is {found}: it has {needed:.4g} GiB, and at most {free:.4g} GiB are free on "
            f"one host (host {host}); {needed - free:.4g} GiB more there would do"
        )
