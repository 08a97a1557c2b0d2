"""A host is overloaded above a fixed utilisation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import OverloadDetector, overload_detectors
from cluster_emu.consolidation.view import ClusterView


@overload_detectors.register("static-threshold")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class StaticThreshold(OverloadDetector):
    """A host is overloaded where its VMs want more than `upper` of its CPU capacity.

    Args:
        upper: share of the capacity; above 1 where CPU is oversold on purpose. The limit of 4
            catches percentages.
    """

    name: ClassVar[str] = "static-threshold"
    summary: ClassVar[str] = "overloaded above a fixed share of the CPU capacity"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, THR"

    upper: float = Field(default=0.8, gt=0, le=4, allow_inf_nan=False)

    def thresholds(self, view: ClusterView) -> FloatColumn:
        """Return `upper` for every host, [hosts]."""
        return np.full(len(view.on), self.upper)
