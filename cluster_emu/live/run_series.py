"""Hosts on, power and utilisation over time, for the page; no more points than it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.model import ClusterModel

MOST_POINTS = 600

Floats = NDArray[np.float64]


class Line(TypedDict):
    """One line; each value holds from its time until the next one."""

    name: str
    unit: str
    colour: str
    values: list[float]


class Series(TypedDict):
    """Lines over the same times."""

    now_s: float
    time_s: list[float]
    lines: list[Line]
    in_words: str


LINES = (
    ("hosts_on", "Hosts on", "", "blue"),
    ("power_w", "Power", "W", "orange"),
    ("mean_utilisation", "CPU in use, hosts on", "%", "green"),
    ("migrations_running", "Migrations under way", "", "purple"),
)
"""Column, name, unit, and name of the colour; the page draws them one below the other."""


def columns_of_model(model: ClusterModel) -> dict[str, Floats]:
    """Return `LINES` at the ends of the ticks so far, and now."""
    kept = model.datacollector.model_vars
    wanted = ("time_s", *(name for name, *_ in LINES))
    now = {name: float(getattr(model, name)) for name in wanted}
    now["time_s"] = float(model.loop.now_s)
    return {
        name: np.append(np.array(kept.get(name, []), dtype=np.float64), now[name])
        for name in wanted
    }


def columns_of_tables(hosts: pd.DataFrame, migrations: pd.DataFrame) -> dict[str, Floats]:
    """Return `LINES` at the instants of observation of a finished run.

    Args:
        hosts: the table of that name.
        migrations: the table of that name.
    """
    times = hosts.groupby("time_s", sort=True)
    on = hosts[hosts["switched_on"].astype(bool)]
    time_s = times["power_w"].sum().index.to_numpy(dtype=np.float64)
    used = on.groupby("time_s")["utilisation"].mean().reindex(time_s).fillna(0.0)
    begun = np.sort(migrations["start_s"].dropna().to_numpy(dtype=np.float64))
    started = migrations[migrations["start_s"].notna()]
    ended = np.sort(started["end_s"].dropna().to_numpy(dtype=np.float64))
    return {
        "time_s": time_s,
        "hosts_on": times["switched_on"].sum().to_numpy(dtype=np.float64),
        "power_w": times["power_w"].sum().to_numpy(dtype=np.float64),
        "mean_utilisation": used.to_numpy(dtype=np.float64),
        "migrations_running": (
            np.searchsorted(begun, time_s, side="right")
            - np.searchsorted(ended, time_s, side="right")
        ).astype(np.float64),
    }


def series(columns: Mapping[str, Floats], until_s: float, most: int = MOST_POINTS) -> Series:
    """Return the lines up to an instant.

    Args:
        columns: from one of the functions here.
        until_s: the present.
        most: points of a line at most; of more, evenly spread ones, the last among them.
    """
    time_s = columns["time_s"]
    count = int(np.searchsorted(time_s, until_s, side="right"))
    chosen = spread(count, most)
    lines: list[Line] = []
    for name, label, unit, colour in LINES:
        values = columns[name][chosen] * (100.0 if unit == "%" else 1.0)
        line: Line = {"name": label, "unit": unit, "colour": colour, "values": values.tolist()}
        lines.append(line)
    return {
        "now_s": until_s,
        "time_s": time_s[chosen].tolist(),
        "lines": lines,
        "in_words": _in_words(lines, until_s),
    }


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` places of 0 to count - 1, evenly spread, the last among them."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)


def _in_words(lines: Sequence[Line], until_s: float) -> str:
    shown = []
    for line in lines:
        if line["values"]:
            unit = f" {line['unit']}" if line["unit"] else ""
            low, high, last = min(line["values"]), max(line["values"]), line["values"][-1]
            so_far = f"{low:,.4g} to {high:,.4g} so far" if low < high else "unchanged so far"
            shown.append(f"{line['name']}: {last:,.4g}{unit} now, {so_far}")
    return f"Until {until_s:.1f} s. " + "; ".join(shown) + "."
