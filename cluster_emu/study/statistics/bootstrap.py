"""Bootstrap intervals of means, for differences whose distribution is skewed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.study.statistics.effects import has_spread
from cluster_emu.study.statistics.estimates import CONFIDENCE

RESAMPLES = 1999
"""Resamples of a sample; each end of the interval then is some 50th smallest or largest mean."""

LEAST_VALUES = 10
"""Samples of fewer values have no bootstrap interval: it would be far too narrow."""

ROWS_AT_ONCE = 32
"""Samples that are resampled together, always as many: sums are rounded by the array's shape."""

Ends = tuple[float | None, float | None]


def bca_intervals(samples: Sequence[NDArray[np.float64]]) -> list[Ends]:
    """Return the 95 % BCa bootstrap interval of each sample's mean; without ends for few values.

    Bias-corrected and accelerated: Efron, J. Am. Stat. Assoc. 82(397), 1987; `scipy.stats` has the
    formulas. Samples of one size are resampled alike, by draws that depend on the size alone: an
    interval depends on its sample, and on nothing else in a study.

    Args:
        samples: independent values, none of them NaN; of differences for paired values.
    """
    found: list[Ends] = [(None, None)] * len(samples)
    by_size: dict[int, list[int]] = {}
    for place, sample in enumerate(samples):
        if len(sample) < LEAST_VALUES:
            continue
        if has_spread(sample):
            by_size.setdefault(len(sample), []).append(place)
        else:  # every resample is the sample
            found[place] = (float(sample.mean()), float(sample.mean()))
    for places in by_size.values():
        for start in range(0, len(places), ROWS_AT_ONCE):
            chosen = places[start : start + ROWS_AT_ONCE]
            padded = [*chosen, *chosen[:1] * (ROWS_AT_ONCE - len(chosen))]
            low, high = _of_one_size(np.array([samples[place] for place in padded]))
            for row, place in enumerate(chosen):
                found[place] = float(low[row]), float(high[row])
    return found


def _of_one_size(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the low and the high ends of all rows of an array of shape [samples, values]."""
    size = rows.shape[1]
    interval = bootstrap(
        (rows,),
        np.mean,
        axis=-1,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=RandomStreams(0).generator(Stream.BOOTSTRAP, size),
    ).confidence_interval
    return np.asarray(interval.low), np.asarray(interval.high)
