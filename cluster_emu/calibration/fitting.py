"""Write classes from a dirty curve: how many, their rates and shares, and how sure that is.

1. Non-negative least squares over a fine grid of rates says how well any mixture can fit, and so
   how large the noise of the readings is (beyond what sampling and rounding explain).
2. For one, two and three classes, with and without pages that are never written, the rates are
   searched on a grid, which is then refined around everything that still fits.
3. The number of classes is the one of the least AICc, with a stricter penalty, or for many
   readings BIC.
4. Intervals are those of a joint 95 % region: all rates and shares with which some choice of the
   others fits the readings nearly as well as the best one does. They hold together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, nnls
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import f as f_distribution

from cluster_emu.calibration.curve import DirtyCurve
from cluster_emu.calibration.mixtures import Mixtures, mixtures

Floats = NDArray[np.float64]

MOST_CLASSES = 3
CONFIDENCE = 0.95
GRID_RATES = {1: 400, 2: 72, 3: 28}
"""Rates of the first grid by number of classes; every increasing choice of them is tried."""
FINE_RATES = {1: 201, 2: 41, 3: 15}
"""Rates per class of each refinement."""
REFINEMENTS = 5
NNLS_RATES = 120
SLOWEST, FASTEST = 0.02, 8.0
"""The slowest rate over the longest period, the fastest over the shortest."""
STRICTNESS = 1.6
"""AICc times it takes a class too many in 1 of 100 samples of 12 readings, and not in 5."""
LEAST_NOISE = 1e-3
"""Relative noise that readings have at least."""
ASSUMED_NOISE = 0.05
"""Relative noise of readings that are too few to tell."""


@dataclass(frozen=True, slots=True)
class FittedClass:
    """A write class with its intervals.

    Args:
        share: share of the VM's pages.
        share_low: lower end of its interval.
        share_high: upper end.
        writes_per_page_s: rate per page.
        rate_low: lower end of its interval, 0 where any slower rate fits.
        rate_high: upper end; None where any faster rate fits.
    """

    share: float
    share_low: float
    share_high: float
    writes_per_page_s: float
    rate_low: float
    rate_high: float | None


@dataclass(frozen=True, slots=True, eq=False)
class CurveFit:
    """Write classes that were fitted to a curve.

    Args:
        curve: the readings.
        classes: fastest first.
        unwritten: share of pages that are never written, with its interval.
        noise: relative standard deviation of a reading, beyond sampling and rounding.
        noise_is_assumed: whether the readings are too few to tell it.
        chosen: whether the number of classes was chosen here.
        fitted_share: expected shares of dirty pages, shape [readings].
    """

    curve: DirtyCurve
    classes: tuple[FittedClass, ...]
    unwritten: tuple[float, float, float]
    noise: float
    noise_is_assumed: bool
    chosen: bool
    fitted_share: Floats

    def share_at(self, periods_s: Floats) -> Floats:
        """Return the expected shares of dirty pages after periods, shape [periods]."""
        return curve_of(self.classes, periods_s)


def curve_of(classes: tuple[FittedClass, ...], periods_s: Floats) -> Floats:
    """Return ``sum p_i (1 - exp(-r_i t))``."""
    found = np.zeros(np.shape(periods_s))
    for one in classes:
        found -= one.share * np.expm1(-one.writes_per_page_s * periods_s)
    return found


def fit_curve(curve: DirtyCurve, classes: int | None = None) -> CurveFit:
    """Fit write classes to a dirty curve.

    Args:
        curve: the readings.
        classes: how many classes, 1 to 3; None lets the readings say it.
    """
    if curve.periods == 1:
        return _one_class_of_one_period(curve)
    most = min(MOST_CLASSES, max(1, (curve.periods - 1) // 2))
    counts = [classes] if classes is not None else list(range(1, most + 1))
    noise, assumed = _noise(curve)
    sigma = _sigma(curve, noise)
    searches = {
        (count, all_written): _Search(curve, sigma, count, all_written)
        for count in counts
        for all_written in (True, False)
    }
    best = min(searches.values(), key=lambda one: (one.criterion, one.parameters))
    # The intervals do not assume that all pages are written, also where the best fit does.
    free = searches[best.count, False]
    free.profile(_threshold(free, assumed=assumed))
    return _result(curve, best, free, noise, assumed, chosen=classes is None)


def rate_grid(curve: DirtyCurve, count: int) -> Floats:
    """Return rates evenly spaced in their logarithms that the periods can tell at all."""
    slowest = SLOWEST / curve.periods_s[-1]
    return np.geomspace(slowest, FASTEST / curve.periods_s[0], count)


def _sigma(curve: DirtyCurve, noise: float) -> Floats:
    return np.sqrt(curve.counting_variance + (noise * curve.dirty_share) ** 2)


def _noise(curve: DirtyCurve) -> tuple[float, bool]:
    """Return the relative noise with which the best mixture of any rates fits as it should."""
    rates = rate_grid(curve, NNLS_RATES)
    columns = -np.expm1(-np.outer(curve.periods_s, rates))

    def surplus(noise: float) -> float:
        sigma = _sigma(curve, noise)
        shares, norm = nnls(columns / sigma[:, None], curve.dirty_share / sigma)
        used = int(np.count_nonzero(np.diff(np.flatnonzero(shares > 0.0), prepend=-9) > 1))
        free = len(curve.periods_s) - 2 * used
        return float(norm**2 - max(free, 1))

    if len(curve.periods_s) < 4:
        return ASSUMED_NOISE, True
    if surplus(LEAST_NOISE) <= 0.0:
        return LEAST_NOISE, False
    # the count of rates in use jumps, so the sign need not change only once: any root will do
    if surplus(1.0) >= 0.0:
        return 1.0, False
    return float(brentq(surplus, LEAST_NOISE, 1.0, xtol=1e-4)), False


def _threshold(free: _Search, *, assumed: bool) -> float:
    """Return how far above the least chi2 the region of all parameters together reaches."""
    if assumed:
        return float(chi2_distribution.ppf(CONFIDENCE, free.parameters))
    left = max(len(free.curve.periods_s) - free.parameters, 1)
    quantile = float(f_distribution.ppf(CONFIDENCE, free.parameters, left))
    return free.parameters * quantile * max(free.chi2 / left, 1.0)


class _Search:
    """Rates of a number of classes: a grid, refined around all that fits nearly as well."""

    def __init__(self, curve: DirtyCurve, sigma: Floats, count: int, all_written: bool) -> None:
        self.curve = curve
        self.count = count
        self.all_written = all_written
        self._sigma = sigma
        grid = rate_grid(curve, GRID_RATES[count])
        self._bounds = (grid[0], grid[-1])
        self._step = math.log(grid[1] / grid[0])
        self._first = np.array(list(combinations(grid[::-1], count)))
        self._found = self._try(self._first)
        self._shrink_to_best()

    @property
    def parameters(self) -> int:
        """How many numbers are fitted."""
        return 2 * self.count - (1 if self.all_written else 0)

    @property
    def criterion(self) -> float:
        """Misfit and a penalty for what is fitted, that of AICc or of BIC, whichever is larger."""
        k, readings = self.parameters + 1, len(self.curve.periods_s)  # the noise, too
        if readings <= k + 1:
            return math.inf
        aicc = 2 * k + 2 * k * (k + 1) / (readings - k - 1)
        return self._least_deviance() + max(STRICTNESS * aicc, k * math.log(readings))

    def _least_deviance(self) -> float:
        """Return -2 log likelihood for the noise that suits this fit best."""
        curve = self.curve
        written = -np.expm1(-np.outer(curve.periods_s, self.rates)) @ self.shares[1:]
        noise = np.geomspace(LEAST_NOISE, 1.0, 200)[:, None]
        variance = curve.counting_variance + (noise * curve.dirty_share) ** 2
        deviance = np.log(variance) + (written - curve.dirty_share) ** 2 / variance
        return float(deviance.sum(axis=1).min())

    def _try(self, rates: Floats) -> Mixtures:
        curve = self.curve
        return mixtures(
            rates, curve.periods_s, curve.dirty_share, self._sigma, all_written=self.all_written
        )

    def _shrink_to_best(self) -> None:
        """Find the best rates by smaller and smaller grids around the best ones so far."""
        place = int(np.argmin(self._found.chi2))
        self.chi2 = float(self._found.chi2[place])
        self.rates, self.shares = self._first[place], self._found.shares[place]
        reach, points = 1.5 * self._step, 7 if self.count < 3 else 5
        while reach > 1e-4:
            offsets = np.exp(np.linspace(-reach, reach, points))
            axes = [np.clip(rate * offsets, *self._bounds) for rate in self.rates]
            choices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, self.count)
            found = self._try(choices)
            place = int(np.argmin(found.chi2))
            if found.chi2[place] < self.chi2 * (1 - 1e-9):
                self.chi2 = float(found.chi2[place])
                self.rates, self.shares = choices[place], found.shares[place]
                reach *= 0.8
            else:
                reach *= 0.4
        order = np.argsort(-self.rates, kind="stable")
        self.rates, self.shares[1:] = self.rates[order], self.shares[1:][order]

    def profile(self, threshold: float) -> None:
        """Find how far each rate and share may go, for chi2 up to the least one and more."""
        limit = self.chi2 + threshold
        lows, highs = np.full(self.count, np.inf), np.zeros(self.count)
        share_lows, share_highs = self.shares.copy(), self.shares.copy()
        rates, found = self._first, self._found
        for _ in range(REFINEMENTS):
            kept = found.chi2 <= limit
            lows, highs = self.rates.copy(), self.rates.copy()
            if kept.any():
                lows = np.minimum(lows, rates[kept].min(axis=0))
                highs = np.maximum(highs, rates[kept].max(axis=0))
                low, high = _share_ranges(found, kept, limit)
                share_lows, share_highs = np.minimum(share_lows, low), np.maximum(share_highs, high)
            rates = self._around(lows, highs, rates)
            found = self._try(rates)
        self.rate_lows, self.rate_highs = lows, highs
        self.share_lows, self.share_highs = share_lows, share_highs

    def _around(self, lows: Floats, highs: Floats, before: Floats) -> Floats:
        """Return a grid over the box of what fits, a step of the grid before larger."""
        axes = []
        for number, (low, high) in enumerate(zip(lows, highs, strict=True)):
            tried = np.unique(before[:, number])
            below, above = tried[tried < low], tried[tried > high]
            wider = math.sqrt(high / low) * math.exp(self._step)
            start = below[-1] if len(below) else max(low / wider, self._bounds[0])
            stop = above[0] if len(above) else min(high * wider, self._bounds[1])
            axis = np.geomspace(start, stop, FINE_RATES[self.count])
            axes.append(np.sort(np.append(axis, self.rates[number])))
        choices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, self.count)
        ordered = (np.diff(choices, axis=1) < 0.0).all(axis=1)
        return choices[ordered]


def _share_ranges(found: Mixtures, kept: NDArray[np.bool_], limit: float) -> tuple[Floats, Floats]:
    """Return the least and largest shares over the rates that fit, the rest first.

    For given rates chi2 is a paraboloid over the shares, so its slice at the limit is an ellipsoid;
    what is within it and within 0..1 counts.
    """
    gram, shares = found.gram[kept], found.shares[kept]
    room = np.sqrt(np.maximum(limit - found.chi2[kept], 0.0))[:, None]
    size = gram.shape[1]
    scale = np.trace(gram, axis1=1, axis2=2)[:, None, None]
    inverse = np.linalg.inv(gram + 1e-10 * scale * np.eye(size))
    reach = room * np.sqrt(np.maximum(np.diagonal(inverse, axis1=1, axis2=2), 0.0))
    of_rest = room[:, 0] * np.sqrt(np.maximum(inverse.sum(axis=(1, 2)), 0.0))
    reach = np.column_stack([of_rest, reach])
    low, high = (shares - reach).min(axis=0), (shares + reach).max(axis=0)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def _result(
    curve: DirtyCurve,
    best: _Search,
    free: _Search,
    noise: float,
    assumed: bool,
    *,
    chosen: bool,
) -> CurveFit:
    slowest, fastest = rate_grid(curve, 2)
    classes = []
    for number in range(best.count):
        rate, share = float(best.rates[number]), float(best.shares[1 + number])
        low, high = float(free.rate_lows[number]), float(free.rate_highs[number])
        classes.append(
            FittedClass(
                share=share,
                share_low=min(share, float(free.share_lows[1 + number])),
                share_high=max(share, float(free.share_highs[1 + number])),
                writes_per_page_s=rate,
                rate_low=0.0 if low <= slowest * 1.001 else min(rate, low),
                rate_high=None if high >= fastest / 1.001 else max(rate, high),
            )
        )
    rest = float(best.shares[0])
    unwritten = (rest, min(rest, float(free.share_lows[0])), max(rest, float(free.share_highs[0])))
    found = tuple(classes)
    return CurveFit(
        curve, found, unwritten, noise, assumed, chosen, curve_of(found, curve.periods_s)
    )


def _one_class_of_one_period(curve: DirtyCurve) -> CurveFit:
    """One period fixes one number: the rate, if all pages are written alike."""
    share = float(curve.dirty_share.mean())
    period_s = float(curve.periods_s[0])
    most = 1.0 - 0.5 / curve.sampled_pages
    rate = -math.log1p(-min(share, most)) / period_s
    one = FittedClass(
        share=1.0,
        share_low=share,
        share_high=1.0,
        writes_per_page_s=rate,
        rate_low=rate,
        rate_high=None,
    )
    fitted = np.full(len(curve.periods_s), min(share, most))
    return CurveFit(curve, (one,), (0.0, 0.0, 1.0 - share), ASSUMED_NOISE, True, True, fitted)
