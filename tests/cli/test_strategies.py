"""`strategies NAME`: truth tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Emu = Callable[..., Any]


def test_the_table_of_the_paper(emu: Emu) -> None:
    document = json.loads(emu("strategies", "history-majority", "--history", 4, "--json").stdout)

    assert list(document) == ["strategy", "history", "table"]
    assert (document["strategy"], document["history"]) == ("history-majority", 4)
    histories = [row["history"] for row in document["table"]]
    assert histories == [f"{code:04b}" for code in range(16)]
    for row in document["table"]:
        assert list(row) == ["history", "to_send", "to_skip", "decision"]
        assert f"{row['to_send']}{row['to_skip']}" == row["history"][-2:]
    assert [r["history"] for r in document["table"] if r["decision"] == "send"] == ["0010"]


def test_a_long_table_is_printed_in_part_and_written_whole(emu: Emu) -> None:
    text = emu("strategies", "post-copy", "--history", 12).stdout
    document = json.loads(emu("strategies", "post-copy", "--history", 12, "--json").stdout)

    assert text.count("\n") < 1100
    assert "3,072 more rows; --json prints all of them" in text
    assert len(document["table"]) == 4096


@pytest.mark.parametrize("history", range(2, 11))
def test_half_of_the_history_is_hus_threshold(emu: Emu, history: int) -> None:
    majority = emu("strategies", "history-majority", "--history", history, "--json")
    threshold = f"threshold={-(-history // 2)}"
    series = emu("strategies", "time-series", "--history", history, "--set", threshold, "--json")

    assert json.loads(majority.stdout)["table"] == json.loads(series.stdout)["table"]


def test_a_history_widens_the_table_of_a_method_without_one(emu: Emu) -> None:
    document = json.loads(emu("strategies", "xen-legacy", "--history", 4, "--json").stdout)

    assert document["history"] == 4
    sent = [row["history"] for row in document["table"] if row["decision"] == "send"]
    assert sent == ["0010", "0110", "1010", "1110"]


def test_parameters_may_stand_in_the_name(emu: Emu) -> None:
    name = "time-series:threshold=2,history=4"
    named = json.loads(emu("strategies", name, "--json").stdout)
    printed = emu("strategies", "time-series", "--history", 4, "--set", "threshold=2", "--json")

    assert named == json.loads(printed.stdout)


def test_the_printed_table_says_how_to_read_it(emu: Emu) -> None:
    shown = emu("strategies", "ma").stdout

    assert "to_skip" in shown
    assert "ICSESS 2010" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("majority",), "did you mean 'history-majority'"),
        (("time-series", "--history", "3"), "time-series.threshold = 4"),
        (("ma", "--set", "x=1"), "ma.x = 1"),
        (("ma", "--set", "x"), "--set = 'x'"),
        (("ma:x",), "NAME = 'ma:x'"),
        (("matrix-bitmap", "--history", "2"), "--history = 2"),
        (("ma", "--history", "40"), "--history"),
    ],
)
def test_bad_strategies_exit_with_2(emu: Emu, words: tuple[str, ...], said: str) -> None:
    result = emu("strategies", *words)

    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_without_a_name_it_points_to_the_list(emu: Emu) -> None:
    for words in ((), ("--json",), ("--history", 4)):
        result = emu("strategies", *words)

        assert result.exit_code == 2
        assert "NAME = nothing" in result.stderr
        assert "cluster-emu list strategies" in result.stderr
        assert result.stdout == ""


def test_what_is_shown_can_be_written(emu: Emu, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    result = emu("strategies", "ma", "--out", out, "--json", "--seed", 3)

    assert json.loads((out / "ma.json").read_text("utf-8")) == json.loads(result.stdout)
