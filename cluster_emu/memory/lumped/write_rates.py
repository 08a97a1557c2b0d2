"""How often pages are written in a round, a working set that moves included.

A page is clean after an interval with ``exp(-E)``, E being its cumulative hazard. Without working
sets, E is ``lambda_k t`` for a page of class k. With a working set that moves, the write class of a
page group also says whether its pages are in the present set, and which block of coming sets writes
them first, if it is known (`FirstWriters`). A page in a set is written rho times more per second.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import (
    WRITE_LAW,
    Records,
    cumulative_hazard,
    cumulative_hazards,
    unwritten_chances,
)
from cluster_emu.memory.lumped.classes import PageClasses

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class FirstWriters(NamedTuple):
    """Blocks of coming sets by which pages are labelled: the block that writes a page first.

    Args:
        single_sets: blocks of one set each.
        blocks: further blocks.
        block_sets: sets in each of these.
    """

    single_sets: int = 0
    blocks: int = 0
    block_sets: int = 1

    @property
    def sets(self) -> int:
        """Sets in all blocks."""
        return self.single_sets + self.blocks * self.block_sets

    @property
    def labels(self) -> int:
        """How many labels there are: one for each block, and 0 for pages that none writes."""
        return 1 + self.single_sets + self.blocks

    @property
    def block_of_set(self) -> Integers:
        """The label of each set's block, [sets]."""
        number = np.arange(self.sets)
        later = (number - self.single_sets) // self.block_sets + 1 + self.single_sets
        return np.where(number < self.single_sets, number + 1, later)


NO_FIRST_WRITERS = FirstWriters()


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
        first_writers: the blocks by which pages are labelled; None if membership of the present
            set is not known either, or there is no set.
    """

    __slots__ = ("_highest", "dirty_probability", "has_sets", "law", "per_page_s")

    def __init__(
        self,
        classes: PageClasses,
        left_s: float = 0.0,
        first_writers: FirstWriters | None = None,
    ) -> None:
        self.per_page_s = classes.writes_per_page_s
        self.dirty_probability = classes.dirty_probability
        self.has_sets = classes.hot is not None and first_writers is not None
        self.law: Records = np.zeros(1, dtype=WRITE_LAW)
        hot = classes.hot
        if hot is None or first_writers is None:
            self.law["dirty_probability"] = classes.dirty_probability
        else:
            share = hot.pages / classes.page_count
            self.law[0] = (
                classes.dirty_probability,
                share,
                hot.writes_per_page_s,
                left_s,
                hot.period_s,
                first_writers.labels,
                first_writers.single_sets,
                first_writers.block_sets,
            )
            self.per_page_s = np.tile(classes.writes_per_page_s, 2 * first_writers.labels)
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
            return unwritten_chances(self.per_page_s, elapsed_s)
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
