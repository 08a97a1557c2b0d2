"""What live rounds of less than a millisecond cost, beside the time that they simulate.

    pytest benchmarks/bench_short_rounds.py -s

A VM of 8 MiB writes so much that its rounds last some 0.4 ms at 10 Gbit/s, and its stop rule never
stops it. The table gives processor time over simulated time, the processor time of a round, and
that over the least a round could take: a numpy loop that draws and sends 2,048 pages.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from cluster_emu import ClusterModel
from cluster_emu.scenario import Scenario, scenario_from

PAGES = 2_048
WRITES_PER_PAGE_S = 160.0
SIMULATED_S = 1.0


def scenario(fidelity: str, simulated_s: float) -> Scenario:
    """Return one migration that never converges."""
    vm = {
        "count": 1,
        "cpu_capacity": 1,
        "memory_bytes": PAGES * 4096,
        "profile": {"name": "uniform", "writes_per_page_s": WRITES_PER_PAGE_S},
        "host": 0,
    }
    return scenario_from(
        {
            "name": "short rounds",
            "run": {"duration_s": simulated_s, "fidelity": fidelity},
            "topology": {"name": "star", "hosts": 2, "host_bps": "10 Gbit/s"},
            "hosts": [{"count": 2, "cpu_capacity": 8, "memory_bytes": "16 GiB"}],
            "vms": [vm],
            "workload": {"demand": {"name": "constant", "share": 1.0}},
            "transfer": {
                "strategy": "history-majority:history=7",
                "stop": "fixed-rounds:rounds=1000000000",
            },
            "migrations": [{"vm": 0, "target": 1}],
        }
    )


def numpy_round_s(rounds: int = 2_000) -> float:
    """Return the processor time of a round of a loop written by hand."""
    rng = np.random.default_rng(1)
    history = np.zeros(PAGES, dtype=np.uint8)
    due = np.ones(PAGES, dtype=np.bool_)
    began_s = time.process_time()
    for _ in range(rounds):
        dirty = rng.random(PAGES) < 0.07
        history <<= 1
        history |= dirty
        due = (due & dirty) | dirty
    return (time.process_time() - began_s) / rounds


@pytest.mark.parametrize("fidelity", ["pages", "lumped", "mean-field"])
def test_short_rounds(fidelity: str) -> None:
    ClusterModel(scenario(fidelity, 0.05), rng=1).run()  # loads and compiles what it needs
    model = ClusterModel(scenario(fidelity, SIMULATED_S), rng=1)
    began_s = time.process_time()
    result = model.run()
    took_s = time.process_time() - began_s
    rounds = len(result.rounds)
    least_s = numpy_round_s()
    print(
        f"\n{fidelity}: {rounds} rounds, {took_s / SIMULATED_S:.2f} s per simulated second, "
        f"{1e6 * took_s / rounds:.0f} us a round, {took_s / rounds / least_s:.1f} x a numpy loop"
    )
    assert rounds > 1_500
