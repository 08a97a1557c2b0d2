"""The page of one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cluster_emu.html_report.metric_cells import endings
from cluster_emu.html_report.page import Card, Lines, Page, Picture, Section, Table
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.results.reading import read_run
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Choice
from cluster_emu.study.execution.runs import outcome_counts
from cluster_emu.study.report.answers import HEADLINE, run_answer
from cluster_emu.study.report.figures import most_frequent_first
from cluster_emu.view.run_folder import draw_run
from cluster_emu.wording import counted, number

FILE = "run.json"

PICTURES = {
    "timeline": "The hosts over time: utilisation, hosts switched on, migrations",
    "cluster": "The cluster at its busiest instant: hosts, links and running migrations",
    "gantt": "Migrations side by side: waits, rounds and stops",
    "anatomy": "The migration that took longest, round by round",
}
"""The pictures of a run by name, and what they show."""


def run_page(folder: Path) -> Page:
    """Return the page of a folder that `run` wrote."""
    result = read_run(folder)
    about = json.loads((folder / FILE).read_text("utf-8"))
    summary = _summary(folder)
    scenario = result.scenario
    name = str(scenario["name"])
    strategy = str(Choice.model_validate(scenario["transfer"]["strategy"]))
    stopped = result.interrupted_at_s
    hosts = int(result.tables["hosts"]["host"].nunique())
    vms = int(result.tables["vms"]["vm"].nunique())
    return Page(
        kind="Run",
        title=f"“{name}” with {strategy}",
        question=f"How do the migrations of “{name}” go with {strategy}?",
        answer=run_answer(summary),
        cards=_cards(summary),
        facts=[
            ("Scenario", f"{name}: {scenario.get('description') or 'no description'}"),
            ("Strategy", strategy),
            ("Size", f"{counted(hosts, 'host')}, {counted(vms, 'VM')}"),
            ("Simulated time", f"{number(summary.get('simulated_s'))} s"),
            ("CPU traces", result.traces),
            ("Seed", str(result.seed)),
        ],
        sections=[
            Section("What happened", [_picture(result, one) for one in _pictures(result)]),
            Section("Figures of the run", [_figures(summary)]),
            Section(
                "The migrations",
                [
                    endings({strategy: most_frequent_first(outcome_counts(result))}, "strategy"),
                    _migrations(result.migrations),
                    Lines(result.notes, "What the policies did"),
                ],
            ),
        ],
        assumptions=result.assumptions,
        seeds=[result.seed],
        warnings=[] if stopped is None else [f"Interrupted after {number(stopped)} simulated s."],
        versions=about.get("versions"),
    )


def _summary(folder: Path) -> dict[str, float]:
    """Return the figures of the run by name, those that are numbers."""
    row = pd.read_parquet(folder / "summary.parquet").iloc[0].to_dict()
    return {str(name): value for name, value in row.items() if not isinstance(value, str)}


def _cards(summary: dict[str, float]) -> list[Card]:
    cards = [
        Card(
            "Migrations",
            f"{int(summary['migrations']):,}",
            f"{int(summary['completed']):,} completed",
        )
    ]
    for name in (*HEADLINE, "makespan_s", "energy_kwh"):
        metric = metric_catalogue[name]
        if summary.get(name):
            value = f"{number(summary[name] * metric.scale)} {metric.unit}".rstrip()
            mean = "mean " if name in HEADLINE else ""
            cards.append(Card(f"{mean}{metric.label}".capitalize(), value))
    return cards


def _pictures(result: RunResult) -> list[str]:
    """Return the names of the pictures that there are of this run."""
    migrations = result.migrations
    moved = bool(len(migrations) and migrations["total_time_s"].notna().any())
    names = ["timeline"]
    names += ["cluster"] if moved else []
    names += ["gantt"] if len(migrations) else []
    return names + (["anatomy"] if moved else [])


def _picture(result: RunResult, name: str) -> Picture:
    migrations = counted(len(result.migrations), "migration")
    alt = f"{PICTURES[name]}. The run has {migrations}; the tables below have the numbers."
    return Picture(name, PICTURES[name], alt, lambda: draw_run(result, name))


def _figures(summary: dict[str, float]) -> Table:
    rows = [
        (
            metric.label,
            number(summary[metric.name] * metric.scale),
            metric.unit or "-",
            metric.description,
        )
        for metric in metric_catalogue
        if metric.name in summary and not pd.isna(summary[metric.name])
    ]
    header = ("figure", "value", "unit", "meaning")
    ordered = [(label, unit, meaning, value) for label, value, unit, meaning in rows]
    return Table(
        "summary",
        "All figures of the run",
        (header[0], header[2], header[3], header[1]),
        ordered,
        text_columns=3,
        data=pd.DataFrame([summary]),
        most_rows=80,
    )


def _migrations(migrations: pd.DataFrame) -> Table:
    times = ("queued_s", "total_time_s", "downtime_s")
    rows = [
        (
            str(row.get("vm_name") or f"VM {row['vm']}"),
            str(row.get("source_name") or row["source"]),
            str(row.get("target_name") or row["target"]),
            str(row["outcome"]),
            *(number(row[name]) for name in times),
            number(row["rounds"]),
            number(_megabytes(row["bytes"])),
        )
        for row in migrations.head(100).to_dict("records")
    ]
    header = (
        "VM",
        "source",
        "target",
        "outcome",
        "queued at, s",
        "total time, s",
        "downtime, s",
        "rounds",
        "MB",
    )
    caption = f"The first of {counted(len(migrations), 'migration')}"
    return Table("migrations", caption, header, rows, 4, data=migrations, most_rows=20)


def _megabytes(value: Any) -> float:
    return float(value) * 1e-6
