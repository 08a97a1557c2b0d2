"""Cost of migrating memory that a sweep writes, alone or beside others, and page by page.

    pytest benchmarks/bench_swept.py -s

The aim: 32 GiB at least 20 times faster than the pages engine, with the same outcome. The table
gives processor time of four live rounds, and of whole runs of up to 300 simulated seconds for the
profiles in which other sources write, too. There, outcomes agree in distribution.
"""

from __future__ import annotations

import time

import pytest

from cluster_emu.encoding import Encoding
from cluster_emu.memory.base import MemoryEngine
from cluster_emu.memory.dirtying.processes import PageWriter, SweepWrites
from cluster_emu.memory.lumped.swept import SweptEngine
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import scenario_from
from cluster_emu.strategies import strategies

PAGES_PER_GIB = 262_144
SIZES_GIB = (1, 32, 1_024)
STRATEGIES = ("pre-copy", "history-majority", "xen-legacy", "qemu")
ROUNDS = 4
BYTES_PER_S = 1.25e9
SWEEP_PAGES_PER_S = 600_000.0


def migrate(make: type[PagesEngine] | type[SweptEngine], gib: int, strategy: str) -> MemoryEngine:
    """Run four live rounds on 10 Gbit/s; nine tenths of the memory are swept."""
    pages = gib * PAGES_PER_GIB
    sweep = SweepWrites(pages // 20, 9 * pages // 10, SWEEP_PAGES_PER_S, pages / 3)
    engine = make(PageWriter(pages, [sweep]), strategies.create(strategy), Encoding(4096, 8))
    for _ in range(ROUNDS):
        engine.begin_round()
        left = engine.plan(1.0 / BYTES_PER_S)
        engine.end_round(left / BYTES_PER_S)
    return engine


def seconds(
    make: type[PagesEngine] | type[SweptEngine], gib: int, strategy: str
) -> tuple[float, tuple[float, int]]:
    start = time.process_time()
    engine = migrate(make, gib, strategy)
    return time.process_time() - start, (engine.now, engine.stale_pages)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_swept_engine(benchmark, strategy):
    """One migration of 32 GiB."""
    assert benchmark(lambda: migrate(SweptEngine, 32, strategy)).stale_pages > 0


def test_cost_beside_pages(capsys):
    """Both engines on the same machine; pages only up to 32 GiB."""
    rows = []
    for strategy in STRATEGIES:
        for gib in SIZES_GIB:
            lumped_s, outcome = seconds(SweptEngine, gib, strategy)
            pages_s = float("nan")
            if gib <= 32:
                pages_s, expected = seconds(PagesEngine, gib, strategy)
                assert outcome == expected
            ratio = pages_s / lumped_s
            times = f"{1e3 * lumped_s:12.2f}{1e3 * pages_s:12.1f}"
            rows.append(f"{strategy:>20}{gib:6}{times}{ratio:9.0f}")
    with capsys.disabled():
        print(f"\n{'strategy':>20}{'GiB':>6}{'lumped ms':>12}{'pages ms':>12}{'ratio':>9}")
        print("\n".join(rows))


def run_seconds(fidelity: str, profile: str, strategy: str) -> tuple[float, float]:
    """Return the processor time of a run of 300 simulated seconds, and the migration's time."""
    memory_bytes = 32 * PAGES_PER_GIB * 4096
    scenario = scenario_from(
        {
            "name": "mixed",
            "run": {"duration_s": 300.0, "fidelity": fidelity},
            "topology": {"name": "star", "hosts": 2, "host_bps": 1e10},
            "hosts": [{"count": 2, "cpu_capacity": 8, "memory_bytes": 2**40}],
            "vms": [
                {
                    "count": 1,
                    "cpu_capacity": 1,
                    "memory_bytes": memory_bytes,
                    "profile": profile,
                    "host": 0,
                }
            ],
            "workload": {"demand": {"name": "constant", "share": 1.0}},
            "transfer": {"strategy": strategy, "stop": "fixed-rounds:rounds=30"},
            "migrations": [{"vm": 0, "target": 1}],
        }
    )
    start = time.process_time()
    found = ClusterModel(scenario, rng=1).run().migrations
    return time.process_time() - start, float(found["total_time_s"].iloc[0])


@pytest.mark.parametrize("strategy", ("pre-copy", "history-majority"))
@pytest.mark.parametrize("profile", ("stream", "oltp", "analytics"))
def test_cost_of_a_sweep_beside_other_writes(capsys, profile, strategy):
    """One VM of 32 GiB on 10 Gbit/s, 30 live rounds or 300 seconds."""
    run_seconds("lumped", profile, strategy)  # loads the compiled code
    lumped_s, total_s = run_seconds("lumped", profile, strategy)
    pages_s, pages_total_s = run_seconds("pages", profile, strategy)
    with capsys.disabled():
        times = f"{lumped_s:9.2f} s{pages_s:9.2f} s{pages_s / lumped_s:7.0f}"
        print(f"\n{profile:>12}{strategy:>18}{times}{total_s:9.1f} s{pages_total_s:9.1f} s")
