"""`batch`."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu import ClusterEmuError, RunResult, Scenario, metric_catalogue
from cluster_emu.study import simulate
from cluster_emu.study.execution import runs
from cluster_emu.study.grid.cell_run import CellRun
from cluster_emu.study.grid.cell_store import JOURNAL, CellStore
from cluster_emu.study.grid.cells import Cell
from tests._support.signalled import signalled_after

Emu = Callable[..., Any]

STUDY = """
name = "few"
scenario = "paper"
strategies = ["ma", "xen-v2"]
replications = {replications}
[axes]
vms.0.profile.probability = [0.2, 0.4]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "few.toml"
    path.write_text(STUDY.format(replications=2), "utf-8")
    return path


def test_a_study_is_run_once_and_then_found(emu: Emu, study: Path, tmp_path: Path) -> None:
    first = emu("batch", study, "--out", tmp_path / "out", "--json")
    second = emu("batch", study, "--out", tmp_path / "out")

    results = tmp_path / "out" / "results.parquet"
    document = json.loads(first.stdout)
    found = {
        name: document.pop(name)
        for name in ("means", "paired", "same_rules", "answer", "assumptions")
    }
    assert document == {
        "study": "few",
        "cells": 8,
        "found": 0,
        "failed": 0,
        "cells_with_incomplete_migrations": 0,
        "migrations": {
            "migrations": 16,
            "completed": 16,
            "not_converged": 0,
            "cancelled": 0,
            "failed": 0,
            "unfinished": 0,
        },
        "strategies": ["ma", "xen-v2"],
        "results": str(results),
        "until": [],
    }
    assert [(each["axes"], each["strategy"]) for each in found["means"]] == [
        ({"vms.0.profile.probability": share}, name)
        for share in (0.2, 0.4)
        for name in ("ma", "xen-v2")
    ]
    assert len(found["paired"]) == 2 * len(metric_catalogue.compared())
    assert found["same_rules"] == []
    assert found["answer"].startswith("xen-v2 against ma: ")
    assert "8 cells, 8 of them from before, 0 failed" in second.stdout
    assert str(results) in second.stdout
    assert second.stdout.splitlines()[-2:] == ["Answer", f"  {found['answer']}"]
    assert len(pd.read_parquet(results)) == 8


def test_means_and_verdicts_are_printed(emu: Emu, study: Path, tmp_path: Path) -> None:
    text = STUDY.format(replications=8).replace('"ma", "xen-v2"', '"pre-copy", "stop-and-copy"')
    study.write_text(text, "utf-8")
    shown = emu("batch", study, "--out", tmp_path / "out").stdout

    for words in (
        "mean [95 % interval] of each group",
        "probability",
        "total time s",
        "stop-and-copy against pre-copy",
        "lower (-",
        "higher (+",
    ):
        assert words in shown
    means = pd.read_csv(tmp_path / "out" / "means.csv")
    assert set(means["strategy"]) == {"pre-copy", "stop-and-copy"}
    paired = pd.read_csv(tmp_path / "out" / "paired.csv")
    assert set(paired["verdict"]) <= {"lower", "higher", "no practical difference", "undecided"}
    assert len(paired) == 2 * len(metric_catalogue.compared())


def test_a_rule_compared_with_itself_is_noticed(emu: Emu, study: Path, tmp_path: Path) -> None:
    names = '"time-series:threshold=3", "history-majority"'
    axes = "[axes]\ntransfer.strategy.history = [5, 7]\n"
    text = STUDY.format(replications=2).split("[axes]")[0].replace('"ma", "xen-v2"', names)
    study.write_text(text + axes, "utf-8")
    result = emu("batch", study, "--out", tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert (
        "time-series:threshold=3 and history-majority have equal truth tables in 1 of 2 groups: "
        "history = 5"
    ) in result.stdout


def test_the_smallest_difference_is_an_option_and_a_table(
    emu: Emu, study: Path, tmp_path: Path
) -> None:
    words = ("batch", study, "--out", tmp_path / "out", "--json")
    text = STUDY.format(replications=2) + '[smallest_differences]\nall = "1000 %"\n'
    study.write_text(text, "utf-8")
    all_the_same = {
        one["difference"]["verdict"] for one in json.loads(emu(*words).stdout)["paired"]
    }
    option = json.loads(emu(*words, "--smallest-difference", "bytes=1 kB").stdout)
    smallest = {
        one["difference"]["smallest_difference"]
        for one in option["paired"]
        if one["difference"]["metric"] == "bytes"
    }
    bad = emu(*words, "--smallest-difference", "byte=1 kB")

    assert all_the_same == {"no practical difference"}
    assert option["found"] == 8  # no cell depends on it
    assert smallest == {1000.0}
    assert bad.exit_code == 2
    assert "did you mean 'bytes'" in bad.stderr


def test_results_go_to_a_folder_named_after_the_study(
    emu: Emu, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    emu("batch", study)

    assert (tmp_path / "results" / "few" / "results.csv").is_file()


def test_another_seed_is_another_study(emu: Emu, study: Path, tmp_path: Path) -> None:
    emu("batch", study, "--out", tmp_path / "out")
    other = json.loads(emu("batch", study, "--out", tmp_path / "out", "--seed", 8, "--json").stdout)

    assert other["found"] == 0


def test_failed_cells_are_reported_and_not_fatal(
    emu: Emu, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(runs, "simulate", fail_with_xen)
        result = emu("batch", study, "--out", tmp_path / "out", "--json")
        again = emu("batch", study, "--out", tmp_path / "out")

    assert (result.exit_code, again.exit_code) == (1, 1)
    assert "8 cells, 8 of them from before, 4 failed" in again.stdout
    assert json.loads(result.stdout)["failed"] == 4
    assert result.stderr.count("RuntimeError: no Xen here") == 1
    assert "--retry-failed" in result.stderr
    words = ("--retry-failed", "--out", tmp_path / "out", "--json")
    retried = emu("batch", study, *words)
    assert (json.loads(retried.stdout)["failed"], retried.exit_code) == (0, 0)


def test_a_study_of_which_every_cell_fails_has_no_result_and_says_so(
    emu: Emu, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(scenario: Scenario, seed: int) -> RunResult:
        raise ClusterEmuError("VM 0: no end")

    monkeypatch.setattr(runs, "simulate", fail)
    result = emu("batch", study, "--out", tmp_path / "out")

    assert result.exit_code == 1
    assert "8 cells failed, first" in result.stderr and "VM 0: no end" in result.stderr
    assert "8 cells, 0 of them from before, 8 failed" in result.stdout


def test_a_study_on_a_full_disk_goes_on_once_there_is_room(
    emu: Emu, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write = tmp_path / "out", CellStore.write
    written: list[str] = []

    def until_full(self: CellStore, cell: Cell, report: CellRun) -> None:
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(out / JOURNAL))
        written.append(cell.key)
        write(self, cell, report)

    with monkeypatch.context() as patched:
        patched.setattr(CellStore, "write", until_full)
        full = emu("batch", study, "--out", out)
    assert full.exit_code == 1
    assert "No space left on device" in full.stderr
    assert "finished cells are kept; the same command runs the rest" in full.stderr
    refused = emu("plot", out)
    assert refused.exit_code == 2
    assert "batch few was interrupted, and means.csv is missing; the same" in refused.stderr

    ended = emu("batch", study, "--out", out, "--json")
    assert (ended.exit_code, json.loads(ended.stdout)["found"]) == (0, 3)


def test_migrations_that_do_not_complete_are_counted(emu: Emu, study: Path, tmp_path: Path) -> None:
    # the first round alone takes longer than the deadline
    rule = "qemu:downtime_limit_s=1e-4,deadline_s=0.1"
    text = STUDY.format(replications=1).replace(
        "[axes]", f'[fields]\n"transfer.stop" = "{rule}"\n[axes]'
    )
    study.write_text(text, "utf-8")
    result = emu("batch", study, "--out", tmp_path / "out", "--json")
    printed = json.loads(result.stdout)
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")

    assert result.exit_code == 0
    assert printed["migrations"]["not_converged"] == table["not_converged"].sum() > 0
    assert printed["cells_with_incomplete_migrations"] == (table["not_converged"] > 0).sum()
    assert f"of {2 * len(table)} migrations did not complete (" in result.stderr


def fail_with_xen(scenario: Scenario, seed: int) -> RunResult:
    if scenario.transfer.strategy.name == "xen-v2":
        raise RuntimeError("no Xen here")
    return simulate(scenario, seed)


def test_the_bar_shows_speed_and_failures(
    emu: Emu, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "simulate", fail_with_xen)
    monkeypatch.setenv("COLUMNS", "200")
    shown = emu("batch", study, "--out", tmp_path / "out").stderr

    assert "8/8" in shown
    assert "cells/s" in shown
    assert "4 failed" in shown


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--memory-limit", "1 MiB", "allowed is more than the"),
        ("--memory-limit", "much", "alone or with"),
        ("--memory-limit", "-1", "a whole number of bytes > 0"),
        ("--time-limit", "0", "a time > 0"),
    ],
)
def test_limits_that_make_no_sense_are_refused(
    emu: Emu, study: Path, tmp_path: Path, option: str, value: str, message: str
) -> None:
    refused = emu("batch", study, "--out", tmp_path / "out", option, value)

    assert refused.exit_code == 2
    assert option in refused.stderr and message in refused.stderr
    assert not (tmp_path / "out").exists()


def test_a_bad_study_leaves_nothing(emu: Emu, study: Path, tmp_path: Path) -> None:
    study.write_text(STUDY.format(replications=0), "utf-8")
    result = emu("batch", study, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert "few.toml: replications = 0" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_damaged_journal_is_named_and_its_cells_run_again(
    emu: Emu, study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    emu("batch", study, "--out", out)
    before = (out / "results.parquet").read_bytes()
    journal = bytearray((out / JOURNAL).read_bytes())
    journal[journal.rindex(b"total_time")] ^= 1
    (out / JOURNAL).write_bytes(journal)
    again = emu("batch", study, "--out", out)

    assert again.exit_code == 0
    assert "cells.sqlite was damaged; the cells that it had lost ran again" in again.stderr
    assert "8 cells, 7 of them from before" in again.stdout
    assert (out / "results.parquet").read_bytes() == before
    assert "damaged" not in emu("batch", study, "--out", out).stderr


def test_a_journal_that_cannot_be_opened_is_an_error_of_the_folder(
    emu: Emu, study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    emu("batch", study, "--out", out)
    (out / JOURNAL).unlink()
    (out / JOURNAL).mkdir()
    refused = emu("batch", study, "--out", out)

    assert refused.exit_code == 2
    assert "--out" in refused.stderr and "allowed is a file, or nothing" in refused.stderr


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_study_that_is_interrupted_keeps_what_it_has(
    emu: Emu, study: Path, tmp_path: Path, number: int, status: int
) -> None:
    study.write_text(STUDY.format(replications=20), "utf-8")
    out = tmp_path / "out"
    # as from a terminal: under a shell's background job the interrupt would be ignored
    before = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{before}\n{signalled_after(5, f'os.kill(os.getpid(), {int(number)})')}"
    ended = subprocess.run(
        [sys.executable, "-c", code, "batch", str(study), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == status
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert 5 <= len(pd.read_parquet(out / "results.parquet")) < 80


def test_shards_say_what_is_left_to_others(emu: Emu, study: Path, tmp_path: Path) -> None:
    words = ("batch", study, "--out", tmp_path / "out")
    first = emu(*words, "--shard", "1/2", "--json")
    second = emu(*words, "--shard", "2/2")

    assert (first.exit_code, json.loads(first.stdout)["left"]) == (0, 4)
    assert "shard 1/2 has ended; 4 cells are left to others" in first.stderr
    assert second.exit_code == 0
    assert len(pd.read_parquet(tmp_path / "out" / "results.parquet")) == 8
    for wrong in (("--shard", "3/2"), ("--shard", "1/2", "--overwrite")):
        assert emu(*words, *wrong).exit_code == 2


def test_a_slurm_script_is_one_that_a_shell_takes(emu: Emu, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "it's here"
    options = ("--slurm", 2, "--jobs", 3, "--out", out, "--time-limit", "10m")
    script = tmp_path / "job.sh"
    script.write_text(emu("batch", study, *options).stdout, "utf-8")

    assert "#SBATCH --array=1-2\n" in script.read_text("utf-8")
    assert "#SBATCH --cpus-per-task=3\n" in script.read_text("utf-8")
    assert not out.exists()
    subprocess.run(["bash", "-n", script], check=True)
    assert emu("batch", study, "--slurm", 2, "--shard", "1/2").exit_code == 2


@pytest.mark.parametrize(
    "beside",
    [
        ("--dry-run",),
        ("--backend", "dask"),
        ("--scheduler", "tcp://10.0.0.1:8786"),
    ],
)
def test_a_slurm_script_is_refused_beside_what_its_tasks_cannot_do(
    emu: Emu, study: Path, beside: tuple[str, ...]
) -> None:
    said = emu("batch", study, "--slurm", 2, *beside)
    assert (said.exit_code, said.stdout) == (2, "")
    assert beside[0] in said.stderr


def test_a_slurm_script_passes_on_what_its_tasks_need(emu: Emu, study: Path) -> None:
    given = ("--time-limit", "10m", "--memory-limit", "4 GiB", "--until", "downtime_s:rel=0.02")
    said = emu("batch", study, "--slurm", 2, *given, "--retry-failed", "--seed", 7)
    for words in (
        "--time-limit 600.0",
        "--memory-limit 4294967296",
        "--until downtime_s:rel=0.02",
        "--retry-failed",
        "--seed 7",
    ):
        assert words in said.stdout


@pytest.mark.slow
def test_the_tasks_of_a_slurm_script_run_the_study(
    emu: Emu, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "it's here"
    script = tmp_path / "job.sh"
    script.write_text(emu("batch", study, "--slurm", 2, "--out", out).stdout, "utf-8")
    for task in (1, 2):  # what Slurm does
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(task))
        subprocess.run(["bash", script], check=True, capture_output=True)
    assert len(pd.read_parquet(out / "results.parquet")) == 8
