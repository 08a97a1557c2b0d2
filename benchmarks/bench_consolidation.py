"""How long consolidation plans, beside its plain form, which tries every host one VM after another.

    pytest benchmarks/bench_consolidation.py -s

Both plan on the same cluster and must plan the same moves. The plain form stands in
`tests/_support/plain_consolidation.py`. CPU time is measured, as other processes disturb it least.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest

from cluster_emu import ClusterModel
from cluster_emu.cluster.columns import HostColumns, VMColumns
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation import Move, Plan
from cluster_emu.consolidation.triggers import Consolidation
from cluster_emu.metrics.power import PowerColumns, SpecPower
from tests._support.no_draws import NO_DRAWS
from tests._support.plain_consolidation import plain_moves

GIB = 2**30
TRIGGER = Consolidation()


@dataclass
class Times:
    """CPU time of planning the same moves in both ways."""

    ours_s: float = 0.0
    plain_s: float = 0.0
    moves: int = 0

    def add(self, state: ClusterState, power: PowerColumns, *, plain: bool = True) -> list[Move]:
        """Plan once in both ways, or in one alone, and return the moves."""
        begun_s = time.process_time()
        moves, _ = TRIGGER.moves(Plan.of(state, power), NO_DRAWS)
        self.ours_s += time.process_time() - begun_s
        self.moves += len(moves)
        if plain:
            begun_s = time.process_time()
            expected, _, _ = plain_moves(TRIGGER, Plan.of(state, power.watts_if_on), NO_DRAWS)
            self.plain_s += time.process_time() - begun_s
            assert moves == expected
        return moves

    def show(self, what: str) -> None:
        """Print what was planned, and how long it took."""
        beside = f", plain {self.plain_s:.2f} s ({self.plain_s / self.ours_s:.0f} times as long)"
        print(f"\n{what}: {self.moves:,} moves, {self.ours_s:.3f} s{beside * bool(self.plain_s)}")


def test_hours_of_the_planetlab_inventory():
    """Two hours of 800 hosts and 1,052 VMs with synthetic traces: 24 control instants."""
    times = Times()

    class Timed(ClusterModel):
        def manage(self, now_s: float) -> None:
            """Plan beside the manager at control instants."""
            times.add(self.state, self._power)
            super().manage(now_s)

    fields = {"workload.needs_traces": False, "run.duration_s": "2 h", "run.fidelity": "scalar"}
    model = Timed("cloudsim-planetlab", rng=0, **fields)
    model.run()
    model.close()
    times.show("800 hosts, 1,052 VMs, 24 control intervals")


def cluster(hosts: int, rng: np.random.Generator) -> tuple[ClusterState, PowerColumns]:
    """Return hosts of two kinds with ten VMs each, which want 14 % of the CPU in the mean."""
    vms = 10 * hosts
    host = np.arange(vms) % hosts
    is_large = np.arange(hosts) >= hosts // 2
    memory = rng.choice([2, 4, 8], vms) * GIB
    host_columns = HostColumns.empty(
        np.where(is_large, 24.0, 16.0), np.full(hosts, 96 * GIB), np.arange(hosts) // 40
    )
    vm_columns = VMColumns.at_rest(
        rng.choice([1.0, 2.0, 4.0], vms), memory, memory // 4096, np.full(vms, 4096), host
    )
    vm_columns.demand[:] = rng.beta(0.6, 3.0, vms)
    servers = [SpecPower("dell-r740" if large else "dell-r720") for large in is_large]
    state = ClusterState(host_columns, vm_columns)
    carry_out(state, [])
    return state, PowerColumns(servers)


def carry_out(state: ClusterState, moves: list[Move]) -> None:
    """Do the moves at once, and switch empty hosts off."""
    hosts, vms = state._hosts, state._vms
    for move in moves:
        vms.host[move.vm] = move.target
    hosts.memory_reserved_bytes[:] = np.bincount(vms.host, vms.memory_bytes, state.host_count)
    hosts.vm_count[:] = np.bincount(vms.host, minlength=state.host_count)
    hosts.switched_on[:] = hosts.vm_count > 0


def drift(state: ClusterState, rng: np.random.Generator) -> None:
    """Let half of the VMs want up to some per cent more or less."""
    demand = state._vms.demand
    changes = rng.random(len(demand)) < 0.5
    demand[changes] = np.clip(demand[changes] + rng.normal(0, 0.05, changes.sum()), 0, 1)


@pytest.mark.parametrize("hosts", [1_000, 10_000])
def test_a_large_cluster(hosts):
    """The first interval, which packs a cluster that was spread, and three ordinary ones."""
    cluster_of_another_size, power = cluster(1_001, np.random.default_rng(1))
    Times().add(cluster_of_another_size, power, plain=False)  # loads or compiles the machine code
    rng = np.random.default_rng(0)
    state, power = cluster(hosts, rng)
    for interval in range(4):
        times = Times()
        carry_out(state, times.add(state, power, plain=hosts <= 1_000 and interval > 0))
        drift(state, rng)
        times.show(f"{hosts:,} hosts, {10 * hosts:,} VMs, interval {interval}")
