"""A host is overloaded above a threshold that falls with the spread of its load: deviations."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.consolidation.contract import OverloadDetector, overload_detectors
from cluster_emu.consolidation.history import UtilisationTable
from cluster_emu.consolidation.overload.known_history import (
    in_place,
    known_instants,
    require_minimum_in_window,
    sorted_known,
)
from cluster_emu.consolidation.view import ClusterView


@overload_detectors.register("median-absolute-deviation")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MedianAbsoluteDeviation(OverloadDetector):
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
    window: int = Field(default=30, gt=0)
    minimum: int = Field(default=12, ge=2)
    fallback: float = Field(default=0.7, gt=0, le=4, allow_inf_nan=False)

    @model_validator(mode="after")
    def _window_holds_minimum(self) -> MedianAbsoluteDeviation:
        require_minimum_in_window(self.minimum, self.window)
        return self

    @property
    def history_length(self) -> int:
        """The window."""
        return self.window

    def thresholds(self, view: ClusterView) -> FloatColumn:
        """Return one threshold per host, [hosts]; at or below 0 where the load varies widely."""
        history = view.utilisation_history[-self.window :]
        known = known_instants(history)
        if len(history) < self.minimum:
            return np.full(len(known), self.fallback)
        enough = known >= self.minimum
        thresholds = np.full(len(known), self.fallback)
        deviation = median_absolute_deviation(history[:, enough], known[enough])
        thresholds[enough] = 1.0 - self.safety * deviation
        return thresholds


def median_absolute_deviation(history: UtilisationTable, known: IntColumn) -> FloatColumn:
    """Return median |u - median u| over the known instants of each host, at least one, [hosts].

    The median of an even number of values is the mean of the two in the middle.
    """
    deviation = np.abs(history - _median(history, known))
    return _median(deviation, known)


def _median(values: UtilisationTable, known: IntColumn) -> FloatColumn:
    ascending = sorted_known(values, known)
    return (in_place(ascending, (known - 1) // 2) + in_place(ascending, known // 2)) / 2.0
