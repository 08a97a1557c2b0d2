"""Two thousand mutated inputs, and workers that hang or die."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz import campaign
from tests.fuzz.campaign import keep, run_campaign, smallest
from tests.fuzz.inputs import make_input

SEED = 12
INPUTS = 2000
WORKERS = min(2, os.cpu_count() or 1)


@pytest.mark.slow
def test_mutated_inputs_end_well(tmp_path: Path) -> None:
    report = run_campaign(range(INPUTS), SEED, tmp_path, workers=WORKERS)

    assert sum(report.tried.values()) == INPUTS
    assert report.found == {}, {
        name: (numbers[:3], report.examples[name][0].details[-500:])
        for name, numbers in report.found.items()
    }
    # Mutations that are all refused at once would show nothing.
    assert report.statuses["0"] > INPUTS / 10
    assert report.statuses["2"] > INPUTS / 10


DYING = """
import os, sys, time
from tests.fuzz import sandbox, worker

def run(made, folder):
    if numbers[-1] == 1:
        time.sleep(1000)
    if numbers[-1] == 2:
        os._exit(7)
    return sandbox.Outcome(0, stdout="\\x1b" if made.changes else "")

answer = worker._answer
numbers = []

def answer_and_note(seed, number, *more):
    numbers.append(number)
    return answer(seed, number, *more)

worker._answer = answer_and_note
sandbox.run = run
worker.main()
"""


@pytest.mark.slow
def test_hangs_and_deaths_are_found_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(campaign, "TIME_LIMIT_S", 5.0)
    monkeypatch.setattr(campaign, "WORKER", ("-c", DYING))
    (tmp_path / "results").mkdir()
    numbers = [number for number in range(9) if not make_input(1, number).copies]

    report = run_campaign(numbers, 1, tmp_path, workers=2)

    kinds = {name.partition(":")[0]: shown for name, shown in report.found.items()}
    assert kinds.pop("hang") == [1]
    assert kinds.pop("killed") == [2]
    (control,) = kinds.values()
    assert sorted(control) == [number for number in numbers if number not in (1, 2)]
    assert smallest("control characters: stdout", 3, 1, tmp_path) == [0]

    finding, answer = report.examples["control characters: stdout"]
    keep(make_input(1, 3), finding, tmp_path / "kept", tmp_path / "results", "again")
    about = (tmp_path / "kept" / "FINDING.txt").read_text("utf-8")
    assert "cluster-emu" in about
    assert "control characters" in about
    assert answer.status == 0
