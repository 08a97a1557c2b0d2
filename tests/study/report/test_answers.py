"""The sentences that answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster_emu.study import compare
from cluster_emu.study.report.answers import (
    HEADLINE,
    batch_answer,
    comparison_answer,
    run_answer,
)
from cluster_emu.study.report.comparison import ComparisonReport, PairedDifference
from cluster_emu.study.report.figures import MeanFigure
from cluster_emu.study.report.grid import GroupDifference, GroupMeans, SameRule

SUMMARY = {
    "migrations": 1.0,
    "completed": 1.0,
    "not_converged": 0.0,
    "failed": 0.0,
    "unfinished": 0.0,
    "total_time_s": 14.41,
    "downtime_s": 0.0147,
    "fault_stall_s": 0.0,
    "bytes": 1.8e9,
    "total_bytes": 1.8e9,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "The migration completed in 14.41 s with a downtime of 14.7 ms; it sent 1,800 MB.",
        ),
        (
            {"fault_stall_s": 43.7},
            "The migration completed in 14.41 s with a downtime of 14.7 ms and 43.7 s of waits for "
            "pages after the resume; it sent 1,800 MB.",
        ),
        (
            {"migrations": 193.0, "completed": 193.0, "total_bytes": 2.7e11},
            "All 193 migrations completed, on average in 14.41 s with a downtime of 14.7 ms; all "
            "together sent 270 GB.",
        ),
        (
            {"migrations": 20.0, "completed": 17.0, "not_converged": 2.0, "failed": 1.0},
            "17 of 20 migrations completed (2 did not converge and 1 failed), on average in "
            "14.41 s with a downtime of 14.7 ms; all together sent 1.8 GB.",
        ),
        (
            {"migrations": 2.0, "cancelled": 1.0},
            "1 of 2 migrations completed (1 cancelled), on average in 14.41 s with a downtime of "
            "14.7 ms; all together sent 1.8 GB.",
        ),
        (
            {"completed": 0.0, "cancelled": 1.0},
            "None of 1 migration completed: 1 cancelled.",
        ),
        (
            {"migrations": 1.0, "completed": 0.0, "unfinished": 1.0},
            "None of 1 migration completed: 1 did not finish.",
        ),
        ({"migrations": 0.0, "completed": 0.0}, "No migration took place."),
    ],
)
def test_one_run(changes: dict[str, float], expected: str) -> None:
    assert run_answer(SUMMARY | changes) == expected


@pytest.fixture(scope="module")
def report() -> ComparisonReport:
    return compare("paper", ["time-series", "history-majority"], replications=2).report()


def with_verdicts(report: ComparisonReport, verdict: str, **changes: Any) -> ComparisonReport:
    """Return the report with one verdict, and a relative difference of 9 %, for every metric."""
    pairs = tuple(
        replace(pair, verdict=verdict, relative_difference=0.09) for pair in report.paired
    )
    return replace(report, paired=pairs, **changes)


def test_no_practical_difference_is_explained(report: ComparisonReport) -> None:
    same = with_verdicts(report, "no practical difference", reasons=("857 of 860 end early",))
    assert comparison_answer(same) == (
        "history-majority makes no practical difference to total time, downtime and data sent "
        "against time-series: 857 of 860 end early (2 replications)."
    )


def test_differences_and_what_is_undecided_are_told_apart(report: ComparisonReport) -> None:
    open_question = with_verdicts(report, "undecided")
    assert comparison_answer(open_question) == (
        "history-majority against time-series: undecided: total time, downtime and data sent "
        "(2 replications)."
    )
    pairs = tuple(
        replace(pair, verdict="higher") if pair.metric == "downtime_s" else pair
        for pair in open_question.paired
    )
    assert comparison_answer(replace(open_question, paired=pairs)) == (
        "Against time-series, history-majority has higher downtime (+9 %); undecided: total time "
        "and data sent (2 replications)."
    )


def test_of_many_the_lowest_and_those_alike_are_named() -> None:
    names = ["pre-copy", "post-copy", "time-series", "history-majority"]
    said = compare("paper", names, replications=10).answer
    assert said.startswith("Lowest total time: post-copy; lowest downtime: post-copy; lowest ")
    assert "lowest stalls by demand faults: pre-copy, time-series and history-majority" in said


def group(share: float, strategy: str, mean: float) -> GroupMeans:
    means = {name: MeanFigure(mean, (mean, mean), 5) for name in HEADLINE}
    return GroupMeans({"vms.0.profile.probability": share}, strategy, means)


def difference(share: float, verdict: str) -> GroupDifference:
    place = {"vms.0.profile.probability": share}
    found = PairedDifference("downtime_s", "ma", "qemu", 1.0, (1.0, 1.0), 0.1, 5, 0, 0.1, verdict)
    return GroupDifference(place, found)


def test_a_study_of_two_counts_its_groups() -> None:
    means = [group(share, name, 0.0) for share in (0.2, 0.4) for name in ("ma", "qemu")]
    means = [replace(one, means={"downtime_s": MeanFigure(1.0, (1, 1), 5)}) for one in means]
    paired = [difference(0.2, "lower"), difference(0.4, "undecided")]
    assert batch_answer(("ma", "qemu"), means, paired, []) == (
        "qemu against ma: downtime: lower in 1 and undecided in 1 of 2 groups."
    )
    same = [SameRule("ma", "qemu", ({}, {}), 2)]
    assert batch_answer(("ma", "qemu"), means, paired, same).endswith(
        "because they are the same rule."
    )


def test_a_study_of_one_says_where_its_figures_are_low_and_high() -> None:
    means = [group(0.2, "ma", 1.0), group(0.4, "ma", 3.0)]
    assert batch_answer(("ma",), means, [], []) == (
        "Mean total time 1 s to 3 s, downtime 1,000 ms to 3,000 ms, stalls by demand faults 1 s to "
        "3 s and data sent 1e-06 MB to 3e-06 MB, from probability = 0.2 to probability = 0.4."
    )


def test_a_study_of_many_counts_who_is_lowest() -> None:
    means = [
        group(share, name, mean)
        for share, values in ((0.2, (3, 2, 1)), (0.4, (1, 2, 3)), (0.6, (2, 2.5, 3)))
        for name, mean in zip(("ma", "qemu", "xen-v2"), values, strict=True)
    ]
    assert batch_answer(("ma", "qemu", "xen-v2"), means, [], []) == (
        "Lowest mean total time, downtime, stalls by demand faults and data sent: ma in 2 and "
        "xen-v2 in 1 of 3 groups."
    )


def test_a_study_in_which_nothing_completed_says_so() -> None:
    assert "nothing to compare" in batch_answer(("ma",), [group(0.2, "ma", 0.0)], [], [])
