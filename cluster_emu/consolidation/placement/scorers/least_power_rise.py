"""How little the power of a host rises by the VM."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView

# Hosts of one kind and a linear power model all cost the same but for rounding; without this the
# last bit of a sum would choose the target.
SAME_WATTS = 1e-9


@placement_scorers.register("least-power-rise")
@dataclass(frozen=True, kw_only=True)
class LeastPowerRise(PlacementScorer):
    """The rise of the host's power with the VM, in watts, negated.

    A host that is off counts with its idle power.
    """

    name: ClassVar[str] = "least-power-rise"
    summary: ClassVar[str] = "the less the power rises with the VM, the better"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, PABFD"
    tolerance: ClassVar[float] = SAME_WATTS

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the negated rise in watts, [these hosts]."""
        power = view.watts_at(view.utilisation_with(vm).take(hosts), hosts)
        rise: FloatColumn = power - view.watts_now.take(hosts)
        return -rise
