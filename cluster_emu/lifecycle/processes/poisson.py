"""VMs that arrive independently of each other."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.lifecycle.contract import Arriving, arrival_processes
from cluster_emu.scenario.sections import MOST_OF_A_KIND
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.units import PositiveSeconds, Seconds


@arrival_processes.register("poisson")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Poisson:
    """A Poisson process: the times between two arrivals are exponential and independent.

    Args:
        mean_interval_s: mean time between two arrivals.
        from_s: when arrivals begin.
        until_s: when they end; "none" for the end of the run.
    """

    name: ClassVar[str] = "poisson"
    summary: ClassVar[str] = "independent arrivals at a constant mean rate"
    source: ClassVar[str] = "definition; the M of Kendall's notation"

    mean_interval_s: PositiveSeconds
    from_s: Seconds = 0.0
    until_s: Seconds | None = None

    @field_validator("until_s")
    @classmethod
    def _ends_later(cls, until_s: float | None, info: ValidationInfo) -> float | None:
        if until_s is not None and until_s <= info.data.get("from_s", 0.0):
            raise ValueError(f"a time after from_s = {info.data.get('from_s', 0.0):g} s")
        return until_s

    def arriving(
        self, duration_s: float, rng: np.random.Generator, traces: DemandTraces
    ) -> Arriving:
        """Return VMs at the times of a Poisson process."""
        end_s = min(duration_s, math.inf if self.until_s is None else self.until_s)
        expected = max(end_s - self.from_s, 0.0) / self.mean_interval_s
        if expected > MOST_OF_A_KIND / 2:
            least_s = (end_s - self.from_s) / (MOST_OF_A_KIND / 2)
            raise ScenarioError(
                "mean_interval_s",
                self.mean_interval_s,
                f"at least {least_s:.3g} s, which lets {MOST_OF_A_KIND // 2} VMs arrive",
            )
        pieces = [np.zeros(0)]
        last_s = self.from_s
        while last_s < end_s:
            # drawn in blocks of one size, so that a longer run begins with the same arrivals
            times_s = last_s + np.cumsum(rng.exponential(self.mean_interval_s, 1024))
            pieces.append(times_s)
            last_s = float(times_s[-1])
        found = np.concatenate(pieces)
        return Arriving(times_s=found[found < end_s])
