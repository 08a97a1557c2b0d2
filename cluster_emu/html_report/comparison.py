"""The page of a comparison of strategies."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pandas as pd

from cluster_emu.html_report.metric_cells import (
    PAIRED_HEADER,
    PAIRED_NOTE,
    endings,
    named,
    paired_cells,
    paired_frame,
    scaled,
    with_interval,
)
from cluster_emu.html_report.page import Card, Lines, Page, Picture, Section, Table
from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.study.comparison.result import as_columns
from cluster_emu.study.report.answers import HEADLINE
from cluster_emu.study.report.comparison import ComparisonReport
from cluster_emu.study.report.figures import MeanFigure
from cluster_emu.study.report.reading import read_report
from cluster_emu.view import draw_comparison
from cluster_emu.wording import counted, interval, listed, number

FILE = "compare.json"


def comparison_page(folder: Path) -> Page:
    """Return the page of a folder that `compare` wrote."""
    report = read_report(ComparisonReport, folder / FILE)
    known = [one for one in metric_catalogue.compared() if one.name in report.metrics]
    shown = [one for one in known if not _is_zero(report.metrics[one.name])]
    zero = [one.label for one in known if one not in shown]
    done, wanted = report.replications, report.replications_wanted
    sections = [
        Section("Means", [_picture(report), _means(report, shown)]),
        Section("Differences and verdicts", _differences(report, shown), PAIRED_NOTE),
        Section(
            "How the migrations went",
            [
                endings(report.outcomes, "strategy"),
                Lines(report.reasons, "Why strategies differ, or do not"),
                Lines([one for lines in _notes(report) for one in lines], "What the policies did"),
                Lines([f"{listed(zero)}."] if zero else [], "Zero in every run"),
            ],
        ),
        Section("Spread over the replications", [_quantiles(report, shown), *_runs(folder)]),
    ]
    if report.until:
        sections.insert(2, Section("Precision", [_precision(report)]))
    return Page(
        kind="Comparison of strategies",
        title=f"{listed(report.strategies)} on “{report.scenario}”",
        question=_question(report),
        answer=report.answer,
        cards=_cards(report),
        facts=[
            ("Scenario", report.scenario),
            ("Strategies", listed(report.strategies)),
            ("Replications", f"{done} per strategy, paired by seed (base seed {report.seed})"),
            ("CPU traces", report.traces),
            ("Runs", counted(done * len(report.strategies), "run")),
        ],
        sections=sections,
        assumptions=report.assumptions,
        seeds=report.seeds,
        warnings=[
            *([f"Interrupted: {done} of {wanted} replications ended."] if done < wanted else []),
            *(
                f"A run failed: {one.strategy}, seed {one.seed}: {one.error}"
                for one in report.failures
            ),
        ],
        versions=report.versions,
    )


def _question(report: ComparisonReport) -> str:
    if len(report.strategies) == 1:
        return f"How do migrations go with {report.strategies[0]} on “{report.scenario}”?"
    return (
        f"Which of {listed(report.strategies)} is better on “{report.scenario}”, and by how much?"
    )


def _is_zero(means: dict[str, MeanFigure]) -> bool:
    return all(one.mean == 0 and not any(one.ci95) for one in means.values())


def _cards(report: ComparisonReport) -> list[Card]:
    """Return the lowest mean of each headline metric, and whose it is."""
    cards = []
    for name in HEADLINE:
        means = {
            label: one
            for label, one in report.metrics.get(name, {}).items()
            if one.mean is not None
        }
        if not means or _is_zero(means):
            continue
        metric = metric_catalogue[name]
        best = min(means, key=lambda label: means[label].mean or 0.0)
        value = f"{scaled(means[best].mean, metric)} {metric.unit}".rstrip()
        lowest = f"Lowest mean {metric.label}" if len(means) > 1 else f"Mean {metric.label}"
        cards.append(Card(lowest, value, f"{best} {interval(*means[best].ci95, metric.scale)}"))
    return cards


def _picture(report: ComparisonReport) -> Picture:
    return Picture(
        "comparison",
        "Means of every strategy (left) and paired differences (right), with 95 % intervals",
        f"One row per main metric. Left, a point with its interval for each of "
        f"{listed(report.strategies)}; right, the paired differences with their verdicts. The "
        "tables below have all of its numbers.",
        lambda: draw_comparison(report),
    )


def _means(report: ComparisonReport, shown: list[Metric]) -> Table:
    rows = [
        (
            named(metric),
            *(
                with_interval(report.metrics[metric.name][label], metric)
                for label in report.strategies
            ),
        )
        for metric in shown
    ]
    data = pd.DataFrame(
        [
            {"metric": metric, "strategy": label, **as_columns(one)}
            for metric, by_strategy in report.metrics.items()
            for label, one in by_strategy.items()
        ]
    )
    caption = f"Mean [95 % interval] of {counted(report.replications, 'replication')}"
    return Table("means", caption, ("metric", *report.strategies), rows, data=data)


def _differences(report: ComparisonReport, shown: list[Metric]) -> list[Table]:
    tables = []
    for place, (a, b) in enumerate(combinations(report.strategies, 2), start=1):
        pairs = {one.metric: one for one in report.paired if (one.a, one.b) == (a, b)}
        rows = [
            (named(metric), *paired_cells(pairs[metric.name], metric))
            for metric in shown
            if metric.name in pairs
        ]
        tables.append(
            Table(
                f"differences-{place}",
                f"{b} minus {a}",
                ("metric", *PAIRED_HEADER),
                rows,
                text_columns=2,
                data=paired_frame(list(pairs.values())),
                verdicts=True,
            )
        )
    return tables


def _precision(report: ComparisonReport) -> Table:
    rows = [
        (
            one.strategy,
            metric_catalogue[one.metric].label,
            one.goal,
            "reached" if one.reached else "not reached",
            number(one.relative_half_width and 100 * one.relative_half_width),
            str(one.replications),
        )
        for one in report.until
    ]
    header = ("strategy", "metric", "goal", "result", "half-width, %", "replications")
    caption = "How narrow the intervals are that the stopping rule asked for"
    return Table("precision", caption, header, rows, text_columns=4)


def _quantiles(report: ComparisonReport, shown: list[Metric]) -> Table:
    rows = []
    for metric in shown:
        if not metric.is_main and metric.name not in HEADLINE:
            continue
        for label, found in report.quantiles.get(metric.name, {}).items():
            cells = [
                f"{scaled(one.value, metric)} {_half_open(one.ci95, metric)}".rstrip()
                for one in found.values()
            ]
            rows.append((named(metric), label, *cells))
    data = pd.DataFrame(
        [
            {"metric": metric, "strategy": label, "quantile": name, **as_columns(one)}
            for metric, by_strategy in report.quantiles.items()
            for label, found in by_strategy.items()
            for name, one in found.items()
        ]
    )
    return Table(
        "quantiles",
        "Quantiles over the replications, with intervals of order statistics",
        ("metric", "strategy", "p50", "p90", "p95"),
        rows,
        text_columns=2,
        data=data,
    )


def _half_open(ends: tuple[float | None, float | None], metric: Metric) -> str:
    if ends == (None, None):
        return ""
    return f"[{', '.join(scaled(end, metric) if end is not None else '?' for end in ends)}]"


def _runs(folder: Path) -> list[Table]:
    runs = pd.read_parquet(folder / "runs.parquet")
    chosen = [
        metric for metric in metric_catalogue.compared() if metric.is_main and metric.name in runs
    ]
    rows = [
        (
            str(row["strategy"]),
            str(row["seed"]),
            *(scaled(float(row[metric.name]), metric) for metric in chosen),
        )
        for row in runs.to_dict("records")
    ]
    header = ("strategy", "seed", *map(named, chosen))
    return [Table("runs", "Every run", header, rows, text_columns=2, data=runs, most_rows=12)]


def _notes(report: ComparisonReport) -> list[list[str]]:
    return [[f"{label}, {note}" for note in notes] for label, notes in report.notes.items()]
