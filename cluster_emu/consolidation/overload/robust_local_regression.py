"""A host is overloaded if its load is about to be too high; outliers count less."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import overload_detectors
from cluster_emu.consolidation.history import UtilisationTable
from cluster_emu.consolidation.overload.loess import (
    Line,
    fitted_line,
    instants_of,
    tricube_weights,
)
from cluster_emu.consolidation.overload.predicted_load import PredictedLoad

EXACT = 1e-9
"""A line with half of its residuals below this needs no further fit: they are rounding errors."""


@overload_detectors.register("robust-local-regression")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RobustLocalRegression(PredictedLoad):
    """Local regression in which instants far off the line count less, so that a peak moves little.

    After each fit an instant with the residual e counts (1 - (e / 6s)^2)^2 times its tricube
    weight, or not at all where |e| >= 6s; s is the median of all |e|. Then the line is fitted
    again.

    Args:
        safety: how far the prediction must stay below the capacity: at most 1 / `safety`.
        window: control instants of history that are read.
        iterations: fits after the first one.
        fallback: the threshold of a host whose VMs have not wanted CPU for that long.
    """

    name: ClassVar[str] = "robust-local-regression"
    summary: ClassVar[str] = "local regression in which outliers count less"
    source: ClassVar[str] = (
        "Beloglazov and Buyya 2012, LRR; Cleveland 1979; iterations as R's lowess"
    )

    safety: float = Field(default=1.2, gt=0, allow_inf_nan=False)
    window: int = Field(default=10, ge=5)
    iterations: int = Field(default=3, gt=0, le=100)
    fallback: float = Field(default=0.7, gt=0, le=4, allow_inf_nan=False)

    def predicted(self, history: UtilisationTable) -> FloatColumn:
        """Return the end of each host's line, [hosts]."""
        return robust_line(history, self.iterations).ahead


def robust_line(history: UtilisationTable, iterations: int) -> Line:
    """Return each host's line after `iterations` more fits with bisquare weights.

    At least half of the instants have |e| <= s and keep 94 % of their weight, so with 5 or more
    instants there are always two to fit a line through.
    """
    x, tricube = instants_of(len(history)), tricube_weights(len(history))
    weights = np.broadcast_to(tricube, history.shape)
    line = fitted_line(history, weights)
    for _ in range(iterations):
        residuals = np.abs(history - line.at(x))
        spread = np.median(residuals, axis=0)
        is_exact = spread <= EXACT
        weighted = tricube * bisquare(residuals / np.where(is_exact, 1.0, 6.0 * spread))
        weights = np.where(is_exact, weights, weighted)
        line = fitted_line(history, weights)
    return line


def bisquare(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (1 - d^2)^2 for distances d below 1, and 0 from there on."""
    inside: NDArray[np.float64] = np.maximum(1.0 - distance**2, 0.0)
    return inside**2
