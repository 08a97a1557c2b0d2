"""`evacuate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.cli.evacuation_tables import _endings
from cluster_emu.json_output import plain_data
from cluster_emu.study import StudyInterrupted, evacuate
from cluster_emu.study.report.figures import OutcomeCount

Emu = Callable[..., Any]

RACK = """
name = "rack"
topology = { name = "star", hosts = 3, host_bps = "1 Gbit/s" }
run = { duration_s = "5 min" }
transfer = { strategy = "pre-copy", stop = "xen-legacy", resume_s = "20 ms" }

[[hosts]]
count = 3
cpu_capacity = 8
memory_bytes = "64 MiB"

[[vms]]
count = 3
cpu_capacity = 1
memory_bytes = "16 MiB"
profile = "web"
host = 0
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "rack.toml"
    path.write_text(RACK, "utf-8")
    return path


def words(scenario: Path, *more: object) -> tuple[object, ...]:
    return ("evacuate", scenario, "--host", 0, "--replications", 2, *more)


def test_the_json_is_the_evacuation_itself(emu: Emu, scenario: Path) -> None:
    result = emu(*words(scenario, "--seed", 3, "--parallel", 1, "--policy", "nova", "--json"))
    expected = evacuate(scenario, hosts=[0], policy="nova", parallel=1, replications=2, seed=3)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == plain_data(expected.report())


def test_the_last_line_is_the_answer(emu: Emu, scenario: Path) -> None:
    lines = emu(*words(scenario)).stdout.splitlines()

    assert lines[-2] == "Answer"
    assert lines[-1].startswith("  Emptying the host takes ")
    assert "The longest interruption of a VM's service is " in lines[-1]


def test_tables_show_what_a_drain_costs(emu: Emu, scenario: Path) -> None:
    shown = emu(*words(scenario)).stdout

    for said in (
        "rack: 3 VMs leave host 0; policy none, strategy pre-copy, 2 replications",
        "drain time, p50",
        "or more",
        "downtime",
        "data sent per drain",
        "CPU time lost to migrations",
        "Hosts empty after\n  host 0: ",
        "2 of 2",
        "VMs not drained\n  none",
        "service interrupted",
        "What limits the migrations",
        "Busiest links\n  host0 -> switch: ",
        "Answer\n  Emptying the host takes ",
        "order-statistic intervals; with 2 replications some ends are missing",
        "--out DIR",
    ):
        assert said in shown


def test_tables_and_the_figure_are_written_and_named(
    emu: Emu, scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "down"
    shown = emu(*words(scenario, "--out", out)).stdout
    tables = ("vms", "service", "drains", "migrations", "rounds", "limits")
    names = {f"{table}.{kind}" for table in tables for kind in ("parquet", "csv")}

    others = {"evacuation.json", "evacuation.png", "result.json", "run.json"}
    assert {path.name for path in out.glob("[!.]*")} == names | others
    assert all(str(out / name) in shown for name in names)
    assert len(pd.read_parquet(out / "vms.parquet")) == 6
    drawn = (out / "evacuation.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    (out / "evacuation.png").unlink()
    assert emu("plot", out).stdout.strip() == str(out / "evacuation.png")
    assert (out / "evacuation.png").read_bytes() == drawn
    (out / "rounds.parquet").unlink()
    damaged = emu("plot", out)
    assert damaged.exit_code == 2
    assert "rounds.parquet: no such file: evacuate wrote it" in damaged.stderr


def test_uncertain_inputs_are_drawn_for_each_replication(emu: Emu, scenario: Path) -> None:
    given = json.loads(emu(*words(scenario, "--uncertain", "20%", "--json")).stdout)
    by_field = emu(*words(scenario, "--set", "run.uncertain=0.2", "--json"))

    assert given == json.loads(by_field.stdout)
    assert any("Uncertain inputs: in this run" in text for text in given["assumptions"])


def test_an_impossible_drain_exits_with_2_and_names_the_vms(
    emu: Emu, scenario: Path, tmp_path: Path
) -> None:
    result = emu("evacuate", scenario, "--host", "0,1", "--host", 2, "--out", tmp_path / "out")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "VM 0 (0.01562 GiB), VM 1 (0.01562 GiB), VM 2 (0.01562 GiB)" in result.stderr
    assert "allowed is " in result.stderr
    assert not (tmp_path / "out").exists()


def test_threads_beyond_a_hosts_cpu_are_warned_of_on_stderr(emu: Emu, scenario: Path) -> None:
    result = emu(*words(scenario, "--set", "costs.source_cpu=3", "--json"))

    assert result.exit_code == 0
    assert "cluster-emu: warning: migrations at once may take more CPU than 1 host" in result.stderr
    assert json.loads(result.stdout)["warnings"]
    assert "warning" not in emu(*words(scenario, "--set", "costs.source_cpu=2")).stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--host", "x"), "--host = 'x': allowed is whole numbers >= 0"),
        (("--host", "-1"), "--host = '-1': allowed is whole numbers >= 0"),
        (("--host", "0", "--parallel", "0"), "--parallel = '0': allowed is a whole number >= 1"),
        (("--host", "0", "--seed", "-3"), "--seed = '-3': allowed is a whole number >= 0"),
        (("--host", "0", "--jobs", "two"), "--jobs = 'two': allowed is a whole number >= 1"),
        (("--host", "7"), "cluster-emu: --host = 7: allowed is one of 0 to 2"),
        (("--host", "0", "--uncertain", "2"), "--uncertain = '2': allowed is a share from 0"),
        (("--rack", "7"), "cluster-emu: --rack = 7: allowed is one of 0 to 0"),
        (("--host", "0", "--policy", "nuva"), "cluster-emu: --policy = 'nuva': allowed is one of"),
        (
            ("--host", "0", "--strategy", "qemo"),
            "cluster-emu: --strategy = 'qemo': allowed is one of",
        ),
        (
            ("--host", "0", "--strategy", "time-series:threshold=-1"),
            "cluster-emu: --strategy (time-series.threshold) = -1: allowed is",
        ),
        ((), "cluster-emu: --host, --rack = (): allowed is at least one host or rack"),
    ],
)
def test_what_is_not_allowed_exits_with_2(
    emu: Emu, scenario: Path, more: tuple[str, ...], said: str
) -> None:
    result = emu("evacuate", scenario, *more)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr


def test_ctrl_c_shows_what_was_finished(
    emu: Emu, scenario: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    partial = evacuate(scenario, hosts=[0], replications=1)

    def interrupted(*_: object, **__: object) -> None:
        raise StudyInterrupted(partial)

    monkeypatch.setattr("cluster_emu.study.evacuate", interrupted)
    result = emu(*words(scenario, "--json", "--out", tmp_path / "out"))

    assert result.exit_code == 130
    assert json.loads(result.stdout) == plain_data(partial.report())
    assert (tmp_path / "out" / "vms.parquet").is_file()
    assert "interrupted" in result.stderr


def test_reasons_that_differ_in_figures_alone_make_one_line() -> None:
    outcomes = [
        OutcomeCount("completed", "fits 0.3 s of downtime", 9),
        OutcomeCount("not converged", "stalled, would take 3.44 s", 2),
        OutcomeCount("not converged", "stalled, would take 20.4 s", 1),
        OutcomeCount("completed", "nothing due", 1),
    ]
    assert _endings(outcomes) == [
        "9 completed: fits 0.3 s of downtime",
        "3 not converged: stalled, would take 3.44 to 20.4 s",
        "1 completed: nothing due",
    ]
