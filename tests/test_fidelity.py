"""Whole runs with lumped memory: who is lumped, what is refused, and that outcomes are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_scenarios import PAGE, scenario

from cluster_emu.building.fidelity import LUMPED_FROM_PAGES
from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario


def lumped(fidelity: str = "lumped", **more: Any) -> Scenario:
    given = {"profile": "web", "strategy": "history-majority", **more}
    fields = {"run.fidelity": fidelity, "run.track_versions": False}
    return scenario(**given).with_fields(fields)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"profile": "kernel-build"}, "a working set that moves"),
        ({"profile": "stream"}, "a sequential sweep"),
        ({"fields": {"run.track_versions": True}}, "a version number per page"),
        ({"fields": {"transfer.encoders": ["zero-page"]}}, "encoders"),
    ],
)
def test_what_cannot_be_lumped_is_refused(more: dict[str, Any], reason: str) -> None:
    fields = more.pop("fields", {})
    with pytest.raises(ScenarioError, match=rf"run\.fidelity = 'lumped'.*{reason}"):
        ClusterModel(lumped(**more).with_fields(fields), rng=1)


def test_auto_lumps_large_vms_that_can_be() -> None:
    vms = [
        {
            "count": 1,
            "cpu_capacity": 1.0,
            "memory_bytes": pages * PAGE,
            "profile": profile,
            "host": 0,
        }
        for pages, profile in (
            (LUMPED_FROM_PAGES, "web"),
            (LUMPED_FROM_PAGES - 1, "web"),
            (LUMPED_FROM_PAGES, "stream"),
        )
    ]
    migrations = [{"vm": vm, "target": 1, "at_s": 0.0} for vm in range(3)]
    given = lumped("auto", vms=vms).with_fields({"migrations": migrations})
    found = ClusterModel(given, rng=1).run().migrations
    assert found["fidelity"].tolist() == ["lumped", "pages", "pages"]


@pytest.mark.parametrize("strategy", ["history-majority", "qemu", "post-copy", "hybrid"])
def test_a_lumped_run_is_like_one_of_pages(strategy: str) -> None:
    def mean_total_s(fidelity: str) -> tuple[float, float]:
        runs = [
            ClusterModel(lumped(fidelity, pages=4_000, strategy=strategy), rng=seed).run()
            for seed in range(6)
        ]
        assert all(run.migrations["outcome"].eq("completed").all() for run in runs)
        assert {run.migrations["fidelity"].iloc[0] for run in runs} == {fidelity}
        times_s = [run.migrations["total_time_s"].mean() for run in runs]
        return float(np.mean(times_s)), float(np.std(times_s))

    pages_s, spread_s = mean_total_s("pages")
    assert mean_total_s("lumped")[0] == pytest.approx(pages_s, abs=4 * spread_s + 0.01 * pages_s)
