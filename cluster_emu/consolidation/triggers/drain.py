"""Maintenance: move every VM off given hosts or racks."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.contract import Trigger, triggers
from cluster_emu.consolidation.fields import OverloadField, PlacementField
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.overload.static_threshold import StaticThreshold
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.placement.targets import may_receive, obstacle, only_kept_apart
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import Obstacle, TriggerReport
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario.names import Names
from cluster_emu.wording import counted

MOST_NAMED = 20
"""VMs that a note names one by one."""


@triggers.register("drain")
@dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Drain(Trigger):
    """From `at_s` on, moves every VM off the given hosts, before any other migration.

    No trigger sends a VM to these hosts any more, in any order of triggers. If no host has
    enough free CPU for a VM, the VM moves to the least loaded host that has the memory, unless
    `overcommit` is off. A VM for which no host has memory is reported as unplaced at every control
    instant, and one that may not migrate as blocking.

    Args:
        hosts: numbers of the hosts to empty.
        racks: numbers of the racks whose hosts are to be emptied.
        vms: numbers of single VMs to move off the hosts where they are at the start, once.
        at_s: simulated time of the start.
        overload: which hosts have enough free CPU for a VM.
        placement: the targets; by default VMs are spread, so that no one link is the bottleneck.
        overcommit: whether a VM may go to a host that has the memory but not the CPU.
    """

    name: ClassVar[str] = "drain"
    summary: ClassVar[str] = "move every VM off given hosts or racks, for maintenance"
    source: ClassVar[str] = "maintenance mode of common virtualisation managers"

    hosts: tuple[int, ...] = ()
    racks: tuple[int, ...] = ()
    vms: tuple[int, ...] = ()
    at_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    overload: OverloadField = Field(default_factory=lambda: StaticThreshold(upper=1.0))
    placement: PlacementField = Field(default_factory=MostFree)
    overcommit: bool = True

    @model_validator(mode="after")
    def _some_host(self) -> Drain:
        if not self.hosts and not self.racks and not self.vms:
            raise ScenarioError(
                "hosts", self.hosts, "at least one host or rack to empty, or VM to move"
            )
        return self

    def drained_hosts(self, state: ClusterState) -> BoolColumn:
        """Return the hosts to be emptied, from `at_s` on, [hosts].

        Raises:
            ScenarioError: if a host, rack or VM does not exist.
        """
        hosts = self._hosts_of(state)
        _require_known("vms", self.vms, np.arange(len(state.vms.host)))
        return hosts if state.time_s >= self.at_s else np.zeros_like(hosts)

    def moves(self, plan: Plan, rng: np.random.Generator) -> tuple[list[Move], TriggerReport]:
        """Return a move for every movable VM on the drained hosts, and the report.

        Raises:
            ScenarioError: if a host or rack does not exist.
        """
        leaving = self.drained_hosts(plan.state)
        if plan.state.time_s < self.at_s:
            return [], TriggerReport(trigger=self.name, note=f"begins at {self.at_s:g} s")
        plan.drain(leaving)
        named = self._vms_of(plan.state)
        there = plan.state.vms.running & (named | leaving[plan.state.vms.host])
        blocking = np.flatnonzero(there & ~plan.state.vms.migratable).tolist()
        vms = np.flatnonzero(plan.movable & (named | leaving[plan.vm_host]))
        moves: list[Move] = []
        unplaced: list[int] = []
        kept_apart: list[int] = []
        unplaced_as: Counter[str] = Counter()
        for vm in self.placement.order(plan, vms).tolist():
            target = self._target(plan, vm, rng)
            if target < 0:
                unplaced.append(vm)
                kept_apart += [vm] if only_kept_apart(plan, vm) else []
                unplaced_as[self._obstacle(plan, vm)] += 1
                continue
            move = Move(vm, int(plan.vm_host[vm]), target, "drain", Priority.DRAIN)
            plan.apply(move)
            moves.append(move)
        note = (
            f"{counted(len(vms), 'VM')} to move off {_hosts_in_words(leaving)}, "
            f"{len(unplaced)} fit nowhere"
        )
        if kept_apart:
            note += f" ({len(kept_apart)} of them because of anti-affinity alone)"
        if blocking:
            note += f"; {_in_words(blocking, plan.state.names)} the drain"
        return moves, TriggerReport(
            trigger=self.name,
            moves=len(moves),
            unplaced=tuple(unplaced),
            kept_apart=tuple(kept_apart),
            blocking=tuple(blocking),
            unplaced_as=unplaced_as,
            drained=int(leaving.sum()),
            note=note,
        )

    def _vms_of(self, state: ClusterState) -> BoolColumn:
        """Return the single VMs that are still where they were at the start, [vms]."""
        named = np.zeros(len(state.vms.host), dtype=np.bool_)
        named[list(self.vms)] = True
        return named & (state.vms.on_host_since_s <= self.at_s)

    def _hosts_of(self, state: ClusterState) -> BoolColumn:
        rack = state.hosts.rack
        _require_known("hosts", self.hosts, np.arange(len(rack)))
        _require_known("racks", self.racks, np.unique(rack))
        mask = np.isin(rack, self.racks)
        mask[list(self.hosts)] = True
        return mask

    def _target(self, plan: Plan, vm: int, rng: np.random.Generator) -> int:
        with_memory = may_receive(plan, vm)
        with_cpu = with_memory & self.overload.fits(plan, vm)
        target = self.placement.choose(plan, vm, with_cpu, rng)
        if target < 0 and self.overcommit:
            return MostFree().best_host(plan, vm, with_memory)
        return target

    def _obstacle(self, plan: Plan, vm: int) -> Obstacle:
        everywhere = np.ones(plan.state.host_count, dtype=np.bool_)
        has_cpu = everywhere if self.overcommit else self.overload.fits(plan, vm)
        return obstacle(plan, vm, everywhere, has_cpu)


def _hosts_in_words(leaving: BoolColumn) -> str:
    return counted(int(leaving.sum()), "host") if leaving.any() else "their hosts"


def _in_words(blocking: list[int], names: Names) -> str:
    named = ", ".join(map(names.of_vm, blocking[:MOST_NAMED]))
    if len(blocking) == 1:
        return f"VM {named} may not migrate and blocks"
    more = f" and {len(blocking) - MOST_NAMED} more" if len(blocking) > MOST_NAMED else ""
    return f"VMs {named}{more} may not migrate and block"


def _require_known(
    field: str, numbers: tuple[int, ...], known: NDArray[np.intp] | NDArray[np.int64]
) -> None:
    for number in numbers:
        if number not in known:
            raise ScenarioError(field, number, f"one of {known.min()} to {known.max()}")
