"""A finished run computed again from its scenario and seed: page maps at any instant, back as well.

What is computed is held against the folder's table `rounds` as it grows, so that a page map from
another version of this package, or of numpy, is not taken for that of the run.
"""

from __future__ import annotations

import math
import pickle
import time

import numpy as np
import pandas as pd

from cluster_emu.live.live_model import LiveModel
from cluster_emu.observation.finished_run import COMPARED, first_difference, rounds_as_rows
from cluster_emu.scenario import Scenario

CHECKPOINTS = 24
"""Copies of the model over the run, to which it goes back."""

PIECES = 400
"""Pieces of the run after each of which the time it takes is looked at."""

COPY_SHARE = 4.0
"""At least so many times as long as a copy takes, the model runs before the next one."""

MOST_BYTES = 256 * 2**20
"""Memory of all copies together; of more, every second one is given up."""


class RecomputedRun:
    """A model that follows the instants of a replay.

    Args:
        scenario: the scenario of the run.
        seed: its seed.
        rounds: its table `rounds`, in the order in which the rounds ended.
        end_s: when the run ended.

    Attributes:
        difference: the first difference from the folder, in words; empty if there is none so far.
        compared: rounds that were compared so far and agree.
    """

    def __init__(self, scenario: Scenario, seed: int, rounds: pd.DataFrame, end_s: float) -> None:
        self.difference = ""
        self.compared = 0
        self._stored: list[list[float]] = rounds[list(COMPARED)].to_numpy(np.float64).tolist()
        self._model = LiveModel(scenario, seed)
        self._spacing_s = end_s / CHECKPOINTS
        self._piece_s = end_s / PIECES
        self._worked_s = self._copy_s = 0.0
        self._copies: list[tuple[float, bytes]] = [(0.0, pickle.dumps(self._model))]

    def at(self, time_s: float, wall_s: float = math.inf) -> LiveModel | None:
        """Return the model at an instant, None if it needs more time to get there.

        Args:
            time_s: the instant.
            wall_s: about how long it may take; call again for the rest.

        Returns:
            The model, the same object until the next call.
        """
        began_s = time.perf_counter()
        if time_s < self._model.now_s:
            self._go_back(time_s)
        while self._model.running and self._model.now_s < time_s:
            piece_began_s = time.perf_counter()
            self._model.advance(min(time_s, self._model.now_s + self._piece_s))
            self._compare()
            self._worked_s += time.perf_counter() - piece_began_s
            if self._model.now_s >= self._copies[-1][0] + self._spacing_s:
                self._keep_copy()
            is_late = time.perf_counter() - began_s > wall_s
            if is_late and self._model.running and self._model.now_s < time_s:
                return None
        return self._model

    def share_of(self, time_s: float) -> float:
        """Return which share of the way to an instant is done."""
        return min(self._model.now_s / time_s, 1.0) if time_s > 0 else 1.0

    def close(self) -> None:
        """Let go of the model and its copies."""
        self._model.close()
        self._copies = []

    def _go_back(self, time_s: float) -> None:
        self._model.close()
        kept = [copy for copy in self._copies if copy[0] <= time_s]
        self._model = pickle.loads(kept[-1][1])

    def _keep_copy(self) -> None:
        """Keep a copy, unless copies would take more time than the run itself."""
        if self._worked_s < self._copy_s:
            return
        began_s = time.perf_counter()
        self._copies.append((self._model.now_s, pickle.dumps(self._model)))
        self._worked_s, self._copy_s = 0.0, COPY_SHARE * (time.perf_counter() - began_s)
        if sum(len(copy) for _, copy in self._copies) > MOST_BYTES:
            self._copies = self._copies[::2]
            self._spacing_s *= 2

    def _compare(self) -> None:
        """Hold the rounds that have ended since the last call against the folder's."""
        rounds = self._model.rounds
        if self.difference or len(rounds) <= self.compared:
            return
        ended = rounds_as_rows(rounds[self.compared :])
        stored = self._stored[self.compared : len(rounds)]
        self.difference = first_difference(stored, ended)
        if not self.difference and len(stored) < len(ended):
            self.difference = f"more rounds than the {len(self._stored):,} of the folder"
        if not self.difference:
            self.compared = len(rounds)

    def check(self) -> str:
        """Return in a sentence whether what is computed is what the folder has."""
        if self.difference:
            return f"Computed again, this is NOT the run of the folder: {self.difference}."
        if not self.compared:
            return "Computed again from scenario and seed; no round has ended yet to compare."
        return (
            f"Computed again from scenario and seed; the {self.compared:,} rounds until now are "
            "those of the folder."
        )
