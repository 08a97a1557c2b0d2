"""`--out` into a folder that holds something: no two results mix."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Emu = Callable[..., Any]

SMALL = ("--set", "topology.leaves=2", "--set", "topology.hosts_per_leaf=2", "--set")
DRAIN = ("evacuation", "--host", 0, *SMALL, "hosts.0.count=4", "--set", "vms.0.count=6")
COMMANDS = {
    "run": ("run", "paper"),
    "compare": ("compare", "paper", "--strategies", "ma", "--replications", 1),
    "evacuate": ("evacuate", *DRAIN, "--replications", 1),
    "advise": (
        *("advise", *DRAIN, "--policies", "none", "--strategies", "pre-copy"),
        *("--parallel", 1, "--replications", 1),
    ),
}


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a result, without those that are hidden."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_a_used_folder_is_refused_unless_it_may_be_overwritten(
    emu: Emu, tmp_path: Path, command: str
) -> None:
    assert emu("run", "paper", "--csv", "--out", tmp_path).exit_code == 0
    before = files(tmp_path)
    refused = emu(*COMMANDS[command], "--out", tmp_path)
    assert refused.exit_code == 2
    assert f"--out = {str(tmp_path)!r}"[:40] in refused.stderr
    assert "holds a result of run" in refused.stderr
    assert files(tmp_path) == before

    replaced = emu(*COMMANDS[command], "--out", tmp_path, "--overwrite")
    assert replaced.exit_code == 0, replaced.stderr
    fresh = tmp_path / "fresh"
    assert emu(*COMMANDS[command], "--out", fresh).exit_code == 0
    assert files(tmp_path).keys() == files(fresh).keys()


def test_bad_input_keeps_the_result_that_it_might_have_replaced(emu: Emu, tmp_path: Path) -> None:
    emu("run", "paper", "--out", tmp_path)
    before = files(tmp_path)
    refused = emu("run", "paper", "--set", "vms.0.host=99", "--out", tmp_path, "--overwrite")
    assert refused.exit_code == 2
    assert files(tmp_path) == before


def test_bad_input_makes_no_folder(emu: Emu, tmp_path: Path) -> None:
    refused = emu("run", "paper", "--set", "vms.0.host=99", "--out", tmp_path / "a" / "b")
    assert refused.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_study_continues_in_its_own_folder_alone(emu: Emu, tmp_path: Path) -> None:
    study = tmp_path / "few.toml"
    text = 'name = "few"\nscenario = "paper"\nstrategies = ["ma"]\nreplications = 1\n'
    study.write_text(text, "utf-8")
    out = tmp_path / "out"
    assert emu("batch", study, "--out", out).exit_code == 0
    assert emu("batch", study, "--out", out).exit_code == 0

    study.write_text(text.replace("few", "many"), "utf-8")
    refused = emu("batch", study, "--out", out)
    assert refused.exit_code == 2
    assert "--out" in refused.stderr and "holds a result of batch few" in refused.stderr
    assert emu("batch", study, "--out", out, "--overwrite").exit_code == 0
    assert len(pd.read_parquet(out / "results.parquet")) == 1
    with closing(sqlite3.connect(out / "cells.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM cells").fetchone() == (1,)


@pytest.mark.parametrize(
    ("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_figures_have_the_format_that_was_asked_for(
    emu: Emu, tmp_path: Path, kind: str, start: bytes
) -> None:
    emu("run", "paper", "--out", tmp_path / "run")
    drawn = emu("plot", tmp_path / "run", "--format", kind, "--out", tmp_path / "figures")
    assert drawn.exit_code == 0
    figures = [Path(line) for line in drawn.stdout.split()]
    assert {figure.name for figure in figures} == {
        f"{name}.{kind}"
        for name in ("timeline", "gantt", "links", "anatomy", "rounds", "remaining", "cluster")
    }
    assert all(figure.read_bytes().startswith(start) for figure in figures)
    refused = emu("plot", tmp_path / "run", "--out", tmp_path / "figures")
    assert refused.exit_code == 2
    assert "holds a result of plot" in refused.stderr


def test_a_study_has_a_figure(emu: Emu, tmp_path: Path) -> None:
    study = tmp_path / "few.toml"
    text = 'name = "few"\nscenario = "paper"\nstrategies = ["ma", "xen-v2"]\nreplications = 2\n'
    study.write_text(f"{text}[axes]\nvms.0.page_count = [5, 10]\n", "utf-8")
    out = tmp_path / "out"
    assert emu("batch", study, "--out", out).exit_code == 0
    drawn = emu("plot", out)
    assert drawn.stdout.strip() == str(out / "study.png")
    assert (out / "study.png").read_bytes().startswith(b"\x89PNG")


def test_another_format_is_refused(emu: Emu, tmp_path: Path) -> None:
    assert emu("plot", tmp_path, "--format", "gif").exit_code == 2


def test_figures_beside_a_run_belong_to_it(emu: Emu, tmp_path: Path) -> None:
    emu("run", "paper", "--out", tmp_path)
    assert emu("plot", tmp_path).exit_code == 0
    assert emu("plot", tmp_path).exit_code == 0
    assert emu("compare", *COMMANDS["compare"][1:], "--out", tmp_path, "--overwrite").exit_code == 0
    assert not (tmp_path / "gantt.png").exists()
