"""Move VMs in random order."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import VMSelection, vm_selections
from cluster_emu.consolidation.selection.free_to_leave import free_to_leave
from cluster_emu.consolidation.view import ClusterView


@vm_selections.register("random-selection")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RandomSelection(VMSelection):
    """Every order of the VMs is equally likely; the seed of the run decides."""

    name: ClassVar[str] = "random-selection"
    summary: ClassVar[str] = "move VMs in random order"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, RS"

    def rank(self, view: ClusterView, host: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the movable VMs of `host` in an order that is drawn."""
        return rng.permutation(free_to_leave(view, host))
