"""The page of a study that was interrupted: preliminary, and nothing of the study is changed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cluster_emu.html_report import write_report
from cluster_emu.html_report.writing import page_of
from cluster_emu.study import run_batch
from tests.html_report.conftest import emu

STUDY = """
name = "interrupted"
scenario = "paper"
strategies = ["pre-copy", "time-series"]
replications = 3
[axes]
"vms.0.profile.probability" = [0.3, 0.7]
"""

EXPORTS = ("results.parquet", "results.csv", "means.csv", "paired.csv", "answer.json")


def run(study: Path, folder: Path, stop_after: int | None = None) -> None:
    def stop(done: float, total: float) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    run_batch(study, out=folder, progress=stop)


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
    text = study.read_text("utf-8").replace("replications = 3", "replications = 5")
    longer = study.with_name("longer.toml")
    longer.write_text(text, "utf-8")
    with pytest.raises(KeyboardInterrupt):
        run(longer, tmp_path, stop_after=15)

    ended = len(pd.read_parquet(tmp_path / "results.parquet"))
    assert 12 < ended < 20
    assert f"{ended} of 20 cells had ended" in page_of(tmp_path).warnings[0]


def test_without_exports_it_says_what_to_do(study: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, stop_after=3)
    (tmp_path / "results.parquet").unlink()
    done = emu("report", tmp_path)

    assert done.exit_code == 2
    assert "the same batch command" in " ".join(done.output.split())
