"""What it takes to draw and save the picture of a cluster, with migrations in flight.

    pytest benchmarks/bench_figures.py -s

Targets, of CPU time: 200 hosts less than 3 s, 2,000 hosts less than 10 s.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import pytest

from cluster_emu import ClusterModel, Scenario
from cluster_emu.scenario import scenario_from
from cluster_emu.view import ClusterFrame, draw_cluster, figure_style, save_figure

VMS_PER_HOST = 4


def scenario(leaves: int, hosts_per_leaf: int, moves: int) -> Scenario:
    hosts = leaves * hosts_per_leaf
    topology = {"name": "leaf-spine", "leaves": leaves, "spines": 4, "oversubscription": 4.0}
    vms = hosts * VMS_PER_HOST
    return scenario_from(
        {
            "name": "figure",
            "run": {"duration_s": 600.0, "tick_s": 10.0, "fidelity": "lumped"},
            "topology": {**topology, "hosts_per_leaf": hosts_per_leaf, "host_bps": "10 Gbit/s"},
            "hosts": [{"count": hosts, "cpu_capacity": 8, "memory_bytes": "256 GiB"}],
            "vms": [{"count": vms, "cpu_capacity": 2, "memory_bytes": "24 GiB", "profile": "web"}],
            "workload": {"demand": "trace"},
            "transfer": {"strategy": "pre-copy"},
            "manager": {"max_per_cluster": moves},
            "migrations": [
                {"at_s": 5.0, "vm": 7 * i % vms, "target": (7 * i + hosts // 2 + 1) % hosts}
                for i in range(moves)
            ],
        }
    )


@cache
def frame(leaves: int, hosts_per_leaf: int, moves: int) -> ClusterFrame:
    model = ClusterModel(scenario(leaves, hosts_per_leaf, moves), rng=1)
    model.step()
    model.step()
    return ClusterFrame.of(model)


@pytest.mark.parametrize("style", ["light", "paper"])
@pytest.mark.parametrize(
    ("shape", "most_s"), [((10, 20, 40), 3.0), ((50, 40, 150), 10.0), ((125, 40, 400), 10.0)]
)
def test_a_cluster(shape: tuple[int, int, int], most_s: float, style: str, tmp_path: Path) -> None:
    seen = frame(*shape)
    assert seen.moves
    begin_s = time.process_time()
    with figure_style(style):
        save_figure(draw_cluster(seen), tmp_path / "cluster.png")
    cpu_s = time.process_time() - begin_s
    print(f"\n{shape[0] * shape[1]} hosts, {style}: {cpu_s:.2f} CPU s (target {most_s:g})")
