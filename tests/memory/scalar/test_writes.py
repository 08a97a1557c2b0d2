"""The two numbers that the scalar model knows of a VM's writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster_emu.memory.dirtying.sources import ProfileSource, Replay, Samples, Uniform, WriteSource
from cluster_emu.memory.scalar.writes import ScalarWrites, scalar_writes
from cluster_emu.workload import WriteProfile


def writes_of(source: WriteSource, page_count: int = 10) -> ScalarWrites:
    return scalar_writes(source.describe_writes(page_count))


def numbers(**parts: object) -> tuple[float, int]:
    classes = [
        {"share": 0.1, "writes_per_page_s": 4.0},
        {"share": 0.3, "writes_per_page_s": 0.5},
        {"share": 0.6, "writes_per_page_s": 0.0},
    ]
    profile = WriteProfile.from_parameters({"classes": classes, **parts})
    writes = writes_of(ProfileSource(profile), 1_000)
    return writes.pages_per_s, writes.working_set_pages


def test_classes_add_up_to_a_rate_and_those_written_to_a_working_set() -> None:
    assert numbers() == (100 * 4.0 + 300 * 0.5, 400)


def test_a_sweep_adds_its_region() -> None:
    sweep = {"share": 0.5, "sweeps_per_s": 0.2}
    assert numbers(sweep=sweep) == (550.0 + 500 * 0.2, 400 + 300)


def test_a_moving_set_comes_to_every_page() -> None:
    moving = {"share": 0.05, "writes_per_page_s": 2.0, "period_s": 3.0}
    assert numbers(moving=moving) == (550.0 + 50 * 2.0, 1_000)


def test_pages_of_one_rate() -> None:
    assert writes_of(Uniform(writes_per_page_s=0.5)).working_set_pages == 10
    assert writes_of(Uniform(writes_per_page_s=0.0)).working_set_pages == 0


@pytest.mark.parametrize("per", ["time", "round"])
def test_recorded_sets_have_a_mean_rate(tmp_path: Path, per: str) -> None:
    file = tmp_path / "sets.json"
    file.write_text(json.dumps({"interval_s": 0.5, "dirty_pages": [[0, 7], [7], []]}))
    source = Replay(file=file, per=per)
    assert source.describe_writes(10).per_round == (per == "round")
    assert writes_of(source).pages_per_s == pytest.approx(2.0)
    assert writes_of(source).working_set_pages == 2


def test_samples_have_no_rate() -> None:
    assert Samples().describe_writes(10).per_round
