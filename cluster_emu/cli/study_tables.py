"""Studies as tables to read; imported by the command when it has run."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_emu.cli.output import show_lines, show_table
from cluster_emu.cli.tables import precision_in_words
from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.study.report.answers import HEADLINE, axis_names, axis_value, place_in_words
from cluster_emu.study.report.comparison import PairedDifference
from cluster_emu.study.report.grid import BatchReport, GroupDifference, GroupMeans, Place, SameRule
from cluster_emu.study.statistics.verdicts import Verdict
from cluster_emu.wording import interval, number, percent

TOGETHER = "makespan_s"
"""The metric of all migrations together, which says nothing besides for a single one."""
MOST_ROWS = 60
MOST_PLACES = 4

DIFFERENT = (Verdict.LOWER, Verdict.HIGHER)


def show_study(report: BatchReport) -> None:
    """Print means by group of cells, where strategies differ, and which are one rule."""
    shown = [name for name in HEADLINE if _exceeds(name, 0, report.means)]
    if _exceeds("migrations", 1, report.means):
        shown += [name for name in (TOGETHER,) if _exceeds(name, 0, report.means)]
    metrics = [metric_catalogue[name] for name in shown]
    if metrics:
        _show_means(report, metrics)
        _show_differences(report, metrics)
    show_lines("Precision", _precision(report))
    show_lines("The same rule twice", [_same_rule(one) for one in report.same_rules])


def _precision(report: BatchReport) -> list[str]:
    """Return how many intervals are as narrow as was asked for, and which are not."""
    if not report.until:
        return []
    missed = [one for one in report.until if not one.achieved.reached]
    reached = len(report.until) - len(missed)
    shown = [
        ": ".join(filter(None, [place_in_words(one.axes), precision_in_words(one.achieved)]))
        for one in missed[:MOST_PLACES]
    ]
    rest = len(missed) - len(shown)
    more = [f"and {rest} more (until.csv)"] if rest > 0 else []
    return [f"{reached} of {len(report.until)} goals are reached (until.csv)", *shown, *more]


def _exceeds(name: str, least: float, means: Sequence[GroupMeans]) -> bool:
    """Return whether a metric has a mean of more than that in any group."""
    found = [group.means[name].mean for group in means if name in group.means]
    return any(mean is not None and mean > least for mean in found)


def _show_means(report: BatchReport, metrics: Sequence[Metric]) -> None:
    axes = axis_names(list(report.means[0].axes))
    rows = [
        (*_place(group.axes), group.strategy, *(_mean(group, metric) for metric in metrics))
        for group in report.means[:MOST_ROWS]
    ]
    names = [f"{metric.label} {metric.unit}".rstrip() for metric in metrics]
    show_table(
        f"{report.study}: mean [95 % interval] of each group",
        (*axes, "strategy", *names),
        rows,
        text_columns=len(axes) + 1,
    )
    _show_rest(len(report.means), "means.csv")


def _mean(group: GroupMeans, metric: Metric) -> str:
    found = group.means[metric.name]
    shown = number(None if found.mean is None else found.mean * metric.scale)
    return f"{shown} {interval(*found.ci95, metric.scale)}".rstrip()


def _show_differences(report: BatchReport, metrics: Sequence[Metric]) -> None:
    """Print the verdicts of the places and pairs in which a metric shown is lower or higher."""
    by_pair: dict[tuple[str, str, str], dict[str, GroupDifference]] = {}
    for one in report.paired:
        names = (place_in_words(one.axes), one.difference.a, one.difference.b)
        by_pair.setdefault(names, {})[one.difference.metric] = one
    if not by_pair:
        return
    shown = [metric.name for metric in metrics]
    differing = [
        found
        for found in by_pair.values()
        if any(found[name].difference.verdict in DIFFERENT for name in shown)
    ]
    rows = [_difference_row(found, shown) for found in differing[:MOST_ROWS]]
    if rows:
        axes = axis_names(list(report.means[0].axes))
        header = (*axes, "strategies", *(metric.label for metric in metrics))
        show_table("Where strategies differ", header, rows, text_columns=len(header))
        _show_rest(len(differing), "paired.csv")
    left = len(by_pair) - len(differing)
    if left:
        which = f"{left} of {len(by_pair)} comparisons"
        show_lines(
            "No practical difference, or undecided",
            [f"{which}: {Verdict.NO_PRACTICAL_DIFFERENCE} or {Verdict.UNDECIDED} (paired.csv)"],
        )


def _difference_row(found: dict[str, GroupDifference], shown: Sequence[str]) -> list[str]:
    first = found[shown[0]]
    pair = f"{first.difference.b} against {first.difference.a}"
    return [*_place(first.axes), pair, *(_verdict(found[name].difference) for name in shown)]


def _verdict(pair: PairedDifference) -> str:
    size = percent(pair.relative_difference) if pair.verdict in DIFFERENT else ""
    return f"{pair.verdict} ({size})" if size else pair.verdict


def _show_rest(rows: int, file: str) -> None:
    if rows > MOST_ROWS:
        show_lines("More", [f"{rows - MOST_ROWS} further rows are in {file}"])


def _place(place: Place) -> list[str]:
    return [axis_value(value) for value in place.values()]


def _same_rule(found: SameRule) -> str:
    words = f"{found.a} and {found.b} have equal truth tables"
    if len(found.places) == found.of:
        return f"{words}: the study compares a rule with itself"
    shown = "; ".join(place_in_words(place) for place in found.places[:MOST_PLACES])
    more = len(found.places) - MOST_PLACES
    rest = f"; and {more} more" if more > 0 else ""
    return f"{words} in {len(found.places)} of {found.of} groups: {shown}{rest}"
