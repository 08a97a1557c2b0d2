"""A host is overloaded if its load is about to be too high: local regression."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import overload_detectors
from cluster_emu.consolidation.history import UtilisationTable
from cluster_emu.consolidation.overload.loess import fitted_line, tricube_weights
from cluster_emu.consolidation.overload.predicted_load import PredictedLoad


@overload_detectors.register("local-regression")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LocalRegression(PredictedLoad):
    """A host is overloaded where `safety` x its utilisation predicted for the next instant is > 1.

    The prediction continues a line through the newest `window` instants, in which an instant counts
    the more, the newer it is (tricube weights). The history is that of the VMs the host has now.

    Args:
        safety: how far the prediction must stay below the capacity: at most 1 / `safety`.
        window: control instants of history that are read.
        fallback: the threshold of a host whose VMs have not wanted CPU for that long.
    """

    name: ClassVar[str] = "local-regression"
    summary: ClassVar[str] = (
        "overloaded where a line through the newest utilisations leads too high"
    )
    source: ClassVar[str] = "Beloglazov and Buyya 2012, LR; Cleveland 1979"

    safety: float = Field(default=1.2, gt=0, allow_inf_nan=False)
    window: int = Field(default=10, ge=3)
    fallback: float = Field(default=0.7, gt=0, le=4, allow_inf_nan=False)

    def predicted(self, history: UtilisationTable) -> FloatColumn:
        """Return the end of each host's line, [hosts]."""
        return fitted_line(history, tricube_weights(self.window)).ahead
