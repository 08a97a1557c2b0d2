"""What a user sees of a result in a console and in a notebook: one line, a table, a figure."""

from __future__ import annotations

import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from cluster_emu import ClusterModel, Scenario, advise, compare, evacuate, run_batch
from cluster_emu.errors import UnknownNameError
from cluster_emu.html_card import short
from cluster_emu.results.display import ROWS_SHOWN, Displayed
from cluster_emu.scenario import load_scenario
from cluster_emu.strategies import strategies
from cluster_emu.strategies.contract import Decision
from tests._support.small_scenarios import scenario

STUDY = """
name = "few"
scenario = "paper"
strategies = ["ma", "xen-v2"]
replications = 2
"""


def ran_model() -> ClusterModel:
    model = ClusterModel("paper", rng=1)
    model.run()
    return model


def study_result(folder: Path) -> Displayed:
    (folder / "few.toml").write_text(STUDY, "utf-8")
    return run_batch(folder / "few.toml", out=folder / "few")


def two_to_drain() -> Scenario:
    return scenario(pages=500, hosts=3).with_fields({"migrations": [], "vms.0.count": 2})


MAKERS = {
    "ClusterModel 'paper', seed 1: 2 hosts, 2 VMs, ": lambda _: ran_model(),
    "RunResult 'paper', seed 1: 2 migrations, 2 completed": lambda _: ran_model().result(),
    "Comparison 'paper': ma, qemu; 2 replications, seed 0": lambda _: compare(
        "paper", ["ma", "qemu"], replications=2
    ),
    "Batch 'few': 4 of 4 cells ended, 0 of them failed": study_result,
    "Evacuation 'small', host 0: policy none, strategy pre-copy; 1 replication, seed 0": lambda _: (
        evacuate(two_to_drain(), hosts=[0], replications=1)
    ),
    "Advice policy nova, strategy qemu, 1 at once; chosen from 1 way": lambda _: advise(
        two_to_drain(),
        hosts=[0],
        policies=["nova"],
        strategies=["qemu"],
        parallel=[1],
        replications=1,
    ),
}


@pytest.mark.parametrize("headline", MAKERS)
def test_a_result_is_one_line_a_table_and_a_figure(headline: str, tmp_path: Path) -> None:
    result = MAKERS[headline](tmp_path)
    assert repr(result).startswith(f"<{headline}")
    assert len(repr(result)) < 160
    table = result.to_frame()
    assert len(table) > 0
    html = result._repr_html_()
    assert html.count("<tr") == 1 + min(len(table), ROWS_SHOWN)
    assert len(html) < 5_000
    assert escape(result.answer[:60]) in html
    assert isinstance(result.plot(), Figure)


def test_a_long_table_is_cut_and_its_length_told() -> None:
    table = ran_model().result().to_frame()
    many = table.loc[table.index.repeat(ROWS_SHOWN)]
    result = ran_model().result()
    result.tables["migrations"] = many
    columns = len(many.columns)
    assert f"of {len(many)} rows, {columns} columns: to_frame() has all" in result._repr_html_()
    assert result._repr_html_().count("<tr") == 1 + ROWS_SHOWN


@pytest.mark.parametrize(
    "picture", ["timeline", "gantt", "links", "anatomy", "rounds", "remaining", "cluster"]
)
def test_a_run_draws_any_of_its_pictures(picture: str) -> None:
    assert isinstance(ran_model().result().plot(picture), Figure)


def test_a_picture_that_there_is_not_is_named() -> None:
    idle = ClusterModel(scenario().with_fields({"migrations": []}), rng=1).run()
    with pytest.raises(UnknownNameError, match="'gantt': allowed is one of timeline"):
        idle.plot("gantt")


def test_agents_and_scenarios_are_short() -> None:
    model = ClusterModel("paper", rng=1)
    assert [repr(agent) for agent in (*model.machines, *model.vms, model.manager)] == [
        "<PhysicalMachine 0: on, 2 VMs, utilisation 0.50>",
        "<PhysicalMachine 1: on, 0 VMs, utilisation 0.00>",
        "<VirtualMachine 0 (samples): running on host 0>",
        "<VirtualMachine 1 (samples): running on host 0>",
        "<MigrationManager: 0 migrations queued, 0 running, 0 ended>",
    ]
    model.manager.migrate(0, 1, 0.0)
    assert repr(model.vms[0]).endswith("on host 0, migrating>")
    assert repr(model.spec) == str(model.spec) == "<Scenario 'paper': 2 hosts, 2 VMs>"


def test_names_are_escaped() -> None:
    odd: Any = scenario().with_fields({"name": "<b>bold</b>", "description": "<i>x\x1b</i>"})
    for shown in (odd, ClusterModel(odd, rng=1), ClusterModel(odd, rng=1).run()):
        assert "<b>bold" not in shown._repr_html_()
        assert "<i>x" not in shown._repr_html_()
        assert "\x1b" not in shown._repr_html_()


@pytest.mark.parametrize("name", ["single", "cluster", "evacuation-large", "paper"])
def test_a_scenario_shows_what_is_in_it(name: str) -> None:
    spec = load_scenario(name)
    html = spec._repr_html_()
    assert f"{spec.host_count:,} hosts" in html
    assert spec.transfer.strategy.name in html
    assert escape(spec.description) in html
    assert len(html) < 2_500


@pytest.mark.parametrize("name", strategies.names())
def test_a_strategy_shows_its_truth_table(name: str) -> None:
    strategy = strategies.create(name)
    html = strategy._repr_html_()
    assert escape(strategy.summary) in html
    assert html.count("<tr") <= 3 + 16
    assert strategy.table(2)[1][0] != Decision.SEND or ">send<" in html


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567.0, "1,234,567"),
        (0.0123456, "0.01235"),
        (float("nan"), ""),
        (True, "True"),
        (7, "7"),
    ],
)
def test_values_of_a_table_are_short(value: object, shown: str) -> None:
    assert short(value) == shown


def test_no_result_imports_what_draws_before_it_is_asked_to() -> None:
    code = (
        "import sys; from cluster_emu import ClusterModel, compare;"
        "repr(ClusterModel('paper', rng=1).run());"
        "assert 'cluster_emu.view' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
