"""`maintain`: figures over replications, by hand and in pairs, saved, drawn and said in words."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cluster_emu import ScenarioError
from cluster_emu.cli import app
from cluster_emu.scenario import Scenario
from cluster_emu.study import CampaignStudy, maintain
from cluster_emu.study.execution.runs import simulate
from cluster_emu.study.maintenance.run import campaign_run_of
from tests.maintenance.test_campaign import scenario

TOML = """
name = "named"
[run]
duration_s = "24 h"
fidelity = "lumped"
[topology]
name = "leaf-spine"
leaves = 2
spines = 1
hosts_per_leaf = 2
host_bps = "10 Gbit/s"
[[hosts]]
count = 4
cpu_capacity = 16
memory_bytes = "32 GiB"
names = ["alpha", "beta", "gamma", "delta"]
[[vms]]
count = 8
cpu_capacity = 2
memory_bytes = "4 GiB"
profile = "web"
names = ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"]
"""


@pytest.fixture(scope="module")
def study() -> CampaignStudy:
    return maintain(named(), order="2-at-a-time", reboot_s=50.0, replications=3, seed=4)


def named() -> Scenario:
    import tomllib

    from cluster_emu.scenario.spec import scenario_from

    return scenario_from(tomllib.loads(TOML))


def command(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["maintain", *map(str, words)])
    return done.exit_code, done.output


def test_figures_of_one_campaign_are_those_of_its_tables() -> None:
    given_scenario = scenario([{"count": 4}], order="1-at-a-time")
    result = simulate(given_scenario, 1)
    run = campaign_run_of(result, given_scenario)
    hosts = result.tables["maintenance"]

    time_s = hosts["back_s"].max()
    assert run.figures["campaign_s"] == time_s
    assert run.figures["moves"] == 5
    assert run.figures["most_moves_of_a_vm"] == 2
    # One of four equal hosts is out at any time.
    assert run.figures["capacity_out_share"] == pytest.approx(0.25)
    assert run.figures["reduced_share"] == pytest.approx(1.0)
    downtime_s = result.migrations.groupby("vm")["downtime_s"].sum()
    assert run.figures["downtime_max_s"] == downtime_s.max()


def test_a_host_that_does_not_come_back_leaves_the_campaign_without_an_end() -> None:
    given_scenario = scenario([{"count": 4}], 8, hosts=[0, 1], reboot_failure_share=1.0)
    run = campaign_run_of(simulate(given_scenario, 1), given_scenario)

    assert math.isinf(run.figures["campaign_s"])
    # Host 0 is out from the begin to the end, host 1 from the end of the drain of host 0 on.
    begin_s = run.hosts["drain_s"][1]
    end_s = run.hosts["reboot_s"][1]
    assert run.figures["capacity_out_share"] == pytest.approx((2 * end_s - begin_s) / (8 * end_s))


def test_the_report_has_names_seeds_and_a_comparison(study: CampaignStudy) -> None:
    report = study.report()

    assert report.done == report.replications == 3
    assert {vm.name for vm in report.worst_vms} == {f"v{number}" for number in range(8)}
    assert report.naive is not None
    assert report.moves.mean == pytest.approx(study.campaigns["moves"].mean())
    assert report.answer.startswith("Rebooting 4 hosts (2-at-a-time) takes ")
    assert set(study.hosts["name"]) == {"alpha", "beta", "gamma", "delta"}


def test_the_result_does_not_depend_on_the_number_of_processes(study: CampaignStudy) -> None:
    other = maintain(named(), order="2-at-a-time", reboot_s=50.0, replications=3, seed=4, jobs=2)

    for name in ("campaigns", "hosts", "vms"):
        pd.testing.assert_frame_equal(getattr(study, name), getattr(other, name), check_exact=True)


def test_hosts_are_meant_by_name() -> None:
    study = maintain(named(), hosts=["*lta", "beta"], replications=1, compare_naive=False)

    assert study.hosts["name"].tolist() == ["beta", "delta"]
    assert study.report().naive is None


def test_a_blocked_host_serves_until_the_end() -> None:
    given_scenario = scenario([{"migratable": False}, {"count": 3}], order="racks", hosts=[0, 1])
    run = campaign_run_of(simulate(given_scenario, 1), given_scenario)

    hosts = run.hosts
    assert hosts["phase"].tolist() == ["blocked", "done"]
    assert hosts["back_s"][1] == hosts["blocked_s"][0]
    # While host 1 reboots host 0 waits; then it is tried again alone, and given up at once.
    assert hosts["out_s"].tolist() == [hosts["back_s"][1]] * 2
    assert run.figures["capacity_out_share"] == pytest.approx(0.5)


def test_a_campaign_in_which_every_host_is_blocked_at_once_has_no_reduced_time() -> None:
    given_scenario = scenario([{"count": 4, "migratable": False}], start_s=5.0)
    run = campaign_run_of(simulate(given_scenario, 1), given_scenario)

    assert (run.hosts["phase"] == "blocked").all()
    assert (run.hosts["out_s"] == 0.0).all()
    assert run.figures["reduced_share"] == 0.0


def test_a_blocked_host_is_named_with_its_reason() -> None:
    given_scenario = scenario([{"count": 3}, {"migratable": False}])
    report = maintain(given_scenario, replications=2).report()

    (left,) = report.hosts_left
    assert (left.host, left.phase, left.replications) == (3, "blocked", (0, 1))
    assert "host 3 (blocked: VM 3 may not migrate)" in report.answer
    assert report.done == 0


def test_the_command_writes_tables_and_a_figure_and_draws_it_again(tmp_path: Path) -> None:
    file = tmp_path / "named.toml"
    file.write_text(TOML, "utf-8")
    out = tmp_path / "out"

    status, text = command(
        file, "--order", "racks", "--reboot", "1m", "--replications", 2, "--out", out
    )

    assert status == 0, text
    assert "Rebooting 4 hosts (racks)" in text
    report = json.loads((out / "maintenance.json").read_text("utf-8"))
    assert report["reboot_s"] == 60.0
    assert np.isfinite(pd.read_csv(out / "campaigns.csv")["campaign_s"]).all()
    assert (out / "maintenance.png").stat().st_size > 10_000
    again = CliRunner().invoke(app, ["plot", str(out), "--out", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again" / "maintenance.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--order", "two"), "--order = 'two'"),
        (("--reboot", "soon"), "--reboot = 'soon'"),
        (("--host", "9"), "--host = 9"),
        (("--host", "omega"), "--host = 'omega'"),
        (("--replications", "0"), "--replications"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    file = tmp_path / "named.toml"
    file.write_text(TOML, "utf-8")

    status, text = command(file, *words)

    assert status == 2
    assert message in text


def test_an_unknown_host_is_refused_in_python() -> None:
    with pytest.raises(ScenarioError, match=r"maintenance\.hosts = 7"):
        maintain(named(), hosts=[7])


def test_moves_of_vms_that_come_later_count() -> None:
    flavour = {"cpu_capacity": 1, "memory_bytes": "1 GiB", "profile": "idle"}
    arrivals = {
        "process": "batch:size=4",
        "lifetime": "fixed:lifetime_s=100000",
        "flavours": [flavour],
    }
    study = maintain(named(), replications=1, compare_naive=False, fields={"arrivals": arrivals})

    vms = study.vms
    assert vms["vm"].max() >= 8
    assert set(vms.loc[vms["vm"] >= 8, "name"]) == {""}
    assert study.campaigns["moves"][0] == vms["moves"].sum()


def test_the_tick_divides_any_control_interval() -> None:
    given_scenario = named().with_fields({"run.tick_s": 5.0, "run.control_interval_s": 25.0})

    study = maintain(given_scenario, hosts=[0], replications=1, compare_naive=False)

    assert study.report().done == 1
