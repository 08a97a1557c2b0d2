"""Migrations against what can be worked out by hand.

Seeds are fixed. Where a mean over seeds is compared, the tolerance is 5 standard errors: a right
program would fail with a chance below 1e-6 if the draws ever changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import BPS, PAGE, PROFILES, WIRE, scenario

PAGES_PER_S = 1000.0
"""What the link of `scenario` carries."""

ERRORS = 5.0


def uniform(rate: float) -> dict[str, Any]:
    return {"name": "uniform", "writes_per_page_s": rate}


def run(given_scenario: Scenario, seed: int = 1) -> tuple[pd.Series, pd.DataFrame]:
    """Return the one migration's row and its rounds."""
    model = ClusterModel(given_scenario, rng=seed)
    result = model.run()
    model.close()
    return result.migrations.iloc[0], result.rounds


def live_rounds(given_scenario: Scenario, seeds: range) -> pd.DataFrame:
    """Return the live rounds of the migration under each seed."""
    tables = []
    for seed in seeds:
        _, rounds = run(given_scenario, seed)
        tables.append(rounds[rounds["phase"] == "pre-copy"].assign(seed=seed))
    table = pd.concat(tables)
    return table.assign(length_s=table["end_s"] - table["start_s"])


# --- uniform dirtying ----------------------------------------------------------------------------


@pytest.mark.parametrize("writes_per_page_s", [0.05, 0.3, 1.0])
def test_a_round_dirties_u_of_its_length(writes_per_page_s: float) -> None:
    # u(T) = S (1 - exp(-W T / S)), W / S writes per page: given T, u is exactly binomial
    pages = 2_000
    rounds = live_rounds(
        scenario(
            pages=pages,
            profile=uniform(writes_per_page_s),
            stop="fixed-rounds:rounds=6",
            run={"track_versions": False},
        ),
        range(25),
    )
    rounds = rounds[rounds["length_s"] > 0]
    share = -np.expm1(-writes_per_page_s * rounds["length_s"].to_numpy())
    spread = np.sqrt(pages * share * (1 - share))
    scores = (rounds["dirtied"].to_numpy() - pages * share) / spread
    assert abs(scores.sum()) <= ERRORS * math.sqrt(len(scores))
    assert scores.std() == pytest.approx(1.0, abs=ERRORS / math.sqrt(2 * len(scores)))


@pytest.mark.parametrize("writes_per_page_s", [0.1, 0.4])
def test_the_means_follow_the_recursion(writes_per_page_s: float) -> None:
    # n -> u(n / B); the recursion of means is concave in n, which costs O(1) pages here
    pages, rounds_count = 4_000, 5
    rounds = live_rounds(
        scenario(
            pages=pages,
            profile=uniform(writes_per_page_s),
            stop="fixed-rounds:rounds=5",
            run={"track_versions": False},
        ),
        range(25),
    )
    expected = float(pages)
    for number in range(1, rounds_count + 1):
        own = rounds[rounds["round"] == number]
        assert own["sent"].mean() == pytest.approx(
            expected, abs=1.0 + ERRORS * own["sent"].std() / math.sqrt(len(own))
        )
        expected = -pages * math.expm1(-writes_per_page_s * expected / PAGES_PER_S)


def test_slow_dirtying_gives_the_geometric_series() -> None:
    # V_i = V lambda^i with lambda = D / B, exact as u(T) -> W T
    pages, ratio = 20_000, 0.02
    rate = ratio * PAGES_PER_S / pages
    sent, totals, times = [], [], []
    for seed in range(12):
        row, rounds = run(
            scenario(
                pages=pages,
                profile=uniform(rate),
                stop="fixed-rounds:rounds=3",
                run={"track_versions": False},
            ),
            seed,
        )
        sent.append(rounds.loc[rounds["phase"] == "pre-copy", "sent"].tolist())
        totals.append(row["pages_sent_precopy"] + row["pages_sent_stop"])
        times.append(row["total_time_s"])
    means = np.mean(sent, axis=0)
    assert means[0] == pages
    # 1 - exp(-x) = x (1 - x / 2 ...): round 2 is 1 % below the series, later ones follow it
    assert means[1] == pytest.approx(pages * ratio, rel=0.02)
    assert means[2] == pytest.approx(pages * ratio**2, rel=0.15)
    series = pages * (1 - ratio**4) / (1 - ratio)
    assert np.mean(totals) == pytest.approx(series, rel=5e-4)
    assert np.mean(times) == pytest.approx(series / PAGES_PER_S, rel=5e-4)
    assert np.allclose(times, np.array(totals) / PAGES_PER_S)


SKIPPING = {
    "pages": 3_000,
    "strategy": "xen-legacy:peek_batch_pages=1",
    "run": {"track_versions": False},
}


def assert_mean_near(values: pd.Series, expected: float, slack: float) -> None:
    error = values.std() / math.sqrt(len(values))
    assert abs(values.mean() - expected) <= ERRORS * error + slack


@pytest.mark.slow
@pytest.mark.parametrize("writes_in_round", [0.1, 1.0, 3.0])
def test_the_share_not_skipped_where_turns_are_spread_evenly_over_the_round(
    writes_in_round: float,
) -> None:
    # (1 - exp(-lambda T)) / (lambda T): one page in fifty is written, so turns come evenly
    rate = writes_in_round * PAGES_PER_S / SKIPPING["pages"]
    few = [
        {"share": 0.02, "writes_per_page_s": rate},
        {"share": 0.98, "writes_per_page_s": 0.0},
    ]
    rounds = live_rounds(
        scenario(
            **SKIPPING, profile={"name": "inline", "classes": few}, stop="fixed-rounds:rounds=1"
        ),
        range(80),
    )
    written = rate * rounds["length_s"]
    expected = 60 * (1 + np.expm1(-written) / written)
    # skipping makes late turns up to 2 % denser than early ones
    assert_mean_near(rounds["skipped"] - expected, 0.0, slack=0.02 * expected.mean())


@pytest.mark.parametrize("rate", [0.05, 0.5, 2.0])
def test_where_every_page_is_written_skipping_feeds_back_on_the_rounds_length(rate: float) -> None:
    # integral over [0, T] of du / (M exp(-lambda u)) = tau: T = log(1 + lambda M tau) / lambda, and
    # T / tau pages are sent; a share lambda T / (exp(lambda T) - 1), not (1 - exp(-x)) / x
    rounds = live_rounds(
        scenario(**SKIPPING, profile=uniform(rate), stop="fixed-rounds:rounds=2"), range(30)
    )
    for number in (1, 2):
        own = rounds[rounds["round"] == number]
        expected_s = np.log1p(rate * own["due"] / PAGES_PER_S) / rate
        assert_mean_near(own["length_s"] - expected_s, 0.0, slack=1.5 / PAGES_PER_S)
        assert np.allclose(own["sent"], own["length_s"] * PAGES_PER_S)


# --- bounds --------------------------------------------------------------------------------------


@given(
    profile=PROFILES,
    pages=st.integers(64, 2048),
    batch=st.sampled_from([1, 64, 1024]),
    first=st.sampled_from(["peek", "full"]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=25)
def test_xen_legacy_never_sends_more_than_five_memories(
    profile: Any, pages: int, batch: int, first: str, seed: int
) -> None:
    row, _ = run(
        scenario(
            pages=pages,
            profile=profile,
            strategy=f"xen-legacy:peek_batch_pages={batch},first_round={first}",
            stop="xen-legacy",
        ),
        seed,
    )
    sent = row["pages_sent_precopy"] + row["pages_sent_stop"]
    assert sent <= 5 * pages - 1
    assert row["downtime_s"] <= pages / PAGES_PER_S * (1 + 1e-9)
    assert row["pages_sent_precopy"] <= 4 * pages


def test_xen_legacy_comes_near_its_bound() -> None:
    # every page written within a moment, and no peek to skip it: 3 V, one round more, and the stop
    row, _ = run(scenario(pages=500, profile=uniform(1e6), strategy="pre-copy", stop="xen-legacy"))
    assert (row["pages_sent_precopy"], row["pages_sent_stop"]) == (4 * 500, 500)


@given(profile=PROFILES, pages=st.integers(64, 2048), seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_xen_v2_never_sends_more_than_six_memories(profile: Any, pages: int, seed: int) -> None:
    row, _ = run(scenario(pages=pages, profile=profile, strategy="xen-v2", stop="xen-v2"), seed)
    assert row["rounds"] <= 5
    assert row["pages_sent_precopy"] + row["pages_sent_stop"] <= 6 * pages


def test_xen_v2_reaches_its_bound() -> None:
    row, _ = run(scenario(pages=500, profile=uniform(1e6), strategy="xen-v2", stop="xen-v2"))
    assert (row["rounds"], row["pages_sent_precopy"], row["pages_sent_stop"]) == (5, 2500, 500)


# --- exact cases ---------------------------------------------------------------------------------


def test_stop_and_copy_sends_everything_once_while_the_vm_is_stopped() -> None:
    row, rounds = run(
        scenario(
            pages=1_500,
            profile="memory-hog",
            strategy="stop-and-copy",
            transfer={
                "device_state_bytes": 100 * WIRE,
                "suspend_s": 0.25,
                "resume_s": 0.5,
                "page_header_bytes": WIRE - PAGE,
            },
        )
    )
    assert row["downtime_s"] == pytest.approx(0.25 + 1.6 + 0.5)
    assert row["total_time_s"] == pytest.approx(row["downtime_s"])
    assert (row["rounds"], row["pages_sent_precopy"], row["pages_sent_stop"]) == (0, 0, 1_500)
    assert row["bytes"] == 1_600 * WIRE
    assert rounds["phase"].tolist() == ["stop-and-copy"]


def test_an_idle_vm_is_copied_once_and_stopped_for_no_time() -> None:
    row, _ = run(scenario(pages=1_500, profile=uniform(0.0), stop="xen-v2"))
    assert row["total_time_s"] == pytest.approx(1.5)
    assert (row["downtime_s"], row["pages_sent_precopy"], row["pages_sent_stop"]) == (0, 1_500, 0)


def test_two_migrations_share_a_link_until_the_smaller_one_is_done() -> None:
    vm = {"count": 1, "cpu_capacity": 1, "profile": uniform(0.0), "host": 0}
    model = ClusterModel(
        scenario(
            vms=[{**vm, "memory_bytes": 1_000 * PAGE}, {**vm, "memory_bytes": 3_000 * PAGE}],
            strategy="stop-and-copy",
            migrations=[{"vm": 0, "target": 1}, {"vm": 1, "target": 1}],
        ),
        rng=1,
    )
    assert model.run().migrations["total_time_s"].tolist() == pytest.approx([2.0, 4.0])


def test_post_copy_sends_each_page_once_and_hardly_stops_the_vm() -> None:
    row, rounds = run(
        scenario(
            pages=1_500,
            profile="web",
            strategy="post-copy",
            transfer={"device_state_bytes": 10 * WIRE, "page_header_bytes": WIRE - PAGE},
        )
    )
    assert row["downtime_s"] == pytest.approx(0.01)
    assert row["total_time_s"] == pytest.approx(1.51)
    assert row["bytes"] == pytest.approx(1_510 * WIRE)
    assert (row["pages_sent_stop"], row["pages_sent_postcopy"]) == (0, 1_500)
    assert rounds["phase"].tolist() == ["stop-and-copy", "post-copy"]


def test_ballooned_pages_stay_behind() -> None:
    for strategy in ("post-copy", "hybrid"):
        row, rounds = run(
            scenario(pages=1_000, profile=uniform(1.0), strategy=f"{strategy}:ballooned_share=0.4")
        )
        first = rounds[rounds["phase"] != "stop-and-copy"].iloc[0]
        assert first["due"] == 600
        assert row["pages_sent_precopy"] + row["pages_sent_postcopy"] <= 2 * 600


@pytest.mark.parametrize("live", [1, 2, 4])
def test_hybrid_sends_live_rounds_and_then_the_stale_pages_once_more(live: int) -> None:
    row, rounds = run(
        scenario(
            pages=1_500,
            profile=uniform(0.3),
            strategy=f"hybrid:live_rounds={live}",
            stop="fixed-rounds:rounds=9",
        )
    )
    before = rounds[rounds["phase"] == "pre-copy"]
    assert len(before) == live
    assert row["pages_sent_postcopy"] == before["dirtied"].iloc[-1]
    if live == 1:
        assert row["pages_sent_precopy"] + row["pages_sent_postcopy"] <= 2 * 1_500


@pytest.mark.parametrize("latency_s", [0.0, 0.002])
def test_demand_faults_cost_at_least_their_round_trip_and_page(latency_s: float) -> None:
    row, _ = run(
        scenario(
            pages=2_000,
            profile=uniform(0.5),
            strategy="post-copy:touches_per_write=2.0",
            topology={"name": "star", "hosts": 2, "host_bps": BPS, "latency_s": latency_s},
        )
    )
    assert row["demand_faults"] > 50
    # two links each way; the last fault may be cut off by the last byte
    cost_s = 4 * latency_s + 1 / PAGES_PER_S
    assert row["fault_stall_s"] >= (row["demand_faults"] - 1) * cost_s * (1 - 1e-9)
    assert row["fault_stall_s"] <= row["demand_faults"] * cost_s * (1 + 1e-9)


def test_without_a_second_channel_faults_wait_behind_pushed_pages() -> None:
    stalls = []
    for preempt in ("true", "false"):
        row, _ = run(
            scenario(
                pages=4_000,
                profile=uniform(0.05),
                strategy=f"post-copy:preempt={preempt}",
            )
        )
        stalls.append(row["fault_stall_s"] / row["demand_faults"])
    assert stalls[0] == pytest.approx(0.001, rel=0.02)
    assert stalls[1] == pytest.approx(0.065, rel=0.1)


@given(
    cap_share=st.floats(0.05, 3.0),
    lifted=st.booleans(),
    pages=st.integers(64, 600),
)
@settings(max_examples=20)
def test_a_cap_limits_live_rounds_and_is_lifted_in_the_stop_only_where_asked(
    cap_share: float, lifted: bool, pages: int
) -> None:
    row, _ = run(
        scenario(
            pages=pages,
            profile={"name": "samples", "probability": 1.0},
            stop="fixed-rounds:rounds=1",
            transfer={"bandwidth_bps": cap_share * BPS, "lift_cap_when_stopped": lifted},
        )
    )
    capped_s = pages / (PAGES_PER_S * min(cap_share, 1.0))
    free_s = pages / PAGES_PER_S
    assert row["pause_s"] == pytest.approx(capped_s)
    assert row["downtime_s"] == pytest.approx(free_s if lifted else capped_s)


def test_page_time_is_the_time_of_a_page_of_every_vm() -> None:
    vm = {"count": 1, "cpu_capacity": 1, "profile": uniform(0.0), "host": 0, "page_count": 10}
    model = ClusterModel(
        scenario(
            vms=[
                {**vm, "memory_bytes": 10 * PAGE},
                {**vm, "memory_bytes": 20 * PAGE, "page_bytes": 2 * PAGE},
            ],
            strategy="stop-and-copy",
            migrations=[{"vm": 0, "target": 1}, {"vm": 1, "target": 1}],
            link_bps=1e9,
            transfer={"page_time_s": 0.5},
        ),
        rng=1,
    )
    assert model.run().migrations["total_time_s"].tolist() == pytest.approx([5.0, 5.0])
