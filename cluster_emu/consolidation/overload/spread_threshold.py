"""A threshold that falls with the spread of a host's load."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.consolidation.contract import OverloadDetector
from cluster_emu.consolidation.history import UtilisationTable
from cluster_emu.consolidation.overload.known_history import known_instants
from cluster_emu.consolidation.view import ClusterView
from cluster_emu.errors import ScenarioError


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SpreadThreshold(OverloadDetector):
    """The threshold is 1 - `safety` x the spread of the host's utilisation history.

    Args:
        safety: how much the threshold falls with the spread.
        window: control instants of history that are read.
        minimum: with fewer known instants than this, the threshold is `fallback`.
        fallback: the threshold of a host with too short a history.
    """

    safety: float = Field(ge=0, allow_inf_nan=False)
    window: int = Field(default=30, gt=0)
    minimum: int = Field(default=12, ge=2)
    fallback: float = Field(default=0.7, gt=0, le=4, allow_inf_nan=False)

    @model_validator(mode="after")
    def _window_holds_minimum(self) -> SpreadThreshold:
        if self.minimum > self.window:
            allowed = f"at most the window, {self.window} control instants"
            raise ScenarioError("minimum", self.minimum, allowed)
        return self

    @property
    def history_length(self) -> int:
        """The window."""
        return self.window

    @abstractmethod
    def spread(self, history: UtilisationTable, known: IntColumn) -> FloatColumn:
        """Return the spread of each host's load, [hosts].

        Args:
            history: utilisation, [instants, hosts], the oldest instant first.
            known: how many of the newest instants count, `minimum` or more, [hosts].
        """

    def thresholds(self, view: ClusterView) -> FloatColumn:
        """Return one threshold per host, [hosts]; at or below 0 where the load varies widely."""
        history = view.utilisation_history[-self.window :]
        known = known_instants(history)
        thresholds = np.full(len(known), self.fallback)
        enough = known >= self.minimum
        if enough.any():
            spread = self.spread(history[:, enough], known[enough])
            thresholds[enough] = 1.0 - self.safety * spread
        return thresholds
