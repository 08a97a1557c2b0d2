"""Variates made from normal ones: how many it happens to, and how far a scan gets.

One normal variate makes one draw, so that all of a round are made by a single compiled call.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.compiling import compiled

Floats = NDArray[np.float64]

INVERTED_UP_TO = 40.0
"""Mean (or variance) up to which the distribution is inverted; above, a draw is a normal one with
the skewness and, if binomial, the kurtosis it has to have (Cornish and Fisher), wrong by less than
0.001 in its distribution function."""
SUMMED_UP_TO = 12
"""Shape up to which a gamma variate is a sum of exponential ones; above, Wilson and Hilferty's."""
_SQRT_2 = math.sqrt(2.0)


@compiled
def uniform_of(normal: float) -> float:
    """Return the uniform variate of the same quantile."""
    return 0.5 * math.erfc(-normal / _SQRT_2)


@compiled
def drawn(pages: float, chance: float, normal: float) -> float:
    """Return a binomial number of successes among so many pages."""
    if pages <= 0 or chance <= 0:
        return 0.0
    if chance >= 1:
        return float(pages)
    p = min(chance, 1.0 - chance)
    mean = pages * p
    if mean > INVERTED_UP_TO:
        sd = math.sqrt(mean * (1.0 - p))
        skew, excess = (1.0 - 2.0 * p) / sd, (1.0 - 6.0 * p * (1.0 - p)) / (sd * sd)
        z = normal
        z += skew / 6.0 * (normal**2 - 1.0)
        z += excess / 24.0 * (normal**3 - 3.0 * normal)
        z -= skew**2 / 36.0 * (2.0 * normal**3 - 5.0 * normal)
        found = min(max(math.floor(mean + sd * z + 0.5), 0.0), float(pages))
    else:
        odds, found = p / (1.0 - p), 0.0
        mass = math.exp(pages * math.log1p(-p))
        left = uniform_of(normal) - mass
        while left > 0 and found < pages and mass > 0:
            mass *= odds * (pages - found) / (found + 1.0)
            left -= mass
            found += 1.0
    return found if chance <= 0.5 else pages - found


@compiled
def many_drawn(pages: NDArray[Any], chance: Floats, normal: Floats) -> NDArray[Any]:
    """Return as many draws; their means if there are no variates, [draws]."""
    found = np.empty_like(pages)
    for i in range(len(pages)):
        if len(normal):
            found[i] = drawn(pages[i], chance[i], normal[i])
        else:
            found[i] = pages[i] * chance[i]
    return found


@compiled
def drawn_without_replacement(count: float, of: float, among: float, normal: float) -> float:
    """Return how many of the `of` marked among all pages are in a sample of `count` of them.

    A hypergeometric number.
    """
    least, most = max(0.0, count - (among - of)), min(count, of)
    if most <= least:
        return least
    share, sampled = of / among, count / among
    mean = count * share
    variance = mean * (1.0 - share) * (among - count) / max(among - 1.0, 1.0)
    if variance > INVERTED_UP_TO:
        sd = math.sqrt(variance)
        skew = (1.0 - 2.0 * share) * (1.0 - 2.0 * sampled) / sd
        rounded = math.floor(mean + sd * (normal + skew / 6.0 * (normal**2 - 1.0)) + 0.5)
        return float(min(max(rounded, least), most))
    # from the mode outwards there is no underflow; the mass below it is summed first
    mode = float(min(max(math.floor((count + 1.0) * (of + 1.0) / (among + 2.0)), least), most))
    at_mode = math.exp(
        _log_choose(of, mode) + _log_choose(among - of, count - mode) - _log_choose(among, count)
    )
    found, mass = mode, at_mode
    left = uniform_of(normal)
    while found > least and mass > 1e-18:
        left -= mass
        mass *= found * (among - of - count + found)
        mass /= (of - found + 1.0) * (count - found + 1.0)
        found -= 1.0
        if left <= 0:
            return found + 1.0
    left -= mass
    if left <= 0:
        return found
    found, mass = mode, at_mode
    while found < most and left > 0 and mass > 1e-18:
        mass *= (of - found) * (count - found)
        mass /= (found + 1.0) * (among - of - count + found + 1.0)
        found += 1.0
        left -= mass
    return found


@compiled
def _log_choose(n: float, k: float) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


@compiled
def gamma_drawn(shape: float, normal: Floats) -> float:
    """Return a gamma variate of a whole-numbered shape from `SUMMED_UP_TO` normal variates."""
    if shape <= SUMMED_UP_TO:
        total = 0.0
        for i in range(int(shape)):
            total -= math.log(uniform_of(normal[i]))
        return total
    third = 1.0 / (9.0 * shape)
    return float(shape * max(1.0 - third + normal[0] * math.sqrt(third), 0.0) ** 3)


@compiled
def place_of_send(sends: float, all_sends: float, normal: Floats) -> float:
    """Return where in a scan, as a share of it, so many of its sends are done.

    Places are independent and uniform, so that is an order statistic, ``Beta(k, n - k + 1)``: here
    a ratio of gamma variates, from ``2 SUMMED_UP_TO`` normal ones.
    """
    before = gamma_drawn(sends, normal[:SUMMED_UP_TO])
    behind = gamma_drawn(all_sends - sends + 1.0, normal[SUMMED_UP_TO:])
    return before / (before + behind)
