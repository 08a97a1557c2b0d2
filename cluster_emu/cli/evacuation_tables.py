"""Drains as tables to read; imported by the commands when they have run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from cluster_emu.cli.drains import hosts_in_words
from cluster_emu.cli.output import show_lines, show_table
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.study.report.evacuation import (
    DrainTime,
    EmptiedHost,
    EvacuationReport,
    NotDrained,
    VMQuantiles,
)
from cluster_emu.study.report.figures import Interval, MeanFigure, OutcomeCount, QuantileFigure
from cluster_emu.wording import counted, interval, number

FIGURE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
"""A number in a reason, not a part of a name."""
MOST_LINES = 20
MOST_LINKS = 3

CLUSTER = (
    "cpu_lost_to_migration_s",
    "cpu_lost_by_others_s",
    "degradation_by_migration",
    "cpu_lost_to_overload_s",
    "background_lost_share",
    "vms_lost",
    "vm_down_s",
)
"""Metrics of a drain over the whole cluster, in the order in which they are shown."""

NO_FIGURE = MeanFigure(None, (None, None), 0)


def show_evacuation(report: EvacuationReport) -> None:
    """Print drain time, figures per VM and cluster, how migrations ended, and assumptions."""
    show_table(
        _title(report),
        ("", "unit", "value", "95 % interval"),
        _drain_rows(report),
        text_columns=2,
    )
    per_vm = report.per_vm
    zero = [name for name in per_vm if per_vm[name].max.all_vms == 0]
    rows = [row for name in per_vm if name not in zero for row in _vm_rows(name, per_vm[name])]
    show_table("Per VM to move", ("", "unit", "p50", "p95", "max"), rows, text_columns=2)
    show_lines("Zero for every VM", [", ".join(metric_catalogue[name].label for name in zero)])
    show_table(
        "Per drain, all VMs",
        ("", "unit", "mean", "95 % interval"),
        _cluster_rows(report.cluster),
        text_columns=2,
    )
    show_table(
        "What limits the migrations",
        ("", "% of the time", "which"),
        _limit_rows(report),
        text_columns=1,
    )
    show_lines("Busiest links", _links(report))
    show_lines("Hosts empty after", _hosts(report.hosts_emptied))
    show_lines("VMs not drained", _failures(report.failures) or ["none"])
    show_lines("Migrations", _endings(report.outcomes) or ["none"])
    show_lines("CPU traces", [report.traces])
    show_lines("Assumptions", report.assumptions)


def _title(report: EvacuationReport) -> str:
    done, wanted = report.replications, report.replications_wanted
    count = f"only {done} of {wanted} replications"
    if done == wanted:
        count = counted(done, "replication")
    vms = sorted(set(report.vms_to_move))
    moving = f"{vms[0]}" if len(vms) == 1 else f"{vms[0]} to {vms[-1]}"
    return (
        f"{report.scenario}: {moving} {'VM leaves' if vms[-1] == 1 else 'VMs leave'} "
        f"{hosts_in_words(report.hosts, [one.name for one in report.hosts_emptied if one.name])}; "
        f"policy {report.policy}, strategy {report.strategy}, {count}"
    )


def _drain_rows(report: EvacuationReport) -> list[tuple[str, ...]]:
    drain, sent = report.drain_s, report.bytes
    rows = [
        (f"drain time, {name}", "s", _reached(one.value, drain), _ends(one))
        for name, one in (("p50", drain.p50), ("p95", drain.p95))
    ]
    return [
        *rows,
        ("drain time, mean", "s", _reached(drain.mean.mean, drain), _between(drain.mean.ci95)),
        ("data sent per drain", "GB", _scaled(sent.mean, 1e-9), _between(sent.ci95, 1e-9)),
        ("drains that moved every VM", "", f"{drain.drained} of {drain.runs}", ""),
    ]


def _reached(value: float | None, drain: DrainTime) -> str:
    return "never" if value is None and drain.runs else number(value)


def _scaled(value: float | None, scale: float) -> str:
    return number(None if value is None else value * scale)


def _between(ends: Interval, scale: float = 1.0) -> str:
    low, high = ends
    return interval(low, high, scale)


def _ends(found: QuantileFigure) -> str:
    """Return an interval of which there may be one end only."""
    low, high = found.ci95
    if low is not None and high is None:
        return f"{number(low)} or more"
    if low is None and high is not None:
        return f"{number(high)} or less"
    return interval(low, high)


def _vm_rows(name: str, found: VMQuantiles) -> list[tuple[str, ...]]:
    metric = metric_catalogue[name]
    quantiles = (found.p50, found.p95, found.max)
    pooled = (_scaled(one.all_vms, metric.scale) for one in quantiles)
    means = (
        f"{_scaled(one.mean, metric.scale)} {_between(one.ci95, metric.scale)}".rstrip()
        for one in quantiles
    )
    return [
        (metric.label, metric.unit, *pooled),
        ("  its mean [95 %]", "", *means),
    ]


def _cluster_rows(found: dict[str, MeanFigure]) -> list[tuple[str, ...]]:
    """Return the rows of figures that are not 0, and of CPU lost to migrations in any case."""
    rows: list[tuple[str, ...]] = []
    for name in CLUSTER:
        one, metric = found.get(name, NO_FIGURE), metric_catalogue[name]
        if one.mean or (one.mean == 0 and name == "cpu_lost_to_migration_s"):
            value, ends = _scaled(one.mean, metric.scale), _between(one.ci95, metric.scale)
            rows.append((metric.label, metric.unit, value, ends))
    return rows


def _limit_rows(report: EvacuationReport) -> list[tuple[str, ...]]:
    """Return the limits that hold for 1 % of the time or more, waits first."""
    kinds = ((report.waits, "request to end"), (report.limits, "while running"))
    return [
        (one.limit, number(100 * one.share), of)
        for found, of in kinds
        for one in found[:MOST_LINES]
        if one.share >= 0.01
    ]


def _links(report: EvacuationReport) -> list[str]:
    """Return the links with the highest mean load, and how evenly equal ones are used."""
    lines = [
        f"{one.name}: {number(100 * one.mean_share)} % used"
        for one in report.link_loads[:MOST_LINKS]
    ]
    uneven = report.uneven_links
    if uneven is not None:
        lines.append(
            f"of {uneven.links} parallel links, {uneven.busiest} carries "
            f"{uneven.times_mean:.3g} times the mean"
        )
    return lines


def _hosts(hosts: Sequence[EmptiedHost]) -> list[str]:
    lines = [f"host {one.name or one.host}: {_when(one.emptied_s)}" for one in hosts[:MOST_LINES]]
    more = len(hosts) - MOST_LINES
    return [*lines, f"and {more} more"] if more > 0 else lines


def _when(found: Sequence[float | None]) -> str:
    """Return mean and range of the times at which a host was empty, "never" if it was not."""
    known = [each for each in found if each is not None]
    if not known:
        return "never"
    mean = f"{number(sum(known) / len(known))} s"
    spread = "" if min(known) == max(known) else f" ({number(min(known))} to {number(max(known))})"
    left = "" if len(known) == len(found) else f", in {len(known)} of {len(found)} drains"
    return f"{mean}{spread}{left}"


def _failures(failures: Sequence[NotDrained]) -> list[str]:
    lines = [
        f"replication {one.replication}: VM {one.vm_name or one.vm} on "
        f"host {one.source_name or one.source}: "
        f"{one.outcome} ({one.why}), attempts: {one.attempts}"
        for one in failures[:MOST_LINES]
    ]
    more = len(failures) - MOST_LINES
    return [*lines, f"and {more} more"] if more > 0 else lines


def _endings(outcomes: Sequence[OutcomeCount]) -> list[str]:
    """Return how many migrations ended how; reasons that differ in figures alone make one line."""
    counts: Counter[tuple[str, ...]] = Counter()
    figures: dict[tuple[str, ...], list[list[float]]] = {}
    for one in outcomes:
        kind = one.outcome, *FIGURE.split(one.why)
        counts[kind] += one.migrations
        found = [float(text) for text in FIGURE.findall(one.why)]
        figures.setdefault(kind, []).append(found)
    return [
        f"{count} {kind[0]}: {_filled(kind[1:], figures[kind])}"
        for kind, count in counts.most_common()
    ]


def _filled(words: tuple[str, ...], figures: list[list[float]]) -> str:
    """Return a reason with the range of each of its figures."""
    spans = [_span(values) for values in zip(*figures, strict=True)]
    return "".join(word + span for word, span in zip(words, [*spans, ""], strict=True))


def _span(values: tuple[float, ...]) -> str:
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"
