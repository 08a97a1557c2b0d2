"""How cost grows with size: a quiet tick, whole runs, peak memory.

    python benchmarks/scale.py                     # up to 100,000 VMs, a few minutes
    python benchmarks/scale.py --vms 1000 10000    # less
    python benchmarks/scale.py --day               # a day of 100,000 VMs of 4 to 64 GiB, minutes
    python benchmarks/scale.py --day --profile     # the same, and where its time is spent

Every size is a process of its own, so that its peak memory is its own. Pages are 16 MiB, so that
the cost of the cluster itself shows and not that of page states. For comparison, the same process
measures a tick of the usual Mesa model: as many agents, one call each per tick. The ratio of the
two hardly depends on the machine. Compiled code is loaded before the clock starts.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import math
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mesa
from package_profile import time_by_package

from cluster_emu import ClusterModel

ARITY = {1_000: 8, 10_000: 16, 100_000: 34}
"""Fat-trees with eight to ten VMs per host, by number of VMs."""


DAY_ARITY = 36
"""11,664 hosts."""

DAY_SIZES = {"4 GiB": 40_000, "8 GiB": 30_000, "16 GiB": 20_000, "64 GiB": 10_000}
"""VMs of the day by memory."""

DAY_FIELDS: dict[str, Any] = {
    "topology": {"name": "fat-tree", "k": DAY_ARITY, "link_bps": "10 Gbit/s"},
    "hosts.0.count": DAY_ARITY**3 // 4,
    "hosts.0.memory_bytes": "512 GiB",
    "hosts.0.cpu_capacity": 16,
    "vms": [
        {
            "count": count,
            "cpu_capacity": 2,
            "memory_bytes": memory,
            "profile_mix": {"idle": 2, "web": 4, "cache": 2},
        }
        for memory, count in DAY_SIZES.items()
    ],
    "workload.demand": "trace",
    "transfer.strategy": "history-majority",
    "run.fidelity": "lumped",
    "run.tick_s": 300.0,
    "run.control_interval_s": 300.0,
    "manager.triggers": [
        {
            "name": "consolidation",
            "underload": {"name": "least-utilised", "below": 0.2, "max_hosts": 4},
        }
    ],
}
"""Four hosts are emptied every 300 s, and overloaded ones relieved."""


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


def warm_up() -> None:
    """Load what is compiled, with a few migrations of a small cluster."""
    ClusterModel("cluster", rng=1, **{"run.duration_s": 900.0, "run.fidelity": "auto"}).run()


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
    """Measure ticks of 1 s without migrations and without a control instant."""
    model = cluster(vms, 0.05, quiet=True)
    model.step()
    ours_ms, plain_ms = tick_ms(model, 100), plain_tick_ms(vms)
    return {"tick_ms": ours_ms, "plain_ms": plain_ms}


def whole_run(vms: int, hours: float) -> dict[str, float]:
    """Measure a run with consolidation every 300 s, its tables streamed to disk."""
    warm_up()
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


def day(hours: float, *, profiled: bool) -> None:
    """Measure a day of 100,000 VMs on a fat-tree, all tables streamed to disk, and print it."""
    warm_up()
    profile = cProfile.Profile(time.thread_time)
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        fields = {**DAY_FIELDS, "run.duration_s": hours * 3600.0}
        model = ClusterModel("cluster", rng=1, stream_to=Path(folder), **fields)
        built = time.process_time() - cpu
        result = profile.runcall(model.run) if profiled else model.run()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain_s = model.steps * plain_tick_ms(model.state.vm_count) / 1e3
    found = result.summary
    print(f"{model.state.host_count:,} hosts, {model.state.vm_count:,} VMs, {hours:g} h")
    print(f"{found['migrations']:,.0f} migrations, {found['completed']:,.0f} completed, ", end="")
    print(f"{found['rounds']:.1f} rounds and {found['bytes'] / 2**30:.1f} GiB each")
    print(f"wall {wall:.1f} s, CPU {cpu:.1f} s of which build {built:.1f} s, ", end="")
    print(f"peak memory {peak_mib:.0f} MiB, CPU / Mesa one by one {cpu / plain_s:.1f}")
    if profiled:
        stats = pstats.Stats(profile)
        spent = time_by_package(stats)
        for package, seconds in spent.most_common(20):
            print(f"{package:30} {seconds:8.1f} s {seconds / spent.total():7.1%}")
        stats.sort_stats("cumulative").print_stats("cluster_emu", 60)


def in_own_process(kind: str, vms: int, hours: float) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", kind, str(vms), str(hours)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output)
    return found


def exponent(sizes: list[int], costs: list[float]) -> float:
    """Return the growth exponent from the smallest to the largest size."""
    return math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vms", type=int, nargs="+", choices=ARITY, default=list(ARITY))
    parser.add_argument("--hours", type=float, help="1, or 24 for --day")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--day", action="store_true")
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    if chosen.day:
        day(chosen.hours or 24.0, profiled=chosen.profile)
        return
    if chosen.child is not None:
        kind, vms, hours = chosen.child
        found = quiet_tick(int(vms)) if kind == "tick" else whole_run(int(vms), float(hours))
        print(json.dumps(found))
        return
    hours = chosen.hours or 1.0
    print(f"{'VMs':>8} {'quiet tick, ms':>15} {'Mesa one by one, ms':>20} {'ratio':>7}")
    for vms in chosen.vms:
        tick = in_own_process("tick", vms, hours)
        ratio = tick["tick_ms"] / tick["plain_ms"]
        print(f"{vms:8,} {tick['tick_ms']:15.2f} {tick['plain_ms']:20.1f} {ratio:7.2f}")
    head = f"{'VMs':>8} {'hosts':>6} {'migrations':>10} {'build, s':>9} {'run, s':>8}"
    print(f"\n{head} {'ms/migration':>12} {'peak, MiB':>10} {'run/Mesa one by one':>20}")
    costs = []
    for vms in chosen.vms:
        run = in_own_process("run", vms, hours)
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
