"""BCa intervals: scipy's, by draws that depend on nothing but the size of the sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.study.statistics.bootstrap import LEAST_VALUES, RESAMPLES, bca_intervals

RNG = np.random.default_rng(7)
SKEWED = [RNG.exponential(size=size) for size in (30, 12, 30, 12, 30)]


def test_they_are_those_of_scipy_for_one_sample() -> None:
    expected = bootstrap(
        (SKEWED[2],),
        np.mean,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=RandomStreams(0).generator(Stream.BOOTSTRAP, 30),
    ).confidence_interval

    assert bca_intervals(SKEWED)[2] == pytest.approx(tuple(expected), rel=1e-12)


def test_an_interval_does_not_depend_on_what_else_there_is() -> None:
    together = bca_intervals(SKEWED * 20)

    assert together == [bca_intervals([sample])[0] for sample in SKEWED] * 20


def test_they_lean_to_the_long_tail() -> None:
    low, high = bca_intervals([SKEWED[0]])[0]

    assert low is not None and high is not None
    mean = SKEWED[0].mean()
    assert 0 < mean - low < high - mean


def test_few_values_have_none_and_equal_ones_no_width() -> None:
    few, same, empty = np.arange(LEAST_VALUES - 1.0), np.full(LEAST_VALUES, 0.25), np.empty(0)

    found = bca_intervals([few, same, empty])
    assert found == [(None, None), (0.25, 0.25), (None, None)]
