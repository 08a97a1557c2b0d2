"""How well what a host has free matches what the VM needs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView

# Equal products may differ in their last bits.
SAME_PRODUCT = 1e-12


@placement_scorers.register("dot-product")
@dataclass(frozen=True, kw_only=True)
class DotProduct(PlacementScorer):
    """The dot product of the VM's need and what the host has free before, in CPU and memory.

    Each is a share of the host's capacity. It is large on a host with much left of what the VM
    needs most, so VMs that complement each other meet.
    """

    name: ClassVar[str] = "dot-product"
    summary: ClassVar[str] = "the better what is free matches the VM's CPU and memory, the better"
    source: ClassVar[str] = "Panigrahy et al. 2011; Grandl et al. 2014 (Tetris), alignment score"
    tolerance: ClassVar[float] = SAME_PRODUCT

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the dot product with the need of `vm`, [these hosts].

        It is negative where VMs want more CPU than there is.
        """
        columns, memory = view.state.hosts, int(view.state.vms.memory_bytes[vm])
        cpu_capacity, memory_bytes = columns.cpu_capacity[hosts], columns.memory_bytes[hosts]
        cpu_free = 1.0 - view.cpu_demand[hosts] / cpu_capacity
        memory_free = view.memory_free_bytes[hosts] / memory_bytes
        by_cpu: FloatColumn = view.vm_cpu_demand[vm] / cpu_capacity * cpu_free
        return by_cpu + memory / memory_bytes * memory_free
