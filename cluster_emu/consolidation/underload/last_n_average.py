"""Empty the hosts whose load has been low for some time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import UnderloadDetector, underload_detectors
from cluster_emu.consolidation.view import ClusterView


@underload_detectors.register("last-n-average")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LastNAverage(UnderloadDetector):
    """Hosts whose VMs may all be moved, by ascending mean utilisation over the newest instants.

    The history is that of the VMs the host has now. A host is not emptied in a short dip of its
    load. Ties go to the lower number.

    Args:
        instants: control instants of history that the mean is taken over, or all there are if these
            are fewer.
        below: only hosts with a mean less than this.
        max_hosts: at most this many hosts are tried at one control instant; None for all.
    """

    name: ClassVar[str] = "last-n-average"
    summary: ClassVar[str] = "empty the hosts first whose mean utilisation of late is the lowest"
    source: ClassVar[str] = "OpenStack Neat, last_n_average_threshold"

    instants: int = Field(default=2, gt=0)
    below: float = Field(default=0.5, gt=0, le=1, allow_inf_nan=False)
    max_hosts: int | None = Field(default=None, gt=0)

    @property
    def history_length(self) -> int:
        """The instants of the mean."""
        return self.instants

    def candidates(self, view: ClusterView, allowed: BoolColumn) -> NDArray[np.intp]:
        """Return the hosts among `allowed` to empty, the least utilised of late first.

        There are none before the first instant is recorded.
        """
        history = view.utilisation_history[-self.instants :]
        if len(history) == 0:
            return np.empty(0, dtype=np.intp)
        mean = history.mean(axis=0)
        hosts = np.flatnonzero(allowed & view.can_be_emptied & (mean < self.below))
        return hosts[np.argsort(mean[hosts], kind="stable")][: self.max_hosts]
