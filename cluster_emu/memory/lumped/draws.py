"""Where random numbers come from: a stream, or the mean field without any.

In the mean field every draw takes its mean, which need not be a whole number, so that a migration
is deterministic. Page counts are float64 in both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import sample_binomials

Floats = NDArray[np.float64]
_NONE = np.empty(0)


class RandomDraws:
    """Draws from a stream.

    Attributes:
        normals: returns so many normal deviates.
        uniform: returns a number between 0 and 1.
        beta: returns a beta variate.

    Args:
        rng: the stream.
    """

    is_random = True

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.normals = rng.standard_normal
        self.uniform = rng.random
        self.beta = rng.beta

    def multinomial(self, pages: Floats, chances: list[float]) -> Floats:
        """Return how many pages of each group fall into each part, [groups, parts]."""
        return self.rng.multinomial(pages.astype(np.int64), chances).astype(np.float64)

    def binomial(self, pages: Floats, chance: Floats) -> Floats:
        """Return a binomial number for each group, [groups]."""
        return sample_binomials(np.ascontiguousarray(pages), chance, self.normals(len(pages)))

    def without_replacement(self, pages: Floats, count: float) -> Floats:
        """Return how many pages of each group are in a sample of `count` pages, [groups].

        The count is rounded to whole pages.
        """
        drawn = self.rng.multivariate_hypergeometric(
            pages.astype(np.int64), round(count), method="marginals"
        )
        return drawn.astype(np.float64)


class MeanDraws:
    """Returns the means."""

    is_random = False

    def uniform(self) -> float:
        """Return the mean of a number between 0 and 1."""
        return 0.5

    def normals(self, count: int) -> Floats:
        """Return none: without normal deviates, kernels take means."""
        return _NONE

    def beta(self, a: float, b: float) -> float:
        """Return the mean of a beta variate."""
        return a / (a + b)

    def multinomial(self, pages: Floats, chances: list[float]) -> Floats:
        """Return the mean number of pages of each group in each part, [groups, parts]."""
        means: Floats = np.multiply.outer(np.asarray(pages, np.float64), np.asarray(chances))
        return means

    def binomial(self, pages: Floats, chance: Floats) -> Floats:
        """Return the mean of a binomial number for each group, [groups]."""
        means: Floats = np.asarray(pages, dtype=np.float64) * chance
        return means

    def without_replacement(self, pages: Floats, count: float) -> Floats:
        """Return how many pages of each group are in a sample on average, [groups]."""
        pages = np.asarray(pages, dtype=np.float64)
        total = float(pages.sum())
        return pages * (min(count / total, 1.0) if total > 0 else 0.0)


Draws = RandomDraws | MeanDraws
