"""Why strategies differ or do not, where counts of their migrations say so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from cluster_emu.study.execution.runs import FEW_PAGES, StudyRun
from cluster_emu.study.report.answers import INCOMPLETE
from cluster_emu.study.report.comparison import PairedDifference
from cluster_emu.study.statistics.verdicts import Verdict
from cluster_emu.wording import counted, listed, percent

EXPLAINED = ("total_time_s", "downtime_s", "bytes")
"""The metrics whose differences, or lack of them, are explained."""
MOST = 0.5
"""Share of the migrations of which something must hold for it to explain anything."""

Runs = Mapping[str, Sequence[StudyRun]]


def reasons(
    runs: Runs,
    paired: Sequence[PairedDifference],
    same_rules: Sequence[tuple[str, str]],
    histories: Mapping[str, int],
) -> tuple[str, ...]:
    """Return what counts explain, one sentence each, the most telling first.

    Args:
        runs: the runs of each strategy.
        paired: the differences between strategies.
        same_rules: pairs of strategies that are one rule.
        histories: the number of rounds that each strategy looks back on.
    """
    alike = _not_shown_to_differ(runs, paired)
    return (
        *(
            f"{a} and {b} are the same rule: they send the same pages and stop alike"
            for a, b in same_rules
        ),
        *_few_pages_left(runs, alike),
        *_short_histories(runs, alike, histories),
        *_held_back(runs, alike),
        *_incomplete(runs),
    )


def _not_shown_to_differ(runs: Runs, paired: Sequence[PairedDifference]) -> list[str]:
    """Return the strategies that are shown to differ from another one in no metric explained."""
    shown = {
        (pair.a, pair.b)
        for pair in paired
        if pair.metric in EXPLAINED and pair.verdict in (Verdict.LOWER, Verdict.HIGHER)
    }
    pairs = {(pair.a, pair.b) for pair in paired}
    alike = {label for pair in pairs - shown for label in pair}
    return [label for label in runs if label in alike]


def _few_pages_left(runs: Runs, labels: Sequence[str]) -> Iterator[str]:
    few = {label: sum(run.few_pages_left for run in runs[label]) for label in labels}
    completed = {label: _count(runs[label], "completed") for label in labels}
    if labels and all(few[label] > MOST * completed[label] for label in labels):
        yield (
            f"{_counts(few, completed)} end with fewer than {FEW_PAGES} pages left to send while "
            "the VM is stopped"
        )


def _short_histories(
    runs: Runs, labels: Sequence[str], histories: Mapping[str, int]
) -> Iterator[str]:
    for label in labels:
        history, completed = histories.get(label, 1), _count(runs[label], "completed")
        short = sum(
            count
            for run in runs[label]
            for live_rounds, count in run.live_rounds.items()
            if live_rounds < history
        )
        if history > 1 and short > MOST * completed:
            yield (
                f"{short:,} of {counted(completed, 'migration')} with {label} end before its "
                f"history of {history} rounds is full"
            )


def _held_back(runs: Runs, labels: Sequence[str]) -> Iterator[str]:
    """Yield the share of the pages that live rounds visit and do not send."""
    shares = {}
    for label in labels:
        held_back = _pages(runs[label], "pages_skipped", "pages_deferred")
        visited = held_back + _pages(runs[label], "pages_sent_precopy")
        if visited:
            shares[label] = held_back / visited
    if any(shares.values()):
        words = [
            f"{label} holds back {percent(share).lstrip('+')}" for label, share in shares.items()
        ]
        yield f"of the pages that a live round visits, {listed(words)}"


def _incomplete(runs: Runs) -> Iterator[str]:
    for label, each in runs.items():
        migrations, completed = _count(each, "migrations"), _count(each, "completed")
        if completed < migrations:
            yield (
                f"{migrations - completed:,} of {counted(migrations, 'migration')} with {label} "
                f"{INCOMPLETE}; mean times are over those that do"
            )


def _counts(some: Mapping[str, int], of: Mapping[str, int]) -> str:
    """Return counts by strategy in words; one count where all strategies have the same."""
    labels = list(some)
    if len({(some[label], of[label]) for label in labels}) == 1 and len(labels) > 1:
        which = "either" if len(labels) == 2 else "each"
        return f"{some[labels[0]]:,} of {counted(of[labels[0]], 'migration')} with {which} strategy"
    return listed(
        [
            f"{some[label]:,} of {of[label]:,}{' migrations' if place == 0 else ''} with {label}"
            for place, label in enumerate(labels)
        ]
    )


def _count(runs: Sequence[StudyRun], name: str) -> int:
    return int(sum(run.summary.get(name, 0) for run in runs))


def _pages(runs: Sequence[StudyRun], *names: str) -> float:
    """Return pages of all migrations, whose mean per migration is in the summary."""
    means = (
        (run.summary.get(name, math.nan), run.summary.get("migrations", 0))
        for run in runs
        for name in names
    )
    return sum(mean * count for mean, count in means if not math.isnan(mean))
