"""The pages of a VM as the lumped engine sees them: how many of each write class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PageClasses:
    """Write classes whose pages are scattered over the VM's memory.

    Args:
        pages: pages of each class, [classes].
        writes_per_page_s: writes per page and operational second, Poisson, [classes].
        given_share: chance that a page is given as dirty for a round, from its very start and
            whatever its length (the reference paper's samples per iteration).
    """

    pages: Counts
    writes_per_page_s: Floats
    given_share: float = 0.0

    @classmethod
    def of(cls, pages: Counts, writes_per_page_s: Floats, given_share: float = 0.0) -> PageClasses:
        """Put classes of one rate together and leave out those without pages."""
        rates, where = np.unique(writes_per_page_s, return_inverse=True)
        totals = np.bincount(where, pages, minlength=len(rates)).astype(np.int64)
        return cls(totals[totals > 0], rates[totals > 0], given_share)

    @property
    def page_count(self) -> int:
        """Pages of the VM."""
        return int(self.pages.sum())

    def clean_chance(self, elapsed: float) -> Floats:
        """Return the chance that a page is not written in a round that lasts so long, [classes]."""
        chance: Floats = (1.0 - self.given_share) * np.exp(-self.writes_per_page_s * elapsed)
        return chance
