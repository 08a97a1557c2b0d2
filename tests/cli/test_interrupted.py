"""A signal ends a command with its exit status; what had finished is saved and said."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.observation.finished_run import read_finished_run
from cluster_emu.results.result_folder import check_whole, read_manifest
from cluster_emu.signals import ENDING

Emu = Callable[..., Any]

SMALL = ("--set", "topology.leaves=2", "--set", "topology.hosts_per_leaf=2", "--set")
DRAIN = ("evacuation", "--host", 0, *SMALL, "hosts.0.count=4", "--set", "vms.0.count=6")
COMMANDS = {
    "run": ("run", "cluster", "--set", "run.duration_s=3600"),
    "compare": ("compare", "paper", "--strategies", "ma,pre-copy", "--replications", 8),
    "evacuate": ("evacuate", *DRAIN, "--replications", 8),
    "advise": ("advise", *DRAIN, "--strategies", "pre-copy,hybrid", "--parallel", "1,2"),
}
TABLES = {"run": "migrations", "compare": "runs", "evacuate": "vms", "advise": "options"}


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, int], None]:
    """Send this process a signal once a command has got so far."""

    def after(command: str, done: int, number: int) -> None:
        @contextmanager
        def bar(title: str) -> Iterator[Callable[[float, float], None]]:
            def show(so_far: float, total: float) -> None:
                if so_far >= done:
                    os.kill(os.getpid(), number)

            yield show

        monkeypatch.setattr(import_module(f"cluster_emu.cli.{command}"), "progress_bar", bar)

    return after


@pytest.mark.parametrize("command", COMMANDS)
def test_what_had_finished_is_kept(
    emu: Emu, tmp_path: Path, interrupt: Callable[[str, int, int], None], command: str
) -> None:
    interrupt(command, 600 if command == "run" else 5, signal.SIGTERM)
    out = tmp_path / "out"
    ended = emu(*COMMANDS[command], "--out", out)

    assert ended.exit_code == 143
    assert "interrupted" in ended.stderr
    manifest = read_manifest(out)
    assert manifest is not None and not manifest.complete
    check_whole(out)
    assert len(pd.read_parquet(out / f"{TABLES[command]}.parquet"))
    assert emu(*COMMANDS[command], "--out", out).exit_code == 2  # it holds an unfinished result


@pytest.mark.parametrize("number", ENDING)
def test_all_signals_are_alike(
    emu: Emu, tmp_path: Path, interrupt: Callable[[str, int, int], None], number: signal.Signals
) -> None:
    interrupt("compare", 5, number)
    ended = emu(*COMMANDS["compare"], "--out", tmp_path / "out")

    assert ended.exit_code == 128 + number
    assert "only 2 of 8" in ended.stdout
    report = json.loads((tmp_path / "out" / "compare.json").read_text("utf-8"))
    assert (report["replications"], report["replications_wanted"]) == (2, 8)
    assert len(report["seeds"]) == 2


def test_an_interrupted_run_says_until_when_it_went(
    emu: Emu, tmp_path: Path, interrupt: Callable[[str, int, int], None]
) -> None:
    interrupt("run", 600, signal.SIGINT)
    ended = emu(*COMMANDS["run"], "--out", tmp_path / "out")
    about = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))

    assert ended.exit_code == 130
    assert 600 <= about["interrupted_at_s"] < 3600
    assert f"interrupted at {about['interrupted_at_s']:g} of 3600 simulated s" in ended.stderr
    assert len(pd.read_parquet(tmp_path / "out" / "summary.parquet")) == 1


@pytest.mark.parametrize("csv", [False, True])
def test_an_interrupted_run_can_be_drawn_reported_and_replayed(
    emu: Emu, tmp_path: Path, interrupt: Callable[[str, int, int], None], csv: bool
) -> None:
    out = tmp_path / "out"
    interrupt("run", 600, signal.SIGINT)
    assert emu(*COMMANDS["run"], "--out", out, *(["--csv"] if csv else [])).exit_code == 130

    run = read_finished_run(out)
    end_s = run.result.interrupted_at_s
    assert end_s is not None
    for table in ("hosts", "vms"):
        last_s = run.result.tables[table]["time_s"].max()
        assert end_s - 300.0 <= last_s <= end_s, table
    assert run.notices == (
        f"The run was interrupted at {end_s:g} of 3600 simulated s: the replay ends there.",
    )
    assert emu("plot", out).exit_code == 0
    assert (out / "timeline.png").stat().st_size
    assert emu("report", out).exit_code == 0
    page = (out / "report.html").read_text("utf-8")
    assert f"Interrupted after {end_s:,.0f} simulated s" in page
    assert not list(out.glob("*.partial.*"))


def test_a_run_interrupted_before_its_first_step_leaves_the_older_result(
    emu: Emu, tmp_path: Path, interrupt: Callable[[str, int, int], None]
) -> None:
    out = tmp_path / "out"
    assert emu("run", "single", "--out", out).exit_code == 0
    older = {path: path.read_bytes() for path in out.glob("[!.]*")}
    interrupt("run", 0, signal.SIGINT)

    assert emu(*COMMANDS["run"], "--out", out, "--overwrite").exit_code == 130
    assert {path: path.read_bytes() for path in out.glob("[!.]*")} == older


def test_a_comparison_that_has_no_pair_yet_leaves_nothing(
    emu: Emu, tmp_path: Path, interrupt: Callable[[str, int, int], None]
) -> None:
    interrupt("compare", 1, signal.SIGINT)
    ended = emu(*COMMANDS["compare"], "--out", tmp_path / "out")

    assert ended.exit_code == 130
    assert not (tmp_path / "out").exists()
