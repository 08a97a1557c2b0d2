"""Runs and comparisons as tables to read; imported by the commands when they have run."""

from __future__ import annotations

from itertools import combinations

from cluster_emu.cli.output import show_lines, show_table
from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.study.report.comparison import ComparisonReport, PairedDifference
from cluster_emu.study.report.figures import Interval, MeanFigure, OutcomeCount
from cluster_emu.study.report.run import RunReport
from cluster_emu.study.statistics.stopping import Achieved
from cluster_emu.wording import counted, interval, number, p_value, percent


def show_run(report: RunReport) -> None:
    """Print a run: its figures, how its migrations ended, and what was assumed."""
    title = f"{report.scenario}, {report.strategy}, seed {report.seed}"
    rows = [
        (metric.label, number(report.summary[metric.name] * metric.scale), metric.unit)
        for metric in metric_catalogue.compared()
    ]
    show_table(title, ("", "value", "unit"), rows)
    show_lines("CPU traces", [report.traces])
    show_lines("Migrations", [_ending(one) for one in report.outcomes] or ["none"])
    show_lines("Limits", [report.limits])
    show_lines("What the policies did", report.notes)
    show_lines("Assumptions", report.assumptions)


def show_comparison(report: ComparisonReport) -> None:
    """Print a comparison: means, paired differences, outcomes, and what was assumed."""
    compared = metric_catalogue.compared()
    zero = [metric for metric in compared if _is_zero(report.metrics[metric.name])]
    shown = [metric for metric in compared if metric not in zero]
    _show_means(report, shown)
    for a, b in combinations(report.strategies, 2):
        _show_differences(report, a, b, shown)
    show_lines("Zero in every run", [", ".join(metric.label for metric in zero)])
    show_lines("Why", report.reasons)
    show_lines("Precision", map(precision_in_words, report.until))
    show_lines("CPU traces", [report.traces])
    show_lines("Migrations", _endings(report))
    show_lines("What the policies did", _notes(report))
    show_lines("Assumptions", report.assumptions)


def precision_in_words(one: Achieved) -> str:
    """Return how narrow an interval is that a stopping rule asked for."""
    metric = metric_catalogue[one.metric]
    half = number(None if one.half_width is None else one.half_width * metric.scale)
    share = percent(one.relative_half_width).lstrip("+")
    size = f"+-{half} {metric.unit}".rstrip() + (f" ({share})" if share else "")
    reached = "reached" if one.reached else "not reached"
    return (
        f"{one.strategy}, {metric.label}: {size} after {counted(one.replications, 'replication')}; "
        f"{one.goal} {reached}"
    )


def _is_zero(means: dict[str, MeanFigure]) -> bool:
    """Return whether a metric is 0 in every run: then its interval, if it has one, is 0 to 0."""
    return all(one.mean == 0 and not any(one.ci95) for one in means.values())


def _show_means(report: ComparisonReport, shown: list[Metric]) -> None:
    labels = report.strategies
    rows = []
    for metric in shown:
        means = [report.metrics[metric.name][label] for label in labels]
        rows.append(
            (metric.label, metric.unit, *(_estimate(one.mean, one.ci95, metric) for one in means))
        )
    done, wanted = report.replications, report.replications_wanted
    count = counted(done, "replication") if done == wanted else f"only {done} of {wanted}"
    title = f"{report.scenario}: mean [95 % interval] of {count}"
    show_table(title, ("", "unit", *labels), rows, text_columns=2)


def _show_differences(report: ComparisonReport, a: str, b: str, shown: list[Metric]) -> None:
    pairs = {one.metric: one for one in report.paired if (one.a, one.b) == (a, b)}
    rows = [
        (
            metric.label,
            _verdict(pairs[metric.name]),
            metric.unit,
            _estimate(pairs[metric.name].mean_difference, pairs[metric.name].ci95, metric),
            percent(pairs[metric.name].relative_difference),
            _scaled(pairs[metric.name].smallest_difference, metric),
            p_value(pairs[metric.name].p_holm),
        )
        for metric in shown
    ]
    header = (
        "",
        "verdict",
        "unit",
        "difference [95 % interval]",
        "relative",
        "matters from",
        "p (Holm)",
    )
    show_table(f"{b} minus {a}, seed by seed", header, rows, text_columns=3)


def _estimate(mean: float | None, ends: Interval, metric: Metric) -> str:
    return f"{_scaled(mean, metric)} {interval(*ends, metric.scale)}".rstrip()


def _scaled(value: float | None, metric: Metric) -> str:
    return number(None if value is None else value * metric.scale)


def _verdict(pair: PairedDifference) -> str:
    """Return the verdict, how many pairs had no figure, and why there is no interval."""
    notes = []
    if pair.pairs_left_out:
        notes.append(f"{pair.pairs_left_out} pairs left out")
    if pair.pairs == 1:
        notes.append("one pair, no interval")
    return f"{pair.verdict} ({', '.join(notes)})" if notes else pair.verdict


def _endings(report: ComparisonReport) -> list[str]:
    return [
        f"{label}: {text}"
        for label, found in report.outcomes.items()
        for text in [_ending(one) for one in found] or ["none"]
    ]


def _ending(one: OutcomeCount) -> str:
    return f"{one.migrations} {one.outcome}: {one.why}"


def _notes(report: ComparisonReport) -> list[str]:
    return [f"{label}, {note}" for label, notes in report.notes.items() for note in notes]
