"""Tables streamed to a folder are those kept in memory, and appear when they are complete."""

from __future__ import annotations

import os
import signal
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu import ClusterModel, ScenarioError, signals
from cluster_emu.errors import ClusterEmuError
from cluster_emu.results import streaming
from cluster_emu.results.reading import read_run
from cluster_emu.results.recorder import Recorder
from cluster_emu.results.result_folder import read_manifest
from cluster_emu.results.streaming import StreamedTable
from cluster_emu.scenario import load_scenario
from cluster_emu.study import RunInterrupted, simulate

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
    assert {path.stem for path in tmp_path.glob("[!.]*.parquet")} == STREAMED


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


def test_a_streamed_run_that_nobody_saved_is_an_unfinished_result(tmp_path: Path) -> None:
    model = ClusterModel("cluster", rng=0, stream_to=tmp_path, **SMALL)
    while model.time_s < 700.0:
        model.step()
    model.close()
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert (manifest.command, manifest.complete) == ("run", False)
    assert {path.name for path in tmp_path.glob("*.parquet")} < set(manifest.files)
    with pytest.raises(ScenarioError, match=r"holds an unfinished result of run\)"):
        ClusterModel("cluster", rng=1, stream_to=tmp_path, **SMALL)

    result = ClusterModel("single", rng=1, **{"vms.0.memory_bytes": 2**22}).run()
    result.save(tmp_path, overwrite=True)
    assert not list(tmp_path.glob("*.partial.parquet"))


def _with_a_signal(work: Callable[..., Any], call: int) -> Callable[..., Any]:
    """Return work that gets a signal when it is done for the `call`-th time."""
    calls = []

    def signalled(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGINT)
        return work(*args)

    return signalled


@pytest.mark.parametrize(
    ("where", "work", "call"),
    [
        (Recorder, "_observe_vms", 4),  # the hosts of this instant are noted, its VMs are not
        (Recorder, "_observe_links", 4),
        (StreamedTable, "close", 2),  # at the end of the run: one table is closed
        (StreamedTable, "_written", 2),  # the rows are written, the file has no end yet
    ],
)
def test_an_interrupt_leaves_whole_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: type, work: str, call: int
) -> None:
    scenario = load_scenario("cluster").with_fields(SMALL)
    whole = simulate(scenario, 0)
    monkeypatch.setattr(where, work, _with_a_signal(getattr(where, work), call))
    with signals.raised(), pytest.raises(RunInterrupted) as raised:
        simulate(scenario, 0, stream_to=tmp_path)
    raised.value.partial.save(tmp_path)

    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert not manifest.complete
    saved = read_run(tmp_path)
    assert saved.interrupted_at_s == raised.value.partial.interrupted_at_s
    ends = set()
    for name in STREAMED:
        rows = pd.read_parquet(tmp_path / f"{name}.parquet")
        expected = whole.tables[name].iloc[: len(rows)]
        pd.testing.assert_frame_equal(rows, expected, check_exact=True, obj=name)
        ends |= {rows["time_s"].max()} if name != "links" else set()
    assert len(ends) == 1


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_step_after_the_end_does_nothing(tmp_path: Path, is_streamed: bool) -> None:
    fields = {**SMALL, "run.duration_s": 60.0}
    model = ClusterModel("cluster", rng=0, stream_to=tmp_path if is_streamed else None, **fields)
    ended, steps = model.run(), model.steps
    before = {path: path.read_bytes() for path in tmp_path.glob("*.parquet")}
    for _ in range(600):  # past the next control instant
        model.step()
    assert (model.time_s, model.steps) == (60.0, steps)
    after = model.result()
    assert after.notes == ended.notes
    for name, table in ended.tables.items():
        pd.testing.assert_frame_equal(after.tables[name], table, check_exact=True, obj=name)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.parquet")} == before


def test_a_closed_table_takes_no_rows(tmp_path: Path) -> None:
    table = StreamedTable(tmp_path / "rows.parquet")
    table.close()
    with pytest.raises(ClusterEmuError, match=r"rows\.parquet: closed with its model"):
        table.add({"time_s": np.zeros(1)})


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
