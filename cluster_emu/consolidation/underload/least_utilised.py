"""Empty the hosts with the least load first."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import UnderloadDetector, underload_detectors
from cluster_emu.consolidation.view import ClusterView


@underload_detectors.register("least-utilised")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LeastUtilised(UnderloadDetector):
    """Hosts whose VMs may all be moved, by ascending utilisation; ties go to the lower number.

    Args:
        below: only hosts with less utilisation than this; the default of 1 offers every host,
            as the classic rule does.
        max_hosts: at most this many hosts are tried at one control instant; None for all.
    """

    name: ClassVar[str] = "least-utilised"
    summary: ClassVar[str] = "empty the hosts with the lowest utilisation first"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, under-utilised hosts"

    below: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    max_hosts: int | None = Field(default=None, gt=0)

    def candidates(self, view: ClusterView, allowed: BoolColumn) -> NDArray[np.intp]:
        """Return the hosts among `allowed` to empty, the least utilised first."""
        utilisation = view.utilisation
        hosts = np.flatnonzero(allowed & view.can_be_emptied & (utilisation < self.below))
        return hosts[np.argsort(utilisation[hosts], kind="stable")][: self.max_hosts]
