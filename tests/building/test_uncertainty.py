"""Factors of uncertain inputs: how they are distributed, and what they change in a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cluster_emu.building.uncertainty import Uncertainty
from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from cluster_emu.rng import RandomStreams
from tests._support.small_scenarios import scenario


def run_of(seed: int, **fields: Any) -> RunResult:
    model = ClusterModel(scenario(pages=1000, **fields), rng=seed)
    result = model.run()
    model.close()
    return result


def test_both_factors_are_uniform_and_independent() -> None:
    """400 seeds: mean, ends and correlation within 5 standard deviations, false alarm 2e-6."""
    found = np.array([Uncertainty.drawn(0.2, RandomStreams(seed)) for seed in range(400)])

    assert ((found >= 0.8) & (found <= 1.2)).all()
    assert found.mean(axis=0) == pytest.approx(1.0, abs=5 * 0.4 / np.sqrt(12 * 400))
    assert (found.min(axis=0) < 0.813).all() and (found.max(axis=0) > 1.187).all()
    assert abs(np.corrcoef(found.T)[0, 1]) < 5 / np.sqrt(400)


def test_without_uncertainty_every_factor_is_one() -> None:
    assert Uncertainty.drawn(0.0, RandomStreams(1)) == (1.0, 1.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_bandwidth_and_dirty_rate_are_multiplied(seed: int) -> None:
    """An idle VM of 1,000 pages takes 1 s over its link but for a few pages that it writes."""
    factor = Uncertainty.drawn(0.2, RandomStreams(seed))
    result = run_of(seed, run={"uncertain": "20%"})

    (total_s,) = result.migrations["total_time_s"]
    assert total_s == pytest.approx(1.0 / factor.bandwidths, rel=0.005)
    rates = [
        run_of(seed, profile="web", run={"uncertain": share}).tables["vms"]["intensity"].iloc[0]
        for share in (0.0, 0.2)
    ]
    assert rates[1] == pytest.approx(rates[0] * factor.dirty_rates)
    said = f"dirty rates are {factor.dirty_rates:.3f} and link bandwidths {factor.bandwidths:.3f}"
    assert any(said in text for text in result.assumptions)


@pytest.mark.parametrize("given", [1.0, -0.1, "100%", "20 GB", float("nan")])
def test_other_shares_are_refused(given: object) -> None:
    with pytest.raises(ScenarioError) as error:
        scenario(run={"uncertain": given})
    assert error.value.field == "run.uncertain"
