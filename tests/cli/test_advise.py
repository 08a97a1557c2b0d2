"""`advise`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.json_output import plain_data
from cluster_emu.study import Advice, StudyInterrupted, advise
from cluster_emu.study.evacuation.advise import POLICIES, STRATEGIES

Emu = Callable[..., Any]

RACK = """
name = "rack"
topology = { name = "star", hosts = 2, host_bps = "1 Gbit/s" }
run = { duration_s = "5 min" }
transfer = { strategy = "pre-copy", stop = "xen-legacy" }
hosts = [{ count = 2, cpu_capacity = 8, memory_bytes = "64 MiB" }]
vms = [{ count = 2, cpu_capacity = 1, memory_bytes = "16 MiB", profile = "cache", host = 0 }]
"""
WAYS = ("--policies", "none", "--strategies", "pre-copy,stop-and-copy", "--parallel", "1")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("advise") / "rack.toml"
    path.write_text(RACK, "utf-8")
    return path


@pytest.fixture(scope="module")
def advice(scenario: Path) -> Advice:
    return advise(
        scenario,
        hosts=[0],
        max_downtime_s=0.05,
        policies=["none"],
        strategies=["pre-copy", "stop-and-copy"],
        parallel=[1],
        replications=2,
    )


def words(scenario: Path, *more: object) -> tuple[object, ...]:
    return ("advise", scenario, "--host", 0, "--max-downtime", 0.05, "--replications", 2, *more)


def test_the_last_line_is_the_answer(emu: Emu, scenario: Path) -> None:
    lines = emu(*words(scenario)).stdout.splitlines()

    assert lines[-2] == "Answer"
    assert lines[-1].startswith("  Take policy ")


def test_the_json_and_the_files_are_the_advice_itself(
    emu: Emu, scenario: Path, advice: Advice, tmp_path: Path
) -> None:
    result = emu(*words(scenario, *WAYS, "--json", "--out", tmp_path))

    assert result.exit_code == 0
    assert json.loads(result.stdout) == plain_data(advice.report())
    assert json.loads((tmp_path / "advice.json").read_text("utf-8")) == json.loads(result.stdout)
    assert len(pd.read_parquet(tmp_path / "options.parquet")) == 2


def test_one_way_is_recommended_with_its_reason(
    emu: Emu, scenario: Path, advice: Advice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster_emu.study.advise", lambda *_, **__: advice)
    shown = emu(*words(scenario, *WAYS)).stdout

    assert "rack: 2 VMs leave host 0; Pareto front in" in shown
    assert "bytes of 2 ways, each run 2 times" in " ".join(shown.split())
    assert "Recommended\n  --policy none --strategy pre-copy --parallel 1\n" in shown
    assert advice.reason in shown
    assert "stop-and-copy" in shown
    assert f"Answer\n  {advice.answer}\n" in shown
    assert "interrupted s" in shown


def test_ctrl_c_shows_what_was_finished(
    emu: Emu, scenario: Path, advice: Advice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise StudyInterrupted(advice)

    monkeypatch.setattr("cluster_emu.study.advise", interrupted)
    result = emu(*words(scenario, *WAYS))

    assert result.exit_code == 130
    assert advice.reason in result.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--parallel", "0"), "cluster-emu: --parallel = 0: allowed is a number > 0"),
        (("--parallel", "two"), "--parallel = 'two': allowed is whole numbers"),
        (("--policies", "nuva"), "cluster-emu: --policies = 'nuva': allowed is one of"),
        (("--strategies", "qemo"), "cluster-emu: --strategies = 'qemo': allowed is one of"),
        (("--max-downtime", "0"), "cluster-emu: --max-downtime = 0.0: allowed is a number > 0"),
        (("--rack", "5"), "cluster-emu: --rack = 5: allowed is one of 0 to 0"),
    ],
)
def test_what_is_not_allowed_exits_with_2(
    emu: Emu, scenario: Path, more: tuple[str, ...], said: str
) -> None:
    result = emu("advise", scenario, "--host", 0, *more)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_the_help_names_what_is_tried_by_default(emu: Emu) -> None:
    shown = " ".join(emu("advise", "--help").stdout.replace("│", " ").split())

    assert f"the scenario's own and {', '.join(POLICIES)}." in shown
    assert f"the scenario's own and {', '.join(STRATEGIES)}." in shown


def test_advice_is_drawn_from_its_folder(emu: Emu, scenario: Path, tmp_path: Path) -> None:
    emu(*words(scenario, *WAYS, "--out", tmp_path))
    result = emu("plot", tmp_path, "--format", "svg")

    assert result.exit_code == 0, result.stderr
    assert result.stdout.split() == [str(tmp_path / "advice.svg")]
    assert "Pareto set" in (tmp_path / "advice.svg").read_text("utf-8")
    (tmp_path / "advice.json").write_text("{}", "utf-8")
    (tmp_path / "result.json").unlink()
    refused = emu("plot", tmp_path)
    assert refused.exit_code == 2
    assert "advice.json" in refused.stderr
