"""Power-aware best fit decreasing: each VM goes where it costs the least power."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import Plan, placements
from cluster_emu.consolidation.decreasing import DecreasingPlacement

# Hosts of one kind and a linear power model all cost the same but for rounding; without this the
# last bit of a sum would choose the target.
SAME_WATTS = 1e-9


@placements.register("power-aware-best-fit-decreasing")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PowerAwareBestFitDecreasing(DecreasingPlacement):
    """The largest CPU demand first, each to the host whose power rises least by it.

    Switched-on hosts come first; a host that is off is used only where no other will do, and then
    its idle power counts as part of the rise. Ties go to the lower number.
    """

    name: ClassVar[str] = "power-aware-best-fit-decreasing"
    summary: ClassVar[str] = "largest CPU demand first, to the host whose power rises least"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, PABFD"

    def best(self, plan: Plan, vm: int, pool: NDArray[np.bool_]) -> int:
        """Return the host whose power rises least."""
        hosts = np.flatnonzero(pool)
        utilisation = plan.utilisation_with(vm).take(hosts)
        rise = plan.watts_at(utilisation, hosts) - plan.watts_now.take(hosts)
        return int(hosts[np.argmax(rise <= rise.min() + SAME_WATTS)])
