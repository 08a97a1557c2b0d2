"""VMs that arrive together, again and again."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.lifecycle.contract import Arriving, arrival_processes
from cluster_emu.scenario.sections import MOST_OF_A_KIND
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.units import PositiveSeconds, Seconds


@arrival_processes.register("batch")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Batch:
    """Batches of equal size at equal distances in time.

    Args:
        size: VMs of a batch, which arrive at one instant.
        first_s: when the first batch arrives.
        every_s: time from one batch to the next; "none" for one batch alone.
        batches: how many batches; "none" for as many as the run has time for.
    """

    name: ClassVar[str] = "batch"
    summary: ClassVar[str] = "several VMs at one instant, once or at equal distances"
    source: ClassVar[str] = "definition"

    size: Annotated[int, Field(ge=1, le=MOST_OF_A_KIND)] = 1
    first_s: Seconds = 0.0
    every_s: PositiveSeconds | None = None
    batches: Annotated[int, Field(ge=1)] | None = None

    def arriving(
        self, duration_s: float, rng: np.random.Generator, traces: DemandTraces
    ) -> Arriving:
        """Return the VMs of all batches; nothing is drawn."""
        if self.every_s is None:
            count = 1
        else:
            count = max(int(np.ceil((duration_s - self.first_s) / self.every_s)), 0)
        count = min(count, self.batches or count)
        if count * self.size > MOST_OF_A_KIND:
            allowed = f"at most {MOST_OF_A_KIND} VMs in all batches ({count} of them) together"
            raise ScenarioError("size", self.size, allowed)
        times_s = self.first_s + np.arange(count) * (self.every_s or 0.0)
        return Arriving(times_s=np.repeat(times_s[times_s < duration_s], self.size))
