"""What live rounds of less than a millisecond cost, beside the time that they simulate.

    pytest benchmarks/bench_short_rounds.py -s

A VM of 8 MiB writes so much that its rounds last some 0.4 ms at 10 Gbit/s, and its stop rule never
stops it. Either all pages are written now and then, or one in twenty all the time. The scalar model
has short rounds only with the second, as it counts a page as often as it is written. The table
gives processor time over simulated time, the processor time of a round, and that over the least a
round could take: a numpy loop that draws and sends 2,048 pages.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from cluster_emu import ClusterModel
from cluster_emu.scenario import Scenario, scenario_from

PAGES = 2_048
PROFILES = {
    "all pages": [{"share": 1.0, "writes_per_page_s": 160.0}],
    "hot pages": [
        {"share": 0.05, "writes_per_page_s": 20_000.0},
        {"share": 0.95, "writes_per_page_s": 0.0},
    ],
}
STRATEGIES = {"all pages": "history-majority:history=7", "hot pages": "pre-copy"}
SIMULATED_S = 1.0
REPEATS = 5
"""Of so many runs the fastest counts: on a busy machine the others waited for memory."""


def scenario(fidelity: str, written: str, simulated_s: float) -> Scenario:
    """Return one migration that never converges."""
    vm = {
        "count": 1,
        "cpu_capacity": 1,
        "memory_bytes": PAGES * 4096,
        "profile": {"name": "inline", "classes": PROFILES[written]},
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
                "strategy": STRATEGIES[written],
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


def run(simulated: Scenario) -> tuple[float, int]:
    """Return the processor time of a run, and how many rounds it has."""
    model = ClusterModel(simulated, rng=1)
    began_s = time.process_time()
    result = model.run()
    return time.process_time() - began_s, len(result.rounds)


@pytest.mark.parametrize(
    ("fidelity", "written"),
    [
        *((fidelity, "all pages") for fidelity in ("pages", "lumped", "mean-field")),
        *((fidelity, "hot pages") for fidelity in ("pages", "lumped", "mean-field", "scalar")),
    ],
)
def test_short_rounds(fidelity: str, written: str) -> None:
    ClusterModel(scenario(fidelity, written, 0.05), rng=1).run()  # loads and compiles what it needs
    took_s, rounds = min(run(scenario(fidelity, written, SIMULATED_S)) for _ in range(REPEATS))
    least_s = numpy_round_s()
    print(
        f"\n{fidelity}, {written}: {rounds} rounds, "
        f"{took_s / SIMULATED_S:.2f} s per simulated second, "
        f"{1e6 * took_s / rounds:.0f} us a round, {took_s / rounds / least_s:.1f} x a numpy loop"
    )
    assert rounds > 1_500
