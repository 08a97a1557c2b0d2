"""A host is overloaded above a fixed utilisation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import Plan, overload_detectors

# The same VMs added up in another order must not make a host at the threshold overloaded.
ROUNDING = 1e-9


@overload_detectors.register("static-threshold")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class StaticThreshold:
    """A host is overloaded where its VMs want more than `upper` of its CPU capacity.

    Args:
        upper: share of the capacity; above 1 where CPU is oversold on purpose. The limit of 4
            catches percentages.
    """

    name: ClassVar[str] = "static-threshold"
    summary: ClassVar[str] = "overloaded above a fixed share of the CPU capacity"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, THR"

    upper: float = Field(default=0.8, gt=0, le=4, allow_inf_nan=False)

    def overloaded(self, plan: Plan) -> NDArray[np.bool_]:
        """Return the hosts above the threshold, shape [hosts]."""
        return plan.utilisation > self.upper + ROUNDING

    def is_overloaded(self, plan: Plan, host: int) -> bool:
        """Return whether `host` is above the threshold."""
        utilisation = plan.cpu_demand[host] / plan.state.hosts.cpu_capacity[host]
        return bool(utilisation > self.upper + ROUNDING)

    def fits(self, plan: Plan, vm: int) -> NDArray[np.bool_]:
        """Return the hosts that stay at or below the threshold with `vm`, shape [hosts]."""
        return plan.utilisation_with(vm) <= self.upper + ROUNDING
