"""Below how many pages the migrations of a finished run could stop."""

from __future__ import annotations

import pandas as pd

from cluster_emu.building import create_chosen
from cluster_emu.building.transfer import manager_policy
from cluster_emu.observation.stop_line import stop_line
from cluster_emu.results.rows import Row, rows_of
from cluster_emu.scenario import Scenario
from cluster_emu.strategies import Mode, strategies
from cluster_emu.transfer.records import Phase


def stop_pages_of(scenario: Scenario, rounds: pd.DataFrame, migration: Row) -> float | None:
    """Return the pages at which a migration could stop, at the rate of its last live round.

    None if its stop rule knows no such number, or if it had no live round.

    Args:
        scenario: the scenario of the run.
        rounds: the table `rounds`.
        migration: the migration's row of the table `migrations`.
    """
    own = rounds[rounds["migration"] == migration["migration"]]
    live = own[(own["phase"] == Phase.PRE_COPY.value) & (own["sent"] > 0)]
    if live.empty or not migration.get("memory_pages"):
        return None
    strategy = create_chosen(strategies, scenario.transfer.strategy, "transfer.strategy")
    if strategy.mode not in (Mode.PRE_COPY, Mode.HYBRID):
        return None
    last = rows_of(live.nlargest(1, "end_s"))[0]
    page_bytes = float(scenario.vms[0].page_bytes)
    policy = manager_policy(scenario.transfer, strategy)
    controller = policy.create_controller(migration["memory_pages"] * page_bytes)
    duration_s = max(last["end_s"] - last["start_s"], 1e-12)
    wire_bytes = page_bytes + scenario.transfer.page_header_bytes
    return stop_line(controller, last["bytes"] / duration_s, page_bytes, wire_bytes).pages
