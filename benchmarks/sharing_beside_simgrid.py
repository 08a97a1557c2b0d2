"""Our fluid loop compared with SimGrid, on the same work in one run.

    python benchmarks/sharing_beside_simgrid.py 1000 5000

Flows of random sizes between random hosts of a fat-tree (k = 8, 10 Gbit/s links) start together, so
that the rates are solved again at each of their ends. Prints CPU seconds, their ratio, and how far
the completion times are apart. SimGrid runs in an interpreter that has its module (Debian's package
python3-simgrid); without one, ours alone is timed. What loading the compiled functions takes, once
per process, is printed apart, as SimGrid's own start does not count either.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cluster_emu.network import completion_times

LINK_BYTES_PER_S = 1.25e9
PEER = Path(__file__).with_name("simgrid_peer.py")

Node = tuple[Any, ...]
Problem = dict[str, Any]


class FatTree:
    """A k-ary fat-tree in which the target decides the way up, so that a pair has one route."""

    def __init__(self, k: int) -> None:
        self.half = k // 2
        self.hosts: list[Node] = []
        self._link: dict[tuple[Node, Node], int] = {}
        for pod in range(k):
            self._add_pod(pod)

    def __len__(self) -> int:
        """Number of links, one per direction."""
        return len(self._link)

    def route(self, source: Node, target: Node) -> list[int]:
        """Return the numbers of the links from one host to another."""
        nodes = [source, ("edge", *source[1:3]), *self._above(source, target)]
        nodes += [("edge", *target[1:3]), target] if source[1:3] != target[1:3] else [target]
        return [self._link[pair] for pair in pairwise(nodes)]

    def _above(self, source: Node, target: Node) -> list[Node]:
        aggregation, core = target[3], target[2]
        if source[1:3] == target[1:3]:
            return []
        if source[1] == target[1]:
            return [("aggregation", source[1], aggregation)]
        return [
            ("aggregation", source[1], aggregation),
            ("core", aggregation, core),
            ("aggregation", target[1], aggregation),
        ]

    def _add_pod(self, pod: int) -> None:
        for edge in range(self.half):
            for number in range(self.half):
                host = ("host", pod, edge, number)
                self.hosts.append(host)
                self._connect(host, ("edge", pod, edge))
            for number in range(self.half):
                self._connect(("edge", pod, edge), ("aggregation", pod, number))
        for aggregation in range(self.half):
            for core in range(self.half):
                self._connect(("aggregation", pod, aggregation), ("core", aggregation, core))

    def _connect(self, a: Node, b: Node) -> None:
        for pair in ((a, b), (b, a)):
            self._link[pair] = len(self._link)


def random_problem(flows: int, k: int = 8, seed: int = 1) -> Problem:
    """Return capacities, pairs of hosts, a route per pair, and sizes in bytes."""
    tree, draw = FatTree(k), random.Random(seed)
    pairs, sizes = [], []
    for _ in range(flows):
        pairs.append(tuple(draw.sample(range(len(tree.hosts)), 2)))
        sizes.append(draw.randrange(10**9, 64 * 10**9))
    routes = [tree.route(tree.hosts[a], tree.hosts[b]) for a, b in pairs]
    return {
        "hosts": len(tree.hosts),
        "capacities": [LINK_BYTES_PER_S] * len(tree),
        "pairs": pairs,
        "routes": routes,
        "sizes": sizes,
    }


def time_ours(problem: Problem) -> tuple[float, np.ndarray]:
    """Return the CPU seconds and the completion times."""
    began_s = time.process_time()
    times = completion_times(problem["capacities"], problem["routes"], problem["sizes"])
    return time.process_time() - began_s, times


def time_simgrid(python: str, problem: Problem) -> tuple[float, np.ndarray]:
    """Return the CPU seconds and the completion times; `python` has SimGrid's module."""
    done = subprocess.run(
        [python, str(PEER)], input=json.dumps(problem), capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    return answer["cpu_s"], np.array(answer["times"])


def python_with_simgrid() -> str | None:
    """Return an interpreter that can import `simgrid`, if there is one."""
    for python in (sys.executable, "/usr/bin/python3", shutil.which("python3")):
        if python and Path(python).exists():
            tried = subprocess.run([python, "-c", "import simgrid"], capture_output=True)
            if tried.returncode == 0:
                return python
    return None


def main() -> None:
    """Print one line per number of flows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flows", type=int, nargs="*", default=[1000, 5000])
    counts = parser.parse_args().flows
    load_s = time_ours(random_problem(600))[0] - time_ours(random_problem(600))[0]
    print(f"loading the compiled functions: {load_s:.2f} s CPU")
    python = python_with_simgrid()
    print(f"{'flows':>6} {'ours, s':>9} {'SimGrid, s':>11} {'ratio':>6}  largest difference")
    for flows in counts:
        problem = random_problem(flows)
        ours_s, times = time_ours(problem)
        line = f"{flows:6} {ours_s:9.3f}"
        if python is not None:
            peer_s, peer_times = time_simgrid(python, problem)
            apart = np.max(np.abs(times - peer_times) / peer_times)
            line += f" {peer_s:11.3f} {ours_s / peer_s:6.2f}  {apart:.1e}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
