"""How often pages are written in a round, a working set that moves included.

A page is clean after an interval with ``exp(-E)``, E being its cumulative hazard. Without working
sets, E is ``lambda_k t`` for a page of class k. With a working set that moves, the write class of a
page group also has one bit per set with known members: the present set and possibly some later
sets. The bit says whether the pages are in that set. The class is ``write_class % classes``, the
bits are ``write_class // classes``. A page in a set is written rho times more per second. A page is
in a set with unknown members with the chance sigma, so it stays clean for d seconds of that set
with ``1 - sigma + sigma exp(-rho d)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import (
    WRITE_LAW,
    Records,
    cumulative_hazard,
    cumulative_hazards,
)
from cluster_emu.memory.lumped.classes import PageClasses

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class WriteRates:
    """How often pages of each write class are written, from the start of a round on.

    Attributes:
        per_page_s: writes per page and operational second without working sets, [write classes].
        law: `_kernels.WRITE_LAW`, [1].
        dirty_probability: per-round dirty probability.
        has_sets: whether there is a working set that moves.

    Args:
        classes: the VM's write classes.
        left_s: operational time for which the present set lasts.
        known_sets: sets with known members, the present one included; 0 without sets.
    """

    __slots__ = ("_highest", "_negative", "dirty_probability", "has_sets", "law", "per_page_s")

    def __init__(self, classes: PageClasses, left_s: float = 0.0, known_sets: int = 0) -> None:
        self.per_page_s = classes.writes_per_page_s
        self.dirty_probability = classes.dirty_probability
        self.has_sets = classes.hot is not None and known_sets > 0
        self.law: Records = np.zeros(1, dtype=WRITE_LAW)
        hot = classes.hot
        if hot is None or known_sets == 0:
            self.law["dirty_probability"] = classes.dirty_probability
        else:
            share = hot.pages / classes.page_count
            self.law[0] = (
                classes.dirty_probability,
                share,
                hot.writes_per_page_s,
                left_s,
                hot.period_s,
                known_sets,
            )
            self.per_page_s = np.concatenate([classes.writes_per_page_s] * (1 << known_sets))
        self._negative = -self.per_page_s
        self._highest: float | None = None

    @property
    def highest(self) -> float:
        """Writes per second of the page that is written most."""
        if self._highest is None:
            in_set = float(self.law["set_writes_per_page_s"][0])
            self._highest = float(self.per_page_s.max()) + in_set
        return self._highest

    def is_smooth_until(self, time_s: float) -> bool:
        """Return whether no set ends before that time of the round."""
        return not self.has_sets or time_s <= float(self.law["set_left_s"][0])

    def clean_chance(self, elapsed_s: float) -> Floats:
        """Return the chance that a page is clean after a round that long, [write classes].

        ``(1 - dirty_probability) exp(-E(elapsed_s))``.
        """
        chance = self.unwritten_chance(elapsed_s)
        if self.dirty_probability > 0.0:
            chance = (1.0 - self.dirty_probability) * chance
        return chance

    def unwritten_chance(self, elapsed_s: float) -> Floats:
        """Return the chance that a page is not written in so much time, [write classes]."""
        if not self.has_sets:
            chance: Floats = np.exp(self._negative * elapsed_s)
            return chance
        hazard = np.empty(len(self.per_page_s))
        cumulative_hazard(self.per_page_s, self.law, 0.0, elapsed_s, hazard)
        return np.exp(-hazard)

    def hazard_since(self, since_s: Floats, until_s: float) -> Floats:
        """Return the cumulative hazard from each time on, [*since_s.shape, write classes]."""
        if not self.has_sets:
            hazard: Floats = np.multiply.outer(np.maximum(until_s - since_s, 0.0), self.per_page_s)
            return hazard
        found = cumulative_hazards(self.per_page_s, self.law, since_s.ravel(), until_s)
        return found.reshape(*since_s.shape, len(self.per_page_s))

    def hazard_of_pages(self, write_class: Integers, since_s: Floats, until_s: float) -> Floats:
        """Return the cumulative hazard of pages, each from a time of its own, [pages]."""
        if not self.has_sets:
            hazard: Floats = self.per_page_s[write_class] * np.maximum(until_s - since_s, 0.0)
            return hazard
        chosen: Floats = self.hazard_since(since_s, until_s)[
            np.arange(len(write_class)), write_class
        ]
        return chosen

    def hazard_steps(self, times_s: Floats, until_s: float) -> tuple[Floats, Floats]:
        """Return the cumulative hazard from each time but the first, and between successive times.

        Args:
            times_s: ascending times, [ranks, times].
            until_s: end of the interval of the first result.

        Returns:
            Two arrays [ranks, times - 1, write classes].
        """
        if not self.has_sets:
            left = np.maximum(until_s - times_s, 0.0)
            steps = np.multiply.outer(-np.diff(left, axis=1), self.per_page_s)
            return np.multiply.outer(left[:, 1:], self.per_page_s), steps
        hazard = self.hazard_since(times_s, until_s)
        return hazard[:, 1:], -np.diff(hazard, axis=1)
