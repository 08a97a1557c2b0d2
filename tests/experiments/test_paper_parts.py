"""The arithmetic of `paper_figures.py`: reductions, verdicts and exact means."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from fractions import Fraction as F
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from cluster_emu import ScenarioError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def paper() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXPERIMENTS))
        yield importlib.import_module("paper_figures")
        for name in [name for name in sys.modules if name.split(".")[0] in ("paper", "common")]:
            del sys.modules[name]


def series(*values: float) -> pd.Series:
    return pd.Series(values, dtype=float)


def test_a_reduction_is_that_of_the_means(paper: ModuleType) -> None:
    found = paper.judge(series(10, 20, 30), series(8, 15, 22))
    assert found["reduction"] == pytest.approx(0.25)
    assert (found["baseline"], found["proposed"]) == (20, 15)


def test_what_is_proportional_in_every_pair_has_no_uncertainty(paper: ModuleType) -> None:
    found = paper.judge(series(10, 20, 30), series(5, 10, 15))
    assert found["ci95"] == pytest.approx([0.5, 0.5])
    assert found["verdict"] == "holds"


@pytest.mark.parametrize(
    ("proposed", "verdict"),
    [
        ((8, 17, 24), "holds"),
        ((13, 24, 37), "does not hold"),
        ((10, 20, 30), "does not hold"),  # no reduction at all
        ((15, 20, 25), "undecided"),
    ],
)
def test_verdicts(paper: ModuleType, proposed: tuple[float, ...], verdict: str) -> None:
    assert paper.judge(series(10, 20, 30), series(*proposed))["verdict"] == verdict


def test_the_interval_covers_the_true_reduction_as_often_as_it_says(paper: ModuleType) -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(1000):
        base = rng.poisson(20, 40)
        low, high = paper.judge(pd.Series(base), pd.Series(rng.binomial(base, 0.8)))["ci95"]
        covered += low <= 0.2 <= high
    assert 925 <= covered <= 970


def test_a_baseline_of_nothing_has_no_reduction(paper: ModuleType) -> None:
    with pytest.raises(ScenarioError, match="--replications = 2: allowed is more"):
        paper.judge(series(0, 0), series(1, 0))


def test_writes_in_time_dirty_a_page_with_one_half_in_a_copy(paper: ModuleType) -> None:
    for pages in (10, 20):
        profile = paper.setting("time-driven", pages)["vms.0.profile"]
        copy_s = pages * 6.78e-3
        assert 1 - np.exp(-profile["writes_per_page_s"] * copy_s) == pytest.approx(0.5)


def test_exact_reductions(paper: ModuleType) -> None:
    exact = {
        (claim, rule): paper.exact_reduction(claim, rule)
        for claim in paper.CLAIMS
        for rule in (paper.STICKY, paper.LITERAL)
    }
    assert exact == {
        ("pages_before_stop", paper.STICKY): float(F(3, 16)),
        ("downtime", paper.STICKY): float(-F(5, 16)),
        ("total_time", paper.STICKY): float(F(7, 80)),
        ("pages_before_stop", paper.LITERAL): 0.25,
        ("downtime", paper.LITERAL): float(-F(15, 32)),
        ("total_time", paper.LITERAL): float(F(17, 160)),
    }


def test_a_wrong_mean_is_noticed(paper: ModuleType) -> None:
    rng = np.random.default_rng(1)
    runs = pd.DataFrame(
        {
            "strategy": paper.XEN,
            "pages": 10,
            "pages_sent_precopy": 20 + rng.normal(0, 0.5, 100),
            "pages_sent_stop": 5.4 + rng.normal(0, 0.5, 100),
        }
    )
    checks = paper.check(runs).set_index("per_page")
    assert checks["within"].to_list() == [True, False, False]
    assert checks.loc["pages_sent_stop", "exact"] == "1/2"


@pytest.mark.parametrize(
    ("exact", "words"),
    [
        ((0.2, 0.2, None), ""),
        ((0.2, 0.31, None), "1 of the 2 intervals of reductions leave out the exact reduction."),
        ((0.09, 0.31, 0.2), "2 of the 3 intervals of reductions leave out the exact reduction."),
    ],
)
def test_intervals_without_the_exact_reduction_are_counted(
    paper: ModuleType, exact: tuple[float | None, ...], words: str
) -> None:
    claims = [{"exact": each, "ci95": [0.1, 0.3]} for each in exact]
    said = list(sys.modules["paper.output"]._missed(claims))
    assert bool(said) == bool(words)
    assert "".join(said).startswith(words)
