"""A study of 60 cells, killed half-way with SIGKILL and gone on with, on one and two processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_emu.study import run_batch
from tests._support.signalled import signalled_after

RESULTS = ("results.parquet", "results.csv")


@pytest.fixture
def sixty(study_file: Path) -> Path:
    text = study_file.read_text("utf-8").replace("replications = 2", "replications = 5")
    more = text.replace('["time-series", ', '["time-series", "history-majority", ')
    study_file.write_text(more, "utf-8")
    return study_file


def kill_half_way(study: Path, folder: Path, jobs: int) -> None:
    """Run the study in a process group of its own and kill all of it after 25 cells."""
    code = signalled_after(25, "os.killpg(0, signal.SIGKILL)")
    command = [sys.executable, "-c", code, "batch", str(study), "--out", str(folder)]
    ended = subprocess.run(
        [*command, "--jobs", str(jobs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_study_goes_on_and_equals_one_that_was_not(
    sixty: Path, tmp_path: Path, jobs: int
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_batch(sixty, out=whole)
    kill_half_way(sixty, killed, jobs)
    assert not (killed / "results.parquet").exists()
    resumed = run_batch(sixty, out=killed, jobs=jobs)

    assert (resumed.cells, resumed.found, resumed.damaged) == (60, 25, False)
    for name in RESULTS:
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
