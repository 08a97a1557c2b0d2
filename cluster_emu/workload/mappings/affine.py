"""Write intensity as a straight line."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.workload.demand import Share
from cluster_emu.workload.intensity import DRIVERS, Driver, intensity_mappings


@intensity_mappings.register("affine")
@dataclass(frozen=True)
class AffineMapping:
    """Intensity = idle_share + (full_share - idle_share) x driver.

    Args:
        idle_share: intensity at a driver of 0, such as that of a VM that wants no CPU.
        full_share: intensity at a driver of 1.
        driver: "cpu" is the CPU demand, "memory-bandwidth" that of a trace that holds it.
    """

    name: ClassVar[str] = "affine"
    summary: ClassVar[str] = "a straight line over CPU demand or memory bandwidth"
    source: ClassVar[str] = "assumption: CPU traces hold no dirty rates"

    idle_share: Share = 0.1
    full_share: Share = 1.0
    driver: Driver = "cpu"

    def intensity(self, driven: FloatColumn) -> FloatColumn:
        """Return the intensity at driver shares, the shape of `driven`."""
        return np.asarray(self.idle_share + (self.full_share - self.idle_share) * driven)

    @property
    def formula(self) -> str:
        """The mapping in words."""
        slope = self.full_share - self.idle_share
        return f"{self.idle_share:g} + {slope:g} x {DRIVERS[self.driver]}"
