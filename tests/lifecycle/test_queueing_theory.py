"""VMs of one size in a cluster with c places for them are the queue of the textbooks.

Every figure is the mean of 8 runs with seeds 1 to 8, in slow tests of 40 with seeds 1 to 40, whose
interval is that of Student's t at 99.9 %. With other seeds a right emulator would fail one of these
checks with a probability of 0.1 % each; with these the outcome is always the same. The runs begin
empty, and what arrives in the first 20 mean lifetimes is left out of shares and waits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario, scenario_from
from tests._support.small_scenarios import BPS

GIB = 2**30
FEW, MANY = range(1, 9), range(1, 41)
LEVEL = 0.999
MEAN_STAY_S = 600.0
END_S = 300 * MEAN_STAY_S


def queue(places: int, load: float, *, lifetime: str = "", **arrivals: Any) -> Scenario:
    """Return a cluster with so many places, three on a host, at an offered load in VMs."""
    hosts = -(-places // 3)
    return scenario_from(
        {
            "name": "queue",
            "run": {"duration_s": END_S, "tick_s": 60, "control_interval_s": 60_000},
            "topology": {"name": "star", "hosts": hosts, "host_bps": BPS},
            "hosts": [{"count": hosts, "cpu_capacity": 8, "memory_bytes": 3 * GIB}],
            "arrivals": {
                "process": f"poisson:mean_interval_s={MEAN_STAY_S / load}",
                "lifetime": lifetime or f"exponential:mean_s={MEAN_STAY_S}",
                "flavours": [{"cpu_capacity": 1, "memory_bytes": GIB, "profile": "idle"}],
                **arrivals,
            },
        }
    )


def figures(scenario: Scenario, seed: int) -> dict[str, float]:
    """Return what one run measured, after its first 20 mean lifetimes."""
    model = ClusterModel(scenario, rng=seed)
    result = model.run()
    model.close()
    lives = result.tables["lifecycle"]
    late = lives[lives["arrived_s"] > 20 * MEAN_STAY_S]
    known = late[late["outcome"] != "waiting"]
    return {
        "in system": result.summary["mean_vms_in_system"],
        "on hosts": result.summary["mean_vms_on_hosts"],
        "rejected": float((late["outcome"] == "rejected").mean()),
        "waited": float((known["waited_s"] > 0).mean()),
        "wait": float(known["waited_s"].mean()),
        "stays": float((lives["ended_s"].fillna(END_S) - lives["arrived_s"]).sum()),
    }


def measured(scenario: Scenario, seeds: range = FEW) -> dict[str, np.ndarray]:
    runs = [figures(scenario, seed) for seed in seeds]
    return {name: np.array([run[name] for run in runs]) for name in runs[0]}


def agrees(values: np.ndarray, expected: float) -> bool:
    """Return whether the interval of the mean holds what theory says."""
    margin = stats.t.ppf(0.5 + LEVEL / 2, len(values) - 1) * stats.sem(values)
    return bool(abs(values.mean() - expected) <= margin)


def erlang_b(places: int, load: float) -> float:
    """Return the share that is blocked: B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1))."""
    blocked = 1.0
    for c in range(1, places + 1):
        blocked = load * blocked / (c + load * blocked)
    return blocked


def erlang_c(places: int, load: float) -> float:
    """Return the share that waits, by B: C = B / (1 - a / c (1 - B))."""
    blocked = erlang_b(places, load)
    return blocked / (1.0 - load / places * (1.0 - blocked))


def test_the_formulas_are_those_of_the_textbooks() -> None:
    """By their definitions as sums, and tabulated: B(5, 3) = 0.1101, C(5, 3) = 0.2362."""
    terms = [3.0**k / math.factorial(k) for k in range(6)]
    assert erlang_b(5, 3.0) == pytest.approx(terms[5] / sum(terms))
    assert erlang_b(5, 3.0) == pytest.approx(0.1101, abs=1e-4)
    last = terms[5] * 5 / (5 - 3)
    assert erlang_c(5, 3.0) == pytest.approx(last / (sum(terms[:5]) + last))


def check_blocking(lifetime: str, seeds: range) -> None:
    """Six places at a load of 4.5 reject 13.7 %."""
    runs = measured(queue(6, 4.5, lifetime=lifetime, queue=False), seeds)
    assert agrees(runs["rejected"], erlang_b(6, 4.5))
    assert not agrees(runs["rejected"], erlang_b(7, 4.5))  # the check bites
    assert np.array_equal(runs["in system"], runs["on hosts"])


def test_blocking_is_erlangs() -> None:
    check_blocking("", FEW)


@pytest.mark.slow
@pytest.mark.parametrize(
    "lifetime",
    ["exponential:mean_s=600", "fixed:lifetime_s=600", "log-normal:median_s=363.9184,sigma=1"],
)
def test_blocking_is_erlangs_for_any_lifetimes(lifetime: str) -> None:
    """M/M/6/6, M/D/6/6 and M/G/6/6; the log-normal mean is 363.9184 s x exp(1 / 2) = 600 s."""
    check_blocking(lifetime, MANY)


def check_waiting(seeds: range) -> None:
    """M/M/6 with a = 4: the mean wait is C x mean stay / (c - a)."""
    runs = measured(queue(6, 4.0), seeds)
    expected = erlang_c(6, 4.0)
    assert agrees(runs["waited"], expected)
    assert agrees(runs["wait"], expected * MEAN_STAY_S / (6 - 4.0))
    assert not runs["rejected"].any()
    assert not agrees(runs["waited"], erlang_c(7, 4.0))


def test_waiting_is_erlangs() -> None:
    check_waiting(FEW)


@pytest.mark.slow
def test_waiting_is_erlangs_in_many_runs() -> None:
    check_waiting(MANY)


def check_little(seeds: range) -> None:
    """M/M/6: L = rate x (wait + stay), of which a start with nobody lacks some."""
    load = 3.0
    runs = measured(queue(6, load), seeds)
    wait_s = erlang_c(6, load) * MEAN_STAY_S / (6 - load)
    missing = load * MEAN_STAY_S / END_S  # of M/M/inf, which is near
    assert agrees(runs["in system"], load / MEAN_STAY_S * (wait_s + MEAN_STAY_S) - missing)
    assert agrees(runs["on hosts"], load - missing)
    # exactly, over the run: the sum of the stays is the mean in the system times the time
    assert runs["in system"] * END_S == pytest.approx(runs["stays"], rel=1e-9)


def test_littles_law_holds() -> None:
    check_little(FEW)


@pytest.mark.slow
def test_littles_law_holds_in_many_runs() -> None:
    check_little(MANY)


@pytest.mark.slow
def test_a_full_queue_refuses() -> None:
    """M/M/2/4 with a = 2: the share refused is p4 = (a^2 / 2) (a / 2)^2 / sum p."""
    scenario = queue(2, 2.0, max_waiting=2).with_fields({"hosts.0.memory_bytes": 2 * GIB})
    weights = [1.0, 2.0, 2.0, 2.0, 2.0]
    assert agrees(measured(scenario, MANY)["rejected"], weights[4] / sum(weights))


def test_impatient_vms_give_up() -> None:
    """Those that give up have waited for their patience, those that are placed for less."""
    scenario = queue(2, 3.0, patience_s=60.0).with_fields({"hosts.0.memory_bytes": 2 * GIB})
    model = ClusterModel(scenario, rng=1)
    lives = model.run().tables["lifecycle"]
    gave_up = lives[lives["outcome"] == "rejected"]
    placed = lives[lives["placed_s"].notna()]
    assert set(gave_up["reason"]) == {"its patience was over"}
    assert gave_up["waited_s"].to_numpy() == pytest.approx(60.0)
    assert 0.0 < placed["waited_s"].max() <= 60.0
