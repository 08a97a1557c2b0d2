"""What is given twice, or is empty, is refused: one of the two would have no effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Emu = Callable[..., Any]

RUN = ("run", "single", "--set", 'vms.0.memory_bytes="4 MiB"')
COMPARE = ("compare", "single", "--strategies")
DRAIN = ("evacuate", "evacuation", "--host", "0")
MATTERS = "--smallest-difference"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*RUN, "--strategy", "qemu:name=pre-copy"), "no parameter 'name'"),
        ((*RUN, "--strategy", "time-series:threshold=3,threshold=4"), "'threshold' is twice"),
        ((*RUN, "--strategy", "time-series:=4"), "no key in '=4'"),
        ((*RUN, "--set", "transfer.strategy=qemu:name=pre-copy"), "no parameter 'name'"),
        ((*RUN, "--set", "run.tick_s=1", "--set", "run.tick_s=2"), "--set run.tick_s is given"),
        ((*RUN, "--set", "run.tick_s=1", "--set", "run={}"), "--set run.tick_s is given"),
        ((*RUN, "--set", "topology={}", "--set", "topology.hosts=2"), "--set topology is given"),
        ((*RUN, "--set", "vms.00.memory_bytes=4096"), "--set vms.0.memory_bytes is given"),
        ((*RUN, "--set", "transfer.strategy=qemu", "--strategy", "pre-copy"), "--strategy does"),
        ((*RUN, "--set", "vms.0.page_bytes='8 MiB'"), "at most memory_bytes, 4194304"),
        ((*RUN, "--seed", "1", "--seed", "2"), "--seed = 'given twice'"),
        ((*RUN, "--csv", "--no-csv"), "--csv = 'given twice'"),
        ((*RUN, "--strategy=qemu", "--strategy", "qemu"), "--strategy = 'given twice'"),
        ((*RUN, "--out", ""), "--out = ''"),
        ((*RUN, "--out", " "), "--out = ' '"),
        ((*RUN, "--traces", ""), "--traces = ''"),
        ((*RUN, "--set", "workload.traces="), "workload.traces = ''"),
        ((*RUN, "--set", "name="), "name = ''"),
        ((*RUN, "--set", "workload.trace_format=timed"), "a trace_format only with traces"),
        (
            (*RUN, "--set", 'background=[{pairs = "ring", durations = "fixed"}]'),
            'durations of "fixed" only with on_s',
        ),
        ((*RUN, "--set", 'faults=["host-crash:kind=link-down,host=0"]'), "no parameter 'kind'"),
        (("run", ""), "scenario = ''"),
        (("plot", ""), "RUN_DIR = ''"),
        (("batch", ""), "STUDY.toml = ''"),
        (("batch", "x.toml", "--out", ""), "--out = ''"),
        (("scenarios", "--out", ""), "--out = ''"),
        (("validate", "scalar", "--data", ""), "--data = ''"),
        (("validate", "scalar", "--data", "a", "--data", "b"), "--data = 'given twice'"),
        ((*COMPARE, "qemu,qemu"), "every strategy once"),
        (
            (*COMPARE, "time-series:threshold=3,history=5,time-series:history=5,threshold=3"),
            "every strategy once",
        ),
        (
            (*COMPARE, "qemu,pre-copy", MATTERS, "1%", MATTERS, "2%"),
            "one value for all",
        ),
        (
            (*COMPARE, "qemu,pre-copy", MATTERS, "bytes=1%", MATTERS, "bytes=2%"),
            "one value for bytes",
        ),
        (
            (*DRAIN, "--policy", "none", "--set", "transfer.policy=kubevirt"),
            "--policy does",
        ),
        (
            ("advise", "evacuation", "--host", "0", "--set", "manager.max_per_cluster=2"),
            "--parallel does",
        ),
        (("strategies", "time-series:history=4", "--set", "history=5"), "NAME does not set"),
        (("strategies", "time-series", "--history", "4", "--set", "history=5"), "--history does"),
    ],
)
def test_a_command_refuses(
    words: tuple[str, ...], said: str, emu: Emu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = emu(*words)
    assert (ended.exit_code, ended.stdout) == (2, ""), ended.output
    assert said in ended.stderr
    assert not list(tmp_path.iterdir())


def test_what_may_be_repeated_may_be(emu: Emu) -> None:
    words = ("--set", "run.tick_s=1", "--set", "vms.0.vcpus=1", "--json")
    assert emu(*RUN, *words).exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"cases": [], "cases": []}', "key = 'cases'"),
        ('{"cases": [{"id": "a", "caps": [1], "vms": [], "id": "b"}]}', "key = 'id'"),
        ('{"cases": [{"id": "a", "caps": [1], "vms": [], "cups": 1}]}', "cases.0.cups = 1"),
        ('{"cases": [], "more": 1}', "more = 1"),
    ],
)
def test_cases_of_another_simulator_have_known_keys_once(
    text: str, said: str, tmp_path: Path, emu: Emu
) -> None:
    file = tmp_path / "cases.json"
    file.write_text(text, "utf-8")
    ended = emu("validate", "scalar", "--data", file)
    assert ended.exit_code == 2
    assert said in ended.stderr


def test_a_recording_has_its_keys_once(tmp_path: Path, emu: Emu) -> None:
    file = tmp_path / "replay.json"
    file.write_text('{"interval_s": 1, "dirty_pages": [[0]], "interval_s": 2}', "utf-8")
    profile = json.dumps(str(file))
    ended = emu(*RUN, "--set", f'vms.0.profile={{name = "replay", file = {profile}}}')
    assert ended.exit_code == 2
    assert f"{file}: vms.0.profile.key = 'interval_s'" in ended.stderr
