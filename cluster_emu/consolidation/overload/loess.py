"""Local regression (Loess) of the newest utilisations: a weighted line, read one instant ahead.

Source: Cleveland, "Robust Locally Weighted Regression and Smoothing Scatterplots", JASA 74, 1979.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.history import UtilisationTable


class Line(NamedTuple):
    """One line per host, each column of shape [hosts].

    Args:
        now: its value at the newest instant.
        slope: its rise from one control instant to the next.
    """

    now: FloatColumn
    slope: FloatColumn

    @property
    def ahead(self) -> FloatColumn:
        """Its value at the next control instant, [hosts]."""
        return self.now + self.slope

    def at(self, instants: NDArray[np.float64]) -> UtilisationTable:
        """Return its values at some instants, counted from the newest, [instants, hosts]."""
        return self.now + instants[:, np.newaxis] * self.slope


def instants_of(count: int) -> NDArray[np.float64]:
    """Return the newest `count` instants, counted from the newest: 1 - count, ..., -1, 0."""
    return np.arange(1.0 - count, 1.0)


def tricube_weights(count: int) -> NDArray[np.float64]:
    """Return the weights of the newest `count` instants, [instants, 1].

    An instant has the weight (1 - d^3)^3, where d is its distance from the newest one over that of
    the oldest one: 1 for the newest, 0 for the oldest.
    """
    distance = instants_of(count) / (1.0 - count)
    return ((1.0 - distance**3) ** 3)[:, np.newaxis]


def fitted_line(history: UtilisationTable, weights: NDArray[np.float64]) -> Line:
    """Return the line a + b x through each host's history y that minimises sum w (y - a - b x)^2.

    Args:
        history: y, [instants, hosts], the oldest instant first.
        weights: w, [instants, hosts], or [instants, 1] for all hosts alike; two or more above 0.
    """
    x = instants_of(len(history))[:, np.newaxis]
    total = weights.sum(axis=0)
    mean_x = (weights * x).sum(axis=0) / total
    mean_y = (weights * history).sum(axis=0) / total
    from_mean = x - mean_x
    slope = (weights * from_mean * history).sum(axis=0) / (weights * from_mean**2).sum(axis=0)
    return Line(mean_y - slope * mean_x, slope)
