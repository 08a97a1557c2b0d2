"""How much CPU the VMs want over time: what a demand model is.

Demand is piecewise constant between known instants, so that nothing depends on how often, or in
which order, it is evaluated.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, ClassVar, Protocol

import numpy as np
from pydantic import Field

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.plugins import Registry
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.units import ParseSeconds

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, ParseSeconds, Field(ge=1e-3, le=1e12, allow_inf_nan=False)]


class Demand(ABC):
    """The CPU demand of every VM as a function of time alone.

    A subclass says what the shares are in one grid step; they hold from ``step * step_s`` until
    the next multiple of `step_s`.

    Args:
        vm_count: number of VMs.
        step_s: how long a value holds; infinite where demand never changes.
        assumptions: what was assumed, one sentence each, for printing.
        quantities: what else is known of the same VMs over time, by its name in
            `traces.recording.QUANTITIES`; NaN for VMs of which it is not known.
    """

    def __init__(
        self,
        vm_count: int,
        step_s: float,
        assumptions: tuple[str, ...],
        quantities: Mapping[str, Demand] | None = None,
    ) -> None:
        self.vm_count = vm_count
        self.step_s = step_s
        self.assumptions = assumptions
        self.quantities = dict(quantities or {})
        self._seen_step = -1
        self._seen: FloatColumn = np.zeros(0)

    @abstractmethod
    def shares(self, step: int, vms: slice) -> FloatColumn:
        """Return a new array, the demand of some VMs in one grid step as shares 0..1."""

    def at(self, time_s: float) -> FloatColumn:
        """Return the demand of all VMs as shares 0..1, a new array of shape [vms]."""
        step = self.step_at(time_s)
        if step != self._seen_step:
            self._seen, self._seen_step = self.shares(step, slice(0, self.vm_count)), step
        return self._seen.copy()

    def share(self, vm: int, time_s: float) -> float:
        """Return the demand of one VM, equal to ``at(time_s)[vm]``."""
        return float(self.shares(self.step_at(time_s), slice(vm, vm + 1))[0])

    def next_change(self, time_s: float) -> float:
        """Return the first instant after `time_s` at which any VM's demand may change."""
        return (self.step_at(time_s) + 1) * self.step_s

    def step_at(self, time_s: float) -> int:
        """Return the grid step that an instant is in."""
        if math.isinf(self.step_s):
            return 0
        step = math.floor(time_s / self.step_s)
        # The division is rounded: it may land on the wrong side of a multiple of step_s, and
        # next_change must lie strictly after time_s.
        if (step + 1) * self.step_s <= time_s:
            return step + 1
        return step - 1 if step * self.step_s > time_s else step


class DemandModel(Protocol):
    """Recipe of a `Demand`. Implementations are frozen pydantic dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what it does.
        source: where it comes from.
        uses_traces: whether the traces given to `build` have any effect.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    uses_traces: ClassVar[bool]

    def build(self, vm_count: int, rng: np.random.Generator, traces: DemandTraces) -> Demand:
        """Return the demand of `vm_count` VMs; a model may ignore `rng` and `traces`."""
        ...


demand_models: Registry[DemandModel] = Registry(
    "demand model",
    "cluster_emu.demand_models",
    package="cluster_emu.workload",
    summary="the CPU demand of VMs over time",
)
