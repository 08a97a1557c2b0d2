"""Runs and comparisons as tables to read; imported by the commands when they have run."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from cluster_emu.cli.output import interval, number, show_lines, show_table
from cluster_emu.metrics.catalogue import Metric, metrics

Document = dict[str, Any]


def show_run(document: Document) -> None:
    """Print a run: its figures, how its migrations ended, and what was assumed."""
    title = f"{document['scenario']}, {document['strategy']}, seed {document['seed']}"
    summary = document["summary"]
    rows = [
        (metric.label, number(summary[metric.name] * metric.scale), metric.unit)
        for metric in metrics.compared()
    ]
    show_table(title, ("", "value", "unit"), rows)
    show_lines("CPU traces", [document["traces"]])
    show_lines("Migrations", [_ending(one) for one in document["outcomes"]] or ["none"])
    show_lines("What the policies did", document["notes"])
    show_lines("Assumptions", document["assumptions"])


def show_comparison(document: Document) -> None:
    """Print a comparison: means, paired differences, outcomes, and what was assumed."""
    compared = metrics.compared()
    zero = [metric for metric in compared if _is_zero(document["metrics"][metric.name])]
    shown = [metric for metric in compared if metric not in zero]
    _show_means(document, shown)
    for a, b in combinations(document["strategies"], 2):
        _show_differences(document, a, b, shown)
    show_lines("Zero in every run", [", ".join(metric.label for metric in zero)])
    show_lines("CPU traces", [document["traces"]])
    show_lines("Migrations", _endings(document))
    show_lines("What the policies did", _notes(document))
    show_lines("Assumptions", document["assumptions"])


def _is_zero(found: Document) -> bool:
    """Return whether a metric is 0 in every run; none of them can be negative."""
    return all(one["mean"] == 0 for one in found.values())


def _show_means(document: Document, shown: list[Metric]) -> None:
    labels = document["strategies"]
    rows = [
        (metric.label, metric.unit, *(_estimate(found[label], "mean", metric) for label in labels))
        for metric in shown
        for found in (document["metrics"][metric.name],)
    ]
    count = document["replications"]
    title = f"{document['scenario']}: mean [95 % interval] of {count} replications"
    show_table(title, ("", "unit", *labels), rows, text_columns=2)


def _show_differences(document: Document, a: str, b: str, shown: list[Metric]) -> None:
    pairs = {one["metric"]: one for one in document["paired"] if (one["a"], one["b"]) == (a, b)}
    rows = [
        (
            metric.label,
            _verdict(pairs[metric.name]),
            metric.unit,
            _estimate(pairs[metric.name], "mean_difference", metric),
            _percent(pairs[metric.name]["relative_difference"]),
        )
        for metric in shown
    ]
    header = ("", "verdict", "unit", "difference [95 % interval]", "relative")
    show_table(f"{b} minus {a}, seed by seed", header, rows, text_columns=3)


def _estimate(found: Document, mean: str, metric: Metric) -> str:
    value = found[mean]
    low, high = found["ci95"]
    shown = number(None if value is None else value * metric.scale)
    return f"{shown} {interval(low, high, metric.scale)}".rstrip()


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+.3g} %"


def _verdict(pair: Document) -> str:
    """Return the verdict with the name of b, and how many pairs had no figure."""
    words = str(pair["verdict"]).removesuffix(" than a").replace("b is", f"{pair['b']} is")
    left_out = pair["pairs_left_out"]
    return f"{words} ({left_out} pairs left out)" if left_out else words


def _endings(document: Document) -> list[str]:
    return [
        f"{label}: {text}"
        for label, found in document["outcomes"].items()
        for text in [_ending(one) for one in found] or ["none"]
    ]


def _ending(one: Document) -> str:
    return f"{one['migrations']} {one['outcome']}: {one['why']}"


def _notes(document: Document) -> list[str]:
    return [f"{label}, {note}" for label, notes in document["notes"].items() for note in notes]
