"""Move the VM first that uses the least of its CPU."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import VMSelection, vm_selections
from cluster_emu.consolidation.selection.free_to_leave import free_to_leave
from cluster_emu.consolidation.view import ClusterView


@vm_selections.register("minimum-utilisation")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MinimumUtilisation(VMSelection):
    """The least demand as a share of the VM's own CPU first; ties go to the lower number."""

    name: ClassVar[str] = "minimum-utilisation"
    summary: ClassVar[str] = "move the VM first that wants the smallest share of its CPU"
    source: ClassVar[str] = "CloudSim, PowerVmSelectionPolicyMinimumUtilization, MU"

    def rank(self, view: ClusterView, host: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the movable VMs of `host`, the least utilised first."""
        vms = free_to_leave(view, host)
        return vms[np.argsort(view.state.vms.demand[vms], kind="stable")]
