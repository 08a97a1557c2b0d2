"""How fast a VM writes at each instant, from its CPU demand and its bursts.

No public CPU trace holds dirty rates, so the step from CPU demand to write intensity is an
assumption; it is one line here and every run prints it.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.workload.bursts import BurstSchedule
from cluster_emu.workload.demand import Demand

Number = TypeVar("Number", float, FloatColumn)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IntensityRule:
    """Write intensity as a straight line over CPU demand.

    Args:
        idle_share: intensity of a VM that wants no CPU, as a share of full intensity.
    """

    idle_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1

    def intensity(self, demand: Number) -> Number:
        """Return ``idle_share + (1 - idle_share) * demand``, the shape of `demand`."""
        return self.idle_share + (1.0 - self.idle_share) * demand

    @property
    def assumption(self) -> str:
        """The rule in words, for printing."""
        return (
            f"Write intensity = {self.idle_share:g} + {1.0 - self.idle_share:g} x CPU demand, "
            "times the burst level (an assumption: CPU traces hold no dirty rates)."
        )


class IntensityPath:
    """Every VM's write intensity as a function of time, piecewise constant with known breakpoints.

    Args:
        demand: CPU demand of all VMs.
        bursts: burst levels of the same VMs.
        rule: how intensity follows from demand.
        factor: by which all intensities are multiplied.
    """

    def __init__(
        self, demand: Demand, bursts: BurstSchedule, rule: IntensityRule, factor: float = 1.0
    ) -> None:
        self._demand = demand
        self._bursts = bursts
        self._rule = rule
        self._factor = factor
        self.assumptions = (*demand.assumptions, rule.assumption)

    def levels(self, time_s: float) -> FloatColumn:
        """Return the intensity of all VMs, 0..factor, a new array of shape [vms]."""
        intensity = self._rule.intensity(self._demand.at(time_s))
        return intensity * self._bursts.level_at(time_s) * self._factor

    def constant_until(self) -> float:
        """Return until when the last result of `levels` holds, unless demand changes before."""
        return self._bursts.constant_until()

    def level(self, vm: int, time_s: float) -> float:
        """Return the intensity of one VM, equal to ``levels(time_s)[vm]``."""
        share = self._demand.share(vm, time_s)
        return self._rule.intensity(share) * self._bursts.level(vm, time_s) * self._factor

    def demand(self, vm: int, time_s: float) -> float:
        """Return the CPU demand of one VM, a share of its capacity."""
        return self._demand.share(vm, time_s)

    def next_change(self, vm: int, time_s: float) -> float:
        """Return the first instant after `time_s` at which intensity or demand may change."""
        return min(self._demand.next_change(time_s), self._bursts.next_toggle(vm, time_s))
