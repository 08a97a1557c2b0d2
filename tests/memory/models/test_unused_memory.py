"""VMs that use less memory than they have: unused pages are zero and never written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cluster_emu import ClusterModel
from cluster_emu.encoding import used_page_ids
from cluster_emu.errors import ScenarioError
from cluster_emu.memory.dirtying.processes import PageWriter
from cluster_emu.memory.dirtying.sources import Uniform
from cluster_emu.memory.pages.dirty_log import DirtyLog
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import BPS, HEADER, PAGE, WIRE, scenario

PAGES, USED = 4_000, 625
WRITES = {"name": "uniform", "writes_per_page_s": 0.2}


def using(
    fidelity: str = "pages",
    *,
    profile: Any = WRITES,
    used: int | None = USED,
    strategy: str = "history-majority",
    encoders: tuple[str, ...] = (),
) -> Scenario:
    """Return a VM of 4,000 pages that uses 625 of them and migrates at 1,000 pages a second."""
    vm = {
        "count": 1,
        "cpu_capacity": 1,
        "memory_bytes": PAGES * PAGE,
        "memory_used_bytes": None if used is None else used * PAGE,
        "profile": profile,
        "host": 0,
    }
    return scenario(
        vms=[vm],
        strategy=strategy,
        stop="fixed-rounds:rounds=2",
        run={"fidelity": fidelity, "track_versions": fidelity == "pages"},
        transfer={"encoders": encoders},
    )


def run(given: Scenario, seed: int = 1) -> tuple[dict[str, Any], ClusterModel]:
    model = ClusterModel(given, rng=seed)
    row: dict[str, Any] = model.run().migrations.iloc[0].to_dict()
    return row, model


@pytest.mark.parametrize("fidelity", ["pages", "lumped", "mean-field"])
@pytest.mark.parametrize("strategy", ["pre-copy", "history-majority", "hybrid", "post-copy"])
def test_zero_pages_take_a_header_and_a_byte(strategy: str, fidelity: str) -> None:
    row, _ = run(using(fidelity, strategy=strategy, encoders=("zero-page:share=0",)))
    full, _ = run(using(fidelity, used=USED, strategy=strategy))
    sent = row["pages_sent_precopy"] + row["pages_sent_stop"] + row["pages_sent_postcopy"]
    zero = PAGES - USED  # each is sent once
    assert row["bytes"] == pytest.approx((sent - zero) * WIRE + zero * (HEADER + 1))
    all_sent = sum(full[name] for name in full if name.startswith("pages_sent"))
    assert full["bytes"] == pytest.approx(all_sent * WIRE)
    assert row["total_time_s"] < 0.5 * full["total_time_s"]


@pytest.mark.parametrize("fidelity", ["pages", "lumped", "mean-field"])
@pytest.mark.parametrize("strategy", ["stop-and-copy", "pre-copy", "post-copy", "xen-legacy"])
def test_the_share_of_zero_pages_is_that_of_used_pages(strategy: str, fidelity: str) -> None:
    quiet = {"name": "uniform", "writes_per_page_s": 0.0}
    encoders = ("zero-page:share=0.4",)
    row, _ = run(using(fidelity, profile=quiet, strategy=strategy, encoders=encoders))
    zero = PAGES - USED + 250
    assert row["bytes"] == (PAGES - zero) * WIRE + zero * (HEADER + 1)
    assert row["total_time_s"] == pytest.approx(row["bytes"] / (BPS / 8), rel=1e-12)


def test_the_host_reserves_all_memory_and_the_dirty_rate_is_that_of_used_pages() -> None:
    _, model = run(using())
    assert model.state.hosts.memory_reserved_bytes.tolist() == [0, PAGES * PAGE]
    started = ClusterModel(using(), rng=1)
    expected = USED * -np.expm1(-0.2)
    assert started.state.vms.dirty_pages_per_s.tolist() == pytest.approx([expected])


@pytest.mark.parametrize("fidelity", ["lumped", "mean-field", "scalar"])
def test_models_without_pages_agree(fidelity: str) -> None:
    # Round 1 takes 4 s; pages dirtied in it within 4.5 standard errors of 25 seeds each.
    def dirtied(name: str, seed: int) -> float:
        model = ClusterModel(using(name, strategy="pre-copy"), rng=seed)
        return float(model.run().rounds["dirtied"].iloc[0])

    expected = USED * -np.expm1(-0.2 * 4.0)
    if fidelity == "scalar":
        assert dirtied(fidelity, 1) == pytest.approx(min(USED, USED * 0.2 * 4.0), rel=0.01)
        return
    if fidelity == "mean-field":
        assert dirtied(fidelity, 1) == pytest.approx(expected, abs=1)
        return
    spread = np.sqrt(expected * (1 - expected / USED))
    for name in ("pages", fidelity):
        found = np.array([dirtied(name, seed) for seed in range(25)])
        assert abs(found.mean() - expected) < 4.5 * spread / np.sqrt(25)
        assert abs(np.log(found.std() / spread)) < 4.5 / np.sqrt(2 * 25)


def test_history_rounds_of_lumped_are_those_of_pages() -> None:
    # means of pages sent live at 4.5 standard errors of 30 seeds each
    counts = {
        name: np.array([run(using(name), seed)[0]["pages_sent_precopy"] for seed in range(30)])
        for name in ("pages", "lumped")
    }
    error = np.sqrt(sum(each.var() for each in counts.values()) / 30)
    assert abs(counts["pages"].mean() - counts["lumped"].mean()) < 4.5 * error


def test_nothing_writes_unused_pages() -> None:
    streams = RandomStreams(3)
    used = used_page_ids(100, 70, streams, 5)
    assert len(used) == 30
    assert (np.diff(used) > 0).all()
    assert used.tolist() == used_page_ids(100, 70, streams, 5).tolist()
    for rate in (0.05, 5.0):  # few writes and many are drawn in different ways
        inner = Uniform(rate).writer(30, streams, 5, 0)
        writer = inner.scattered(100, used)
        log = DirtyLog(100)
        writer.write(log, 40.0)
        assert 0 < len(log.written()) <= 30
        assert np.isin(log.written(), used).all()
        again = writer.rewritten(np.arange(100), np.zeros(100), 1e6)
        assert np.flatnonzero(again).tolist() == used.tolist()


def test_sets_given_per_round_are_of_used_pages() -> None:
    used = np.array([2, 5, 7])
    given = PageWriter(3, round_sets=lambda number: np.array([0, 2])).scattered(9, used)
    log = DirtyLog(9)
    given.begin_round(log, 1, 0.0)
    assert sorted(log.written().tolist()) == [2, 7]
    asked = np.array([2, 3])
    assert given.rewritten(asked, np.zeros(2), 1.0).tolist() == [True, False]


@pytest.mark.parametrize(
    ("profile", "fidelity"),
    [
        ({"name": "samples", "probability": 0.3}, "lumped"),
        (
            {
                "name": "inline",
                "classes": [{"share": 1.0, "writes_per_page_s": 0.1}],
                "moving": {"share": 0.2, "writes_per_page_s": 3.0, "period_s": 0.7},
            },
            "mean-field",
        ),
    ],
)
def test_what_cannot_be_lumped_is_refused(profile: Any, fidelity: str) -> None:
    with pytest.raises(ScenarioError, match="memory_used_bytes"):
        ClusterModel(using(fidelity, profile=profile), rng=1)
    row, _ = run(using("pages", profile=profile))
    assert row["outcome"] == "completed"


def test_no_more_is_used_than_there_is() -> None:
    with pytest.raises(ScenarioError, match=r"vms\.0\.memory_used_bytes.*at most memory_bytes"):
        using(used=PAGES + 1)
