"""Power-aware best fit decreasing: each VM goes where it costs the least power."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import Plan, placements

# Hosts of one kind and a linear power model all cost the same but for rounding; without this the
# last bit of a sum would choose the target.
SAME_WATTS = 1e-9


@placements.register("power-aware-best-fit-decreasing")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PowerAwareBestFitDecreasing:
    """The largest CPU demand first, each to the host whose power rises least by it.

    Switched-on hosts come first; a host that is off is used only where no other will do, and then
    its idle power counts as part of the rise. Ties go to the lower number.

    Args:
        wake: whether a host that is off may be used at all.
    """

    name: ClassVar[str] = "power-aware-best-fit-decreasing"
    summary: ClassVar[str] = "largest CPU demand first, to the host whose power rises least"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, PABFD"

    wake: bool = True

    def order(self, plan: Plan, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return `vms` by decreasing CPU demand."""
        return plan.by_decreasing_demand(vms)

    def choose(self, plan: Plan, vm: int, allowed: NDArray[np.bool_]) -> int:
        """Return the host among `allowed` whose power rises least, or -1."""
        pool = on_or_woken(plan, allowed, wake=self.wake)
        if not pool.any():
            return -1
        rise = plan.watts_at(plan.utilisation_with(vm)) - plan.watts_now
        least = rise[pool].min()
        return int(np.argmax(pool & (rise <= least + SAME_WATTS)))


def on_or_woken(plan: Plan, allowed: NDArray[np.bool_], *, wake: bool) -> NDArray[np.bool_]:
    """Return the `allowed` hosts that are on; if there is none and `wake` is set, those off."""
    on = allowed & plan.on
    return allowed if wake and not on.any() else on
