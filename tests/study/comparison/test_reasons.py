"""What counts of migrations explain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster_emu.study import compare
from cluster_emu.study.comparison.reasons import reasons
from cluster_emu.study.execution.runs import StudyRun
from cluster_emu.study.report.comparison import PairedDifference

ONE = StudyRun(
    summary={
        "migrations": 430,
        "completed": 430,
        "pages_sent_precopy": 300.0,
        "pages_skipped": 75.0,
        "pages_deferred": 25.0,
    },
    few_pages_left=428,
    live_rounds={2: 400, 6: 30},
)
OTHER = replace(ONE, few_pages_left=429)
RUNS = {"time-series": (ONE, OTHER), "history-majority": (ONE, OTHER)}
HISTORIES = {"time-series": 5, "history-majority": 5}


def pair(verdict: str) -> PairedDifference:
    return PairedDifference(
        "downtime_s", "time-series", "history-majority", 0.0, (0.0, 0.0), 0.0, 2, 0, 1e-4, verdict
    )


def test_few_pages_left_short_histories_and_pages_held_back() -> None:
    assert reasons(RUNS, [pair("no practical difference")], [], HISTORIES) == (
        "857 of 860 migrations with either strategy end with fewer than 50 pages left to send "
        "while the VM is stopped",
        "800 of 860 migrations with time-series end before its history of 5 rounds is full",
        "800 of 860 migrations with history-majority end before its history of 5 rounds is full",
        "of the pages that a live round visits, time-series holds back 25 % and history-majority "
        "holds back 25 %",
    )


def test_counts_that_differ_are_both_given() -> None:
    runs = {**RUNS, "history-majority": (ONE, ONE)}
    found = reasons(runs, [pair("undecided")], [], {})
    assert found[0].startswith(
        "857 of 860 migrations with time-series and 856 of 860 with history-majority end with"
    )


def test_a_difference_that_is_shown_needs_no_such_reason() -> None:
    assert reasons(RUNS, [pair("higher")], [], HISTORIES) == ()


@pytest.mark.parametrize("few", [0, 215])
def test_what_holds_of_half_or_fewer_explains_nothing(few: int) -> None:
    runs = {label: (replace(ONE, few_pages_left=few, live_rounds={7: 430}),) for label in RUNS}
    found = reasons(runs, [pair("undecided")], [], HISTORIES)
    assert [text for text in found if "held" not in text and "holds back" not in text] == []


def test_migrations_that_do_not_complete_are_said() -> None:
    left = replace(ONE, summary={**ONE.summary, "migrations": 450})
    runs = {**RUNS, "history-majority": (left, left)}
    assert reasons(runs, [pair("higher")], [], {}) == (
        "40 of 900 migrations with history-majority do not complete; mean times are over "
        "those that do",
    )


def test_the_counts_are_those_of_the_runs() -> None:
    names = ("time-series", "history-majority")
    found = compare("single", names, replications=3, fields={"vms.0.profile": "idle"})
    few = {label: sum(run.few_pages_left for run in found.reports[label]) for label in names}
    rounds = [run.live_rounds for label in names for run in found.reports[label]]

    assert few == dict.fromkeys(names, 3)
    assert all(sum(each.values()) == 1 for each in rounds)
    assert any(
        "3 of 3 migrations with either strategy end with" in x for x in found.report().reasons
    )


def test_few_pages_of_a_small_vm_are_not_few() -> None:
    found = compare("paper", ["history-majority"], replications=2)
    assert [run.few_pages_left for run in found.reports["history-majority"]] == [0, 0]
