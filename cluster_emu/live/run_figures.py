"""The figures of a model so far, for a table that compares two of them in step."""

from __future__ import annotations

import math
from typing import TypedDict

from cluster_emu.live.frames import plain
from cluster_emu.model import ClusterModel


class Figure(TypedDict):
    """One figure; `value` is None where there is none yet, `better` is "lower", "higher" or ""."""

    name: str
    label: str
    unit: str
    value: float | None
    better: str


class Figures(TypedDict):
    """The figures of one lane at one instant."""

    time_s: float
    strategy: str
    figures: list[Figure]


def figures(model: ClusterModel, now_s: float) -> Figures:
    """Return what a model has measured until now."""
    records = model.manager.scheduler.records
    downtimes_s = [each.downtime_s for each in records if not math.isnan(each.downtime_s)]
    rows: list[tuple[str, str, str, float, str]] = [
        ("completed", "Migrations completed", "", model.tally.completed, "higher"),
        ("running", "Migrations under way", "", model.migrations_running, ""),
        ("queued", "Migrations waiting", "", model.migrations_queued, ""),
        ("total_time_s", "Mean migration time", "s", model.mean_total_time_s, "lower"),
        ("downtime_s", "Mean downtime", "ms", 1000 * model.mean_downtime_s, "lower"),
        (
            "longest_downtime_s",
            "Longest downtime",
            "ms",
            1000 * max(downtimes_s, default=math.nan),
            "lower",
        ),
        ("sent_gib", "Bytes sent", "GiB", model.tally.bytes_sent(now_s) / 2**30, "lower"),
        ("live", "Pages sent live", "", sum(one.pages_sent_precopy for one in records), "lower"),
        ("skipped", "Pages skipped", "", sum(one.pages_skipped for one in records), ""),
        (
            "stop",
            "Pages sent while stopped",
            "",
            sum(one.pages_sent_stop for one in records),
            "lower",
        ),
        ("rounds", "Live rounds", "", sum(one.rounds for one in records), ""),
        ("hosts_on", "Hosts on", "", model.hosts_on, "lower"),
        ("power_w", "Power", "W", model.power_w, "lower"),
        ("energy_kwh", "Energy", "kWh", model.energy_kwh, "lower"),
    ]
    return {
        "time_s": now_s,
        "strategy": model.transfer_strategy.name,
        "figures": [
            {
                "name": name,
                "label": label,
                "unit": unit,
                "value": plain(float(value)),  # type: ignore[typeddict-item]
                "better": better,
            }
            for name, label, unit, value, better in rows
        ],
    }
