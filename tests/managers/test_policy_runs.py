"""Managers' policies through whole runs: limits, throttling, post-copy, retries."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu import ClusterModel, ScenarioError


def run(policy: str, profile: str, **fields: Any) -> pd.DataFrame:
    model = ClusterModel(
        "single",
        strategy="pre-copy",
        rng=1,
        **{
            "transfer.policy": policy,
            "vms.0.profile": profile,
            "vms.0.memory_bytes": "128 MiB",
            "run.track_versions": True,
            "run.tick_s": 10,
            **fields,
        },
    )
    return model.run().migrations


def test_auto_converge_slows_the_guest_until_it_fits() -> None:
    size = {"vms.0.memory_bytes": "512 MiB"}
    plain = run("qemu:timeout_s=60", "stream", **size).iloc[-1]
    slowed = run("qemu:auto_converge=true", "stream", **size).iloc[-1]
    assert plain["outcome"] == "not converged"
    assert plain["guest_lost_s"] == 0
    assert slowed["outcome"] == "completed"
    assert 0 < slowed["throttle_max"] < 1
    assert 0 < slowed["guest_lost_s"] < slowed["total_time_s"]
    # the limit counts pages, the wire carries their headers, too
    assert slowed["downtime_s"] <= 0.3 * 4104 / 4096


def test_a_policy_may_end_in_post_copy_with_any_strategy() -> None:
    row = run("ovirt-post-copy", "memory-hog", **{"vms.0.memory_bytes": "512 MiB"}).iloc[-1]
    assert row["outcome"] == "completed"
    assert row["pages_sent_postcopy"] > 0
    assert row["demand_faults"] > 0
    assert row["downtime_s"] == 0


def test_an_aborted_migration_is_tried_again_after_a_wait_that_doubles() -> None:
    migrations = run(
        "kubevirt-stall-detection:retries=2,retry_backoff_s=5",
        "memory-hog",
        **{"run.duration_s": 3600},
    )
    assert migrations["attempt"].tolist() == [1, 2, 3]
    assert set(migrations["outcome"]) == {"not converged"}
    waits = (migrations["queued_s"] - migrations["end_s"].shift()).dropna().tolist()
    assert waits == pytest.approx([5.0, 10.0])


def test_a_policys_limits_hold_where_the_scenario_sets_none() -> None:
    request = [{"vm": vm, "target": 1} for vm in range(4)]
    fields = {"vms.0.count": 4, "migrations": request}
    queued = run("kubevirt", "idle", **fields)
    assert (queued["start_s"] > 0).sum() == 2  # two outbound at a time
    free = run("kubevirt", "idle", **fields, **{"manager.max_outbound_per_host": 4})
    assert (free["start_s"] > 0).sum() == 0


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"transfer\.policy.*kubevirt"):
        run("kubevert", "idle")
