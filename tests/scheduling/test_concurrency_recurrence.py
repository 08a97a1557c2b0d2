"""Many at once over one link against one at a time: what the recurrence says, and idle VMs.

n equal VMs of S pages, W writes per second in each, a link of B pages per second, k live rounds
without skipping: a round sends V_i pages in T_i seconds, and

    V_1 = S,  V_{i+1} = S (1 - exp(-W T_i / S)),  T_i = V_i / B alone, n V_i / B all at once.

The last V is sent in stop-and-copy. Alone, a VM's turn comes when the one before has ended; it is
not logged before that, so n of them take n times the time of one.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from tests._support.small_scenarios import PAGE, scenario

PAGES_PER_S = 1_000
PAGES = 8_192
COPY_S = PAGES / PAGES_PER_S
"""Time of one full copy alone on the link."""


def drain(count: int, at_once: int | None, *, writes_per_copy: float, **more: Any) -> pd.DataFrame:
    """Return the migrations of `count` equal VMs from host 0 to host 1."""
    writes = {"name": "uniform", "writes_per_page_s": writes_per_copy / COPY_S}
    vm = {"count": count, "cpu_capacity": 1, "memory_bytes": PAGES * PAGE, "profile": writes}
    given_scenario = scenario(
        link_bps=8 * PAGE * PAGES_PER_S,
        vms=[{**vm, "host": 0}],
        migrations=[{"vm": number, "target": 1} for number in range(count)],
        transfer={"page_header_bytes": 0.0},
        manager={"max_per_cluster": at_once},
        run={"duration_s": 3_600.0, "track_versions": False},
        **more,
    )
    migrations = ClusterModel(given_scenario, rng=1).run().migrations
    assert (migrations["outcome"] == "completed").all()
    return migrations


def expected(writes_per_copy: float, rounds: int, sharing: int) -> float:
    """Return the time of all rounds and of the stop where `sharing` VMs share the link."""
    total_s, pages = 0.0, float(PAGES)
    for _ in range(rounds):
        round_s = sharing * pages / PAGES_PER_S
        total_s += round_s
        pages = PAGES * (1 - math.exp(-writes_per_copy * round_s / COPY_S))
    return total_s + sharing * pages / PAGES_PER_S


@pytest.mark.parametrize("count", [2, 3, 6])
def test_idle_vms_take_the_same_time_and_bytes_however_many_go_at_once(count: int) -> None:
    runs = [drain(count, m, writes_per_copy=0.0, stop="xen-v2") for m in range(1, count + 1)]
    assert [rows["bytes"].sum() for rows in runs] == [count * PAGES * PAGE] * count
    for rows in runs:
        assert rows["end_s"].max() == pytest.approx(count * COPY_S, rel=1e-9)


@pytest.mark.parametrize("writes_per_copy", [0.05, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("count", [2, 4, 8])
@pytest.mark.parametrize("rounds", [1, 4])
def test_serial_and_parallel_follow_the_recurrence(
    count: int, writes_per_copy: float, rounds: int
) -> None:
    stop = f"fixed-rounds:rounds={rounds}"
    serial = drain(count, 1, writes_per_copy=writes_per_copy, stop=stop)
    parallel = drain(count, None, writes_per_copy=writes_per_copy, stop=stop)
    serial_s, parallel_s = serial["end_s"].max(), parallel["end_s"].max()
    one_s = expected(writes_per_copy, rounds, 1)
    all_s = expected(writes_per_copy, rounds, count)
    assert serial_s == pytest.approx(count * one_s, rel=0.02)
    assert parallel_s == pytest.approx(all_s, rel=0.02)
    assert parallel_s / serial_s == pytest.approx(all_s / (count * one_s), rel=0.02)
    assert parallel_s > serial_s
