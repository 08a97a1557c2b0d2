from __future__ import annotations

from itertools import pairwise

import pytest

from cluster_emu.live.gantt_lanes import MOST_SPANS, Lane, gantt
from cluster_emu.live.migration_book import ModelBook, TableBook, spans_now
from cluster_emu.model import ClusterModel
from cluster_emu.observation.run_columns import MigrationColumns
from cluster_emu.transfer.spans import SpanKind
from tests._support.small_scenarios import scenario


def model_of(
    count: int = 3, stop: str = "fixed-rounds:rounds=4", writes_per_page_s: float = 0.5
) -> ClusterModel:
    profile = {"name": "uniform", "writes_per_page_s": writes_per_page_s}
    vm = {"cpu_capacity": 1, "memory_bytes": 400 * 4096, "host": 0}
    return ClusterModel(
        scenario(
            vms=[{**vm, "count": count, "profile": profile}],
            stop=stop,
            migrations=[{"vm": vm, "target": 1, "at_s": 0.1 * vm} for vm in range(count)],
            run={"tick_s": 0.1, "track_versions": False, "duration_s": 60.0},
            transfer={"prepare_s": 0.2, "suspend_s": 0.05, "finish_s": 0.1},
            manager={"max_per_cluster": 1},
        ),
        rng=5,
    )


def named(vm: int) -> str:
    return f"VM {vm}"


def test_a_finished_run_shows_the_lanes_its_model_showed() -> None:
    model = model_of()
    seen = {}
    book = ModelBook(model, lambda: model.time_s)
    while model.running:
        model.step()
        seen[model.time_s] = gantt(book, named)
    result = model.result()
    now_s = 0.0
    columns = MigrationColumns(result.migrations)
    tables = TableBook(result.migrations, columns, result.rounds, lambda: now_s)
    assert len(seen) > 20
    for time_s, live in seen.items():
        now_s = time_s
        replayed = gantt(tables, named)
        assert len(replayed["lanes"]) == len(live["lanes"])
        for one, other in zip(replayed["lanes"], live["lanes"], strict=True):
            assert one["label"] == other["label"]
            assert busy(one) == pytest.approx(busy(other))


def busy(lane: Lane) -> dict[str, float]:
    return {kind: time_s for kind, time_s in lane["seconds"].items() if time_s > 1e-9}


def test_intervals_of_a_migration_follow_each_other_without_gaps() -> None:
    model = model_of()
    while model.running:
        model.step()
    book = ModelBook(model, lambda: model.time_s)
    for number in range(3):
        spans = spans_now(book, number)
        for one, after in pairwise(spans):
            assert one.end_s == pytest.approx(after.start_s)
        row = book.row(number)
        assert spans[0].start_s == row["queued_s"]
        assert spans[-1].end_s == pytest.approx(row["end_s"])
    kinds = {span.kind for span in spans_now(book, 2)}
    assert kinds == set(SpanKind) - {SpanKind.POST_COPY}


def test_only_the_latest_lanes_are_shown_and_the_others_counted() -> None:
    model = model_of(5)
    while model.running:
        model.step()
    found = gantt(ModelBook(model, lambda: model.time_s), named, most=2)
    assert [lane["migration"] for lane in found["lanes"]] == [3, 4]
    assert found["left_out"] == 3
    assert "The 2 latest are shown" in found["in_words"]


def test_many_rounds_are_drawn_as_few_intervals_over_the_same_time() -> None:
    model = model_of(1, "fixed-rounds:rounds=100", 20.0)
    while model.running:
        model.step()
    book = ModelBook(model, lambda: model.time_s)
    assert len(spans_now(book, 0)) > MOST_SPANS
    lane = gantt(book, named)["lanes"][0]
    assert len(lane["spans"]) <= MOST_SPANS
    ends = [span[2] for span in lane["spans"]]
    assert ends[-1] == pytest.approx(book.row(0)["end_s"])


def test_lanes_before_a_long_pause_are_left_out() -> None:
    vm = {"cpu_capacity": 1, "memory_bytes": 400 * 4096, "host": 0, "count": 4, "profile": "idle"}
    times_s = (0.0, 0.5, 40.0, 40.2)
    migrations = [{"vm": vm, "target": 1, "at_s": at_s} for vm, at_s in enumerate(times_s)]
    model = ClusterModel(
        scenario(vms=[vm], migrations=migrations, run={"duration_s": 60.0, "tick_s": 0.5}), rng=1
    )
    while model.running:
        model.step()
    found = gantt(ModelBook(model, lambda: model.time_s), named)
    assert [lane["migration"] for lane in found["lanes"]] == [2, 3]
    assert found["begin_s"] == 40.0
    assert found["left_out"] == 2
