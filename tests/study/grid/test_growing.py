"""Studies under a stopping rule: the same cells however they are run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from cluster_emu import grid, run_batch
from cluster_emu.cli import app
from cluster_emu.errors import ScenarioError
from cluster_emu.study import Batch
from cluster_emu.study.grid.shards import Shard
from cluster_emu.study.statistics.estimates import estimate

UNTIL = ["downtime_s:rel=0.08,min=10,max=40"]
TABLES = ("means", "paired", "quantiles", "results", "until")
EXPORTS = ("results.parquet", *(f"{name}.csv" for name in TABLES))

GRID = grid(
    "paper",
    ["time-series", "history-majority"],
    {"transfer.resume_s": ["0 ms", "100 ms"]},
    name="growing",
    replications=4,
)


def run(folder: Path, **options: object) -> Batch:
    return run_batch(GRID, out=folder, until=UNTIL, **options)


def exports(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in EXPORTS}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return run(tmp_path_factory.mktemp("whole"))


def counts(done: Batch) -> pd.Series:
    return done.table.groupby([*done.axes, "strategy"], sort=False).size()


def test_every_setting_has_as_many_replications_as_it_needs(whole: Batch) -> None:
    found = counts(whole).unstack("strategy")

    assert (found["time-series"] == found["history-majority"]).all()
    assert found["time-series"].nunique() == 2  # a constant part of the downtime: fewer are enough
    for _, rows in whole.table.groupby([*whole.axes, "strategy"], sort=False):
        assert rows["replication"].tolist() == list(range(len(rows)))
        one = estimate(rows["downtime_s"].to_numpy())
        assert one.high is not None and one.mean is not None
        assert one.high - one.mean <= 0.08 * one.mean
    assert whole.cells == len(whole.table)


def test_the_precision_is_a_table(whole: Batch) -> None:
    table = pd.read_csv(whole.folder / "until.csv")

    assert len(table) == 4
    assert table["reached"].all()
    assert table["replications"].tolist() == counts(whole).tolist()
    assert len(whole.report().until) == 4


def test_the_same_command_again_runs_nothing(whole: Batch) -> None:
    before = exports(whole.folder)
    again = run(whole.folder)

    assert again.found == again.cells == whole.cells
    assert again.notes == ()
    assert exports(whole.folder) == before


def test_an_interrupted_study_goes_on_to_the_same_bytes(whole: Batch, tmp_path: Path) -> None:
    def stop(done: float, total: float) -> None:
        if done == 23:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=stop)
    done = run(tmp_path)

    assert 0 < done.found < done.cells
    assert exports(tmp_path) == exports(whole.folder)


def test_shards_make_the_same_bytes(whole: Batch, tmp_path: Path) -> None:
    first = run(tmp_path, shard=Shard(2, 2))
    assert first.left_to_others > 0
    assert not (tmp_path / "until.csv").exists()
    run(tmp_path, shard=Shard(1, 2))

    assert exports(tmp_path) == exports(whole.folder)


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(whole: Batch, tmp_path: Path) -> None:
    run(tmp_path, jobs=2)

    assert exports(tmp_path) == exports(whole.folder)


def test_a_study_without_the_rule_has_no_table_of_it(whole: Batch, tmp_path: Path) -> None:
    run(tmp_path)
    plain = run_batch(GRID, out=tmp_path)

    assert plain.cells == 16
    assert plain.until == ()
    assert not (tmp_path / "until.csv").exists()
    assert any("no part of the results" in note for note in plain.notes)


def test_what_never_completes_stops_at_the_minimum(tmp_path: Path) -> None:
    never = grid("paper", ["time-series"], {"workload.demand.share": [1.0]}, name="never")
    done = run_batch(never, out=tmp_path, until="fault_stall_s:rel=0.1,min=10")

    assert done.cells == 10  # no stalls at all: the interval has no width


def test_other_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="until"):
        run_batch(GRID, out=tmp_path, until="downtime_s:rel=3")
    file = tmp_path / "study.toml"
    file.write_text('name = "x"\nscenario = "paper"\nstrategies = ["qemu"]\n', "utf-8")
    words = ["batch", str(file), "--out", str(tmp_path / "o"), "--until", "down:rel=0.1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "--until" in done.output
