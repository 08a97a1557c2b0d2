"""What migrations cost hosts and guests, in whole runs with closed forms."""

from __future__ import annotations

from pathlib import Path
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


@pytest.mark.parametrize("idle_share", [0.1, 1.0])
@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize(("demand", "then"), [(100, 50), (100, 0), (50, 100), (0, 100)])
def test_a_stall_costs_what_the_vm_wants_at_its_time(
    tmp_path: Path, demand: int, then: int, crashes: bool, idle_share: float
) -> None:
    # Demand changes at 300 s, in the middle of a stall from 200.5 to 396.5 s on a dead link. A host
    # that crashes at that very instant sets all demand anew.
    (tmp_path / "vm").write_text("\n".join([str(demand), str(then)] + ["0"] * 286) + "\n")
    faults: list[Any] = [
        {"kind": "link-down", "between": [0, 3], "at_s": 200.5, "duration_s": 196.0}
    ]
    if crashes:
        faults.append({"kind": "host-crash", "host": 2, "at_s": 300.0})
    spec: Any = scenario(
        hosts=3,
        vms=[
            {
                "count": 1,
                "cpu_capacity": 2,
                "vcpus": 1,
                "memory_bytes": 1_000 * 4096,
                "profile": {"name": "uniform", "writes_per_page_s": 10.0},
                "host": 0,
            }
        ],
        strategy="post-copy",
        demand="trace",
        workload={
            "demand": "trace",
            "traces": str(tmp_path),
            "write_intensity": {"name": "affine", "idle_share": idle_share},
        },
        run={"duration_s": 900.0, "stop_when_idle": False, "track_versions": False},
        migrations=[{"vm": 0, "target": 1, "at_s": 200.0}],
        faults=faults,
        topology={"name": "star", "hosts": 3, "host_bps": 8 * 4104 * 1000.0},
    )
    result = ClusterModel(spec, rng=1).run()
    record, service = result.migrations.iloc[0], result.tables["service"].iloc[0]
    # The push has less than a second of stalls beside that one.
    assert 195.9 < record["fault_stall_s"] < 197.0
    lost = 2 * (99.5 * demand + 96.5 * then) / 100
    assert service["cpu_lost_to_migration_s"] == pytest.approx(lost, abs=2.0)


@pytest.mark.parametrize(
    ("cpu_capacity", "vcpus", "processors"), [(3.5, None, 4), (2500, None, 1), (2500, 4, 4)]
)
@pytest.mark.parametrize("fidelity", ["pages", "lumped"])
def test_a_fault_stops_one_of_the_processors(
    fidelity: str, cpu_capacity: float, vcpus: int | None, processors: int
) -> None:
    # The link is dead from 0.5 s after the resume on for 100 s. Each processor waits for a page of
    # its own as soon as it touches one; 4,000 touches a second leave none of them running for long.
    vm = {"count": 1, "cpu_capacity": cpu_capacity, "vcpus": vcpus, "host": 0}
    memory = {"memory_bytes": 1_000 * 4096, "profile": WRITES}
    spec: Any = scenario(
        vms=[{**vm, **memory}],
        strategy="post-copy",
        run={"fidelity": fidelity, "track_versions": False},
        faults=[{"kind": "link-down", "between": [0, 2], "at_s": 0.5, "duration_s": 100.0}],
    )
    record = ClusterModel(spec, rng=1).run().migrations.iloc[0]
    # one fault at a time of 1 ms in 1 s of push, or several; all in the outage
    assert 99.9 < record["fault_stall_s"] < 101.0
    quiet = spec.with_fields({"faults": []})
    record = ClusterModel(quiet, rng=1).run().migrations.iloc[0]
    whole = quiet.with_fields({"vms.0.vcpus": 1})
    of_whole = ClusterModel(whole, rng=1).run().migrations.iloc[0]
    assert (record["fault_stall_s"] == of_whole["fault_stall_s"]) == (processors == 1)
    if processors > 1:
        assert record["demand_faults"] > of_whole["demand_faults"]
        assert record["fault_stall_s"] < of_whole["fault_stall_s"]


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
