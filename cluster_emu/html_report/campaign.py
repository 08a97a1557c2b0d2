"""The page of a maintenance campaign."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cluster_emu.html_report.page import Card, Page, Picture, Section, Table
from cluster_emu.study.report.figures import MeanFigure
from cluster_emu.study.report.maintenance import MaintenanceReport
from cluster_emu.study.report.reading import read_report
from cluster_emu.view import draw_maintenance
from cluster_emu.wording import counted, interval, number, whole_percent

FILE = "maintenance.json"
HOUR_S = 3600

PER_CAMPAIGN = {
    "moves": ("migrations", "", 1.0),
    "moves_per_vm": ("migrations per VM", "", 1.0),
    "most_moves_of_a_vm": ("migrations of the VM that moves most", "", 1.0),
    "capacity_out_share": ("CPU out of service, mean", "%", 100.0),
    "reduced_share": ("time in which a host is out of service", "%", 100.0),
    "interrupted_p50_s": ("interruption of a VM, median", "s", 1.0),
    "interrupted_max_s": ("interruption of a VM, longest", "s", 1.0),
    "downtime_max_s": ("downtime of a VM, longest", "s", 1.0),
    "vms_lost": ("VMs lost", "", 1.0),
}
"""Label, unit and scale of the figures of a campaign."""


def campaign_page(folder: Path) -> Page:
    """Return the page of a folder that `maintain` wrote."""
    report = read_report(MaintenanceReport, folder / FILE)
    hosts = pd.read_parquet(folder / "hosts.parquet")
    done, wanted = report.replications, report.replications_wanted
    return Page(
        kind="Maintenance campaign",
        title=f"Rebooting {counted(report.hosts, 'host')} of “{report.scenario}”, {report.order}",
        question=(
            f"How long does it take to reboot all {counted(report.hosts, 'host')} "
            f"({report.order}), and what does it cost the VMs?"
        ),
        answer=report.answer,
        cards=_cards(report),
        facts=[
            ("Scenario", report.scenario),
            ("Hosts", str(report.hosts)),
            ("Order", report.order),
            ("Time of a reboot", f"{report.reboot_s:g} s"),
            ("Policy", report.policy),
            ("Strategy", report.strategy),
            ("Replications", f"{done} (base seed {report.seed})"),
        ],
        sections=[
            Section("The campaign", [*_picture(hosts), _figures(report)]),
            Section("What it costs the VMs", [_worst(report, folder)]),
            Section("The hosts", [_left(report), _hosts(hosts), *_campaigns(folder)]),
        ],
        assumptions=report.assumptions,
        seeds=report.seeds,
        warnings=[
            *([f"Interrupted: {done} of {wanted} replications ended."] if done < wanted else []),
            *(f"Replication {one.replication} failed: {one.error}" for one in report.errors),
        ],
        versions=report.versions,
    )


def _cards(report: MaintenanceReport) -> list[Card]:
    whole = report.campaign_p50_s.value
    longest, moves = report.interrupted_max_s, report.moves
    return [
        Card(
            "Campaign, median",
            "does not end" if whole is None else f"{number(whole / HOUR_S)} h",
            f"{report.done} of {report.replications} replications ended with every host back",
        ),
        Card("Migrations per campaign", number(moves.mean), interval(*moves.ci95)),
        Card("Longest interruption of a VM", f"{number(longest.mean)} s", interval(*longest.ci95)),
        Card(
            "CPU out of service", whole_percent(report.capacity_out_share.mean or 0.0), "on average"
        ),
    ]


def _picture(hosts: pd.DataFrame) -> list[Picture]:
    if not len(hosts):
        return []
    number_of = hosts["replication"].iloc[0]
    first = hosts[hosts["replication"] == number_of]
    return [
        Picture(
            "campaign",
            f"Every host over time in replication {number_of}: drain, reboot, back",
            f"A lane for each of {counted(len(first), 'host')}: how long it drains, reboots, and "
            "when it is back. The table of hosts below has the times.",
            lambda: draw_maintenance(first, which=f"replication {number_of}"),
        )
    ]


def _figures(report: MaintenanceReport) -> Table:
    rows = [
        (
            "campaign, mean",
            "h",
            number(None if report.campaign_s.mean is None else report.campaign_s.mean / HOUR_S),
            interval(*report.campaign_s.ci95, 1 / HOUR_S) or "-",
        )
    ]
    rows += [
        (label, unit, *_mean(getattr(report, name), scale))
        for name, (label, unit, scale) in PER_CAMPAIGN.items()
    ]
    if report.naive is not None:
        saved = "migrations saved by avoiding hosts that are next"
        rows.append((saved, "", *_mean(report.naive.moves_saved, 1.0)))
        rows.append(("how much longer that takes", "s", *_mean(report.naive.longer_s, 1.0)))
    header = ("per campaign", "unit", "mean", "95 % interval")
    return Table("campaign-figures", "Means over the replications", header, rows, text_columns=2)


def _mean(found: MeanFigure, scale: float) -> tuple[str, str]:
    mean = None if found.mean is None else found.mean * scale
    return number(mean), interval(*found.ci95, scale) or "-"


def _worst(report: MaintenanceReport, folder: Path) -> Table:
    rows = [
        (
            one.name or f"VM {one.vm}",
            number(one.moves),
            number(one.downtime_s),
            number(one.interrupted_s),
            number(one.longest_interrupted_s),
        )
        for one in report.worst_vms
    ]
    header = ("VM", "migrations", "downtime, s", "interrupted, s", "longest, s")
    data = pd.read_parquet(folder / "vms.parquet")
    return Table(
        "vms", "VMs interrupted longest, means over the replications", header, rows, data=data
    )


def _left(report: MaintenanceReport) -> Table:
    rows = [
        (
            one.name or f"host {one.host}",
            one.phase,
            f"{len(one.replications)} of {report.replications}",
            one.why or "the run ended",
        )
        for one in report.hosts_left
    ]
    header = ("host", "phase", "replications", "why")
    return Table("hosts-left", "Hosts that are not back at the end", header, rows, text_columns=4)


def _hosts(hosts: pd.DataFrame) -> Table:
    rows = [
        (
            str(row.get("name") or f"host {row['host']}"),
            str(row["replication"]),
            str(row["wave"]),
            str(row["phase"]),
            *(number(row[name]) for name in ("drain_s", "reboot_s", "back_s", "out_s")),
        )
        for row in hosts.to_dict("records")
    ]
    header = (
        "host",
        "replication",
        "wave",
        "phase",
        "drain at, s",
        "reboot at, s",
        "back at, s",
        "out, s",
    )
    return Table("hosts", "Every host", header, rows, text_columns=4, data=hosts, most_rows=20)


def _campaigns(folder: Path) -> list[Table]:
    campaigns = pd.read_parquet(folder / "campaigns.parquet")
    rows = [
        (
            str(row["replication"]),
            str(row["seed"]),
            number(row.get("campaign_s")),
            number(row.get("moves")),
            number(row.get("interrupted_max_s")),
        )
        for row in campaigns.to_dict("records")
    ]
    header = ("replication", "seed", "campaign, s", "migrations", "longest interruption, s")
    return [Table("campaigns", "Every replication", header, rows, text_columns=2, data=campaigns)]
