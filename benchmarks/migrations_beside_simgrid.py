"""Concurrent live migrations compared with SimGrid's plug-in, on the same work in one run.

    python benchmarks/migrations_beside_simgrid.py
    python benchmarks/migrations_beside_simgrid.py --migrations 300 --speed 1192 --dirty 2

VMs of 4 GiB move all at once between random hosts of a fat-tree (k = 8, 10 Gbit/s links), over the
same routes there and here, each at most as fast as its cap. Ours is a whole run of a scenario,
with `run.fidelity` "scalar" (SimGrid's own model of memory) and "lumped" (page histories, N = 5).
Prints seconds, peak memory, ratios, and how far times are apart VM by VM. What loading the compiled
functions takes, once per process, and what is built before the first VM starts, is printed apart,
as SimGrid's own start and platform do not count either. SimGrid's side is compiled with g++ against
Debian's package libsimgrid-dev; without it ours alone is timed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cluster_emu import ClusterModel
from cluster_emu.building.network import cluster_graph, migration_router
from cluster_emu.network import LinkTable, completion_times
from cluster_emu.scenario import Scenario, scenario_from

PEER = Path(__file__).with_name("simgrid_migrations_peer.cpp")
FLUID = [  # plain max-min sharing: no cross traffic, no efficiency below 1
    "network/model:CM02",
    "network/TCP-gamma:0",
    "network/crosstraffic:0",
    "network/weight-S:0",
    "network/bandwidth-factor:1",
    "network/latency-factor:1",
]
K = 8
HOSTS = K**3 // 4
MIB = 2**20
WORKING_SET = 0.9
"""Share of the memory that is ever written: what SimGrid's plug-in takes."""


@dataclass(frozen=True)
class Work:
    """So many migrations at once.

    Args:
        migrations: how many VMs migrate.
        ram: memory of each, in MiB.
        speed: cap on a migration's rate, in MiB/s.
        dirty: percentage of that rate at which each VM dirties memory.
    """

    migrations: int
    ram: int
    speed: int
    dirty: int

    def pairs(self) -> list[tuple[int, int]]:
        """Return source and target of each, no pair twice, VMs of one source in a row."""
        every = [(a, b) for a in range(HOSTS) for b in range(HOSTS) if a != b]
        return sorted(random.Random(1).sample(every, self.migrations))

    def scenario(self, fidelity: str) -> Scenario:
        """Return it as a scenario."""
        pairs = self.pairs()
        pages = self.ram * MIB // 4096
        written = round(WORKING_SET * pages)
        rate = self.dirty / 100 * self.speed * MIB / (written * 4096)
        classes = [
            {"share": written / pages, "writes_per_page_s": rate},
            {"share": 1 - written / pages, "writes_per_page_s": 0.0},
        ]
        vm = {
            "cpu_capacity": 1.0,
            "memory_bytes": self.ram * MIB,
            "profile": {"name": "inline", "classes": classes},
        }
        per_host = sorted(Counter(source for source, _ in pairs).items())
        longest_s = 3600.0 * 24
        return scenario_from(
            {
                "name": "compared with SimGrid",
                "run": {
                    "duration_s": longest_s,
                    "tick_s": longest_s,
                    "control_interval_s": longest_s,
                    "stop_when_idle": True,
                    "fidelity": fidelity,
                },
                "topology": {"name": "fat-tree", "k": K, "link_bps": "10 Gbit/s"},
                "hosts": [{"count": HOSTS, "cpu_capacity": 256, "memory_bytes": "4 TiB"}],
                "vms": [{"count": count, "host": host, **vm} for host, count in per_host],
                "workload": {"demand": {"name": "constant", "share": 1.0}},
                "transfer": {
                    "strategy": "history-majority:history=5",
                    "stop": "downtime-limit:downtime_limit_s=0.03",
                    "bandwidth_bps": 8 * self.speed * MIB,
                    "page_header_bytes": 0,
                },
                "migrations": [
                    {"vm": vm, "target": target} for vm, (_, target) in enumerate(pairs)
                ],
            }
        )


def ours(work: Work, fidelity: str) -> dict[str, Any]:
    """Run it here; the first few migrations load what is loaded once."""
    load_s = _cpu_s(lambda: _load(fidelity))
    began_s = time.process_time()
    model = ClusterModel(work.scenario(fidelity), rng=1)
    build_s = time.process_time() - began_s
    wall_s, began_s = time.perf_counter(), time.process_time()
    table = model.run().migrations
    cpu_s, wall_s = time.process_time() - began_s, time.perf_counter() - wall_s
    assert table["outcome"].eq("completed").all()
    return {
        "load_s": load_s,
        "build_s": build_s,
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "peak_mib": _peak_mib(),
        "total_s": table["total_time_s"].tolist(),
        "downtime_s": table["downtime_s"].tolist(),
    }


def _load(fidelity: str) -> None:
    flows = 600  # so many that compiled functions are loaded
    completion_times([1.0], [[0]] * flows, [1.0] * flows)
    ClusterModel(Work(4, 1024, 100, 10).scenario(fidelity), rng=1).run()


def _peak_mib() -> float:
    """Return the peak memory since the start; that of `resource` includes the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _cpu_s(action: Any) -> float:
    began_s = time.process_time()
    action()
    return time.process_time() - began_s


def ours_in_a_process(work: Work, fidelity: str) -> dict[str, Any]:
    """Run it here in a process of its own, so that its peak memory is its own."""
    asked = json.dumps([asdict(work), fidelity])
    command = [sys.executable, __file__, "--ours", asked]
    answer: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))
    return answer


def problem_for_simgrid(work: Work) -> str:
    """Return what the other side reads: the links of our network and our routes."""
    scenario = work.scenario("scalar")
    links = LinkTable.of(cluster_graph(scenario))
    router, capacities = migration_router(scenario, links), links.capacity_bytes_per_s
    pairs = work.pairs()
    lines = [f"{HOSTS} {len(capacities)} {len(pairs)}", " ".join(map(repr, capacities.tolist()))]
    for number, (source, target) in enumerate(pairs):
        route = router.route(source, target, number)
        ends = f"{source} {target} {work.ram} {work.speed} {work.dirty}"
        lines.append(f"{ends} {len(route)} {' '.join(map(str, route))}")
    return "\n".join(lines)


def simgrids(work: Work, folder: Path) -> dict[str, Any] | None:
    """Run it there; None without a compiler or the library."""
    program = folder / "peer"
    compiler = shutil.which("g++")
    command = [str(compiler), "-O2", "-std=c++17", str(PEER), "-o", str(program), "-lsimgrid"]
    if compiler is None or subprocess.run(command, capture_output=True).returncode != 0:
        return None
    options = ["--log=root.thres:error", *(f"--cfg={option}" for option in FLUID)]
    done = subprocess.run(
        [str(program), *options],
        input=problem_for_simgrid(work),
        capture_output=True,
        text=True,
        check=True,
    )
    first, *rows = done.stdout.splitlines()
    cpu_s, wall_s, peak_mib = map(float, first.split())
    columns = np.array([[float(field) for field in row.split()] for row in rows])
    return {
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "peak_mib": peak_mib,
        "total_s": columns[:, 1].tolist(),
        "downtime_s": columns[:, 2].tolist(),
    }


def report(name: str, found: dict[str, Any], peer: dict[str, Any] | None) -> None:
    line = f"{name:>8} {found['wall_s']:7.3f} {found['cpu_s']:7.3f} {found['peak_mib']:9.0f}"
    if peer is not None and found is not peer:
        total, peer_total = np.array(found["total_s"]), np.array(peer["total_s"])
        down_s = np.abs(np.array(found["downtime_s"]) - np.array(peer["downtime_s"]))
        apart = np.max(np.abs(total - peer_total) / peer_total)
        line += f" {found['cpu_s'] / peer['cpu_s']:6.2f}  {apart:9.1e} {np.max(down_s):11.1e}"
        line += f"   build {found['build_s']:.2f}, load {found['load_s']:.2f}"
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--migrations", type=int, default=1000)
    parser.add_argument("--ram", type=int, default=4096, help="memory of a VM, MiB")
    parser.add_argument("--speed", type=int, default=125, help="cap on a migration, MiB/s")
    parser.add_argument("--dirty", type=int, default=10, help="dirty rate, per cent of the cap")
    parser.add_argument("--fidelities", nargs="*", default=["scalar", "lumped"])
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        work, fidelity = json.loads(given.ours)
        print(json.dumps(ours(Work(**work), fidelity)))
        return
    work = Work(given.migrations, given.ram, given.speed, given.dirty)
    print(f"{work}\n{'':8} {'wall, s':>7} {'CPU, s':>7} {'peak, MiB':>9}  ratio  times apart")
    with tempfile.TemporaryDirectory() as folder:
        peer = simgrids(work, Path(folder))
    if peer is not None:
        report("SimGrid", peer, peer)
    for fidelity in given.fidelities:
        report(fidelity, ours_in_a_process(work, fidelity), peer)


if __name__ == "__main__":
    main()
