"""Hosts where a VM is together with the others of its affinity group."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("affinity")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Affinity(PlacementFilter):
    """Hosts where the other VMs of the VM's affinity group are or will be.

    A VM that is with all others of its group stays. Only if its host is drained may the first of
    them leave, to a host with memory for all; then that is where the others are to be.
    """

    name: ClassVar[str] = "affinity"
    summary: ClassVar[str] = "the other VMs of the affinity group are there"
    source: ClassVar[str] = "OpenStack Nova, ServerGroupAffinityFilter"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts where `vm` is together with its group, [hosts]; all without a group."""
        if view.state.vms.affinity[vm] < 0:
            return np.ones(len(view.on), dtype=np.bool_)
        home, others = int(view.vm_host[vm]), view.state.together_with(vm)
        where = view.vm_host[others]
        elsewhere = where[(where >= 0) & (where != home)]
        if len(elsewhere):
            there = np.zeros(len(view.on), dtype=np.bool_)
            there[elsewhere] = True
            return there
        if home >= 0 and (where == home).any() and not view.drained[home]:
            return np.zeros(len(view.on), dtype=np.bool_)
        # The first one to leave, or to run again: the others follow.
        memory = view.state.vms.memory_bytes
        room: BoolColumn = view.memory_free_bytes >= memory[vm] + memory[others].sum()
        return room
