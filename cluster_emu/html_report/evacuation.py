"""The page of hosts that were emptied."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from cluster_emu.html_report.metric_cells import endings
from cluster_emu.html_report.page import Card, Lines, Page, Picture, Section, Table
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.study.report.evacuation import EvacuationReport
from cluster_emu.study.report.figures import MeanFigure, QuantileFigure
from cluster_emu.study.report.reading import read_report
from cluster_emu.view import draw_drain
from cluster_emu.wording import counted, interval, listed, number, whole_percent

FILE = "evacuation.json"
MOST_NAMES = 6


def evacuation_page(folder: Path) -> Page:
    """Return the page of a folder that `evacuate` wrote."""
    report = read_report(EvacuationReport, folder / FILE)
    what = _what(report)
    window = report.within
    sections = [
        Section("How long it takes", [*_picture(folder, report), _times(report), *_late(report)]),
        Section("What it costs the VMs", [_per_vm(report), _cluster(report), *_worst(folder)]),
        Section(
            "What limits it",
            [_limits(report), _links(report), Lines(report.notes, "What the policies did")],
        ),
        Section(
            "How the migrations went",
            [
                endings({report.strategy: report.outcomes}, "strategy"),
                _failures(report),
                *_drains(folder),
            ],
        ),
    ]
    within = f" within {window.window_s:g} s" if window else ""
    done, wanted = report.replications, report.replications_wanted
    return Page(
        kind="Evacuation",
        title=f"Emptying {what} of “{report.scenario}”",
        question=(
            f"Can {what} be emptied{within}, how long does it take, and what does it cost the VMs?"
        ),
        answer=report.answer,
        cards=_cards(report),
        facts=[
            ("Scenario", report.scenario),
            ("Hosts to empty", what),
            ("VMs to move", _range(report.vms_to_move)),
            ("Policy", report.policy),
            ("Strategy", report.strategy),
            ("Migrations at once", _limits_at_once(report)),
            ("Replications", f"{done} (base seed {report.seed})"),
            ("CPU traces", report.traces),
        ],
        sections=sections,
        assumptions=report.assumptions,
        seeds=report.seeds,
        warnings=[
            *report.warnings,
            *([f"Interrupted: {done} of {wanted} replications ended."] if done < wanted else []),
            *(f"Replication {one.replication} failed: {one.error}" for one in report.errors),
        ],
        versions=report.versions,
    )


def _what(report: EvacuationReport) -> str:
    names = [one.name or f"host {one.host}" for one in report.hosts_emptied]
    names = names or [f"host {host}" for host in report.hosts]
    if not names:
        return "the VMs"
    if len(names) > MOST_NAMES:
        return f"{counted(len(names), 'host')} ({', '.join(names[:MOST_NAMES])} …)"
    return listed(names)


def _range(counts: tuple[int, ...]) -> str:
    low, high = min(counts, default=0), max(counts, default=0)
    return str(low) if low == high else f"{low} to {high}"


def _limits_at_once(report: EvacuationReport) -> str:
    limits = {
        "in the cluster": report.parallel,
        "away from a host": report.outbound_per_host,
        "onto a host": report.inbound_per_host,
    }
    said = [f"{limit} {where}" for where, limit in limits.items() if limit is not None]
    return f"{report.possible_at_once} possible" + (f" (limits: {listed(said)})" if said else "")


def _cards(report: EvacuationReport) -> list[Card]:
    drain, window = report.drain_s, report.within
    worst = report.per_vm.get("interrupted_s")
    cards = [
        Card(
            "Drain time, median",
            f"{number(drain.p50.value)} s" if drain.p50.value is not None else "never",
            f"95 % interval {_ends(drain.p50)}" if _ends(drain.p50) else "",
        ),
        Card("Drains that moved every VM", f"{drain.drained} of {drain.runs}"),
    ]
    if window and window.probability is not None:
        low, high = (whole_percent(end or 0.0) for end in window.ci95)
        label = f"Probability to fit into {window.window_s:g} s"
        cards.append(
            Card(label, whole_percent(window.probability), f"95 % interval {low} to {high}")
        )
    if worst and worst.max.all_vms is not None:
        cards.append(Card("Longest interruption of a VM", f"{number(worst.max.all_vms)} s"))
    cards.append(Card("Data sent per drain", f"{number(_gigabytes(report.bytes.mean))} GB"))
    return cards


def _gigabytes(value: float | None) -> float | None:
    return None if value is None else value * 1e-9


def _ends(found: QuantileFigure) -> str:
    low, high = found.ci95
    if low is None and high is None:
        return ""
    shown = ["?" if end is None else number(end) for end in (low, high)]
    return f"{shown[0]} to {shown[1]} s"


def _picture(folder: Path, report: EvacuationReport) -> list[Picture]:
    median = report.median_replication
    if median is None:
        return []
    migrations, rounds = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("migrations", "rounds")
    )
    drain_s = math.inf if median.drain_s is None else median.drain_s
    which = f"replication {median.replication}, the median of {report.drain_s.runs}"
    return [
        Picture(
            "drain",
            f"The drain of {which}: VMs left over time, and one lane per migration",
            f"Above, the number of VMs left on the hosts falls to 0 in {number(median.drain_s)} s; "
            f"below, a bar for each of {counted(len(migrations), 'migration')} with its rounds.",
            lambda: draw_drain(migrations, rounds, drain_s=drain_s, which=which),
        )
    ]


def _times(report: EvacuationReport) -> Table:
    drain = report.drain_s
    rows = [
        ("drain time, median (p50)", "s", number(drain.p50.value), _ends(drain.p50) or "-"),
        ("drain time, p95", "s", number(drain.p95.value), _ends(drain.p95) or "-"),
        ("drain time, mean", "s", number(drain.mean.mean), interval(*drain.mean.ci95) or "-"),
        (
            "data sent",
            "GB",
            number(_gigabytes(report.bytes.mean)),
            interval(*report.bytes.ci95, 1e-9) or "-",
        ),
    ]
    header = ("per drain", "unit", "value", "95 % interval")
    return Table("drain-times", "Drain times", header, rows, text_columns=2)


def _late(report: EvacuationReport) -> list[Table]:
    if report.within is None:
        return []
    rows = [
        (one.name or f"VM {one.vm}", whole_percent(one.late_share), number(one.released_s))
        for one in report.within.late_vms
    ]
    caption = f"VMs still there after {report.within.window_s:g} s"
    header = ("VM", "share of the replications", "leaves after, s")
    return [Table("late-vms", caption, header, rows)]


def _per_vm(report: EvacuationReport) -> Table:
    rows = []
    for name, found in report.per_vm.items():
        metric = metric_catalogue[name]
        if found.max.all_vms == 0:
            continue
        cells = [
            f"{number(None if one.all_vms is None else one.all_vms * metric.scale)} "
            f"{interval(*one.ci95, metric.scale)}".rstrip()
            for one in (found.p50, found.p95, found.max)
        ]
        rows.append((metric.label, metric.unit, *cells))
    header = ("per VM to move", "unit", "p50", "p95", "max")
    caption = "Over the VMs of all replications [95 % interval of the mean over replications]"
    return Table("per-vm", caption, header, rows, text_columns=2)


def _cluster(report: EvacuationReport) -> Table:
    rows = [
        (metric_catalogue[name].label, metric_catalogue[name].unit, *_mean(found, name))
        for name, found in report.cluster.items()
        if found.mean
    ]
    header = ("per drain, all VMs", "unit", "mean", "95 % interval")
    return Table("cluster", "What a drain does to the whole cluster", header, rows, text_columns=2)


def _mean(found: MeanFigure, name: str) -> tuple[str, str]:
    scale = metric_catalogue[name].scale
    mean = None if found.mean is None else found.mean * scale
    return number(mean), interval(*found.ci95, scale) or "-"


def _worst(folder: Path) -> list[Table]:
    vms = pd.read_parquet(folder / "vms.parquet")
    if not len(vms):
        return []
    worst = vms.nlargest(10, "interrupted_s", keep="first")
    rows = [
        (
            str(row.get("name") or f"VM {row['vm']}"),
            str(row["replication"]),
            str(row["source"]),
            str(row["target"]),
            number(row["total_time_s"]),
            number(row["downtime_s"]),
            number(row["interrupted_s"]),
        )
        for row in worst.to_dict("records")
    ]
    header = (
        "VM",
        "replication",
        "source",
        "target",
        "total time, s",
        "downtime, s",
        "interrupted, s",
    )
    return [Table("vms", "The ten longest interruptions", header, rows, text_columns=4, data=vms)]


def _limits(report: EvacuationReport) -> Table:
    rows = [
        *(
            (one.limit, one.kind, "while it runs", whole_percent(one.share))
            for one in report.limits
        ),
        *((one.limit, one.kind, "waits", whole_percent(one.share)) for one in report.waits),
    ]
    header = ("limit", "kind", "when", "share of the time")
    return Table("limits", "What limits the migrations", header, rows, text_columns=3, most_rows=12)


def _links(report: EvacuationReport) -> Table:
    rows = [(one.name, whole_percent(one.mean_share)) for one in report.link_loads]
    caption = "Busiest links, mean load in the median replication"
    return Table("links", caption, ("link", "mean load"), rows, most_rows=10)


def _failures(report: EvacuationReport) -> Table:
    rows = [
        (
            one.vm_name or f"VM {one.vm}",
            one.source_name or f"host {one.source}",
            str(one.replication),
            one.outcome,
            one.why,
        )
        for one in report.failures
    ]
    header = ("VM", "host", "replication", "outcome", "why")
    return Table("not-drained", "VMs that were not drained", header, rows, text_columns=5)


def _drains(folder: Path) -> list[Table]:
    drains = pd.read_parquet(folder / "drains.parquet")
    rows = [
        (str(row["replication"]), str(row["seed"]), number(row["drain_s"]), str(row["vms"]))
        for row in drains.to_dict("records")
    ]
    header = ("replication", "seed", "drain time, s", "VMs")
    return [Table("drains", "Every replication", header, rows, text_columns=2, data=drains)]
