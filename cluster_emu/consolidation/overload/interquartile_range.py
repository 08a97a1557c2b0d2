"""A host is overloaded above a threshold that falls with the spread of its load: quartiles."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.consolidation.contract import overload_detectors
from cluster_emu.consolidation.history import UtilisationTable
from cluster_emu.consolidation.overload.known_history import in_place, sorted_known
from cluster_emu.consolidation.overload.spread_threshold import SpreadThreshold


@overload_detectors.register("interquartile-range")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class InterquartileRange(SpreadThreshold):
    """The threshold is 1 - `safety` x (Q3 - Q1) of the host's utilisation history.

    The history is that of the VMs the host has now, from the first instant on at which they wanted
    CPU.

    Args:
        safety: how much the threshold falls with the spread; the larger, the fewer overloads and
            the more hosts in use.
        window: control instants of history that are read.
        minimum: with fewer known instants than this, the threshold is `fallback`.
        fallback: the threshold of a host with too short a history.
    """

    name: ClassVar[str] = "interquartile-range"
    summary: ClassVar[str] = "overloaded above 1 minus a multiple of the interquartile range"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, IQR; quartiles and window as in CloudSim"

    safety: float = Field(default=1.5, ge=0, allow_inf_nan=False)

    def spread(self, history: UtilisationTable, known: IntColumn) -> FloatColumn:
        """Return Q3 - Q1, [hosts]."""
        return interquartile_range(history, known)


def interquartile_range(history: UtilisationTable, known: IntColumn) -> FloatColumn:
    """Return Q3 - Q1 over the known instants of each host, at least two, [hosts].

    Of n values in ascending order, counted from 1, Q1 is number 0.25 (n + 1) and Q3 number
    0.75 (n + 1), rounded to the nearest whole number, halves up.
    """
    ascending = sorted_known(history, known)
    first_quartile, third_quartile = (known + 3) // 4, (3 * known + 5) // 4
    return in_place(ascending, third_quartile - 1) - in_place(ascending, first_quartile - 1)
