"""`cluster-emu film`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cluster_emu import ClusterModel
from tests._support.busy_runs import busy_scenario
from tests.cli.conftest import Emu

SHORT = ("--seconds", "0.5s", "--fps", "4")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    ClusterModel(busy_scenario(), rng=1).run().save(folder)
    return folder


def test_without_ffmpeg_it_is_a_gif_and_says_so(
    emu: Emu, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster_emu.view.has_ffmpeg", lambda: False)
    result = emu("film", saved, *SHORT)

    assert result.exit_code == 0
    assert result.stdout.strip() == str(saved / "film.gif")
    assert "ffmpeg was not found, so the film is a GIF" in result.stderr
    assert (saved / "film.gif").read_bytes().startswith(b"GIF89a")


def test_the_file_asked_for_is_written(emu: Emu, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "a.gif"
    result = emu("film", saved, "--out", out, *SHORT, "--style", "dark", "--json")

    assert json.loads(result.stdout) == {"film": str(out)}
    assert out.read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--out", "film.avi"), "a file name that ends in .mp4 or .gif"),
        (("--fps", "0"), "--fps"),
        (("--seconds", "0"), "--seconds"),
        (("--style", "sepia"), "--style"),
    ],
)
def test_bad_options_are_named(emu: Emu, saved: Path, given: tuple[str, ...], said: str) -> None:
    result = emu("film", saved, *given)

    assert result.exit_code == 2
    assert said in result.stderr


def test_the_median_drain_is_computed_again(emu: Emu, tmp_path: Path) -> None:
    folder, out = tmp_path / "drain", tmp_path / "drain.gif"
    words = ("evacuate", "evacuation", "--host", 0, "--replications", 1, "--out", folder)
    assert emu(*words, "--set", "run.fidelity=lumped").exit_code == 0

    result = emu("film", folder, "--out", out, *SHORT)
    assert result.exit_code == 0, result.stderr
    assert "computed again from its scenario and seed: as in the folder." in result.stderr
    assert out.read_bytes().startswith(b"GIF89a")


def test_a_cell_of_a_study_is_computed_again(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        'name = "one"\nscenario = "paper"\nstrategies = ["ma"]\nreplications = 1\n'
    )
    folder = tmp_path / "out"
    assert emu("batch", tmp_path / "study.toml", "--out", folder).exit_code == 0
    (key,) = pd.read_parquet(folder / "results.parquet")["cell"]

    refused = emu("film", folder, *SHORT)
    assert refused.exit_code == 2
    assert "--cell KEY" in refused.stderr
    assert emu("film", folder, "--cell", "nothing", *SHORT).exit_code == 2
    result = emu("film", folder, "--cell", key, "--out", tmp_path / "cell.gif", *SHORT)
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "cell.gif").read_bytes().startswith(b"GIF89a")


def test_what_is_no_run_is_refused(emu: Emu, tmp_path: Path) -> None:
    assert emu("film", tmp_path / "nowhere").exit_code == 2
    (tmp_path / "empty").mkdir()
    result = emu("film", tmp_path / "empty")
    assert result.exit_code == 2
    assert "run.json: no such file" in result.stderr
