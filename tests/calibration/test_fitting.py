"""Write classes from dirty curves: exact ones are found, and intervals cover the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from cluster_emu.calibration import fit_curve, report_of
from cluster_emu.calibration.curve import curve_from
from cluster_emu.calibration.mixtures import mixtures
from tests.calibration.synthetic import (
    PERIODS_S,
    Truth,
    covered,
    curve,
    recovered,
    three,
    two_and_a_rest,
    two_closer,
    two_far_apart,
)

CASES = 100


@pytest.mark.parametrize("all_written", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_shares_at_given_rates_are_the_constrained_optimum(seed: int, all_written: bool) -> None:
    """A general solver, from many starts, finds nothing better."""
    rng = np.random.default_rng(seed)
    rates = np.sort(np.exp(rng.uniform(-4, 3, 3)))[::-1]
    measured = np.clip(np.cumsum(rng.uniform(0, 0.2, 12)), 0, 1)
    sigma = rng.uniform(0.01, 0.05, 12)
    found = mixtures(rates[None], PERIODS_S, measured, sigma, all_written=all_written)
    shares = found.shares[0]
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0).all() and (shares[0] == 0.0 or not all_written)
    columns = -np.expm1(-np.outer(PERIODS_S, rates))

    def misfit(p: np.ndarray) -> float:
        return float(((((columns @ p) - measured) / sigma) ** 2).sum())

    assert found.chi2[0] == pytest.approx(misfit(shares[1:]), rel=1e-9)
    kind = "eq" if all_written else "ineq"
    for start in rng.dirichlet(np.ones(3), 5):
        other = minimize(
            misfit,
            start,
            bounds=[(0, 1)] * 3,
            constraints={"type": kind, "fun": lambda p: 1.0 - p.sum()},
            method="SLSQP",
        )
        assert found.chi2[0] <= other.fun * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize(
    ("shares", "rates"),
    [([1.0], [0.5]), ([0.3], [2.0]), ([0.2, 0.8], [5.0, 0.05]), ([0.2, 0.5], [5.0, 0.1])],
)
def test_curves_without_noise_give_their_classes(shares: list[float], rates: list[float]) -> None:
    fit = fit_curve(curve(shares, rates, 0.0, np.random.default_rng(0)))
    assert [one.writes_per_page_s for one in fit.classes] == pytest.approx(rates, rel=0.02)
    assert [one.share for one in fit.classes] == pytest.approx(shares, abs=0.01)
    assert fit.unwritten[0] == pytest.approx(1.0 - sum(shares), abs=0.01)
    assert covered(fit, shares, rates)


def test_the_same_readings_give_the_same_fit() -> None:
    measured = curve([0.3, 0.7], [4.0, 0.1], 0.02, np.random.default_rng(1))
    assert fit_curve(measured).classes == fit_curve(measured).classes


def test_one_period_fixes_one_class_only_and_says_so() -> None:
    data = {"page-size": 4096, "n-total-pages": 1000, "periods": [1000], "n-dirty-pages": [200]}
    fit = fit_curve(curve_from(data))
    (one,) = fit.classes
    assert one.share == 1.0
    assert one.writes_per_page_s == pytest.approx(-np.log(0.8))
    assert (one.share_low, one.share_high) == (pytest.approx(0.2), 1.0)
    assert one.rate_high is None
    assert "fix one class only" in report_of(fit).cannot_tell[0]


def test_what_short_or_long_periods_hide_is_said() -> None:
    rng = np.random.default_rng(2)
    late = curve([0.4, 0.6], [50.0, 0.05], 0.01, rng, np.geomspace(1.0, 60.0, 10))
    said = " ".join(report_of(fit_curve(late)).cannot_tell)
    assert "How often the fastest class is written: any rate above" in said
    early = curve([0.4, 0.6], [5.0, 1e-5], 0.02, rng, np.geomspace(0.05, 5.0, 10))
    said = " ".join(report_of(fit_curve(early)).cannot_tell)
    assert "may be, or are written less than once in 5 s" in said or "How seldom" in said


def test_a_load_that_changed_is_noticed() -> None:
    data = {
        "page-size": 4096,
        "n-total-pages": 100_000,
        "periods": [100, 200, 500, 1000, 2000, 5000, 10000],
        "n-dirty-pages": [5000, 9000, 20000, 33000, 9000, 64000, 70000],
    }
    assert "did the same all the time" in " ".join(
        report_of(fit_curve(curve_from(data))).cannot_tell
    )


def cases(made: Callable[[np.random.Generator], Truth], count: int, classes: int | None) -> list:
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        shares, rates = made(rng)
        found.append((fit_curve(curve(shares, rates, 0.02, rng), classes), shares, rates))
    return found


@pytest.mark.slow
def test_classes_far_apart_are_recovered_in_95_of_100_cases() -> None:
    """Up to a hot share of 0.6: above it 2 % of a reading is too much of what cold pages add."""
    found = cases(lambda rng: two_far_apart(rng, 0.6), CASES, None)
    assert sum(recovered(*each) for each in found) >= 95


@pytest.mark.slow
def test_as_many_are_recovered_as_by_who_knows_the_form_and_the_noise() -> None:
    """With hot shares up to 0.9 the readings themselves tell less: 86 of 100 at best."""
    found = cases(lambda rng: two_far_apart(rng, 0.9), CASES, None)
    assert sum(recovered(*each) for each in found) >= 78


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "classes"),
    [
        (lambda rng: two_far_apart(rng, 0.9), 2),
        (two_closer, 2),
        (two_and_a_rest, 2),
        (three, 3),
    ],
    ids=["far apart", "closer", "with a rest", "three"],
)
def test_intervals_cover_the_truth_in_90_of_100_cases(
    made: Callable[[np.random.Generator], Truth], classes: int
) -> None:
    """All intervals of a case together, that of the unwritten share, too."""
    found = cases(made, CASES, classes)
    assert sum(covered(*each) for each in found) >= 90


def test_some_cases_of_each_kind() -> None:
    for made, classes in ((two_closer, 2), (two_and_a_rest, 2)):
        assert sum(covered(*each) for each in cases(made, 6, classes)) >= 5
    assert (
        sum(recovered(*each) for each in cases(lambda rng: two_far_apart(rng, 0.5), 6, None)) >= 5
    )
