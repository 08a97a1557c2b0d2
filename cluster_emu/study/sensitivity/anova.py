"""The functional analysis of variance of a full grid whose settings all have the same seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from cluster_emu.study.sensitivity.shares import INTERACTIONS, SEEDS, FactorShare

CONFIDENCE = 0.95
LEAST_SEEDS = 3
"""Seeds that an interval of a share needs."""
NO_SPREAD = 1e-24
"""Variance over squared mean that is the rounding of sums."""


def anova_shares(values: NDArray[np.float64], factors: Sequence[str]) -> list[FactorShare]:
    """Return the shares of the variance of all values: of each factor, interactions, and seeds.

    Every level of a factor counts the same, so the shares are those of the functional ANOVA of the
    grid (Sobol' 1993; Saltelli et al. 2008, ch. 4): with the mean m over the seeds,

        first_i = Var(E[m | x_i]) / V,   total_i = (Var(m) - Var(E[m | all but x_i])) / V,
        seeds   = E[Var(y | setting)] / V,   V = Var(y) over all settings and seeds.

    The firsts, the interactions and the seeds add up to 1. In a grid without interactions each
    total is its first. A mean over few seeds keeps some of their variance, so a small share is too
    large on average; the p value of a factor alone says whether it can be told from that. As every
    setting has the same seeds, it compares the factor with its interaction with the seeds (F test
    of a repeated-measures design). Intervals are those of the jackknife over seeds, with Student t.

    Args:
        values: shape [levels of factor 1, ..., levels of factor k, seeds].
        factors: the names of the factors, in the order of the axes.
    """
    seeds = values.shape[-1]
    found = _shares(values, len(factors))
    rows = list(zip([*factors, INTERACTIONS, SEEDS], found, strict=True))
    spread = _jackknife(values, len(factors)) if seeds >= LEAST_SEEDS else None
    shares = []
    for number, (name, (first, total)) in enumerate(rows):
        low, high, total_low, total_high = math.nan, math.nan, math.nan, math.nan
        if spread is not None:
            low, high = _interval(first, spread[number, 0], seeds)
            if not math.isnan(total):
                total_low, total_high = _interval(total, spread[number, 1], seeds)
        p_value = _p_value(values, number) if number < len(factors) else math.nan
        shares.append(FactorShare(name, first, low, high, total, total_low, total_high, p_value))
    return shares


def _shares(values: NDArray[np.float64], factors: int) -> NDArray[np.float64]:
    """Return (first, total) of the factors, interactions and seeds, shape [factors + 2, 2]."""
    found = np.zeros((factors + 2, 2))
    found[factors:, 1] = np.nan
    whole = float(values.var())
    if whole <= NO_SPREAD * float(values.mean()) ** 2:
        return found
    means = values.mean(axis=-1)
    between = float(means.var())
    for axis in range(factors):
        others = tuple(other for other in range(factors) if other != axis)
        found[axis, 0] = means.mean(axis=others).var() / whole
        found[axis, 1] = (between - means.mean(axis=axis).var()) / whole
    found[factors, 0] = between / whole - found[:factors, 0].sum()
    found[factors + 1, 0] = (whole - between) / whole
    return np.where(np.abs(found) < 1e-12, 0.0, found)


def _jackknife(values: NDArray[np.float64], factors: int) -> NDArray[np.float64]:
    """Return the standard error of every share, shape [factors + 2, 2]."""
    seeds = values.shape[-1]
    without = np.array(
        [_shares(np.delete(values, seed, axis=-1), factors) for seed in range(seeds)]
    )
    deviations = without - without.mean(axis=0)
    return np.asarray(np.sqrt((seeds - 1) / seeds * (deviations**2).sum(axis=0)))


def _interval(share: float, error: float, seeds: int) -> tuple[float, float]:
    reach = float(t_distribution.ppf((1 + CONFIDENCE) / 2, seeds - 1)) * error
    return max(share - reach, 0.0), min(share + reach, 1.0)


def _p_value(values: NDArray[np.float64], axis: int) -> float:
    """Return P(F >= found) of a factor alone against its interaction with the seeds."""
    seeds, levels = values.shape[-1], values.shape[axis]
    if seeds < 2 or levels < 2:
        return math.nan
    others = tuple(other for other in range(values.ndim - 1) if other != axis)
    table = values.mean(axis=others)  # shape [levels, seeds]
    by_level, by_seed = table.mean(axis=1), table.mean(axis=0)
    rest = table - by_level[:, None] - by_seed[None, :] + table.mean()
    effect = seeds * float(((by_level - table.mean()) ** 2).sum()) / (levels - 1)
    error = float((rest**2).sum()) / ((levels - 1) * (seeds - 1))
    tiny = NO_SPREAD * float(table.mean()) ** 2
    if error <= tiny:
        return 1.0 if effect <= tiny else 0.0
    return float(f_distribution.sf(effect / error, levels - 1, (levels - 1) * (seeds - 1)))
