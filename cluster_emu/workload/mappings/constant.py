"""Write intensity that nothing changes but bursts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.workload.demand import Share
from cluster_emu.workload.intensity import Driver, intensity_mappings


@intensity_mappings.register("constant")
@dataclass(frozen=True)
class ConstantMapping:
    """Every VM writes with the same intensity, whatever it does.

    Args:
        share: the intensity.
    """

    name: ClassVar[str] = "constant"
    summary: ClassVar[str] = "the same share of full intensity, whatever the VM does"
    source: ClassVar[str] = "assumption: bounds what any dependence on load can do"
    driver: ClassVar[Driver] = "cpu"

    share: Share = 1.0

    def intensity(self, driven: FloatColumn) -> FloatColumn:
        """Return the intensity at driver shares, the shape of `driven`."""
        return np.full(np.shape(driven), self.share)

    @property
    def formula(self) -> str:
        """The mapping in words."""
        return f"{self.share:g} at any load"
