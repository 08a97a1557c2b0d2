"""Where chance comes from: a stream of random numbers, or the mean field without any.

In the mean field every draw comes out at its mean, which need not be a whole number, so that a
migration is deterministic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.drawing import many_drawn

Floats = NDArray[np.float64]
_NONE = np.empty(0)


class RandomDraws:
    """Draws from a stream.

    Args:
        rng: the stream.
    """

    is_random = True

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.beta = rng.beta
        self.multinomial = rng.multinomial

    def uniform(self) -> float:
        """Return a number between 0 and 1."""
        return self.rng.random()

    def variates(self, count: int) -> Floats:
        """Return so many normal variates."""
        return self.rng.standard_normal(count)

    def binomial(self, pages: Any, chance: Any) -> Any:
        """Return how many of the pages of each kind it happens to, [kinds]."""
        return many_drawn(pages, chance, self.variates(len(pages)))

    def without_replacement(self, pages: Any, count: Any) -> Any:
        """Return how many of each kind are among so many taken at random, [kinds]."""
        return self.rng.multivariate_hypergeometric(pages, count, method="marginals")


class MeanDraws:
    """Answers with means."""

    is_random = False

    def uniform(self) -> float:
        """Return the mean of a number between 0 and 1."""
        return 0.5

    def variates(self, count: int) -> Floats:
        """Return none: without variates means are taken."""
        return _NONE

    def beta(self, a: float, b: float) -> float:
        """Return the mean."""
        return a / (a + b)

    def multinomial(self, pages: Any, chances: Any) -> Any:
        """Return the mean number of each kind in each group, [kinds, groups]."""
        return np.multiply.outer(np.asarray(pages, dtype=np.float64), np.asarray(chances))

    def binomial(self, pages: Any, chance: Any) -> Any:
        """Return to how many of the pages of each kind it happens, [kinds]."""
        return np.asarray(pages, dtype=np.float64) * chance

    def without_replacement(self, pages: Any, count: Any) -> Any:
        """Return how many of each kind are among so many taken at random, [kinds]."""
        pages = np.asarray(pages, dtype=np.float64)
        total = float(pages.sum())
        return pages * (min(count / total, 1.0) if total > 0 else 0.0)


Draws = RandomDraws | MeanDraws
