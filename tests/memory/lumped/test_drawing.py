"""A draw from one normal variate is binomial: its whole distribution, by quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from cluster_emu.memory.lumped.chance import MeanDraws, RandomDraws
from cluster_emu.memory.lumped.drawing import INVERTED_UP_TO, many_drawn

QUANTILES = 200_000
EVENLY = norm.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES)


def drawn(pages: int, chance: float) -> np.ndarray:
    return many_drawn(np.full(QUANTILES, pages), np.full(QUANTILES, chance), EVENLY)


@pytest.mark.parametrize("chance", [1e-6, 0.003, 0.1, 0.4, 0.5, 0.77, 0.999, 1 - 1e-6])
@pytest.mark.parametrize("pages", [1, 2, 17, 79, 100, 450, 4_000, 100_000, 70_000_000])
def test_distribution_is_binomial(pages: int, chance: float) -> None:
    found, times = np.unique(drawn(pages, chance), return_counts=True)
    assert found[0] >= 0 and found[-1] <= pages
    share = np.cumsum(times) / QUANTILES
    off = np.abs(share - binom.cdf(found, pages, chance)).max()
    is_inverted = pages * min(chance, 1 - chance) <= INVERTED_UP_TO
    assert off < (2 / QUANTILES if is_inverted else 1e-3)


@pytest.mark.parametrize(("chance", "found"), [(0.0, 0), (-1e-18, 0), (1.0, 50), (1 + 1e-16, 50)])
def test_what_is_certain_is_not_left_to_chance(chance: float, found: int) -> None:
    assert set(drawn(50, chance).tolist()) == {found}


def test_mean_draws_are_the_means_of_the_random_ones() -> None:
    mean = MeanDraws()
    random = RandomDraws(np.random.default_rng(1))
    pages, chance = np.array([3, 500, 20_000]), np.array([0.3, 0.01, 0.8])
    assert mean.binomial(pages, chance) == pytest.approx(pages * chance)
    assert mean.without_replacement(pages, 4_000).sum() == pytest.approx(4_000)
    assert mean.multinomial(pages, [0.25] * 4).sum(axis=1) == pytest.approx(pages)
    assert random.without_replacement(pages, 4_000).sum() == 4_000
    draws = np.mean([random.binomial(pages, chance) for _ in range(4_000)], axis=0)
    error = np.sqrt(pages * chance * (1 - chance) / 4_000)
    assert np.all(np.abs(draws - pages * chance) < 5 * error)  # false alarm: 2e-6
