"""What is recorded of a migration that a crash, a policy or the end of the run aborts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import WIRE, scenario
from tests.test_invariants import check_sums

BUSY = {"name": "uniform", "writes_per_page_s": 2.0}
LINK_DOWN = {"kind": "link-down", "between": [0, 3], "at_s": 2.0}


def moving(*faults: dict[str, Any], until_s: float = 20.0, **more: Any) -> Scenario:
    """Return a scenario in which a VM of 4,000 pages leaves host 0 for host 1, at 1,000 pages/s."""
    run = {"duration_s": until_s, "tick_s": 1.0, "control_interval_s": 10.0}
    return scenario(
        hosts=3,
        pages=4_000,
        profile=BUSY,
        run={**run, "stop_when_idle": False},
        faults=list(faults),
        **more,
    )


def crash(host: int, at_s: float) -> dict[str, Any]:
    return {"kind": "host-crash", "host": host, "at_s": at_s}


def result(given_scenario: Scenario) -> RunResult:
    """Run it and check that the sums over rounds are those of the migrations."""
    model = ClusterModel(given_scenario, rng=1)
    found = model.run()
    check_sums(model, found.migrations, found.rounds)
    return found


def row_of(found: RunResult) -> pd.Series:
    (_, row), *_ = found.migrations.iterrows()
    return row


# --- post-copy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [0, 1])
def test_a_push_has_had_its_faults_and_stalls_whether_aborted_or_cut(host: int) -> None:
    ended = row_of(result(moving(strategy="post-copy", until_s=3.0)))
    crashed = row_of(result(moving(crash(host, 3.0), strategy="post-copy")))
    assert (ended.outcome, crashed.outcome) == ("unfinished", "failed")
    assert ended.demand_faults > 100
    assert 0 < ended.fault_stall_s < 3.0
    for name in ("demand_faults", "fault_stall_s", "pages_sent_postcopy", "bytes"):
        assert crashed[name] == ended[name], name


def test_a_vm_that_waits_for_a_page_over_a_dead_link_stalls_until_the_run_ends() -> None:
    found = result(moving(LINK_DOWN, strategy="post-copy"))
    row, service = row_of(found), found.tables["service"].iloc[0]
    assert row.why == "post-copy when the run ended"
    assert row.demand_faults > 100
    assert 18.0 < row.fault_stall_s <= 20.0
    assert service["cpu_lost_to_migration_s"] == pytest.approx(row.fault_stall_s, rel=1e-9)


# --- stop-and-copy -------------------------------------------------------------------------------


def stopping(*faults: dict[str, Any], until_s: float = 20.0) -> Scenario:
    """Return a scenario of an idle VM: paused 4 s, suspended 4.5 s, sent 5 s, resumed 5.5 s."""
    costs = {"suspend_s": 0.5, "device_state_bytes": 500 * WIRE, "resume_s": 0.5}
    quiet = {"name": "uniform", "writes_per_page_s": 0.0}
    encoder = "compression:ratio=1,cpu_bytes_per_s=1e9"
    given_scenario = moving(*faults, until_s=until_s, transfer={**costs, "encoders": [encoder]})
    return given_scenario.with_fields({"vms.0.profile": quiet})


def test_stop_and_copy_lasts_from_the_pause_to_the_resume() -> None:
    found = result(stopping())
    row, stopped = row_of(found), found.rounds.iloc[-1]
    assert (row.pause_s, row.resume_s) == pytest.approx((4.0, 5.5))
    assert (stopped.start_s, stopped.end_s) == (row.pause_s, row.resume_s)


@pytest.mark.parametrize("breaks", ["crash", "end of run"])
@pytest.mark.parametrize(("at_s", "sent_pages"), [(4.25, 0), (4.75, 250), (5.25, 500)])
def test_a_stop_that_is_broken_off_has_its_row(at_s: float, sent_pages: int, breaks: str) -> None:
    given_scenario = stopping(until_s=at_s) if breaks == "end of run" else stopping(crash(1, at_s))
    found = result(given_scenario)
    row, stopped = row_of(found), found.rounds[found.rounds["migration"] == 0].iloc[-1]
    assert stopped.phase == "stop-and-copy"
    assert (stopped.start_s, stopped.end_s) == (row.pause_s, at_s)
    assert (stopped.sent, row.pages_sent_stop) == (0, 0)  # that is device state only
    assert stopped.bytes == pytest.approx(sent_pages * WIRE)


@pytest.mark.parametrize("faults", [[crash(1, 9.0)], []])
def test_a_vm_paused_over_a_dead_link_is_down_until_the_end(faults: list[dict[str, Any]]) -> None:
    found = result(stopping({**LINK_DOWN, "at_s": 4.75}, *faults, until_s=12.0))
    row, end_s = row_of(found), 9.0 if faults else 12.0
    assert row.outcome == ("failed" if faults else "unfinished")
    assert row.downtime_s == pytest.approx(end_s - 4.0)
    assert found.summary["downtime_max_s"] == row.downtime_s
    assert found.tables["service"]["paused_s"].tolist() == pytest.approx([end_s - 4.0])
