"""`query`."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.results.result_folder import read_manifest, write_manifest
from cluster_emu.study import run_batch

Emu = Callable[..., Any]

STUDY = """
name = "few"
scenario = "paper"
strategies = ["ma", "xen-v2"]
replications = 2
"""
SQL = "select strategy, count(*) as n, avg(downtime_s) as mean_s from results group by 1 order by 1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("query")
    (place / "few.toml").write_text(STUDY, "utf-8")
    run_batch(place / "few.toml", out=place / "out")
    return place / "out"


def test_a_query_prints_a_table_csv_or_json(emu: Emu, folder: Path) -> None:
    shown = emu("query", folder, SQL)
    csv = pd.read_csv(io.StringIO(emu("query", folder, SQL, "--csv").stdout))
    rows = json.loads(emu("query", folder, SQL, "--json").stdout)

    assert shown.exit_code == 0
    assert "2 rows" in shown.stdout and "xen-v2" in shown.stdout
    assert list(csv["strategy"]) == [row["strategy"] for row in rows] == ["ma", "xen-v2"]
    assert [row["n"] for row in rows] == [2, 2]
    assert list(csv["mean_s"]) == [row["mean_s"] for row in rows]


def test_many_rows_are_cut_in_a_table_and_not_in_csv(emu: Emu, folder: Path) -> None:
    sql = "select * from range(150)"
    shown = emu("query", folder, sql)

    assert "150 rows" in shown.stdout
    assert "the first 100 rows" in shown.stderr
    assert len(emu("query", folder, sql, "--csv").stdout.splitlines()) == 151


def test_what_did_not_come_about_is_null(emu: Emu, folder: Path) -> None:
    sql = "select cast(null as double) as a, 'nan'::double as b"
    assert json.loads(emu("query", folder, sql, "--json").stdout) == [{"a": None, "b": None}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("select nope from results",), "nope"),
        (("drop table results",), "allowed is one SELECT"),
        ((SQL, "--csv", "--json"), "--csv"),
    ],
)
def test_what_is_not_allowed_is_said(
    emu: Emu, folder: Path, words: tuple[str, ...], message: str
) -> None:
    refused = emu("query", folder, *words)
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert message in refused.stderr and "Traceback" not in refused.stderr


def test_a_folder_that_is_no_study_is_refused(emu: Emu, tmp_path: Path) -> None:
    refused = emu("query", tmp_path, SQL)
    assert refused.exit_code == 2
    assert str(tmp_path) in refused.stderr


def test_a_study_that_is_not_complete_is_queried_with_a_warning(
    emu: Emu, folder: Path, tmp_path: Path
) -> None:
    begun = Path(shutil.copytree(folder, tmp_path / "begun"))
    begin(begun)

    assert "not complete" not in emu("query", folder, SQL, "--csv").stderr
    said = emu("query", begun, SQL, "--csv")
    assert (said.exit_code, said.stdout) == (0, emu("query", folder, SQL, "--csv").stdout)
    assert f"{begun}: the study is not complete" in said.stderr


def test_the_sensitivity_of_a_study_that_is_not_complete_is_refused(
    emu: Emu, folder: Path, tmp_path: Path
) -> None:
    begun = Path(shutil.copytree(folder, tmp_path / "begun"))
    begin(begun)

    assert emu("sensitivity", folder).exit_code == 0
    said = emu("sensitivity", begun)
    assert said.exit_code == 2
    assert "the study is not complete" in said.stderr


def begin(folder: Path) -> None:
    """Write down what a batch does that has begun to change a study."""
    manifest = read_manifest(folder)
    assert manifest is not None
    write_manifest(folder, replace(manifest, complete=False))
