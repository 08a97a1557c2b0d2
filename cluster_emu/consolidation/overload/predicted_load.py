"""A threshold on the load that is predicted for the next control instant."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import OverloadDetector
from cluster_emu.consolidation.history import UtilisationTable
from cluster_emu.consolidation.overload.known_history import known_instants
from cluster_emu.consolidation.view import ClusterView


class PredictedLoad(OverloadDetector):
    """A host is overloaded where `safety` x its predicted utilisation is above 1.

    Attributes:
        safety: how far the prediction must stay below the capacity: at most 1 / `safety`.
        window: control instants of history that are read.
        fallback: the threshold of a host whose VMs have not wanted CPU for that long.
    """

    safety: float
    window: int
    fallback: float

    @property
    def history_length(self) -> int:
        """The window."""
        return self.window

    @abstractmethod
    def predicted(self, history: UtilisationTable) -> FloatColumn:
        """Return the utilisation of each host at the next control instant, [hosts].

        Args:
            history: utilisation, [window, hosts], the oldest instant first.
        """

    def thresholds(self, view: ClusterView) -> FloatColumn:
        """Return one threshold per host, [hosts]; below 0 where the load rises steeply.

        A VM that comes or goes moves prediction and utilisation by the same amount, so the
        threshold is

            1 / safety - (predicted - now).

        Where the load falls it may be above 1. It is cut to 1 there, or to the utilisation of a
        host that has more: the same hosts are overloaded, but a forecast never lets a host be
        filled beyond its capacity.
        """
        history = view.utilisation_history[-self.window :]
        if len(history) < self.window:
            return np.full(len(view.on), self.fallback)
        now = view.utilisation
        by_prediction = np.minimum(
            1.0 / self.safety - (self.predicted(history) - now), np.maximum(now, 1.0)
        )
        return np.where(known_instants(history) >= self.window, by_prediction, self.fallback)
