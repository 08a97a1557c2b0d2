"""From what was typed to strategies and fields."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cluster_emu.cli.inputs import (
    chosen_scenario,
    parse_settings,
    split_strategies,
    usable_folder,
    writing_to,
)
from cluster_emu.errors import DiskFullError, ScenarioError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ma", ["ma"]),
        ("ma,xen-v2", ["ma", "xen-v2"]),
        (" ma , xen-v2 ,", ["ma", "xen-v2"]),
        (
            "time-series:threshold=3,history=5,history-majority",
            ["time-series:threshold=3,history=5", "history-majority"],
        ),
        ("a:x=1,b:y=2,z=3,c", ["a:x=1", "b:y=2,z=3", "c"]),
        ("a,b,x=1", ["a", "b:x=1"]),
        ("a:x=u:v,y=1", ["a:x=u:v,y=1"]),
        ("", []),
    ],
)
def test_commas_between_parameters_are_not_between_strategies(
    text: str, expected: list[str]
) -> None:
    assert split_strategies(text) == expected


def test_settings_are_toml_values_or_words() -> None:
    texts = ["a.b=1", "c = 4 GiB", 'd={ name = "x" }', "e=[1, 2]", "f=a=b"]
    values = {"a.b": 1, "c": "4 GiB", "d": {"name": "x"}, "e": [1, 2], "f": "a=b"}

    assert parse_settings(texts) == values
    assert parse_settings(None) == {}


@pytest.mark.parametrize("text", ["a", "=1", ""])
def test_a_setting_needs_a_path_and_a_value(text: str) -> None:
    with pytest.raises(ScenarioError, match="path=value"):
        parse_settings([text])


def test_traces_are_replayed_also_where_the_scenario_replays_none(tmp_path: Path) -> None:
    replaying = chosen_scenario("single", {}, tmp_path)

    assert replaying.workload.traces == tmp_path
    assert replaying.workload.demand.name == "trace"
    linear = {"workload.demand": {"name": "trace", "interpolation": "linear"}}
    assert chosen_scenario("single", linear, tmp_path).workload.demand.parameters
    assert chosen_scenario("single", {}, None).workload.demand.name == "constant"


def test_folders_are_looked_at_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert usable_folder(None) is None
    assert usable_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert not (tmp_path / "a").exists()
    for wrong in ("file", "file/below"):
        with pytest.raises(ScenarioError, match=r"--out"):
            usable_folder(tmp_path / wrong)


def test_a_folder_that_cannot_be_written_after_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"--out = .*Read-only"), writing_to(tmp_path):
        raise OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_no_fault_of_the_input(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskFullError, match=r"--out = .*: no room"), writing_to(tmp_path):
        raise OSError(number, "no room")
