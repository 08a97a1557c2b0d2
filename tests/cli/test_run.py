"""`run` and `plot`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu import ClusterModel
from cluster_emu.json_output import plain_data

Emu = Callable[..., Any]

TABLES = {
    "migrations",
    "rounds",
    "limits",
    "hosts",
    "vms",
    "links",
    "service",
    "background",
    "faults",
    "summary",
}


def test_the_document_says_what_was_run_and_what_came_out(emu: Emu) -> None:
    document = json.loads(emu("run", "paper", "--seed", 3, "--json").stdout)
    model = ClusterModel("paper", rng=3)
    summary = model.run().summary
    model.close()

    assert (document["scenario"], document["seed"], document["out"]) == ("paper", 3, None)
    assert document["strategy"] == "history-majority:history=5,first_round=full"
    assert document["traces"].startswith("none")
    assert document["summary"] == plain_data(summary)
    assert document["outcomes"] == [{"outcome": "completed", "why": "5 rounds", "migrations": 2}]


def test_what_a_migration_that_did_not_converge_sent_is_shown(emu: Emu) -> None:
    stop = "transfer.stop=deadline:deadline_s=0.1,at_deadline=abort"
    command = ("run", "paper", "--set", stop)
    document = json.loads(emu(*command, "--json").stdout)
    assert [one["outcome"] for one in document["outcomes"]] == ["not converged"]
    assert document["summary"]["total_time_s"] is None
    assert document["summary"]["bytes"] == document["summary"]["total_bytes"] / 2 > 0
    assert document["summary"]["pages_sent_precopy"] > 0
    (shown,) = [line for line in emu(*command).stdout.splitlines() if "data sent " in line]
    assert " - " not in shown


def test_figures_there_are_none_of_are_null(emu: Emu) -> None:
    result = emu("run", "paper", "--set", "migrations=[]", "--json")
    document = json.loads(result.stdout, parse_constant=pytest.fail)

    assert document["summary"]["downtime_s"] is None
    assert document["outcomes"] == []


def test_a_run_is_shown_with_units_traces_and_assumptions(emu: Emu) -> None:
    result = emu("run", "paper")

    assert result.exit_code == 0
    for words in ("downtime", "ms", "kWh", "2 completed: 5 rounds", "Assumptions", "CPU traces"):
        assert words in result.stdout


def test_the_last_line_is_the_answer(emu: Emu) -> None:
    lines = emu("run", "paper").stdout.splitlines()
    document = json.loads(emu("run", "paper", "--json").stdout)

    assert lines[-2:] == ["Answer", f"  {document['answer']}"]
    assert document["answer"].startswith("All 2 migrations completed, on average in 0.1")


def test_that_nothing_happened_is_explained(emu: Emu) -> None:
    settings = "migrations=[{ vm = 0, target = 0 }]"
    shown = emu("run", "paper", "--set", settings).stdout

    assert "on host 0 already" in shown
    assert "none" in shown


def test_results_and_their_pictures_are_written(emu: Emu, tmp_path: Path) -> None:
    out = tmp_path / "results"
    result = emu("run", "paper", "--seed", 1, "--out", out, "--csv")
    figures = json.loads(emu("plot", out, "--json").stdout)["figures"]

    assert str(out) in result.stdout
    assert {path.stem for path in out.glob("*.parquet")} == TABLES
    assert {path.stem for path in out.glob("*.csv")} == TABLES
    assert json.loads((out / "run.json").read_text("utf-8"))["seed"] == 1
    assert figures
    assert all(Path(figure).stat().st_size > 1000 for figure in figures)


def test_pictures_may_go_elsewhere(emu: Emu, tmp_path: Path) -> None:
    emu("run", "paper", "--out", tmp_path / "run")
    emu("plot", tmp_path / "run", "--out", tmp_path / "pictures")

    assert list((tmp_path / "pictures").glob("*.png"))
    assert not list((tmp_path / "run").glob("*.png"))


def test_fields_and_strategy_are_replaced(emu: Emu, tmp_path: Path) -> None:
    words = ("--strategy", "time-series:threshold=3", "--set", "vms.0.page_count=20")
    document = json.loads(emu("run", "paper", *words, "--out", tmp_path, "--json").stdout)

    wanted = "time-series:threshold=3,history=5,first_round=full"
    assert document["strategy"] == wanted
    assert any("takes history = 5" in said for said in document["assumptions"])
    assert set(pd.read_parquet(tmp_path / "migrations.parquet")["memory_pages"]) == {20}


def test_a_compared_run_can_be_run_again_alone(emu: Emu) -> None:
    compared = emu("compare", "paper", "--strategies", "ma,xen-v2", "--replications", 1, "--json")
    document = json.loads(compared.stdout)
    words = ("--strategy", "xen-v2", "--seed", document["seeds"][0], "--json")
    alone = json.loads(emu("run", "paper", *words).stdout)

    assert alone["summary"]["bytes"] == document["metrics"]["bytes"]["xen-v2"]["mean"]


def test_which_traces_were_used_is_said(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "vm").write_text("40\n" * 288, "utf-8")
    given = json.loads(emu("run", "single", "--traces", tmp_path / "day", "--json").stdout)

    assert given["traces"] == "PlanetLab folder day (1 file; format found from the content)"


@pytest.mark.parametrize("name", ["run.json", "migrations.parquet"])
def test_a_folder_without_results_is_refused(emu: Emu, tmp_path: Path, name: str) -> None:
    emu("run", "paper", "--out", tmp_path)
    (tmp_path / name).unlink()
    result = emu("plot", tmp_path)

    assert result.exit_code == 2
    assert name in result.stderr


def test_what_limits_migrations_is_said(emu: Emu) -> None:
    slow = ("--set", 'transfer.policy="qemu:bandwidth_bytes_per_s=16 MiB"')
    result = emu("run", "single", *slow)

    said = "What limits migrations while they run: bandwidth cap of 134.2 Mbit/s (policy qemu), "
    assert said in result.stdout
    assert said in json.loads(emu("run", "single", *slow, "--json").stdout)["limits"]
