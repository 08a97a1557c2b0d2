"""Arrival processes and lifetime distributions give what their definitions say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cluster_emu.errors import ScenarioError
from cluster_emu.lifecycle import arrival_processes, lifetime_distributions
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import scenario_from
from cluster_emu.traces.own import own_traces
from tests.lifecycle.test_queueing_theory import queue

FALSE_ALARM = 1e-3
"""With another seed a right sample would fail a test of its distribution so often."""


def times(name: str, duration_s: float = 1e5, seed: int = 1, **parameters: Any) -> list[float]:
    process = arrival_processes.create(name, **parameters)
    rng = np.random.default_rng(seed)
    found: list[float] = process.arriving(duration_s, rng, own_traces()).times_s.tolist()
    return found


def sample(name: str, count: int = 5000, **parameters: Any) -> np.ndarray:
    distribution = lifetime_distributions.create(name, **parameters)
    return distribution.lifetimes_s(count, np.random.default_rng(2))


def test_poisson_arrivals_are_independent_and_exponential() -> None:
    gaps_s = np.diff([0.0, *times("poisson", mean_interval_s=20)])
    assert stats.kstest(gaps_s, stats.expon(scale=20).cdf).pvalue > FALSE_ALARM
    assert abs(np.corrcoef(gaps_s[1:], gaps_s[:-1])[0, 1]) < 4 / math.sqrt(len(gaps_s))


def test_a_longer_run_begins_with_the_same_arrivals() -> None:
    first, longer = (times("poisson", end_s, mean_interval_s=20) for end_s in (3e4, 9e4))
    assert longer[: len(first)] == first
    assert max(first) < 3e4


def test_poisson_arrivals_stay_in_their_window() -> None:
    found = times("poisson", mean_interval_s=20, from_s=1000, until_s=2000)
    assert min(found) >= 1000 and max(found) < 2000
    assert 20 < len(found) < 90
    assert times("poisson", 10.0, mean_interval_s=20, from_s=50) == []


def test_batches_come_together() -> None:
    assert times("batch", size=2, first_s=5) == [5, 5]
    assert times("batch", 30.0, size=1, first_s=5, every_s=10) == [5, 15, 25]
    assert times("batch", 25.0, size=1, first_s=5, every_s=10) == [5, 15]  # before the end
    assert times("batch", size=1, every_s=10, batches=3) == [0, 10, 20]
    assert times("batch", 4.0, size=3, first_s=5) == []


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("exponential", {"mean_s": 30}, stats.expon(scale=30)),
        ("log-normal", {"median_s": 30, "sigma": 1.5}, stats.lognorm(1.5, scale=30)),
        (
            "empirical",
            {"observed_s": [30, 10], "between": "linear"},
            stats.uniform(10, 20),
        ),
    ],
)
def test_lifetimes_are_distributed_as_they_say(name: str, parameters: Any, expected: Any) -> None:
    found = sample(name, **parameters)
    assert stats.kstest(found, expected.cdf).pvalue > FALSE_ALARM
    assert (found > 0).all()


def test_observed_lifetimes_are_drawn_equally_often() -> None:
    found = sample("empirical", observed_s=[10, 20, 20, 50])
    values, counts = np.unique(found, return_counts=True)
    assert values.tolist() == [10, 20, 50]
    assert stats.chisquare(counts, len(found) * np.array([0.25, 0.5, 0.25])).pvalue > FALSE_ALARM
    assert set(sample("empirical", observed_s=[7], between="linear")) == {7.0}
    assert set(sample("fixed", lifetime_s=3)) == {3.0}


def test_flavours_are_drawn_by_their_weights_and_have_their_lifetimes() -> None:
    flavour = {"cpu_capacity": 1, "memory_bytes": 2**20, "profile": "idle"}
    flavours = [
        {**flavour, "weight": 1, "lifetime": "fixed:lifetime_s=5"},
        {**flavour, "weight": 3, "cpu_capacity": 2},
    ]
    scenario = queue(60, 10.0, flavours=flavours)
    lives = ClusterModel(scenario, rng=1).run().tables["lifecycle"]
    counts = lives["flavour"].value_counts().sort_index()
    assert stats.chisquare(counts, len(lives) * np.array([0.25, 0.75])).pvalue > FALSE_ALARM
    assert set(lives.loc[lives["flavour"] == 0, "lifetime_s"]) == {5.0}
    assert set(lives.loc[lives["flavour"] == 1, "cpu_capacity"]) == {2.0}


def test_a_cluster_to_which_nobody_comes() -> None:
    result = ClusterModel(queue(6, 4.0, process="batch:first_s=1e9"), rng=1).run()
    assert len(result.tables["lifecycle"]) == len(result.tables["vms"]) == 0
    assert result.summary["vms_arrived"] == result.summary["mean_vms_in_system"] == 0
    assert math.isnan(result.summary["mean_placement_wait_s"])


BAD = [
    ({"process": "posson"}, r"arrivals\.process = 'posson'.*poisson"),
    ({"process": "poisson"}, r"arrivals\.process\.mean_interval_s"),
    ({"process": "poisson:mean_interval_s=0"}, r"arrivals\.process\.mean_interval_s = 0"),
    ({"process": "poisson:mean_interval_s=1e-9"}, r"mean_interval_s = 1e-09.*at least"),
    (
        {"process": "poisson:mean_interval_s=1,from_s=5,until_s=5"},
        r"arrivals\.process\.until_s = 5.*after from_s",
    ),
    ({"process": "batch:size=2000000"}, r"arrivals\.process\.size = 2000000"),
    ({"process": "batch:size=1000000,every_s=1"}, r"size = 1000000.*at most 1048576 VMs"),
    ({"lifetime": "expo:mean_s=3"}, r"arrivals\.lifetime = 'expo'.*exponential"),
    ({"lifetime": "log-normal:median_s=3,sigma=-1"}, r"arrivals\.lifetime\.sigma = -1"),
    ({"lifetime": {"name": "empirical", "observed_s": []}}, r"arrivals\.lifetime\.observed_s"),
    ({"lifetime": None}, r"arrivals\.lifetime = None.*a lifetime distribution"),
    ({"initial_lifetime": "fixed"}, r"arrivals\.initial_lifetime\.lifetime_s"),
    ({"placement": "worst"}, r"arrivals\.placement = 'worst'.*allowed is"),
    ({"queue": False, "patience_s": 3}, r"arrivals.*patience_s only with queue"),
    ({"patience_s": 0}, r"arrivals\.patience_s = 0"),
    ({"max_waiting": 0}, r"arrivals\.max_waiting = 0"),
    ({"flavours": []}, r"arrivals\.flavours"),
    ({"resizes": [{"at_s": 1, "vm": 0}]}, r"arrivals\.resizes\.0.*cpu_capacity or memory_bytes"),
    (
        {"resizes": [{"at_s": 1, "vm": 10**6, "cpu_capacity": 1}]},
        r"arrivals\.resizes\.0\.vm = 1000000",
    ),
    ({"random_resizes": {"mean_s": 5, "factors": []}}, r"arrivals\.random_resizes\.factors"),
    (
        {"flavours": [{"cpu_capacity": 1, "memory_bytes": 2**20, "profile": "no-such"}]},
        r"arrivals\.flavours\.0\.profile = 'no-such'",
    ),
    (
        {"flavours": [{"cpu_capacity": 1, "memory_bytes": 2**10, "profile": "idle"}]},
        r"arrivals\.flavours\.0.*page_bytes of at most",
    ),
]


@pytest.mark.filterwarnings("ignore::cluster_emu.ImplausibleValueWarning")
@pytest.mark.parametrize(("fields", "message"), BAD)
def test_a_wrong_value_is_named(fields: dict[str, Any], message: str) -> None:
    plain = queue(3, 1.0).model_dump(mode="json", exclude_unset=True)
    plain["arrivals"] |= fields
    with pytest.raises(ScenarioError, match=message):
        ClusterModel(scenario_from(plain), rng=1)


def test_without_vms_and_arrivals_there_is_nothing_to_run() -> None:
    plain = queue(3, 1.0).model_dump(mode="json", exclude_unset=True)
    del plain["arrivals"]
    with pytest.raises(ScenarioError, match=r"vms\.0 = nothing.*a group of VMs, or arrivals"):
        scenario_from(plain)
