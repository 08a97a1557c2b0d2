"""A dry run: the cells, what is left of them, a guess of the time, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_emu.cli import app
from cluster_emu.cli.dry_run import duration
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.study import run_batch
from cluster_emu.study.grid import dry_run as module
from cluster_emu.study.grid.cell_run import CellRun
from cluster_emu.study.grid.dry_run import dry_run
from cluster_emu.study.grid.grid import load_grid
from cluster_emu.study.grid.shards import Shard


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written_where_nothing_is(study_file: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    found = dry_run(study_file, out=tmp_path / "out")
    assert contents(tmp_path) == before
    assert (found.cells, found.finished, found.left, found.settings) == (16, 0, 16, 8)
    assert len(found.timed) == 5
    assert len({str(one.place) for one in found.timed}) == 5
    assert found.guess is not None
    assert 0 < found.guess.low_s <= found.guess.mean_s <= found.guess.high_s
    keys = [cell.key for cell in load_grid(study_file).cells]
    assert [cell["cell"] for cell in found.listed] == keys


def test_what_is_left_of_a_folder_is_told_and_the_folder_stays_as_it_is(
    study_file: Path, finished: Path
) -> None:
    before = contents(finished)
    found = dry_run(study_file, out=finished)
    assert (found.finished, found.left, found.guess, found.timed) == (16, 0, None, ())
    longer = dry_run(study_file, out=finished, changes={"replications": 3})
    assert (longer.finished, longer.left, longer.cells) == (16, 8, 24)
    assert dry_run(study_file, out=finished, overwrite=True, most_timed=0).left == 16
    assert contents(finished) == before


def test_the_cells_of_shards_have_ended_too(study_file: Path, tmp_path: Path) -> None:
    run_batch(study_file, out=tmp_path / "out", shard=Shard(1, 4))
    found = dry_run(study_file, out=tmp_path / "out", most_timed=0)
    assert (found.finished, found.left) == (4, 12)


def test_a_folder_of_another_layout_is_refused(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "parts").mkdir(parents=True)
    (tmp_path / "out" / "parts" / "a.parquet").write_bytes(b"")
    with pytest.raises(ClusterEmuError, match="older cluster-emu"):
        dry_run(study_file, out=tmp_path / "out")


def test_the_guess_is_of_what_is_left_on_so_many_processes(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(module, "run_cell", lambda *_: CellRun())
    found = dry_run(study_file, out=tmp_path / "out", jobs=4)
    assert found.guess is not None
    assert (found.guess.mean_s, found.guess.low_s, found.guess.high_s) == (4.0, 4.0, 4.0)


def test_slow_cells_end_the_timing(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1_000_000, 20))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    assert len(dry_run(study_file, out=tmp_path / "out").timed) == 2


def test_under_a_rule_the_least_number_of_cells_is_told(study_file: Path, tmp_path: Path) -> None:
    found = dry_run(study_file, out=tmp_path / "out", until="downtime_s:rel=0.1,min=12", jobs=2)
    assert (found.settings, found.replications, found.cells, found.left) == (8, 12, 96, 96)
    assert found.until == "downtime_s:rel=0.1, from 12 to 1000 replications"
    assert found.guess is not None
    walls = [one.wall_s for one in found.timed]
    assert found.guess.low_s == pytest.approx(min(walls) * 96 / 2)
    assert len(found.listed) == 96
    assert not (tmp_path / "out").exists()


def test_under_a_rule_what_is_left_follows_from_what_has_ended(
    study_file: Path, finished: Path
) -> None:
    before = contents(finished)
    begun = dry_run(study_file, out=finished, until="downtime_s:rel=0.9,min=10", most_timed=0)
    assert (begun.cells, begun.finished, begun.left) == (80, 16, 64)
    assert contents(finished) == before

    rule = "downtime_s:rel=0.99,min=10"  # wide enough for any
    run_batch(study_file, out=finished, until=rule)
    over = dry_run(study_file, out=finished, until=rule, most_timed=0)
    assert (over.cells, over.finished, over.left) == (80, 80, 0)
    narrower = dry_run(study_file, out=finished, until="downtime_s:rel=0.0001,min=10", most_timed=0)
    assert narrower.cells > 80  # the finished cells say that it takes more
    assert narrower.left == narrower.cells - 80


def test_the_command_says_that_a_rule_may_take_more(study_file: Path, tmp_path: Path) -> None:
    words = ["batch", str(study_file), "--dry-run", "--out", str(tmp_path / "out"), "--until"]
    shown = CliRunner().invoke(app, [*words, "downtime_s:rel=0.1,min=12"])
    assert shown.exit_code == 0
    assert "of 12 replications or more" in shown.output
    assert "96 cells at least" in shown.output
    assert "At least 96 cells would take at least some" in shown.output
    refused = CliRunner().invoke(app, [*words, "downtime:rel=0.1"])
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_a_file_in_place_of_the_folder_is_refused(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", "utf-8")
    with pytest.raises(ScenarioError, match="a folder, or nothing"):
        dry_run(study_file, out=tmp_path / "out")


def test_the_command_prints_it(study_file: Path, tmp_path: Path) -> None:
    words = ["batch", str(study_file), "--dry-run", "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert "16 cells: 0 have ended" in shown.output
    assert "5 cells timed" in shown.output
    assert not (tmp_path / "out").exists()
    printed = CliRunner().invoke(app, [*words, "--json"])
    document = json.loads(printed.stdout)
    assert (document["cells"], document["left"], len(document["listed"])) == (16, 16, 16)


def test_long_tables_are_abbreviated(study_file: Path, tmp_path: Path) -> None:
    text = study_file.read_text("utf-8").replace("[0, 5]", "[0, 1, 2, 3, 4, 5, 6, 7]")
    study_file.write_text(text, "utf-8")
    words = ["batch", str(study_file), "--dry-run", "--out", str(tmp_path / "out")]
    assert "... 16 more" in CliRunner().invoke(app, words).output


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"),
        (59.1, "60 s"),
        (119, "119 s"),
        (120, "2 min"),
        (9000, "2.5 h"),
        (260_000, "3 d"),
    ],
)
def test_times_are_told_as_one_reads_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
