"""Dirty curves of known write classes, with noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.calibration import CurveFit, DirtyCurve
from cluster_emu.calibration.curve import curve_from

PAGES = 262_144
PERIODS_S = np.geomspace(0.05, 60.0, 12)
Truth = tuple[list[float], list[float]]


def curve(
    shares: Sequence[float],
    rates: Sequence[float],
    noise: float,
    rng: np.random.Generator,
    periods_s: np.ndarray = PERIODS_S,
) -> DirtyCurve:
    dirty = sum(p * -np.expm1(-r * periods_s) for p, r in zip(shares, rates, strict=True))
    dirty = np.clip(dirty * (1.0 + noise * rng.standard_normal(len(periods_s))), 0.0, 1.0)
    return curve_from(
        {
            "page-size": 4096,
            "n-total-pages": PAGES,
            "periods": (1e3 * periods_s).tolist(),
            "n-dirty-pages": np.rint(dirty * PAGES).tolist(),
        }
    )


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def two_far_apart(rng: np.random.Generator, most_hot: float) -> Truth:
    """Rates 50-fold apart, all pages written, the hot share from 0.1 on."""
    hot = rng.uniform(0.1, most_hot)
    slow = log_uniform(rng, 0.02, 0.4)
    return [hot, 1.0 - hot], [50.0 * slow, slow]


def two_closer(rng: np.random.Generator) -> Truth:
    hot = rng.uniform(0.2, 0.8)
    slow = log_uniform(rng, 0.05, 0.5)
    return [hot, 1.0 - hot], [rng.uniform(3.0, 20.0) * slow, slow]


def two_and_a_rest(rng: np.random.Generator) -> Truth:
    shares = 0.7 * rng.dirichlet([1.0, 1.0, 1.0]) + 0.1
    slow = log_uniform(rng, 0.04, 0.4)
    return shares[:2].tolist(), [50.0 * slow, slow]


def three(rng: np.random.Generator) -> Truth:
    shares = 0.7 * rng.dirichlet([1.0, 1.0, 1.0]) + 0.1
    slow = log_uniform(rng, 0.02, 0.1)
    middle = slow * rng.uniform(5.0, 20.0)
    return shares.tolist(), [middle * rng.uniform(5.0, 20.0), middle, slow]


def recovered(fit: CurveFit, shares: Sequence[float], rates: Sequence[float]) -> bool:
    """Return whether rates are within 20 % and shares within 0.03."""
    return len(fit.classes) == len(rates) and all(
        abs(one.writes_per_page_s / rate - 1.0) <= 0.2 and abs(one.share - share) <= 0.03
        for one, share, rate in zip(fit.classes, shares, rates, strict=True)
    )


def covered(fit: CurveFit, shares: Sequence[float], rates: Sequence[float]) -> bool:
    """Return whether every stated interval holds the truth."""
    rest = 1.0 - sum(shares)
    return fit.unwritten[1] - 1e-9 <= rest <= fit.unwritten[2] + 1e-9 and all(
        one.rate_low <= rate <= (one.rate_high or np.inf)
        and one.share_low <= share <= one.share_high
        for one, share, rate in zip(fit.classes, shares, rates, strict=True)
    )
