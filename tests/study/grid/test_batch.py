"""Studies: every cell once, the same bytes however they were run, failures written down."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pytest

from cluster_emu import ClusterModel, RunResult
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.network import as_topology, topologies
from cluster_emu.scenario import Choice, Scenario, load_scenario
from cluster_emu.study import run_batch, simulate
from cluster_emu.study.execution import runs
from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.study.grid.cell_store import ANSWER, JOURNAL, MANIFEST, RESULTS
from cluster_emu.study.grid.cells import Cell, cells_of
from cluster_emu.study.grid.labels import labels_of
from cluster_emu.study.grid.study_file import read_study


@pytest.fixture
def cells(study_file: Path) -> list[Cell]:
    return cells_of(*read_study(study_file), study_file)


def results(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in RESULTS]


def loop() -> Iterator[dict[str, object]]:
    """Run the study of `study_file` as a plain loop over the model."""
    grid = product((0.3, 0.7), (0, 5), ("time-series", "xen-legacy"))
    for probability, warm, strategy in grid:
        carried = {"history": 5} if strategy == "time-series" else {}
        choice = Choice(name=strategy, first_round="full", **carried)
        scenario = load_scenario("paper").with_fields(
            {
                "run.duration_s": "5 s",
                "vms.0.profile.probability": probability,
                "transfer.warm_intervals": warm,
                "transfer.strategy": choice,
            }
        )
        for seed in replication_seeds(3, 2):
            model = ClusterModel(scenario, rng=seed)
            summary = model.run().summary
            model.close()
            yield {"strategy": strategy, "seed": seed, **summary}


def test_the_table_is_that_of_a_plain_loop(finished: Path) -> None:
    table = pd.read_parquet(finished / "results.parquet")
    expected = pd.DataFrame(loop())

    assert len(table) == 16
    pd.testing.assert_frame_equal(table[list(expected)], expected, check_exact=True)
    assert not [name for name in table if "wall" in name]


def test_the_csv_holds_what_the_parquet_holds(finished: Path) -> None:
    table = pd.read_parquet(finished / "results.parquet")

    assert (finished / "results.csv").read_text("utf-8") == table.to_csv(index=False)


def test_two_processes_give_the_same_bytes(
    study_file: Path, finished: Path, tmp_path: Path
) -> None:
    run_batch(study_file, out=tmp_path / "two", jobs=2)

    assert results(tmp_path / "two") == results(finished)


def forget_every_second_cell(folder: Path) -> None:
    with closing(sqlite3.connect(folder / JOURNAL)) as database, database:
        database.execute("DELETE FROM cells WHERE rowid % 2 = 0")


def test_what_is_missing_is_run_and_gives_the_same_bytes(study_file: Path, finished: Path) -> None:
    before = results(finished)
    forget_every_second_cell(finished)
    seen: list[tuple[float, float]] = []
    again = run_batch(study_file, out=finished, progress=lambda *each: seen.append(each))

    assert (again.cells, again.found) == (16, 8)
    assert results(finished) == before
    assert seen == [(done, 16) for done in range(8, 17)]


def test_finished_cells_are_not_run_again(
    study_file: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = results(finished)
    monkeypatch.setattr(runs, "simulate", None)  # to run a cell would fail now

    again = run_batch(study_file, out=finished)
    assert (again.found, len(again.failed)) == (16, 0)
    assert results(finished) == before


def test_a_damaged_cell_is_run_again(study_file: Path, finished: Path) -> None:
    before = results(finished)
    with closing(sqlite3.connect(finished / JOURNAL)) as database, database:
        found = database.execute("UPDATE cells SET row = replace(row, '1', '2') WHERE rowid < 3")
        assert found.rowcount == 2

    again = run_batch(study_file, out=finished)
    assert (again.found, again.damaged) == (14, True)
    assert results(finished) == before


def test_a_journal_that_cannot_be_continued_is_refused_before_anything_is_written(
    finished: Path, study_file: Path
) -> None:
    (finished / JOURNAL).unlink()
    with closing(sqlite3.connect(finished / JOURNAL)) as database, database:
        database.execute("CREATE TABLE cells (name TEXT)")
    before = {path.name: path.read_bytes() for path in finished.iterdir()}

    with pytest.raises(ClusterEmuError, match="not a journal of cells"):
        run_batch(study_file, out=finished)

    after = {path.name: path.read_bytes() for path in finished.iterdir()}
    assert {name: after[name] for name in before} == before
    assert run_batch(study_file, out=finished, overwrite=True).found == 0


@pytest.mark.parametrize("name", [JOURNAL, "means.csv"])
def test_a_pipe_or_folder_in_place_of_a_file_is_refused_before_anything_is_written(
    finished: Path, study_file: Path, name: str
) -> None:
    (finished / name).unlink()
    os.mkfifo(finished / name) if name == JOURNAL else (finished / name).mkdir()
    before = (finished / "result.json").read_bytes()

    with pytest.raises(ScenarioError, match="allowed is a file, or nothing"):
        run_batch(study_file, out=finished)
    assert (finished / "result.json").read_bytes() == before


def test_only_results_and_journal_are_in_the_folder(finished: Path) -> None:
    names = {path.name for path in finished.iterdir() if not path.name.startswith(".")}
    assert names == {"result.json", JOURNAL, MANIFEST, ANSWER, *RESULTS}


def test_a_larger_study_goes_on_from_a_smaller_one(study_file: Path, finished: Path) -> None:
    text = study_file.read_text("utf-8").replace("replications = 2", "replications = 3")
    study_file.write_text(text, "utf-8")

    larger = run_batch(study_file, out=finished)
    assert (larger.cells, larger.found) == (24, 16)


def test_cells_are_named_by_everything_they_depend_on(cells: list[Cell], study_file: Path) -> None:
    text = study_file.read_text("utf-8").replace("5 s", "6 s")
    study_file.write_text(text, "utf-8")
    others = cells_of(*read_study(study_file), study_file)
    keys = [cell.key for cell in cells + others]

    assert len(set(keys)) == 32


def test_the_contents_of_traces_count_not_their_place(tmp_path: Path) -> None:
    def key_with(folder: str, sample: int) -> str:
        traces = tmp_path / folder
        traces.mkdir()
        (traces / "vm").write_text(f"{sample}\n" * 288, "utf-8")
        (traces / ".DS_Store").write_text(folder, "utf-8")  # no trace, so it does not count
        (traces / "older").mkdir()
        path = tmp_path / "study.toml"
        path.write_text(
            'name = "t"\nscenario = "paper"\nstrategies = ["ma"]\nreplications = 1\n'
            f'[fields]\nworkload.demand = "trace"\nworkload.traces = "{folder}"\n',
            "utf-8",
        )
        return cells_of(*read_study(path), path)[0].key

    assert key_with("here", 50) == key_with("there", 50)
    assert key_with("elsewhere", 51) != key_with("anywhere", 50)


def test_the_contents_of_a_topologys_file_count(tmp_path: Path) -> None:
    graph = as_topology(topologies.create("star", hosts=2, host_bps=1e7).build())

    def key_with(name: str, latency_s: float) -> str:
        changed = graph.copy()
        nx.set_edge_attributes(changed, latency_s, "latency_s")
        nx.write_graphml(changed, tmp_path / name)
        path = tmp_path / "study.toml"
        path.write_text(
            'name = "g"\nscenario = "paper"\nstrategies = ["ma"]\nreplications = 1\n'
            f'[fields]\ntopology = {{ name = "graphml", path = "{tmp_path / name}" }}\n',
            "utf-8",
        )
        return cells_of(*read_study(path), path)[0].key

    assert key_with("net.graphml", 0.0) != key_with("net.graphml", 0.1)


def test_axes_of_parts_and_mixed_values_are_texts_in_the_table(
    study_file: Path, tmp_path: Path
) -> None:
    text = study_file.read_text("utf-8").split("[axes]")[0].replace("= 2", "= 1")
    axes = 'transfer.stop = ["xen-legacy", { name = "fixed-rounds", rounds = 3 }]\n'
    study_file.write_text(f"{text}[axes]\n{axes}run.tick_s = [1, 0.5]\n", "utf-8")

    table = run_batch(study_file, out=tmp_path / "out").table
    assert list(table["transfer.stop"].unique()) == ["xen-legacy", "fixed-rounds:rounds=3"]
    assert table["run.tick_s"].dtype == float


@pytest.mark.parametrize(
    ("axis", "values", "expected"),
    [
        ("transfer.device_state_bytes", '["4 MB", "1 MiB", 0]', [4e6, 2**20, 0]),
        ("transfer.resume_s", '["20 ms", 1, "1 min"]', [0.02, 1, 60]),
        ("vms.0.memory_bytes", '["4 MiB", "8 MiB"]', [2**22, 2**23]),
    ],
)
def test_axes_of_quantities_are_numbers_in_the_unit_of_their_name(
    study_file: Path, axis: str, values: str, expected: list[float]
) -> None:
    text = study_file.read_text("utf-8").split("[axes]")[0].replace("= 2", "= 1")
    study_file.write_text(f'{text}[axes]\n"{axis}" = {values}\n', "utf-8")
    cells = cells_of(*read_study(study_file), study_file)

    found = list(dict.fromkeys(cell.labels[axis] for cell in cells))
    assert found == expected
    assert not any(isinstance(value, str) for value in found)


@pytest.mark.parametrize(
    ("path", "values", "expected"),
    [
        ("transfer.bandwidth_bps", ["1 Gbit/s", "none", 5], [1e9, math.nan, 5.0]),
        ("transfer.bandwidth_bps", ["unlimited", "1 Gbit/s"], [math.inf, 1e9]),
        ("manager.max_per_cluster", [2, "unlimited", "none"], [2.0, math.inf, math.nan]),
        ("transfer.policy", ["unlimited", "qemu"], ["unlimited", "qemu"]),
        ("run.tick_s", [0], [0]),
        ("transfer.policy", ["none", "kubevirt"], ["none", "kubevirt"]),
        ("transfer.policy", ["none"], ["none"]),
        ("manager.max_per_cluster", [1, 2], [1, 2]),
        ("manager.interleave", [True, False], [True, False]),
        ("run.tick_s", ["1 GB", 2], ["1 GB", "2"]),
        ("run.uncertain", ["5 %", 0.1], [0.05, 0.1]),
        ("transfer.policy.bandwidth_bytes_per_s", ["64 MiB", 1], [2**26, 1]),
        ("transfer.policy.completion_timeout_s_per_gib", ["5 min", 1], [300.0, 1.0]),
    ],
)
def test_labels_are_numbers_or_texts(path: str, values: list[Any], expected: list[Any]) -> None:
    found = labels_of(path, values)
    assert list(map(repr, found)) == list(map(repr, expected))


def test_groups_are_means_and_pairs_of_their_cells(study_file: Path, finished: Path) -> None:
    batch = run_batch(study_file, out=finished)
    axes = ["vms.0.profile.probability", "transfer.warm_intervals"]
    cells = pd.read_parquet(finished / "results.parquet")
    expected = cells.groupby([*axes, "strategy"])["downtime_s"].mean()
    means = batch.means.query("metric == 'downtime_s'").set_index([*axes, "strategy"])["mean"]
    pd.testing.assert_series_equal(
        means.sort_index(), expected.sort_index(), check_names=False, check_index_type=False
    )

    wide = cells.pivot(index=[*axes, "seed"], columns="strategy", values="downtime_s")
    difference = (wide["xen-legacy"] - wide["time-series"]).groupby(axes).mean()
    paired = batch.paired.query("metric == 'downtime_s'").set_index(axes)
    assert list(paired[["a", "b"]].iloc[0]) == ["time-series", "xen-legacy"]
    pd.testing.assert_series_equal(
        paired["mean_difference"].sort_index(),
        difference.sort_index(),
        check_names=False,
        check_index_type=False,
    )


def test_failed_cells_are_written_down_and_can_be_retried(
    study_file: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(runs, "simulate", fail_when_cold)
        failed = run_batch(study_file, out=out)
    assert len(failed.failed) == 8
    assert set(failed.failed["error"]) == {"RuntimeError: cold"}
    assert failed.failed["bytes"].isna().all()
    assert failed.report().means[0].means["bytes"].mean is None
    assert set(failed.failed["transfer.warm_intervals"]) == {0}

    assert len(run_batch(study_file, out=out).failed) == 8
    retried = run_batch(study_file, out=out, retry_failed=True)
    assert (retried.found, len(retried.failed)) == (8, 0)
    assert results(out) == results(finished)


def fail_when_cold(scenario: Scenario, seed: int) -> RunResult:
    if not scenario.transfer.warm_intervals:
        raise RuntimeError("cold")
    return simulate(scenario, seed)
