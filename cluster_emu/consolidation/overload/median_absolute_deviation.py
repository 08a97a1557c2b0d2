"""A host is overloaded above a threshold that falls with the spread of its load: deviations."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.consolidation.contract import overload_detectors
from cluster_emu.consolidation.history import UtilisationTable
from cluster_emu.consolidation.overload.known_history import in_place, sorted_known
from cluster_emu.consolidation.overload.spread_threshold import SpreadThreshold


@overload_detectors.register("median-absolute-deviation")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MedianAbsoluteDeviation(SpreadThreshold):
    """The threshold is 1 - `safety` x median |u - median u| of the host's utilisation history u.

    The history is that of the VMs the host has now, from the first instant on at which they wanted
    CPU.

    Args:
        safety: how much the threshold falls with the spread; the larger, the fewer overloads and
            the more hosts in use.
        window: control instants of history that are read.
        minimum: with fewer known instants than this, the threshold is `fallback`.
        fallback: the threshold of a host with too short a history.
    """

    name: ClassVar[str] = "median-absolute-deviation"
    summary: ClassVar[str] = "overloaded above 1 minus a multiple of the median absolute deviation"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, MAD; window as in CloudSim"

    safety: float = Field(default=2.5, ge=0, allow_inf_nan=False)

    def spread(self, history: UtilisationTable, known: IntColumn) -> FloatColumn:
        """Return median |u - median u|, [hosts]."""
        return median_absolute_deviation(history, known)


def median_absolute_deviation(history: UtilisationTable, known: IntColumn) -> FloatColumn:
    """Return median |u - median u| over the known instants of each host, at least one, [hosts].

    The median of an even number of values is the mean of the two in the middle.
    """
    deviation = np.abs(history - _median(history, known))
    return _median(deviation, known)


def _median(values: UtilisationTable, known: IntColumn) -> FloatColumn:
    ascending = sorted_known(values, known)
    return (in_place(ascending, (known - 1) // 2) + in_place(ascending, known // 2)) / 2.0
