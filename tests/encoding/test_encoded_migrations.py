"""Whole migrations with encoders: times and bytes worked out by hand, memory proved the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.strategies import strategies
from tests._support.small_scenarios import BPS, HEADER, PAGE, WIRE, scenario

BYTES_PER_S = BPS / 8
PAGES = 400

ZERO = {"name": "zero-page", "share": 0.25}
DELTA = {"name": "xbzrle", "cache_bytes": 64 * PAGE}
HALVED = {"name": "compression", "ratio": 0.5, "cpu_bytes_per_s": 1e9}
CHAINS = [[ZERO], [DELTA], [HALVED], [ZERO, DELTA], [ZERO, DELTA, HALVED]]


def run(seed: int = 1, **given: Any) -> tuple[pd.Series, pd.DataFrame]:
    """Return the one migration's row and its rounds; versions prove that no page is stale."""
    transfer = {name: given.pop(name) for name in list(given) if name in TRANSFER}
    transfer |= given.pop("transfer", {})
    model = ClusterModel(scenario(transfer=transfer, **given), rng=seed)
    result = model.run()
    model.close()
    assert result.migrations["outcome"].tolist() == ["completed"]
    return result.migrations.iloc[0], result.rounds


TRANSFER = {"encoders", "channels", "channel_bandwidth_bps", "device_state_bytes"}


# --- an idle VM: everything is sent once ---------------------------------------------------------

IDLE = {"pages": PAGES, "profile": {"name": "uniform", "writes_per_page_s": 0.0}}
IDLE_STRATEGIES = ["pre-copy", "xen-legacy", "qemu", "history-majority:first_round=full"]
IDLE_STRATEGIES += ["stop-and-copy", "post-copy", "hybrid"]


@pytest.mark.parametrize("strategy", IDLE_STRATEGIES)
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_zero_pages_of_an_idle_vm(strategy: str, share: float) -> None:
    row, _ = run(**IDLE, strategy=strategy, encoders=[{"name": "zero-page", "share": share}])
    total = PAGES * ((1 - share) * WIRE + share * (HEADER + 1))
    assert row["bytes"] == total
    assert row["total_time_s"] == pytest.approx(total / BYTES_PER_S, rel=1e-9)
    assert row["encode_cpu_s"] == 0.0


@pytest.mark.parametrize("strategy", IDLE_STRATEGIES)
@pytest.mark.parametrize("cpu_bytes_per_s", [1e5, 1e6, 5e6, 1e9])
@pytest.mark.parametrize("channels", [1, 3])
def test_compressing_an_idle_vm_takes_the_longer_of_cpu_and_wire(
    strategy: str, cpu_bytes_per_s: float, channels: int
) -> None:
    compression = {"name": "compression", "ratio": 0.3, "cpu_bytes_per_s": cpu_bytes_per_s}
    row, _ = run(**IDLE, strategy=strategy, encoders=[compression], channels=channels)
    total = PAGES * (1229 + HEADER)  # 0.3 x 4096 = 1228.8
    cpu_s = PAGES * PAGE / cpu_bytes_per_s
    assert row["bytes"] == total
    assert row["encode_cpu_s"] == pytest.approx(cpu_s)
    expected_s = max(cpu_s / channels, total / BYTES_PER_S)
    assert row["total_time_s"] == pytest.approx(expected_s, rel=1e-9)


def test_only_the_pages_left_over_are_compressed() -> None:
    compression = {"name": "compression", "ratio": 0.5, "cpu_bytes_per_s": 1e5}
    row, _ = run(**IDLE, encoders=[ZERO, compression])
    assert row["bytes"] == 0.25 * PAGES * 9 + 0.75 * PAGES * (PAGE / 2 + HEADER)
    assert row["encode_cpu_s"] == pytest.approx(0.75 * PAGES * PAGE / 1e5)
    assert row["total_time_s"] == pytest.approx(row["encode_cpu_s"], rel=1e-9)


@pytest.mark.parametrize(("channels", "share"), [(1, 0.25), (2, 0.5), (3, 0.75), (8, 1.0)])
def test_streams_carry_their_rate_until_the_link_is_full(channels: int, share: float) -> None:
    row, _ = run(**IDLE, channels=channels, channel_bandwidth_bps=BPS / 4)
    assert row["total_time_s"] == pytest.approx(PAGES * WIRE / BYTES_PER_S / share, rel=1e-9)


def test_the_cap_of_stop_and_copy_is_lifted_but_not_that_of_streams_and_cores() -> None:
    transfer = {"bandwidth_bps": BPS / 100, "lift_cap_when_stopped": True}
    slow = {**transfer, "channel_bandwidth_bps": BPS / 4}
    for more, share in ((transfer, 1.0), (slow, 0.25)):
        row, _ = run(**IDLE, strategy="stop-and-copy", transfer=more)
        assert row["downtime_s"] == pytest.approx(PAGES * WIRE / BYTES_PER_S / share, rel=1e-9)


def test_channels_make_a_busy_vm_converge_that_one_does_not() -> None:
    busy = {"pages": 1000, "profile": {"name": "uniform", "writes_per_page_s": 1.0}}
    stop = "fixed-rounds:rounds=8"
    one, _ = run(**busy, stop=stop, channel_bandwidth_bps=BPS / 8)
    eight, _ = run(**busy, stop=stop, channel_bandwidth_bps=BPS / 8, channels=8)
    assert eight["pages_sent_stop"] < one["pages_sent_stop"]


# --- XBZRLE, page by page ------------------------------------------------------------------------

ONE_BYTE = {"name": "xbzrle", "delta_share": 0.5 / PAGE, "overflow": 0.0}
HIT = HEADER + 3 + 1


@pytest.fixture
def page_one_is_always_dirty(tmp_path: Path) -> dict[str, Any]:
    """Return four pages of which page 1 is written in every round, page 2 in rounds 2 and 4."""
    file = tmp_path / "dirty.json"
    sets = [[1], [1, 2], [1], [1, 2], [1]]
    file.write_text(json.dumps({"interval_s": 1.0, "dirty_pages": sets}), "utf-8")
    return {"pages": 4, "profile": {"name": "replay", "file": str(file), "per": "round"}}


def test_misses_are_raw_and_hits_are_differences(page_one_is_always_dirty: dict[str, Any]) -> None:
    row, rounds = run(**page_one_is_always_dirty, stop="fixed-rounds:rounds=4", encoders=[ONE_BYTE])
    # Sent: all; page 1 (miss); 1 (hit) and 2 (miss); 1 (hit); stopped: 1 and 2 (hits).
    assert rounds["sent"].tolist() == [4, 1, 2, 1, 2]
    assert rounds["bytes"].tolist() == [4 * WIRE, WIRE, HIT + WIRE, HIT, 2 * HIT]
    assert row["bytes"] == rounds["bytes"].sum()


def test_the_cache_is_of_no_use_after_resume(page_one_is_always_dirty: dict[str, Any]) -> None:
    _, rounds = run(
        **page_one_is_always_dirty,
        strategy="hybrid:live_rounds=3",
        stop="fixed-rounds:rounds=9",
        encoders=[ONE_BYTE],
    )
    assert rounds["bytes"].tolist()[:3] == [4 * WIRE, WIRE, HIT + WIRE]
    assert rounds["phase"].tolist()[-1] == "post-copy"
    assert rounds["bytes"].tolist()[-1] == WIRE


# --- any strategy, any chain ---------------------------------------------------------------------

BUSY = {
    "name": "inline",
    "classes": [
        {"share": 0.1, "writes_per_page_s": 20.0},
        {"share": 0.9, "writes_per_page_s": 0.1},
    ],
}


@pytest.mark.parametrize("strategy", [*strategies.names(), "hybrid:live_rounds=4,pivots=3"])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "+".join(one["name"] for one in chain))
def test_the_target_has_the_sources_memory_and_bytes_add_up(
    strategy: str, chain: list[dict[str, Any]]
) -> None:
    row, rounds = run(
        pages=PAGES,
        profile=BUSY,
        strategy=strategy,
        stop="fixed-rounds:rounds=6",
        encoders=chain,
        device_state_bytes=100.0,
    )
    assert row["bytes"] == pytest.approx(rounds["bytes"].sum(), rel=1e-12)
    assert row["encode_cpu_s"] == pytest.approx(rounds["encode_cpu_s"].sum(), rel=1e-12)
    pages = row["pages_sent_precopy"] + row["pages_sent_stop"] + row["pages_sent_postcopy"]
    assert PAGES * (HEADER + 1) <= row["bytes"] <= pages * WIRE + 100
    if HALVED in chain:
        assert row["encode_cpu_s"] <= pages * PAGE / 1e9 * (1 + 1e-9)
        assert row["bytes"] <= pages * (PAGE / 2 + HEADER) * 1.7 + 100
    if chain == [HALVED]:
        assert row["bytes"] == pytest.approx(pages * (PAGE / 2 + HEADER) + 100)


@pytest.mark.parametrize("strategy", strategies.names())
def test_a_share_of_no_zero_pages_changes_nothing(strategy: str) -> None:
    given = {"pages": PAGES, "profile": BUSY, "strategy": strategy}
    given["stop"] = "fixed-rounds:rounds=6"
    raw = run(**given)
    none = run(**given, encoders=[{"name": "zero-page", "share": 0.0}])
    pd.testing.assert_series_equal(raw[0], none[0])
    pd.testing.assert_frame_equal(raw[1], none[1])


def test_all_strategies_see_the_same_zero_pages() -> None:
    given = {"pages": PAGES, "profile": {"name": "uniform", "writes_per_page_s": 0.0}}
    sums = {
        run(**given, strategy=strategy, encoders=[ZERO, DELTA])[0]["bytes"]
        for strategy in ("pre-copy", "qemu", "stop-and-copy", "post-copy")
    }
    assert len(sums) == 1


@pytest.mark.parametrize(("rule", "converges"), [("downtime-limit", True), ("qemu", False)])
def test_a_rule_is_told_encoded_bytes_but_qemu_counts_memory(rule: str, converges: bool) -> None:
    # 1,000 pages/s; 150 pages are always dirty. In 0.1 s 100 pages are sent, or 199 halved ones.
    busy = {"share": 0.15, "writes_per_page_s": 1000.0}
    profile = {"name": "inline", "classes": [busy, {"share": 0.85, "writes_per_page_s": 0.0}]}
    given = {"pages": 1000, "profile": profile, "stop": f"{rule}:downtime_limit_s=0.1"}
    given |= {"strategy": "qemu", "run": {"duration_s": 30.0}}
    for encoders, ends in (([HALVED], converges), ([], False)):
        model = ClusterModel(scenario(**given, transfer={"encoders": encoders}), rng=1)
        row = model.run().migrations.iloc[0]
        model.close()
        assert row["outcome"] == ("completed" if ends else "unfinished")
        if ends:
            assert 150 <= row["pages_sent_stop"] < 200
            encoded = row["pages_sent_stop"] * (PAGE / 2 + HEADER)
            assert row["downtime_s"] == pytest.approx(encoded / BYTES_PER_S)


def test_a_migration_cut_off_counts_what_it_encoded_until_then() -> None:
    given = {**IDLE, "stop": "deadline:deadline_s=0.1,at_deadline=abort"}
    compression = {**HALVED, "cpu_bytes_per_s": 1e6}
    model = ClusterModel(scenario(**given, transfer={"encoders": [compression]}), rng=1)
    row = model.run().migrations.iloc[0]
    model.close()
    assert row["outcome"] == "not converged"
    assert row["bytes"] == pytest.approx(0.1 * 1e6 * (PAGE / 2 + HEADER) / PAGE)
    # the page in transit counts as encoded
    assert 0.1 <= row["encode_cpu_s"] <= 0.1 + PAGE / 1e6


# --- in a scenario -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transfer", "field", "allowed"),
    [
        ({"encoders": ["zip"]}, "transfer.encoders.0", "compression, xbzrle, zero-page"),
        (
            {"encoders": ["zero-page", "compression:ratio=0.4", "xbzrle"]},
            "transfer.encoders.2",
            "no encoder after compression, which takes every page",
        ),
        ({"encoders": ["zero-page", {**HALVED, "ratio": 2}]}, "transfer.encoders.1.ratio", "<= 1"),
        ({"encoders": ["zero-page"], "page_header_bytes": 0.5}, "page_header_bytes", "whole"),
        ({"channels": 0}, "transfer.channels", ">= 1"),
        ({"channel_bandwidth_bps": 0}, "transfer.channel_bandwidth_bps", "> 0"),
    ],
)
def test_what_is_not_allowed_is_named(transfer: dict[str, Any], field: str, allowed: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        ClusterModel(scenario(transfer=transfer), rng=1)
    assert field in caught.value.field
    assert allowed in caught.value.allowed
