"""The pages of a VM as the lumped engine needs them: how many of each write class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HotSet:
    """A working set that moves: pages drawn at random, and drawn again after every period.

    Args:
        pages: pages in the set at any time.
        writes_per_page_s: writes per page of the set and operational second, in addition to those
            of its class.
        period_s: operational time for which a set lasts.
    """

    pages: int
    writes_per_page_s: float
    period_s: float


@dataclass(frozen=True, slots=True)
class PageClasses:
    """Write classes whose pages are scattered over the VM's memory.

    Args:
        pages: pages of each class, [classes]; means in the mean field.
        writes_per_page_s: writes per page and operational second, Poisson, [classes].
        dirty_probability: per-round dirty probability: the chance that a page is dirty from the
            start of a round, however long the round is (the reference paper's samples per
            iteration).
        hot: a working set that moves over pages of all classes, if there is one.
    """

    pages: Counts | Floats
    writes_per_page_s: Floats
    dirty_probability: float = 0.0
    hot: HotSet | None = None

    @classmethod
    def of(
        cls,
        pages: Counts,
        writes_per_page_s: Floats,
        dirty_probability: float = 0.0,
        hot: HotSet | None = None,
    ) -> PageClasses:
        """Put classes of one rate together and leave out those without pages."""
        rates, where = np.unique(writes_per_page_s, return_inverse=True)
        totals = np.bincount(where, pages, minlength=len(rates)).astype(np.int64)
        return cls(totals[totals > 0], rates[totals > 0], dirty_probability, hot)

    @property
    def page_count(self) -> int:
        """Pages of the VM."""
        return round(float(self.pages.sum()))
