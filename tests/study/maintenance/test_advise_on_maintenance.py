"""Which order of a campaign is advised, in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_emu import ScenarioError
from cluster_emu.cli import app
from cluster_emu.study import advise_on_maintenance
from tests.maintenance.test_campaign import scenario
from tests.study.maintenance.test_maintain import TOML

ORDERS = ("1-at-a-time", "2-at-a-time")


def test_the_fastest_way_that_interrupts_nobody_for_too_long_is_taken() -> None:
    given_scenario = scenario([{"count": 8}], 8)
    every = advise_on_maintenance(given_scenario, orders=ORDERS, replications=2).report()

    assert [way.order for way in every.ways] == ["2-at-a-time", "1-at-a-time"]
    assert every.recommended == 0
    assert every.answer.startswith("Take 2-at-a-time, policy none: ")
    slow, fast = every.ways[1], every.ways[0]
    assert slow.worst_interrupted_s < fast.worst_interrupted_s  # links are shared by fewer
    between_s = (slow.worst_interrupted_s + fast.worst_interrupted_s) / 2
    strict = advise_on_maintenance(
        given_scenario, orders=ORDERS, replications=2, max_interrupted_s=between_s
    ).report()
    assert [way.order for way in strict.ways] == ["1-at-a-time", "2-at-a-time"]
    assert strict.answer.startswith("Take 1-at-a-time")


def test_where_no_way_qualifies_the_answer_says_so() -> None:
    given_scenario = scenario([{"count": 3}, {"migratable": False}])
    blocked = advise_on_maintenance(given_scenario, orders=ORDERS, replications=1).report()

    assert blocked.recommended is None
    assert "In no way do all hosts come back; fewest are left (1)" in blocked.answer


def test_orders_given_twice_are_refused() -> None:
    with pytest.raises(ScenarioError, match="orders"):
        advise_on_maintenance(scenario([{"count": 1}]), orders=["racks", "racks"])


def test_the_command_compares_orders_and_policies(tmp_path: Path) -> None:
    file, out = tmp_path / "named.toml", tmp_path / "out"
    file.write_text(TOML, "utf-8")
    words = ["advise", str(file), "--orders", "racks,1-at-a-time", "--policies", "nova,xen"]
    words += ["--reboot", "1m", "--replications", "1", "--out", str(out)]

    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, done.output
    assert "Recommended" in done.output
    report = json.loads((out / "maintenance_advice.json").read_text("utf-8"))
    assert len(report["ways"]) == 4
    assert (out / "ways.csv").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--orders", "two"), "--orders = 'two'"),
        (("--orders", "racks", "--strategies", "qemu"), "no --strategies beside it"),
        (("--orders", "racks", "--host", "omega"), "--host = 'omega'"),
        (("--reboot", "10m", "--host", "alpha"), "only with --orders"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    file = tmp_path / "named.toml"
    file.write_text(TOML, "utf-8")

    done = CliRunner().invoke(app, ["advise", str(file), *words])

    assert done.exit_code == 2, done.output
    assert message in done.output
