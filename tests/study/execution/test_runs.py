"""Single runs: studies and `ClusterModel.run` step through the same loop."""

from __future__ import annotations

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.study import simulate
from tests._support.small_scenarios import scenario

TICK_S = 0.1
DURATION_S = 60.0


def mostly_quiet() -> Scenario:
    """One migration at the start of a minute of short ticks."""
    run = {"duration_s": DURATION_S, "tick_s": TICK_S, "stop_when_idle": False}
    return scenario(pages=100, run=run)


def test_a_study_skips_the_ticks_that_a_run_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = []
    account = ClusterModel.account

    def noted(model: ClusterModel, end_s: float) -> None:
        ends.append(end_s)
        account(model, end_s)

    monkeypatch.setattr(ClusterModel, "account", noted)
    ClusterModel(mostly_quiet(), rng=1).run()
    of_run = ends.copy()
    ends.clear()
    simulate(mostly_quiet(), 1)

    assert ends == of_run
    assert len(ends) < 0.2 * DURATION_S / TICK_S


def test_a_study_has_the_tables_of_a_run() -> None:
    expected = ClusterModel(mostly_quiet(), rng=1).run()
    found = simulate(mostly_quiet(), 1)

    assert found.tables.keys() == expected.tables.keys()
    for name, table in expected.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], table, check_exact=True)


def test_progress_goes_from_the_start_to_the_end_of_simulated_time() -> None:
    calls: list[tuple[float, float]] = []
    simulate(mostly_quiet(), 1, progress=lambda done, total: calls.append((done, total)))

    done = [time_s for time_s, _ in calls]
    assert done[0] == 0.0
    assert done == sorted(done)
    assert done[-1] == pytest.approx(DURATION_S - TICK_S)
    assert {total for _, total in calls} == {DURATION_S}
