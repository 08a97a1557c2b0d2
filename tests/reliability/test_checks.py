"""The checks of the campaigns see what must not be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_emu.results.result_folder import own_files
from cluster_emu.scenario import load_scenario
from cluster_emu.study import RunInterrupted, simulate
from tests.reliability.attacks import Counts, Trial
from tests.reliability.checks import difference, mixture
from tests.reliability.commands import MARK, Running, digests, start, write_inputs
from tests.reliability.document import PAGE, page, read_counts


def test_the_page_is_that_of_the_counts() -> None:
    assert PAGE.read_text("utf-8") == page(read_counts())


def test_a_page_says_what_was_not_survived() -> None:
    counts = {
        "kills": {
            "tried": 10,
            "survived": 9,
            "problems": ["run, killed: mixed: plot draws it"],
            "orphans_after_2_s": 1,
            "orphans_max_s": 2.5,
            "seed": 1,
            "date": "2026-01-01",
        }
    }
    text = page(counts)

    assert "| 10 | 9 | 1 mixed folders, 1 orphans after 2 s (longest 2.5 s) | 1 |" in text
    assert "- run, killed: mixed: plot draws it" in text


def test_every_difference_is_named() -> None:
    said = difference({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"})

    assert said == "d is missing; c is left over; b has other bytes"
    assert difference({"a": "1"}, {"a": "1"}) == ""


def test_wall_times_and_locks_do_not_count(tmp_path: Path) -> None:
    for name, wall_s in (("one", 1.0), ("two", 2.0)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(f'{{"wall_time_s": {wall_s}, "seed": 1}}')
        (folder / "result.json").write_text(f'{{"digests": {{"run.json": "{wall_s}"}}}}')
        (folder / ".cluster-emu.lock").write_text(name)

    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    (tmp_path / "two" / "run.json").write_text('{"wall_time_s": 1.0, "seed": 2}')
    assert digests(tmp_path / "one") != digests(tmp_path / "two")


def test_the_beginning_of_a_run_is_not_mixed(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    scenario = load_scenario(tmp_path / "scenario.toml")
    for seed in (0, 1):
        simulate(scenario, seed).save(tmp_path / f"whole-{seed}")

    def stop(done: float, total: float) -> None:
        if done >= 600.0:
            raise KeyboardInterrupt

    begun = tmp_path / "begun"
    with pytest.raises(RunInterrupted) as raised:
        simulate(scenario, 0, stop)
    raised.value.partial.save(begun)

    assert mixture(begun, [tmp_path / "whole-1", tmp_path / "whole-0"]) == ""
    assert "mixed: plot draws" in mixture(begun, [tmp_path / "whole-1"])
    shutil.copy(tmp_path / "whole-1" / "vms.parquet", begun)
    own_files(begun, "run", complete=False)
    assert "mixed: plot draws" in mixture(begun, [tmp_path / "whole-0"])


LEAVING = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stderr=subprocess.DEVNULL)
print("started", file=sys.stderr, flush=True)
"""


def test_an_orphan_is_seen_and_ended(tmp_path: Path) -> None:
    running = start((), tmp_path, program=(sys.executable, "-c", LEAVING))
    status, stderr = running.wait(30)

    assert (status, stderr) == (0, "started\n")
    (orphan,) = running.orphans()
    assert running.orphans_end_after_s(0.0) == float("inf")
    assert running.orphans_end_after_s(30.0) < 30.0
    assert orphan not in running.orphans()


def test_a_signal_goes_to_the_command(tmp_path: Path) -> None:
    waiting = "import sys, time; print(1, file=sys.stderr, flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", waiting],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, MARK: "a test"},
    )
    running = Running(process, "a test")
    assert process.stderr is not None
    process.stderr.readline()
    running.end(signal.SIGTERM)

    assert running.wait(30)[0] == -signal.SIGTERM
    assert running.orphans() == []


def test_trials_are_counted() -> None:
    counts = Counts()
    counts.enter(Trial("run", orphans_s=0.5))
    counts.enter(Trial("batch", ["lost"], orphans_s=3.0))

    assert (counts.tried, counts.survived, counts.orphans_late) == (2, 1, 1)
    assert counts.problems == ["batch: lost"]
    assert counts.orphans_max_s == 3.0
