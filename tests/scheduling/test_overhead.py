"""What migrations cost hosts and guests, in whole runs with closed forms."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_emu import ClusterModel
from cluster_emu.results.run_result import RunResult
from tests._support.small_scenarios import scenario

CORES, IDLE_W, FULL_W = 8, 160.0, 250.0
"""The hosts of `scenario` and the default power line."""

WRITES = {"name": "uniform", "writes_per_page_s": 0.5}


def run(strategy: str = "pre-copy", pages: int = 2048, **costs: float) -> RunResult:
    """One VM of one core, all of which it wants, moves; the run goes on for 20 s."""
    spec: Any = scenario(
        pages=pages,
        profile=WRITES,
        strategy=strategy,
        run={"duration_s": 20.0, "stop_when_idle": False},
        manager={"switch_off_empty_hosts": False},
        costs=costs,
    )
    return ClusterModel(spec, rng=1).run()


def test_without_costs_only_the_pause_is_lost() -> None:
    result = run()
    record, service = result.migrations.iloc[0], result.tables["service"].iloc[0]
    assert record["downtime_s"] > 0
    assert service["paused_s"] == pytest.approx(record["downtime_s"], rel=1e-9)
    assert service["cpu_wanted_s"] == pytest.approx(20.0, rel=1e-9)
    assert service["cpu_lost_to_migration_s"] == pytest.approx(record["downtime_s"], rel=1e-9)
    assert service["cpu_lost_to_overload_s"] == 0.0
    share = result.summary["degradation_by_migration"]
    assert share == pytest.approx(record["downtime_s"] / 20.0, rel=1e-9)


def test_tracking_slows_writes_and_counts_as_lost() -> None:
    free, slowed = (run(tracking_slowdown=share) for share in (0.0, 0.25))
    record = slowed.migrations.iloc[0]
    live_s = record["pause_s"] - record["start_s"]
    assert record["guest_lost_s"] == pytest.approx(0.25 * live_s, rel=1e-9)
    assert record["throttle_max"] == 0.0
    lost = slowed.tables["service"].iloc[0]["cpu_lost_to_migration_s"]
    assert lost == pytest.approx(0.25 * live_s + record["downtime_s"], rel=1e-9)
    assert free.migrations.iloc[0]["guest_lost_s"] == 0.0
    assert record["pages_sent_precopy"] < free.migrations.iloc[0]["pages_sent_precopy"]


def test_waiting_for_pages_after_the_resume_is_lost() -> None:
    result = run("post-copy")
    record, service = result.migrations.iloc[0], result.tables["service"].iloc[0]
    assert record["fault_stall_s"] > 0
    lost = record["downtime_s"] + record["fault_stall_s"]
    assert service["cpu_lost_to_migration_s"] == pytest.approx(lost, rel=1e-9)


def test_migration_threads_load_both_hosts_while_they_copy() -> None:
    plain, loaded = run(), run(source_cpu=1.0, target_cpu=0.5)
    record = loaded.migrations.iloc[0]
    copy_s = record["end_s"] - record["start_s"]
    more_j = (loaded.summary["energy_kwh"] - plain.summary["energy_kwh"]) * 3.6e6
    assert more_j == pytest.approx(1.5 / CORES * (FULL_W - IDLE_W) * copy_s, rel=1e-6)


def test_threads_take_cpu_from_the_vms_of_a_full_host() -> None:
    result = run(source_cpu=CORES - 0.25)
    record, service = result.migrations.iloc[0], result.tables["service"].iloc[0]
    live_s = record["pause_s"] - record["start_s"]
    lost = 0.75 * live_s + record["downtime_s"]
    assert service["cpu_lost_to_migration_s"] == pytest.approx(lost, rel=1e-9)
    assert service["cpu_lost_to_overload_s"] == 0.0
    assert result.summary["overload_time_share"] > 0
