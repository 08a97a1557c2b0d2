"""Comparisons that add replications until intervals are narrow."""

from __future__ import annotations

import pytest

from cluster_emu import compare
from cluster_emu.errors import ScenarioError
from cluster_emu.study import Comparison, StudyInterrupted
from cluster_emu.study.statistics.estimates import estimate

STRATEGIES = ["time-series", "history-majority"]
UNTIL = "downtime_s:rel=0.1,min=10,max=200"


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare("paper", STRATEGIES, seed=0, until=UNTIL)


def half_widths(found: Comparison, count: int) -> list[float]:
    groups = found.runs.groupby("strategy")["downtime_s"]
    estimates = [estimate(values.to_numpy()[:count]) for _, values in groups]
    return [(one.high - one.mean) / one.mean for one in estimates if one.high and one.mean]


def test_it_stops_at_the_first_number_that_is_enough(found: Comparison) -> None:
    count = len(found.seeds)

    assert 10 < count < 200
    assert max(half_widths(found, count)) <= 0.1
    assert max(half_widths(found, count - 1)) > 0.1
    assert found.report().replications == found.report().replications_wanted == count


def test_it_is_the_comparison_of_as_many_replications(found: Comparison) -> None:
    plain = compare("paper", STRATEGIES, seed=0, replications=len(found.seeds))

    assert plain.runs.equals(found.runs)
    assert plain.paired.equals(found.paired)


def test_the_report_says_what_was_reached(found: Comparison) -> None:
    report = found.report()

    assert {one.strategy for one in report.until} == set(STRATEGIES)
    assert all(one.reached and one.replications == len(found.seeds) for one in report.until)
    assert any("in the order of their index" in sentence for sentence in report.assumptions)


def test_at_the_maximum_it_says_that_the_goal_is_not_reached() -> None:
    found = compare("paper", STRATEGIES, seed=0, until="downtime_s:rel=0.01,min=10,max=12")

    assert len(found.seeds) == 12
    assert not any(one.reached for one in found.until)


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(found: Comparison) -> None:
    assert compare("paper", STRATEGIES, seed=0, until=UNTIL, jobs=2).report() == found.report()


def test_an_interrupt_leaves_the_replications_that_have_ended() -> None:
    def stop(done: float, total: float) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(StudyInterrupted) as interrupt:
        compare("paper", STRATEGIES, seed=0, until=UNTIL, progress=stop)

    report = interrupt.value.partial.report()
    assert (report.replications, report.replications_wanted) == (3, 10)
    assert report.until == ()


def test_a_goal_that_is_none_is_refused_before_any_run() -> None:
    with pytest.raises(ScenarioError, match="until"):
        compare("paper", STRATEGIES, until="downtime:rel=0.1")
