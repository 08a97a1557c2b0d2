"""What is read of a migrating VM's pages, and that reading changes nothing."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from cluster_emu.memory.page_state import PageState
from cluster_emu.model import ClusterModel
from cluster_emu.transfer.observation import ObservedMemory, observe
from tests._support.small_scenarios import scenario

PAGES = 600
BUSY = {"name": "uniform", "writes_per_page_s": 0.4}
STRATEGIES = (
    "pre-copy",
    "xen-legacy",
    "history-majority",
    "time-series:threshold=2,sticky_last=true",
    "history-majority:to_send=literal",
    "ma",
    "qemu:clear_granularity=page",
    "post-copy",
    "hybrid",
    "stop-and-copy",
)


def model_of(strategy: str, fidelity: str = "pages", **run: Any) -> ClusterModel:
    return ClusterModel(
        scenario(
            pages=PAGES,
            profile=BUSY,
            strategy=strategy,
            stop="fixed-rounds:rounds=6",
            run={
                "tick_s": 0.05,
                "duration_s": 60.0,
                "fidelity": fidelity,
                "track_versions": False,
                **run,
            },
        ),
        rng=3,
    )


def observed(model: ClusterModel) -> ObservedMemory | None:
    live = model.manager.scheduler.live
    return observe(live[0], model.loop.now_s) if 0 in live else None


def tables(model: ClusterModel) -> dict[str, bytes]:
    result = model.result()
    return {name: table.to_csv().encode() for name, table in result.tables.items()}


LUMPED_TOO = ("pre-copy", "history-majority", "post-copy")


@pytest.mark.parametrize(
    ("strategy", "fidelity"),
    [(each, "pages") for each in STRATEGIES]
    + [(each, other) for each in LUMPED_TOO for other in ("lumped", "mean-field", "scalar")],
)
def test_reading_changes_no_byte_of_the_results(strategy: str, fidelity: str) -> None:
    read, unread = model_of(strategy, fidelity), model_of(strategy, fidelity)
    seen = 0
    while read.running:
        read.step()
        found = observed(read)
        seen += found is not None
        if found is not None and found.counts is not None:
            assert found.counts.sum() == pytest.approx(PAGES)
            assert (found.counts >= -1e-9).all()
    while unread.running:
        unread.step()
    assert seen > 10
    assert tables(read) == tables(unread)


@pytest.mark.parametrize("strategy", STRATEGIES[:7])
def test_rounds_end_with_the_counts_that_were_read_before(strategy: str) -> None:
    """Near its end a round has visited what its row in the table `rounds` says it has."""
    model = model_of(strategy)
    before: dict[int, ObservedMemory] = {}
    while model.running:
        model.step()
        found = observed(model)
        if found is not None and found.in_round:
            before[found.round_number] = found
            _check_within(found)
    rounds = [each for each in model.rounds if each.phase == "pre-copy"]
    for row in rounds:
        if row.round not in before:
            continue
        found = before[row.round]
        assert found.counts is not None
        sent, skipped, deferred = _decisions(found)
        assert sent <= row.sent
        assert skipped <= row.skipped
        assert deferred <= row.deferred
        assert sent + skipped + deferred + found.counts[PageState.TO_SEND] == row.due


def _check_within(found: ObservedMemory) -> None:
    assert found.counts is not None
    assert found.page_map is not None
    assert found.counts.tolist() == np.bincount(found.page_map, minlength=6).tolist()
    sent, skipped, _ = _decisions(found)
    assert found.counts[PageState.SENT] <= sent
    assert found.counts[PageState.SKIPPED] == skipped
    assert sum(each.pages for each in found.decided) + found.counts[PageState.TO_SEND] <= PAGES


def _decisions(found: ObservedMemory) -> tuple[float, float, float]:
    pages = dict.fromkeys(("send", "skip", "defer"), 0.0)
    for each in found.decided:
        pages[each.decision.label] += each.pages
    return pages["send"], pages["skip"], pages["defer"]


def test_the_last_page_of_a_round_is_read_in_transit() -> None:
    """Ticks end 1 us before each round ends: then all pages but the one in transit are counted."""
    rounds = [each for each in run_whole("xen-legacy") if each.phase == "pre-copy"]
    assert len(rounds) == 6
    for row in rounds[:3]:
        just_before_s = row.end_s - 1e-6
        model = model_of("xen-legacy", tick_s=just_before_s, control_interval_s=just_before_s)
        model.step()
        found = observed(model)
        assert found is not None
        assert found.counts is not None
        assert found.round_number == row.round
        assert _decisions(found) == (row.sent, row.skipped, row.deferred)
        dirty = found.counts[PageState.DIRTIED] + found.counts[PageState.SKIPPED]
        # a page that was skipped was written, and nothing else stays in to_send
        assert dirty == pytest.approx(row.dirtied, abs=1)
        assert found.pages_left == dirty


def run_whole(strategy: str) -> Any:
    model = model_of(strategy)
    while model.running:
        model.step()
    return model.rounds


@pytest.mark.parametrize("strategy", ["pre-copy", "history-majority"])
def test_lumped_counts_are_those_of_pages_in_the_mean(strategy: str) -> None:
    found = {}
    for fidelity in ("pages", "lumped", "mean-field"):
        model = model_of(strategy, fidelity)
        for _ in range(9):
            model.step()
        seen = observed(model)
        assert seen is not None
        assert seen.counts is not None
        assert (seen.by_history is None) == (fidelity == "pages")
        if seen.by_history is not None:
            assert seen.by_history.sum() == pytest.approx(PAGES)
        found[fidelity] = seen.counts
    # binomial counts of at most 600 pages: standard deviations of at most 13
    np.testing.assert_allclose(found["lumped"], found["pages"], atol=5 * 13)
    np.testing.assert_allclose(found["mean-field"], found["pages"], atol=5 * 13)


def test_pages_arrive_one_by_one_after_the_resume() -> None:
    model = model_of("post-copy")
    left = []
    while model.running:
        model.step()
        found = observed(model)
        if found is not None and found.counts is not None:
            left.append(float(found.counts[PageState.TO_SEND]))
    assert left[0] > PAGES - 60
    assert left == sorted(left, reverse=True)
    assert left[-1] < 60  # 1,000 pages/s, a tick of 0.05 s


@pytest.mark.parametrize("fidelity", ["pages", "lumped"])
def test_a_copy_of_a_model_in_post_copy_goes_on_to_the_same_results(fidelity: str) -> None:
    model = model_of("post-copy", fidelity)
    for _ in range(9):
        model.step()
    twin = copy.deepcopy(model)
    for each in (model, twin):
        while each.running:
            each.step()
    assert tables(twin) == tables(model)
