"""Whole runs in which memory is counts, or bytes: what is refused, and what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.memory.models.auto import LUMPED_FROM_PAGES
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.strategies import strategies
from cluster_emu.strategies.contract import Mode
from tests._support.small_scenarios import PAGE, scenario


def lumped(fidelity: str = "lumped", **more: Any) -> Scenario:
    given = {"profile": "web", "strategy": "history-majority", **more}
    fields = {"run.fidelity": fidelity, "run.track_versions": False}
    return scenario(**given).with_fields(fields)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"fields": {"run.track_versions": True}}, "a version number per page"),
        ({"fields": {"transfer.encoders": ["xbzrle"]}}, "encoders but zero-page"),
        ({"profile": "stream", "fields": {"transfer.encoders": ["zero-page"]}}, "a sweep"),
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
    assert found["fidelity"].tolist() == ["lumped", "pages", "lumped"]


@pytest.mark.parametrize("profile", ["web", "kernel-build"])
@pytest.mark.parametrize("strategy", ["history-majority", "qemu", "post-copy", "hybrid"])
def test_a_lumped_run_is_like_one_of_pages(strategy: str, profile: str) -> None:
    def mean_total_s(fidelity: str) -> tuple[float, float]:
        runs = [
            ClusterModel(
                lumped(fidelity, pages=4_000, strategy=strategy, profile=profile), rng=seed
            ).run()
            for seed in range(6)
        ]
        assert all(run.migrations["outcome"].eq("completed").all() for run in runs)
        assert {run.migrations["fidelity"].iloc[0] for run in runs} == {fidelity}
        times_s = [run.migrations["total_time_s"].mean() for run in runs]
        return float(np.mean(times_s)), float(np.std(times_s))

    pages_s, spread_s = mean_total_s("pages")
    assert mean_total_s("lumped")[0] == pytest.approx(pages_s, abs=4 * spread_s + 0.01 * pages_s)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"profile": "samples:probability=0.3"}, "per round"),
        ({"fields": {"run.track_versions": True}}, "a version number per page"),
        ({"fields": {"transfer.encoders": ["zero-page"]}}, "encoders"),
    ],
)
def test_what_cannot_be_scalar_is_refused(more: dict[str, Any], reason: str) -> None:
    fields = more.pop("fields", {})
    with pytest.raises(ScenarioError, match=rf"run\.fidelity = 'scalar'.*{reason}"):
        ClusterModel(lumped("scalar", **more).with_fields(fields), rng=1)


def scalar_row(strategy: str, *, rate: float = 0.5, demand: float = 1.0) -> dict[str, Any]:
    """Migrate 1,000 pages at 1,000 pages a second, half of which are written."""
    classes = [
        {"share": 0.5, "writes_per_page_s": rate},
        {"share": 0.5, "writes_per_page_s": 0.0},
    ]
    given = lumped(
        "scalar",
        pages=1_000,
        profile={"name": "inline", "classes": classes},
        strategy=strategy,
        stop="fixed-rounds:rounds=3",
        demand={"name": "constant", "share": demand},
    ).with_fields({"workload.write_intensity.idle_share": 0.0})
    row: dict[str, Any] = ClusterModel(given, rng=1).run().migrations.iloc[0].to_dict()
    assert row.pop("strategy") == strategy.partition(":")[0]
    assert row["fidelity"] == "scalar"
    return row


def test_scalar_rounds_by_hand() -> None:
    # 1 s, 250 pages dirtied; 0.25 s, 62.5; 0.0625 s, 15.625 pages for stop-and-copy
    row = scalar_row("pre-copy")
    assert row["total_time_s"] == pytest.approx(1.328125, rel=1e-6)
    assert row["downtime_s"] == pytest.approx(0.015625, rel=1e-4)
    # whole pages of 1312.5 live, and the rest of 1328.125 in the stop
    assert (row["rounds"], row["pages_sent_precopy"], row["pages_sent_stop"]) == (3, 1312, 17)


def test_scalar_dirties_the_working_set_at_most() -> None:
    assert scalar_row("pre-copy", rate=50.0)["total_time_s"] == pytest.approx(2.5)


def test_scalar_writes_follow_the_intensity() -> None:
    assert scalar_row("pre-copy", demand=0.5) == scalar_row("pre-copy", rate=0.25)


def test_all_strategies_that_copy_live_send_alike_in_bytes() -> None:
    live = [name for name in strategies.names() if strategies.factory(name)().mode is Mode.PRE_COPY]
    assert len(live) > 5
    usual = scalar_row("pre-copy")
    assert all(scalar_row(name) == usual for name in live)


def test_scalar_post_copy_sends_everything_once_without_faults() -> None:
    row = scalar_row("post-copy")
    assert row["total_time_s"] == pytest.approx(1.0)
    assert (row["downtime_s"], row["demand_faults"]) == (0.0, 0)
    assert (row["pages_sent_precopy"], row["pages_sent_postcopy"]) == (0, 1000)
    hybrid = scalar_row("hybrid:live_rounds=1")
    assert hybrid["total_time_s"] == pytest.approx(1.25)
    assert hybrid["pages_sent_postcopy"] == 250


@pytest.mark.parametrize("strategy", ["history-majority", "qemu", "post-copy", "hybrid"])
def test_the_mean_field_is_the_mean_of_lumped_runs(strategy: str) -> None:
    def row(fidelity: str, seed: int) -> pd.Series[Any]:
        classes = [
            {"share": 0.05, "writes_per_page_s": 0.5},
            {"share": 0.95, "writes_per_page_s": 0.01},
        ]
        given = lumped(
            fidelity,
            pages=20_000,
            profile={"name": "inline", "classes": classes},
            strategy=strategy,
            stop="fixed-rounds:rounds=4",
            demand={"name": "constant", "share": 1.0},
        )
        given = given.with_fields({"workload.write_intensity.idle_share": 0.0})
        found: pd.Series[Any] = ClusterModel(given, rng=seed).run().migrations.iloc[0]
        assert found["fidelity"] == fidelity
        return found

    measures = ["total_time_s", "pages_sent_precopy", "pages_sent_stop", "demand_faults"]
    one, other = row("mean-field", 1), row("mean-field", 2)
    assert one[measures].tolist() == other[measures].tolist()
    several = pd.DataFrame([row("lumped", seed)[measures] for seed in range(12)]).astype(float)
    off = np.abs(one[measures].astype(float) - several.mean())
    # 5 standard errors, and what rounding and the mean of a curved function make of it
    allowed = 5 * several.std() / np.sqrt(12) + 0.02 * several.mean() + 1.0
    assert (off <= allowed).all(), (one[measures], several.mean())


@pytest.mark.parametrize("strategy", strategies.names())
def test_every_strategy_runs_in_the_mean_field(strategy: str) -> None:
    migrations = ClusterModel(lumped("mean-field", strategy=strategy), rng=1).run().migrations
    assert migrations["outcome"].eq("completed").all()
    stages = ["pages_sent_precopy", "pages_sent_stop", "pages_sent_postcopy"]
    assert (migrations[stages].sum(axis=1) > 0).all()


# --- memory that only a sweep writes --------------------------------------------------------------


def swept(fidelity: str, *, rate: float = 0.0, **more: Any) -> Scenario:
    profile = {
        "name": "inline",
        "classes": [{"share": 1.0, "writes_per_page_s": rate}],
        "sweep": {"share": 0.7, "sweeps_per_s": 0.2},
    }
    return lumped(fidelity, profile=profile, pages=5_000, **more)


@pytest.mark.parametrize(
    ("strategy", "fidelity"),
    [
        *((name, "lumped") for name in strategies.names()),
        ("qemu:clear_granularity=page", "lumped"),
        ("qemu:chunk_pages=512", "lumped"),
        ("xen-legacy:peek_batch_pages=100", "lumped"),
        ("history-majority", "mean-field"),
    ],
)
def test_swept_memory_is_that_of_pages(strategy: str, fidelity: str) -> None:
    # two migrations share the link, under a demand that changes with time
    vm = {"cpu_capacity": 1.0, "memory_bytes": 5_000 * PAGE, "host": 0, "count": 2}
    profile = {
        "name": "inline",
        "classes": [{"share": 1.0, "writes_per_page_s": 0.0}],
        "sweep": {"share": 0.7, "sweeps_per_s": 0.2},
        "burst": {"on_s": 3.0, "off_s": 2.0, "level_off": 0.3},
    }
    moves = [{"vm": 0, "target": 1, "at_s": 0.0}, {"vm": 1, "target": 1, "at_s": 2.0}]
    pages, found = (
        ClusterModel(
            lumped(
                each,
                vms=[{**vm, "profile": profile}],
                strategy=strategy,
                stop="fixed-rounds:rounds=6",
                migrations=moves,
            ),
            rng=3,
        ).run()
        for each in ("pages", fidelity)
    )
    assert pages.migrations["outcome"].eq("completed").all()
    assert (found.migrations["fidelity"] == fidelity).all()
    pd.testing.assert_frame_equal(
        found.migrations.drop(columns="fidelity"), pages.migrations.drop(columns="fidelity")
    )
    pd.testing.assert_frame_equal(found.rounds, pages.rounds)


def test_a_sweep_beside_ballooned_pages_is_refused() -> None:
    given = swept("lumped", strategy="hybrid:ballooned_share=0.3")
    reason = "ballooned pages are scattered"
    with pytest.raises(ScenarioError, match=rf"run\.fidelity = 'lumped'.*{reason}"):
        ClusterModel(given, rng=1)


@pytest.mark.parametrize("fidelity", ["lumped", "mean-field"])
@pytest.mark.parametrize("profile", ["oltp", "stream", "analytics"])
@pytest.mark.parametrize("strategy", ["history-majority", "qemu", "post-copy", "hybrid"])
def test_a_sweep_beside_other_writes_runs(strategy: str, profile: str, fidelity: str) -> None:
    given = lumped(fidelity, pages=4_000, strategy=strategy, profile=profile)
    found = ClusterModel(given, rng=1).run().migrations
    assert found["outcome"].eq("completed").all()
    assert found["fidelity"].eq(fidelity).all()
