"""Cells that take too much, or kill their process: written down, and the rest goes on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster_emu import RunResult
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario
from cluster_emu.study import run_batch, simulate
from cluster_emu.study.execution import runs
from cluster_emu.study.execution.limits import MEMORY, TIME
from cluster_emu.study.grid.cell_run import DONE, KILLED
from cluster_emu.study.grid.study_file import read_study
from tests.study.grid.test_batch import results

GIB = 2**30


def is_cold(scenario: Scenario) -> bool:
    return not scenario.transfer.warm_intervals


def endless_when_cold(scenario: Scenario, seed: int) -> RunResult:
    while is_cold(scenario):
        time.sleep(0.01)
    return simulate(scenario, seed)


def greedy_when_cold(scenario: Scenario, seed: int) -> RunResult:
    if is_cold(scenario):
        np.ones(100 * GIB // 8)
    return simulate(scenario, seed)


def deadly_when_cold(scenario: Scenario, seed: int) -> RunResult:
    if is_cold(scenario):
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory runs out
    return simulate(scenario, seed)


@pytest.fixture
def eight(study_file: Path) -> Path:
    """Return the file of a study of 8 cells, half of which are cold."""
    text = study_file.read_text("utf-8").replace("replications = 2", "replications = 1")
    study_file.write_text(text, "utf-8")
    return study_file


class RunsWith:
    """Runs a cell with another `simulate`; it carries it to the worker."""

    def __init__(self, simulated: object) -> None:
        self._simulated = simulated

    def __call__(self, *task: object, **options: object) -> object:
        from cluster_emu.study.grid.cell_run import run_cell

        runs.simulate = self._simulated  # type: ignore[assignment]
        try:
            return run_cell(*task, **options)  # type: ignore[arg-type]
        finally:
            runs.simulate = simulate


def status_of_cold(
    study: Path, out: Path, monkeypatch: pytest.MonkeyPatch, simulated: object, **options: float
) -> pd.DataFrame:
    """Run the study with another `simulate`; check the warm cells and return the cold ones."""
    with monkeypatch.context() as patched:
        patched.setattr("cluster_emu.study.grid.run_cells.run_cell", RunsWith(simulated))
        table = run_batch(study, out=out, jobs=2, **options).table  # type: ignore[arg-type]
    is_cold = table["transfer.warm_intervals"] == 0
    assert len(table) == 8
    assert set(table[~is_cold]["status"]) == {DONE}
    assert table[is_cold]["bytes"].isna().all()
    return table[is_cold]


@pytest.mark.slow
def test_cells_over_their_time_are_ended_and_can_be_run_again(
    eight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    options = {"time_limit_s": 6.0}
    cold = status_of_cold(eight, out, monkeypatch, endless_when_cold, **options)
    assert set(cold["status"]) == {TIME}
    assert set(cold["error"]) == {"it took more than the 6 s that a cell may take"}

    assert run_batch(eight, out=out).found == 8
    retried = run_batch(eight, out=out, retry_failed=True)
    run_batch(eight, out=tmp_path / "whole")
    assert (retried.found, len(retried.failed)) == (4, 0)
    assert results(out) == results(tmp_path / "whole")


@pytest.mark.slow
def test_cells_over_their_memory_are_ended(
    eight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"memory_limit_bytes": 2 * GIB}
    cold = status_of_cold(eight, tmp_path / "out", monkeypatch, greedy_when_cold, **options)
    assert set(cold["status"]) == {MEMORY}


@pytest.mark.slow
def test_cells_that_kill_their_process_are_found(
    eight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = status_of_cold(eight, tmp_path / "out", monkeypatch, deadly_when_cold)
    assert set(cold["status"]) == {KILLED}
    assert cold["error"].str.contains("was killed").all()


def test_limits_stand_in_the_study_too(eight: Path, tmp_path: Path) -> None:
    text = eight.read_text("utf-8")
    limits = '[limits]\ntime_s = "10 min"\nmemory_bytes = "{}"\n'
    eight.write_text(text + limits.format("8 GiB"), "utf-8")
    study, _ = read_study(eight)
    assert (study.limits.time_s, study.limits.memory_bytes) == (600.0, 8 * GIB)

    eight.write_text(text + limits.format("1 MiB"), "utf-8")
    with pytest.raises(ScenarioError, match=r"limits.memory_bytes = 1048576: allowed is more than"):
        run_batch(eight, out=tmp_path / "less")
    assert not (tmp_path / "less").exists()
