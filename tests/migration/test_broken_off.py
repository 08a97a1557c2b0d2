"""What is kept of a migration that a crash, a policy or the end of the run breaks off."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from small_scenarios import scenario

from cluster_emu.accounting.results import RunResult
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario

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
    return ClusterModel(given_scenario, rng=1).run()


def row_of(found: RunResult) -> pd.Series:
    (_, row), *_ = found.migrations.iterrows()
    return row


# --- post-copy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [0, 1])
def test_a_push_has_had_its_faults_and_stalls_whatever_breaks_it_off(host: int) -> None:
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
