"""What limits migrations, against what each scenario makes scarce."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from tests._support.small_scenarios import BPS, PAGE, WIRE, scenario


def run_of(**fields: Any) -> RunResult:
    return ClusterModel(scenario(**fields), rng=1).run()


def seconds(result: RunResult) -> dict[str, float]:
    """Return the time of each limit by name, over all migrations; check that they add up."""
    limits, migrations = result.tables["limits"], result.migrations
    sums = limits.groupby("migration")["limited_s"].sum()
    lasted = (migrations["end_s"] - migrations["queued_s"]).set_axis(migrations["migration"])
    pd.testing.assert_series_equal(sums, lasted, check_names=False, rtol=1e-9)
    assert limits.groupby("migration")["share"].sum().to_numpy() == pytest.approx(1.0)
    for row in migrations.to_dict("records"):
        of_it = limits[limits["migration"] == row["migration"]]
        first = of_it.loc[of_it["limited_s"].idxmax()]
        assert (row["limited_by"], row["limited_share"]) == (first["limit"], first["share"])
    return limits.groupby("limit")["limited_s"].sum().to_dict()


def test_the_link_limits_what_nothing_else_does() -> None:
    result = run_of(pages=1000)
    assert seconds(result) == pytest.approx({"link host0 -> switch": 1.0})
    assert result.tables["limits"]["link"].tolist() == [0]


def test_the_cap_of_a_policy_is_named() -> None:
    cap = 100 * WIRE
    result = run_of(pages=1000, transfer={"policy": f"qemu:bandwidth_bytes_per_s={cap}"})
    limits = seconds(result)
    name = f"bandwidth cap of {8e-6 * cap:.4g} Mbit/s (policy qemu)"
    assert limits[name] == pytest.approx(10.0, rel=0.05)
    assert result.migrations["limited_by"].tolist() == [name]


def test_a_cap_that_scenario_and_policy_share_is_the_scenarios() -> None:
    policy = f"qemu:bandwidth_bytes_per_s={BPS / 16}"
    result = run_of(pages=1000, transfer={"policy": policy, "bandwidth_bps": BPS / 2})
    name = "bandwidth cap of 16.42 Mbit/s (transfer.bandwidth_bps)"
    assert result.migrations["limited_by"].tolist() == [name]


@pytest.mark.parametrize(
    ("transfer", "limit", "lasts_s"),
    [
        ({"bandwidth_bps": BPS / 2}, "bandwidth cap of 16.42 Mbit/s (transfer.bandwidth_bps)", 2.0),
        ({"page_time_s": 0.004}, "one page per 0.004 s (transfer.page_time_s)", 4.0),
        (
            {"channels": 2, "channel_bandwidth_bps": BPS / 8},
            "2 x 4.104 Mbit/s of channels",
            4.0,
        ),
        (
            {"encoders": [{"name": "compression", "cpu_bytes_per_s": PAGE * 250, "ratio": 1.0}]},
            "encoding on 1 core",
            4.0,
        ),
    ],
)
def test_each_cap_is_named(transfer: dict[str, Any], limit: str, lasts_s: float) -> None:
    limits = seconds(run_of(pages=1000, transfer=transfer))
    assert limits == pytest.approx({limit: lasts_s}, rel=0.01)


def test_fixed_times_are_limits() -> None:
    times = {"prepare_s": 3.0, "suspend_s": 0.25, "resume_s": 0.5, "finish_s": 2.0}
    limits = seconds(run_of(pages=1000, transfer=times))
    assert limits == pytest.approx(
        {
            "link host0 -> switch": 1.0,
            "preparing the target": 3.0,
            "suspending and resuming the VM": 0.75,
            "releasing the source": 2.0,
        }
    )


def three_from_one_host(**more: Any) -> RunResult:
    vm = {"count": 3, "cpu_capacity": 1, "memory_bytes": 1000 * PAGE, "profile": "idle", "host": 0}
    moves = [{"vm": number, "target": number + 1} for number in range(3)]
    return run_of(hosts=4, vms=[vm], migrations=moves, **more)


@pytest.mark.parametrize(
    ("manager", "slot"),
    [
        ({"max_per_cluster": 1}, "slots: 1 in the cluster"),
        ({"max_outbound_per_host": 1}, "slots: 1 away from host 0"),
    ],
)
def test_waits_for_slots_are_named(manager: dict[str, Any], slot: str) -> None:
    limits = seconds(three_from_one_host(manager=manager))
    assert limits == pytest.approx({"link host0 -> switch": 3.0, slot: 1.0 + 2.0})


def test_waits_for_turns_are_named_before_and_between_rounds() -> None:
    result = three_from_one_host(manager={"interleave": True})
    limits = seconds(result)
    assert limits["link host0 -> switch"] == pytest.approx(3.0)
    before_s = (result.migrations["start_s"] - result.migrations["queued_s"]).sum()
    between_s = result.migrations["waited_s"].sum()
    assert limits["turns on the network"] == pytest.approx(before_s + between_s)


def test_what_ends_early_has_its_limits_too() -> None:
    aborting = "qemu:downtime_limit_s=0.001,deadline_s=2,at_deadline=abort"
    aborted = run_of(pages=1000, profile="memory-hog", stop=aborting)
    assert aborted.migrations["outcome"].tolist() == ["not converged"]
    assert seconds(aborted) == pytest.approx({"link host0 -> switch": 2.0}, rel=0.01)

    cut = three_from_one_host(manager={"max_per_cluster": 1}, run={"duration_s": 1.5})
    limits = cut.tables["limits"].groupby("limit")["limited_s"].sum()
    assert limits["link host0 -> switch"] == pytest.approx(1.5)
    assert limits["slots: 1 in the cluster"] == pytest.approx(1.0 + 1.5)


@pytest.mark.parametrize("strategy", ["post-copy", "hybrid"])
def test_service_is_interrupted_by_downtime_and_stalls(strategy: str) -> None:
    result = run_of(pages=1000, strategy=strategy, profile="web")
    (row,) = result.migrations.to_dict("records")
    assert row["fault_stall_s"] > 0
    assert row["interrupted_s"] == row["downtime_s"] + row["fault_stall_s"]
    assert result.summary["interrupted_s"] == row["interrupted_s"]
    assert sum(seconds(result).values()) == pytest.approx(row["end_s"])
