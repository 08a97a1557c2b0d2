"""The page of a study that was interrupted: preliminary, and nothing of the study is changed."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.html_report import write_report
from cluster_emu.html_report.writing import page_of
from cluster_emu.study import run_batch
from cluster_emu.study.grid.shards import read_shard
from tests.html_report.conftest import emu

STUDY = """
name = "interrupted"
scenario = "paper"
strategies = ["pre-copy", "time-series"]
replications = 3
[axes]
"vms.0.profile.probability" = [0.3, 0.7]
"""

KILLED = 9

EXPORTS = ("results.parquet", "results.csv", "means.csv", "paired.csv", "answer.json")


def run(
    study: Path, folder: Path, stop_after: int | None = None, until: str = "", shard: str = ""
) -> None:
    def stop(done: float, total: float) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    run_batch(
        study,
        out=folder,
        progress=stop,
        until=until or (),
        shard=read_shard(shard, "shard") if shard else None,
    )


def run_and_kill(study: Path, folder: Path, stop_after: int) -> None:
    """Run a batch in a process of its own that ends after some cells, as `kill -9` ends it."""
    process = multiprocessing.get_context("spawn").Process(
        target=_run_until_killed, args=(study, folder, stop_after)
    )
    process.start()
    process.join()
    assert process.exitcode == KILLED


def _run_until_killed(study: Path, folder: Path, stop_after: int) -> None:
    def stop(done: float, total: float) -> None:
        if done == stop_after:
            os._exit(KILLED)

    run_batch(study, out=folder, progress=stop)


def with_seeds(study: Path, replications: int) -> Path:
    """Return the file of the same study with another number of seeds."""
    text = study.read_text("utf-8").replace("replications = 3", f"replications = {replications}")
    other = study.with_name(f"seeds-{replications}.toml")
    other.write_text(text, "utf-8")
    return other


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.toml").write_text(STUDY, "utf-8")
    return folder / "study.toml"


@pytest.fixture(scope="module")
def interrupted(study: Path) -> Path:
    """Return the folder of a study of 12 cells that was interrupted after 7."""
    with pytest.raises(KeyboardInterrupt):
        run(study, study.parent / "out", stop_after=7)
    return study.parent / "out"


def test_it_says_at_the_top_that_it_is_preliminary(interrupted: Path) -> None:
    before = {path.name: path.read_bytes() for path in interrupted.glob("*.*")}
    write_report(interrupted)
    page = (interrupted / "report.html").read_text("utf-8")
    ended = len(pd.read_parquet(interrupted / "results.parquet"))

    assert 0 < ended < 12
    said = f"Preliminary: the study was interrupted when {ended} of 12 cells had ended."
    assert page.index(said) < page.index("Question and answer")
    assert "So far: " in page
    assert "<dd>12 cells</dd>" in page
    assert not (interrupted / "means.csv").exists()
    left = {path.name: path.read_bytes() for path in interrupted.glob("*.*")}
    assert {name for name in left if left[name] != before.get(name)} == {
        "report.html",
        "result.json",  # its list of files
    }
    assert json.loads(left["result.json"])["complete"] is False


def test_the_study_goes_on_to_the_same_results_and_its_page(
    study: Path, interrupted: Path, tmp_path: Path
) -> None:
    write_report(interrupted)
    run(study, interrupted)
    run(study, tmp_path / "whole")

    for name in EXPORTS:
        assert (interrupted / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert page_of(interrupted).warnings == []


def test_old_means_are_not_shown_for_new_cells(study: Path, tmp_path: Path) -> None:
    """A study that is run on with more seeds, and interrupted, has means of before."""
    run(study, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(with_seeds(study, 5), tmp_path, stop_after=15)

    ended = len(pd.read_parquet(tmp_path / "results.parquet"))
    assert 12 < ended < 20
    assert f"{ended} of 20 cells had ended" in page_of(tmp_path).warnings[0]


def test_a_killed_batch_shows_no_exports_of_an_older_one(study: Path, tmp_path: Path) -> None:
    """Neither those of the finished study, nor those of an interruption before."""
    run(study, tmp_path / "one")
    run_and_kill(with_seeds(study, 5), tmp_path / "one", stop_after=15)
    assert len(pd.read_parquet(tmp_path / "one" / "results.parquet")) == 12
    with pytest.raises(ScenarioError, match="whose last batch was interrupted"):
        page_of(tmp_path / "one")

    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path / "two", stop_after=4)
    assert "4 of 12 cells had ended" in page_of(tmp_path / "two").warnings[0]
    run_and_kill(study, tmp_path / "two", stop_after=7)
    assert len(pd.read_parquet(tmp_path / "two" / "results.parquet")) == 4
    with pytest.raises(ScenarioError, match="the same batch command runs the rest"):
        page_of(tmp_path / "two")


def test_a_shard_of_a_longer_study_shows_no_exports_of_the_shorter(
    study: Path, tmp_path: Path
) -> None:
    run(study, tmp_path)
    run(with_seeds(study, 5), tmp_path, shard="1/2")
    with pytest.raises(ScenarioError, match="whose last batch was interrupted"):
        page_of(tmp_path)
    run(with_seeds(study, 5), tmp_path, shard="2/2")
    assert page_of(tmp_path).warnings == []


def test_the_newest_of_two_interruptions_is_shown(study: Path, tmp_path: Path) -> None:
    for stop_after in (4, 9):
        with pytest.raises(KeyboardInterrupt):
            run(study, tmp_path, stop_after=stop_after)
        ended = f"interrupted when {stop_after} of 12 cells had ended"
        assert ended in page_of(tmp_path).warnings[0]


def test_one_that_was_interrupted_after_its_last_cell_misses_nothing(
    study: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, stop_after=12)
    with pytest.raises(ScenarioError, match="the same batch command"):
        page_of(tmp_path)


def test_under_a_stopping_rule_the_number_of_cells_is_the_least(
    study: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, stop_after=5, until="downtime_s:rel=0.001,min=10,max=20")
    rule = "downtime_s:rel=0.001, from 10 to 20 replications"
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8"))["until"] == rule
    page = page_of(tmp_path)
    assert "when 5 of 40 or more cells had ended." in page.warnings[0]
    assert f"(--until {rule})" in page.warnings[1]
    assert ("Planned", "40 or more cells") in page.facts
    assert ("Stopping rule", rule) in page.facts


def test_a_manifest_of_an_older_version_names_what_is_allowed(study: Path, tmp_path: Path) -> None:
    """It has neither the digests of what was exported, nor the number of cells."""
    folder = tmp_path / "old"
    with pytest.raises(KeyboardInterrupt):
        run(study, folder, stop_after=3)
    document = json.loads((folder / "manifest.json").read_text("utf-8"))
    del document["planned_cells"], document["until"]
    (folder / "manifest.json").write_text(json.dumps(document), "utf-8")
    result = json.loads((folder / "result.json").read_text("utf-8"))
    for digests in ({}, digests_of(folder, result["digests"])):
        (folder / "result.json").write_text(json.dumps({**result, "digests": digests}), "utf-8")
        with pytest.raises(ScenarioError, match="the same batch command runs the rest"):
            page_of(folder)


def digests_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def test_without_exports_it_says_what_to_do(study: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, stop_after=3)
    (tmp_path / "results.parquet").unlink()
    done = emu("report", tmp_path)
    assert done.exit_code != 0
    assert "results.parquet" in done.output

    run(study, tmp_path / "shard", shard="1/2")
    done = emu("report", tmp_path / "shard")
    assert done.exit_code == 2
    assert "the same batch command" in " ".join(done.output.split())
