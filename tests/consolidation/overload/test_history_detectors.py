"""The overload detectors that read the history, by hand and against other formulas."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.consolidation import Move, OverloadDetector, Plan, Priority, overload_detectors
from cluster_emu.consolidation.overload import (
    InterquartileRange,
    LocalRegression,
    MedianAbsoluteDeviation,
    RobustLocalRegression,
)
from cluster_emu.errors import ScenarioError
from tests._support.histories import plan_after
from tests.consolidation.conftest import VM, cluster_state, linear_watts

ALL = (InterquartileRange, MedianAbsoluteDeviation, LocalRegression, RobustLocalRegression)
BY_SPREAD = (InterquartileRange, MedianAbsoluteDeviation)
BY_REGRESSION = (LocalRegression, RobustLocalRegression)
LOADS = st.floats(0.001, 2.0, allow_subnormal=False)


def plan_of_hosts(*histories: Sequence[float], kept: int | None = None) -> Plan:
    """Return hosts of capacity 1 with one VM each and these utilisations, the oldest first."""
    count = len(histories)
    state = cluster_state([1.0] * count, [8] * count, [VM(host, 0.0) for host in range(count)])
    return plan_after(state, np.transpose(histories), linear_watts, kept=kept)


def threshold(detector: OverloadDetector, history: Sequence[float]) -> float:
    """Return the threshold of one host."""
    return float(detector.thresholds(plan_of_hosts(history))[0])


# --- the spread -----------------------------------------------------------------------------------


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return Q1 and Q3 as CloudSim does: counted from 1, halves rounded up."""
    ascending, n = sorted(values), len(values)
    first, third = (math.floor(share * (n + 1) + 0.5) for share in (0.25, 0.75))
    return ascending[first - 1], ascending[third - 1]


def test_interquartile_range_by_hand():
    # In order .1 .1 .2 .2 .3 .3 .4 .4 .5 .6 .6 .6: Q1 is number round(3.25), Q3 round(9.75).
    history = [0.3, 0.6, 0.1, 0.4, 0.2, 0.6, 0.5, 0.1, 0.2, 0.3, 0.4, 0.6]
    assert threshold(InterquartileRange(), history) == pytest.approx(1 - 1.5 * (0.6 - 0.2))
    assert threshold(InterquartileRange(safety=0.5), history) == pytest.approx(1 - 0.5 * 0.4)


def test_median_absolute_deviation_by_hand():
    # Median .35; deviations .05 .25 .25 .05 .15 .25 .15 .25 .15 .05 .05 .25: in order 4 x .05,
    # 3 x .15, 5 x .25; the two in the middle are .15 and .15.
    history = [0.3, 0.6, 0.1, 0.4, 0.2, 0.6, 0.5, 0.1, 0.2, 0.3, 0.4, 0.6]
    assert threshold(MedianAbsoluteDeviation(), history) == pytest.approx(1 - 2.5 * 0.15)


@given(st.lists(LOADS, min_size=12, max_size=30))
def test_the_spread_is_that_of_an_independent_formula(history: list[float]) -> None:
    first, third = quartiles(history)
    assert threshold(InterquartileRange(), history) == pytest.approx(1 - 1.5 * (third - first))
    middle = statistics.median(history)
    deviation = statistics.median(abs(value - middle) for value in history)
    assert threshold(MedianAbsoluteDeviation(), history) == pytest.approx(1 - 2.5 * deviation)


@given(st.lists(LOADS, min_size=15, max_size=15))
def test_of_15_values_the_quartiles_are_those_of_numpy(history: list[float]) -> None:
    first, third = np.quantile(history, [0.25, 0.75], method="weibull")
    assert threshold(InterquartileRange(), history) == pytest.approx(1 - 1.5 * (third - first))


@pytest.mark.parametrize("detector", [each() for each in BY_SPREAD], ids=lambda each: each.name)
def test_with_less_than_the_minimum_known_the_fallback_counts(detector: OverloadDetector):
    varied = [0.1, 0.5] * 6
    assert threshold(detector, varied[:11]) == 0.7
    assert threshold(detector, varied) != 0.7
    # What comes before the first demand is not known; a pause after it is.
    hosts = [[0.0] * 4 + varied[:11], [0.0] * 3 + varied, [0.5, 0.0, 0.0, *varied], [0.0] * 15]
    found = detector.thresholds(plan_of_hosts(*hosts))
    assert found[0] == found[3] == 0.7
    assert found[1] == threshold(detector, varied)
    assert found[2] == threshold(detector, hosts[2]) != 0.7


@pytest.mark.parametrize("kind", BY_SPREAD, ids=lambda kind: kind.name)
def test_only_the_window_is_read(kind: type[InterquartileRange]):
    history = [0.9, 0.01] * 10 + [0.3, 0.4] * 6
    plan = plan_of_hosts(history)
    assert kind(window=12).thresholds(plan) == kind(window=12).thresholds(
        plan_of_hosts([0.3, 0.4] * 6)
    )
    assert kind(window=12).thresholds(plan) != kind(window=30).thresholds(plan)
    assert kind(window=20, minimum=3).history_length == 20


def test_a_steady_load_may_fill_the_host():
    hosts = [[0.4] * 12, [1.3] * 12]
    for kind in BY_SPREAD:
        assert kind().thresholds(plan_of_hosts(*hosts)).tolist() == [1.0, 1.0]
        assert kind().overloaded(plan_of_hosts(*hosts)).tolist() == [False, True]


# --- the trend ------------------------------------------------------------------------------------


def weighted_line_ahead(history: Sequence[float], weights: np.ndarray) -> float:
    """Return the weighted least-squares line of the history at the next instant."""
    slope, start = np.polyfit(np.arange(len(history)), history, 1, w=np.sqrt(weights))
    return float(start + slope * len(history))


def tricube(count: int) -> np.ndarray:
    """Return the weights by their definition."""
    newest, oldest = count, 1
    distance = [(newest - at) / (newest - oldest) for at in range(1, count + 1)]
    return np.array([(1 - d**3) ** 3 for d in distance])


def robust_line_ahead(history: Sequence[float], iterations: int) -> float:
    """Return the robust line at the next instant, one host at a time, by normal equations."""
    y, x = np.array(history), np.arange(1.0, len(history) + 1)
    robust = np.ones(len(y))
    for turn in range(iterations + 1):
        weights = tricube(len(y)) * robust
        design = np.column_stack([np.ones_like(x), x])
        coefficients = np.linalg.solve((design.T * weights) @ design, (design.T * weights) @ y)
        residuals = y - design @ coefficients
        scale = 6 * statistics.median(np.abs(residuals).tolist())
        if turn == iterations or scale <= 6e-9:
            break
        robust = np.array([(1 - (e / scale) ** 2) ** 2 if abs(e) < scale else 0 for e in residuals])
    return float(coefficients @ [1, len(y) + 1])


def test_a_line_is_continued():
    # .32 .34 ... .50, so .52 next: the threshold is 1/1.2 less the rise of .02.
    rising, falling = [0.3 + 0.02 * n for n in range(1, 11)], [0.7 - 0.02 * n for n in range(10)]
    for kind in BY_REGRESSION:
        found = kind().thresholds(plan_of_hosts(rising, falling, [0.5] * 10))
        assert found == pytest.approx([1 / 1.2 - 0.02, 1 / 1.2 + 0.02, 1 / 1.2])


def test_local_regression_by_hand():
    # Of three instants the oldest weighs nothing: the line through the last two leads to .7.
    assert threshold(LocalRegression(window=3, safety=1.0), [0.1, 0.5, 0.6]) == pytest.approx(
        1.0 - (0.7 - 0.6)
    )


@given(st.lists(LOADS, min_size=10, max_size=10), st.floats(0.5, 2.0))
def test_local_regression_is_a_weighted_least_squares_line(
    history: list[float], safety: float
) -> None:
    plan = plan_of_hosts(history)
    predicted = weighted_line_ahead(history, tricube(10))
    by_form = 1 / safety - (predicted - history[-1])
    found = LocalRegression(safety=safety).thresholds(plan)[0]
    assert found == pytest.approx(min(by_form, max(1.0, history[-1])))
    if abs(safety * predicted - 1) > 1e-6:
        assert LocalRegression(safety=safety).overloaded(plan)[0] == (safety * predicted > 1)


@given(st.lists(LOADS, min_size=10, max_size=10), st.integers(1, 6))
def test_the_robust_line_is_that_of_a_plain_loop(history: list[float], iterations: int) -> None:
    plan = plan_of_hosts(history)
    detector = RobustLocalRegression(iterations=iterations)
    by_form = 1 / 1.2 - (robust_line_ahead(history, iterations) - history[-1])
    assert detector.thresholds(plan)[0] == pytest.approx(
        min(by_form, max(1.0, history[-1])), abs=1e-6
    )


def test_a_peak_moves_the_robust_line_hardly():
    peak = [0.50, 0.51, 0.50, 0.49, 0.50, 0.51, 0.95, 0.50, 0.49, 0.50]
    plain, robust = threshold(LocalRegression(), peak), threshold(RobustLocalRegression(), peak)
    assert abs(robust - 1 / 1.2) < 0.01
    assert abs(plain - 1 / 1.2) > 0.02


def test_a_line_with_one_outlier_is_found_exactly():
    # The first robust fit leaves the outlier out; the line then is exact, and no fit follows.
    history = [0.3 + 0.01 * n for n in range(10)]
    history[4] = 1.5
    assert threshold(RobustLocalRegression(iterations=100), history) == pytest.approx(
        1 / 1.2 - 0.01
    )


@pytest.mark.parametrize("detector", [each() for each in BY_REGRESSION], ids=lambda each: each.name)
def test_the_whole_window_must_be_known(detector: OverloadDetector):
    assert threshold(detector, [0.5] * 9) == 0.7
    found = detector.thresholds(plan_of_hosts([0.5] * 11, [0.0, 0.0] + [0.5] * 9, [0.0] * 11))
    assert found == pytest.approx([1 / 1.2, 0.7, 0.7])


@pytest.mark.parametrize("detector", [each() for each in BY_REGRESSION], ids=lambda each: each.name)
def test_a_falling_forecast_neither_relieves_nor_overfills_a_host(detector: OverloadDetector):
    # .2 falls to 0, and 1.05 to .75 < 1 / 1.2: neither is overloaded. 1 / 1.2 and the fall of .2 or
    # .3 would allow 1.03 and 1.13.
    falling, full = [2.0 - 0.2 * n for n in range(10)], [3.75 - 0.3 * n for n in range(10)]
    plan = plan_of_hosts(falling, full)
    assert detector.thresholds(plan) == pytest.approx([1.0, 1.05])
    assert detector.overloaded(plan).tolist() == [False, False]


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_the_history_follows_the_vms(kind: type[OverloadDetector]):
    steady, varied = [0.3] * 12, [0.1, 0.4] * 6
    state = cluster_state([1.0] * 3, [8] * 3, [VM(0, 0.0), VM(1, 0.0)])
    plan = plan_after(state, np.transpose([steady, varied]), linear_watts)
    before = kind().thresholds(plan)
    plan.apply(Move(1, 1, 2, "test", Priority.REBALANCE))
    after = kind().thresholds(plan)
    assert after.tolist() == [before[0], before[2], before[1]]
    assert before[2] == 0.7  # a host without VMs has no history


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
@given(seed=st.integers(0, 2**32 - 1), instants=st.integers(0, 40))
def test_hosts_do_not_depend_on_each_other(
    kind: type[OverloadDetector], seed: int, instants: int
) -> None:
    rng = np.random.default_rng(seed)
    loads = np.round(rng.random((instants, 5)) * (rng.random((instants, 5)) < 0.8), 2)
    plan = plan_of_hosts(*loads.T)
    together = kind().thresholds(plan)
    assert together.shape == (5,)
    assert np.isfinite(together).all()
    alone = [float(kind().thresholds(plan_of_hosts(column))[0]) for column in loads.T]
    assert together == pytest.approx(alone, rel=1e-9)
    assert kind().overloaded(plan).tolist() == (plan.utilisation > together + 1e-9).tolist()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_longer_history_than_asked_for_changes_nothing(kind: type[OverloadDetector]):
    rng = np.random.default_rng(1)
    loads = rng.random((50, 4)) + 0.01
    asked_for = plan_of_hosts(*loads.T, kept=kind().history_length)
    assert (
        kind().thresholds(plan_of_hosts(*loads.T)).tolist() == kind().thresholds(asked_for).tolist()
    )


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_cautious_safety_lowers_the_threshold(kind: type[OverloadDetector]):
    loads = np.random.default_rng(2).random((30, 20)) * 0.5 + 0.01
    plan = plan_of_hosts(*loads.T)
    assert (kind(safety=2.0).thresholds(plan) < kind(safety=1.0).thresholds(plan)).all()


@pytest.mark.parametrize(
    ("name", "parameters", "field", "allowed"),
    [
        ("interquartile-range", {"window": 11}, "minimum", "at most the window, 11 control"),
        ("median-absolute-deviation", {"minimum": 31}, "minimum", "at most the window, 30 control"),
        ("interquartile-range", {"safety": -1}, "safety", ">= 0"),
        ("local-regression", {"safety": 0}, "safety", "> 0"),
        ("local-regression", {"window": 2}, "window", ">= 3"),
        ("robust-local-regression", {"window": 4}, "window", ">= 5"),
        ("robust-local-regression", {"iterations": 0}, "iterations", "> 0"),
        ("local-regression", {"fallback": 70}, "fallback", "<= 4"),
    ],
)
def test_what_a_detector_cannot_use_is_named(name, parameters, field, allowed):
    with pytest.raises(ScenarioError) as error:
        overload_detectors.create(name, **parameters)
    assert error.value.field == field
    assert allowed in error.value.allowed
