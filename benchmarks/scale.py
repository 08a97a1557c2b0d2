"""What size costs: a quiet tick, whole runs, peak memory, and how these grow.

    python benchmarks/scale.py                     # up to 100,000 VMs, a few minutes
    python benchmarks/scale.py --vms 1000 10000    # less

Every size is a process of its own, so that its peak memory is its own. Pages are 16 MiB, so that
the cluster's own cost shows and not that of page states. Beside each tick stands, in the same
process, the usual way to write such a model in Mesa: as many agents, one call each per tick. The
ratio of the two hardly depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mesa

from cluster_emu import ClusterModel

ARITY = {1_000: 8, 10_000: 16, 100_000: 34}
"""Fat-trees with eight to ten VMs per host, by number of VMs."""


class OneByOne(mesa.Agent):
    """An agent that does next to nothing."""

    def __init__(self, model: mesa.Model) -> None:
        super().__init__(model)
        self.energy = 0.0

    def step(self) -> None:
        """Add to a number of its own."""
        self.energy += 0.5


def cluster(vms: int, hours: float, *, quiet: bool, folder: Path | None = None) -> ClusterModel:
    k = ARITY[vms]
    fields: dict[str, Any] = {
        "topology": {"name": "fat-tree", "k": k, "link_bps": "10 Gbit/s"},
        "hosts.0.count": k**3 // 4,
        "hosts.0.memory_bytes": "256 GiB",
        "vms.0.count": vms * 3 // 4,
        "vms.1.count": vms - vms * 3 // 4,
        "vms.0.page_bytes": 2**24,
        "vms.1.page_bytes": 2**24,
        "workload.demand": "trace",
        "run.duration_s": hours * 3600.0,
        "run.tick_s": 1.0 if quiet else 300.0,
        "run.control_interval_s": 300.0,
    }
    if quiet:
        fields["manager.triggers"] = []
    return ClusterModel("cluster", rng=1, stream_to=folder, **fields)


def tick_ms(model: mesa.Model, ticks: int) -> float:
    """Return the median CPU time of a step."""
    times = []
    for _ in range(ticks):
        start = time.process_time()
        model.step()
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times)


def plain_tick_ms(agents: int) -> float:
    model = mesa.Model(rng=1)
    for _ in range(agents):
        OneByOne(model)
    times = []
    for _ in range(7):
        start = time.process_time()
        model.agents.do("step")
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times)


def quiet_tick(vms: int) -> dict[str, float]:
    """Measure ticks of 1 s in which no VM migrates and no control instant falls."""
    model = cluster(vms, 0.05, quiet=True)
    model.step()
    ours_ms, plain_ms = tick_ms(model, 100), plain_tick_ms(vms)
    return {"tick_ms": ours_ms, "plain_ms": plain_ms}


def whole_run(vms: int, hours: float) -> dict[str, float]:
    """Measure a run with consolidation every 300 s, its tables streamed to disk."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        model = cluster(vms, hours, quiet=False, folder=Path(folder))
        built = time.process_time()
        result = model.run()
        ended = time.process_time()
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plain_s = model.steps * plain_tick_ms(vms) / 1e3
    return {
        "hosts": model.state.host_count,
        "migrations": result.summary["migrations"],
        "build_s": built - start,
        "run_s": ended - built,
        "plain_s": plain_s,
        "peak_mib": peak_kib / 1024,
    }


def in_own_process(kind: str, vms: int, hours: float) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", kind, str(vms), str(hours)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told)
    return found


def exponent(sizes: list[int], costs: list[float]) -> float:
    """Return the growth exponent from the smallest to the largest size."""
    return math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vms", type=int, nargs="+", choices=ARITY, default=list(ARITY))
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child is not None:
        kind, vms, hours = chosen.child
        found = quiet_tick(int(vms)) if kind == "tick" else whole_run(int(vms), float(hours))
        print(json.dumps(found))
        return
    print(f"{'VMs':>8} {'quiet tick, ms':>15} {'Mesa one by one, ms':>20} {'ratio':>7}")
    for vms in chosen.vms:
        tick = in_own_process("tick", vms, chosen.hours)
        ratio = tick["tick_ms"] / tick["plain_ms"]
        print(f"{vms:8,} {tick['tick_ms']:15.2f} {tick['plain_ms']:20.1f} {ratio:7.2f}")
    head = f"{'VMs':>8} {'hosts':>6} {'migrations':>10} {'build, s':>9} {'run, s':>8}"
    print(f"\n{head} {'ms/migration':>12} {'peak, MiB':>10} {'run/Mesa one by one':>20}")
    costs = []
    for vms in chosen.vms:
        run = in_own_process("run", vms, chosen.hours)
        costs.append(run["run_s"] * vms / max(run["migrations"], 1.0))
        print(
            f"{vms:8,} {run['hosts']:6,.0f} {run['migrations']:10,.0f} {run['build_s']:9.1f} "
            f"{run['run_s']:8.1f} {1e3 * run['run_s'] / max(run['migrations'], 1.0):12.2f} "
            f"{run['peak_mib']:10.0f} {run['run_s'] / run['plain_s']:20.1f}"
        )
    if len(chosen.vms) > 1:
        grown = exponent(chosen.vms, costs)
        print(f"growth exponent of the run, at equally many migrations per VM: {grown:.2f}")


if __name__ == "__main__":
    main()
