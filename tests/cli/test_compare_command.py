"""`compare`."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu import ClusterModel
from cluster_emu.json_output import plain_data
from cluster_emu.study import compare

Emu = Callable[..., Any]

WORDS = ("compare", "paper", "--strategies", "time-series,history-majority", "--replications", 4)


def test_the_json_is_the_comparison_itself(emu: Emu) -> None:
    result = emu(*WORDS, "--seed", 5, "--json")
    expected = compare("paper", ["time-series", "history-majority"], replications=4, seed=5)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == plain_data(expected.report())


def test_tables_show_means_intervals_units_and_verdicts(emu: Emu) -> None:
    shown = emu(*WORDS).stdout

    for words in ("95 % interval", "time-series", "total time", "ms", "MB", "CPU traces"):
        assert words in shown
    assert "history-majority minus time-series" in shown
    for word in (" lower ", " no practical difference ", "matters from"):
        assert word in shown
    assert "takes history = 5" in shown
    assert "history-majority: 8 completed: 5 rounds" in shown
    assert "--out DIR" in shown


def test_tables_and_a_figure_are_written_and_named(emu: Emu, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "down"
    shown = emu(*WORDS, "--out", out).stdout
    names = {"compare.json", "runs.parquet", "runs.csv", "comparison.png"}

    assert {path.name for path in out.glob("[!.]*")} == names | {"result.json"}
    assert all(str(out / name) in shown for name in names)
    assert len(pd.read_parquet(out / "runs.parquet")) == 8
    (out / "comparison.png").unlink()
    assert emu("plot", out).stdout.strip() == str(out / "comparison.png")
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_one_replication_and_no_migration_are_drawn_too(emu: Emu, tmp_path: Path) -> None:
    words = ("--replications", 1, "--set", "migrations=[]", "--out", tmp_path, "--json")
    result = emu("compare", "paper", "--strategies", "ma,xen-v2", *words)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["metrics"]["bytes"]["ma"] == {
        "mean": None,
        "ci95": [None, None],
        "runs": 0,
    }


def test_parameters_with_commas_belong_to_their_strategy(emu: Emu) -> None:
    text = "time-series:threshold=3,history=5,history-majority"
    document = json.loads(
        emu("compare", "paper", "--strategies", text, "--replications", 2, "--json").stdout
    )

    assert document["strategies"] == ["time-series:threshold=3,history=5", "history-majority"]
    # Hu's method with half of the history as its threshold is the proposed one.
    assert {pair["mean_difference"] for pair in document["paired"]} == {0.0}
    assert {pair["verdict"] for pair in document["paired"]} == {"no practical difference"}
    assert "same rule" in document["answer"]


def test_the_last_line_is_the_answer(emu: Emu) -> None:
    lines = emu(*WORDS).stdout.splitlines()

    assert lines[-2] == "Answer"
    assert lines[-1].startswith("  history-majority against time-series: undecided: total time")


def test_the_smallest_difference_is_an_option(emu: Emu) -> None:
    words = ("--smallest-difference", "90%", "--smallest-difference", "downtime_s=1 us", "--json")
    document = json.loads(emu(*WORDS, *words).stdout)
    smallest = {pair["metric"]: pair["smallest_difference"] for pair in document["paired"]}
    bad = emu(*WORDS, "--smallest-difference", "downtime_s=fast")

    assert smallest["downtime_s"] == 1e-6
    assert smallest["migrations"] == pytest.approx(0.9 * 2)
    assert bad.exit_code == 2
    assert (
        "--smallest-difference (downtime_s) = 'fast': allowed is a text in per cent" in bad.stderr
    )


def test_csv_is_an_option(emu: Emu, tmp_path: Path) -> None:
    for option, expected in (("--csv", True), ("--no-csv", False)):
        out = tmp_path / option
        emu(*WORDS, option, "--out", out)
        assert (out / "runs.csv").exists() == expected
        assert (out / "runs.parquet").exists()


def test_failed_runs_are_shouted_about_and_exit_with_1(
    emu: Emu, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: ClusterModel, now_s: float) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(ClusterModel, "manage", fail)
    result = emu(*WORDS, "--json")

    assert result.exit_code == 1
    assert result.stderr.count("RuntimeError: out of luck") == 8
    assert len(json.loads(result.stdout)["failures"]) == 8


def test_a_damaged_comparison_is_refused(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "compare.json").write_text("{}", "utf-8")
    result = emu("plot", tmp_path)

    assert result.exit_code == 2
    assert "compare.json" in result.stderr


def test_without_room_for_the_figure_the_older_result_stays(
    emu: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    command = ("compare", "paper", "--strategies", "ma", "--replications", 1, "--out", out)
    assert emu(*command).exit_code == 0
    before = {path.name: path.read_bytes() for path in out.glob("[!.]*")}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(out / "comparison.png"))

    monkeypatch.setattr("cluster_emu.view.save_figure", full)
    failed = emu(*command, "--seed", 1, "--overwrite")
    assert failed.exit_code == 1
    assert "No space left on device" in failed.stderr
    assert {path.name: path.read_bytes() for path in out.glob("[!.]*")} == before
    assert not list(out.glob(".unfinished-*"))
