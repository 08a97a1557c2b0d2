"""Tables streamed to a folder are those kept in memory, and appear when they are complete."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster_emu import ClusterModel, ScenarioError
from cluster_emu.results import streaming
from cluster_emu.results.streaming import StreamedTable

SMALL = {
    "run.duration_s": 1800.0,
    "vms.0.page_bytes": 2**20,
    "vms.1.page_bytes": 2**20,
    "manager.triggers.0.underload.below": 0.9,
}
STREAMED = {"hosts", "vms", "links"}


def test_streamed_tables_are_those_kept_in_memory(tmp_path: Path) -> None:
    kept = ClusterModel("cluster", rng=0, **SMALL).run()
    rest = ClusterModel("cluster", rng=0, stream_to=tmp_path, **SMALL).run()
    assert set(kept.tables) - set(rest.tables) == STREAMED
    assert len(kept.tables["links"]) > 0
    for name in STREAMED:
        streamed = pd.read_parquet(tmp_path / f"{name}.parquet")
        pd.testing.assert_frame_equal(streamed, kept.tables[name], check_exact=True, obj=name)
    for name, table in rest.tables.items():
        pd.testing.assert_frame_equal(table, kept.tables[name], check_exact=True, obj=name)
    assert {path.stem for path in tmp_path.glob("[!.]*")} == STREAMED


def test_a_run_broken_off_leaves_partial_tables_that_can_be_read(tmp_path: Path) -> None:
    whole = ClusterModel("cluster", rng=0, **SMALL).run()
    model = ClusterModel("cluster", rng=0, stream_to=tmp_path, **SMALL)
    while model.time_s < 700.0:
        model.step()
    model.close()
    partial = pd.read_parquet(tmp_path / "vms.partial.parquet")
    expected = whole.tables["vms"][whole.tables["vms"]["time_s"] < 700.0]
    pd.testing.assert_frame_equal(partial, expected, check_exact=True)
    assert not any((tmp_path / f"{name}.parquet").exists() for name in ("hosts", "vms", "links"))


def test_two_runs_do_not_stream_to_one_folder_at_once(tmp_path: Path) -> None:
    model = ClusterModel("cluster", rng=0, stream_to=tmp_path, **SMALL)
    with pytest.raises(ScenarioError, match=r"stream_to = .* nobody writes to \(process"):
        ClusterModel("cluster", rng=1, stream_to=tmp_path, **SMALL)
    model.close()
    ClusterModel("cluster", rng=1, stream_to=tmp_path, **SMALL).close()


def test_rows_are_written_a_group_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ROWS_AT_ONCE", 10)
    table = StreamedTable(tmp_path / "made" / "numbers.parquet")
    for first in range(0, 24, 4):
        table.add({"time_s": np.full(4, float(first)), "number": np.arange(first, first + 4)})
    table.finish()
    table.close()  # once more does no harm
    file = streaming.pq.ParquetFile(tmp_path / "made" / "numbers.parquet")
    assert file.num_row_groups == 2
    assert file.read()["number"].to_pylist() == list(range(24))


def test_memory_does_not_grow_with_the_ticks_of_a_streaming_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ROWS_AT_ONCE", 64)
    fields = {"run.duration_s": 10_000, "run.control_interval_s": 1, "run.tick_s": 1}
    fields["run.stop_when_idle"] = False
    model = ClusterModel("single", rng=0, stream_to=tmp_path, migrations=[], **fields)

    def step(ticks: int) -> None:
        for _ in range(ticks):
            model.step()

    step(300)
    tracemalloc.start()
    try:
        step(300)  # what is made once and kept, such as caches, is counted here
        before = tracemalloc.get_traced_memory()[0]
        step(1_000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        model.close()
    # the tables wait for each other to be written: some hundred rows, however long the run
    assert grown / 1_000 < 20
    assert not model.manager.reports
