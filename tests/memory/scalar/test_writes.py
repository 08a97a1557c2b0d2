"""The two numbers that the scalar model knows of a VM's writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster_emu.memory.dirtying.sources import ProfileSource, Replay, Samples, Uniform
from cluster_emu.memory.scalar.writes import why_not_scalar
from cluster_emu.workload import WriteProfile


def numbers(**parts: object) -> tuple[float, int]:
    classes = [
        {"share": 0.1, "writes_per_page_s": 4.0},
        {"share": 0.3, "writes_per_page_s": 0.5},
        {"share": 0.6, "writes_per_page_s": 0.0},
    ]
    profile = WriteProfile.from_parameters({"classes": classes, **parts})
    writes = ProfileSource(profile).scalar_writes(1_000)
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
    assert Uniform(writes_per_page_s=0.5).scalar_writes(10).working_set_pages == 10
    assert Uniform(writes_per_page_s=0.0).scalar_writes(10).working_set_pages == 0


@pytest.mark.parametrize("per", ["time", "round"])
def test_recorded_sets_have_a_rate_if_they_are_given_in_time(tmp_path: Path, per: str) -> None:
    file = tmp_path / "sets.json"
    file.write_text(json.dumps({"interval_s": 0.5, "dirty_pages": [[0, 7], [7], []]}))
    source = Replay(file=file, per=per)
    assert bool(why_not_scalar(source)) == (per == "round")
    assert source.scalar_writes(10).pages_per_s == pytest.approx(2.0)
    assert source.scalar_writes(10).working_set_pages == 2


def test_sets_per_round_have_no_rate() -> None:
    assert "per round" in why_not_scalar(Samples())
    assert "no scalar_writes" in why_not_scalar(object())
