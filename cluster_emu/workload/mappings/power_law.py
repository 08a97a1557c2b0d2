"""Write intensity as a power of CPU demand or memory bandwidth."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.workload.demand import Share
from cluster_emu.workload.intensity import DRIVERS, Driver, intensity_mappings


@intensity_mappings.register("power-law")
@dataclass(frozen=True)
class PowerLawMapping:
    """Intensity = idle_share + (1 - idle_share) x driver ** exponent.

    Args:
        exponent: below 1 little load writes much already; above 1 only high load does.
        idle_share: intensity at a driver of 0.
        driver: "cpu" is the CPU demand, "memory-bandwidth" that of a trace that holds it.
    """

    name: ClassVar[str] = "power-law"
    summary: ClassVar[str] = "a power of CPU demand or memory bandwidth"
    source: ClassVar[str] = "assumption: CPU traces hold no dirty rates"

    exponent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 0.5
    idle_share: Share = 0.0
    driver: Driver = "cpu"

    def intensity(self, driven: FloatColumn) -> FloatColumn:
        """Return the intensity at driver shares, the shape of `driven`."""
        return np.asarray(self.idle_share + (1.0 - self.idle_share) * driven**self.exponent)

    @property
    def formula(self) -> str:
        """The mapping in words."""
        power = f"({DRIVERS[self.driver]}) ^ {self.exponent:g}"
        if self.idle_share == 0.0:
            return power
        return f"{self.idle_share:g} + {1.0 - self.idle_share:g} x {power}"
