"""Samplers from normal deviates follow their distributions, checked by quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom, hypergeom, kstest, norm

from cluster_emu.memory.lumped._kernels import (
    DUE_GROUP,
    INVERTED_UP_TO,
    SUMMED_UP_TO,
    sample_binomials,
    sample_hypergeometric,
    sample_order_statistic,
    spread_over_parts,
)
from cluster_emu.memory.lumped.draws import MeanDraws, RandomDraws

QUANTILES = 200_000
EVENLY = norm.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES)


def binomials(pages: int, chance: float) -> np.ndarray:
    return sample_binomials(np.full(QUANTILES, float(pages)), np.full(QUANTILES, chance), EVENLY)


@pytest.mark.parametrize("chance", [1e-6, 0.003, 0.1, 0.4, 0.5, 0.77, 0.999, 1 - 1e-6])
@pytest.mark.parametrize("pages", [1, 2, 17, 79, 100, 450, 4_000, 100_000, 70_000_000])
def test_distribution_is_binomial(pages: int, chance: float) -> None:
    found, times = np.unique(binomials(pages, chance), return_counts=True)
    assert found[0] >= 0 and found[-1] <= pages
    share = np.cumsum(times) / QUANTILES
    off = np.abs(share - binom.cdf(found, pages, chance)).max()
    is_inverted = pages * min(chance, 1 - chance) <= INVERTED_UP_TO
    assert off < (2 / QUANTILES if is_inverted else 1e-3)


@pytest.mark.parametrize(("chance", "found"), [(0.0, 0), (-1e-18, 0), (1.0, 50), (1 + 1e-16, 50)])
def test_what_is_certain_is_not_left_to_chance(chance: float, found: int) -> None:
    assert set(binomials(50, chance).tolist()) == {found}


def test_mean_draws_are_the_means_of_the_random_ones() -> None:
    mean = MeanDraws()
    random = RandomDraws(np.random.default_rng(1))
    pages, chance = np.array([3.0, 500.0, 20_000.0]), np.array([0.3, 0.01, 0.8])
    assert mean.binomial(pages, chance) == pytest.approx(pages * chance)
    assert mean.without_replacement(pages, 4_000).sum() == pytest.approx(4_000)
    assert mean.multinomial(pages, [0.25] * 4).sum(axis=1) == pytest.approx(pages)
    assert random.without_replacement(pages, 4_000).sum() == 4_000
    draws = np.mean([random.binomial(pages, chance) for _ in range(4_000)], axis=0)
    error = np.sqrt(pages * chance * (1 - chance) / 4_000)
    assert np.all(np.abs(draws - pages * chance) < 5 * error)  # false alarm: 2e-6


@pytest.mark.parametrize(
    ("count", "of", "among"),
    [
        (1, 1, 2),
        (5, 7, 10),
        (1_024, 300, 9_000),
        (1_024, 8_990, 9_000),
        (30_000, 500, 70_000),
        (30_000, 40_000, 70_000),
        (900_000, 20, 1_000_000),
        (1_000, 2_000_000, 4_000_000),
    ],
)
def test_samples_are_hypergeometric(count: int, of: int, among: int) -> None:
    found = np.array([sample_hypergeometric(count, of, among, z) for z in EVENLY[::10]])
    values, times = np.unique(found, return_counts=True)
    law = hypergeom(among, of, count)
    assert np.abs(np.cumsum(times) / len(found) - law.cdf(values)).max() < 1e-3


@pytest.mark.parametrize(("sends", "all_sends"), [(1, 1), (1, 50), (12, 12), (13, 40), (900, 1024)])
def test_the_place_of_a_send_is_an_order_statistic(sends: int, all_sends: int) -> None:
    # Kolmogorov-Smirnov, false alarm 0.1 %, with a fixed seed
    rng = np.random.default_rng(3)
    normals = rng.standard_normal((20_000, 2 * SUMMED_UP_TO))
    places = [sample_order_statistic(sends, all_sends, each) for each in normals]
    assert kstest(places, beta(sends, all_sends - sends + 1).cdf).pvalue > 1e-3


@pytest.mark.parametrize("is_mean", [False, True])
def test_pages_are_spread_over_parts(is_mean: bool) -> None:
    # two address ranges of 100 and 40 pages, three and two due groups, in parts of a share each
    share = np.array([[0.25, 0.25, 0.25, 0.25], [0.5, 0.3, 0.2, 0.0]])
    due, pages = np.zeros(5, dtype=DUE_GROUP), np.array([90.0, 3.0, 7.0, 20.0, 20.0])
    due["rank"] = [0, 0, 0, 1, 1]
    draws = MeanDraws() if is_mean else RandomDraws(np.random.default_rng(2))
    spread = np.array(
        [spread_over_parts(due, pages, share, draws.normals(20)) for _ in range(2_000)]
    )
    assert np.all(spread.sum(axis=1) == pages)
    assert np.all(np.abs(spread[..., :3].sum(axis=2) - 100 * share[0]) < 1e-9)
    assert np.all(np.abs(spread[..., 3:].sum(axis=2) - 40 * share[1]) < 1e-9)
    means = spread.mean(axis=0)
    error = spread.std(axis=0) / np.sqrt(2_000)
    assert np.all(np.abs(means - pages * share[due["rank"]].T) < 5 * error + 1e-9)
