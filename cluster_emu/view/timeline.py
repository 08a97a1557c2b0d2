"""A run from beginning to end: hosts on, their utilisation and power, migrations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cluster_emu.errors import UnknownNameError
from cluster_emu.observation.run_over_time import hosts_over_time, migrations_under_way
from cluster_emu.view.quantities import ENERGY_UNITS, POWER_UNITS, best_unit, written
from cluster_emu.view.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    folded,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted

PANEL_INCHES = 1.0
TITLE_AND_AXIS_INCHES = 0.9
SECONDS_PER_HOUR = 3600.0
ENDS = ("start_s", "end_s")
LONG_S = 3 * SECONDS_PER_HOUR


def draw_timeline(
    hosts: pd.DataFrame, migrations: pd.DataFrame, figure: Figure | None = None
) -> Figure:
    """Draw four strips over time: hosts on, their mean utilisation, power, running migrations.

    Each strip is a `draw_timeline_panel`.

    Args:
        hosts: the table `hosts`.
        migrations: the table `migrations`.
        figure: an empty figure to draw in; a new one by default.
    """
    if figure is None:
        figure = new_figure(len(STRIPS) * PANEL_INCHES + TITLE_AND_AXIS_INCHES)
    panels = figure.subplots(len(STRIPS), 1, sharex=True)
    for ax, which in zip(panels, STRIPS, strict=True):
        draw_timeline_panel(hosts, migrations, which, ax)
    for ax in panels[:-1]:
        ax.set_xlabel("")
    figure.align_ylabels(panels)
    figure.suptitle(folded(_title(hosts, migrations)), fontsize=look().title_pt, x=0.01, ha="left")
    return figure


def draw_timeline_panel(
    hosts: pd.DataFrame, migrations: pd.DataFrame, which: str, ax: Axes | None = None
) -> Axes:
    """Draw one quantity over a run: hosts on, their mean utilisation, power, or migrations.

    The first three are known at the instants of observation and hold until the next; the number of
    migrations under way is exact.

    Args:
        hosts: the table `hosts`.
        migrations: the table `migrations`.
        which: "hosts_on", "utilisation", "power" or "migrations".
        ax: where to draw; a new figure by default.

    Raises:
        UnknownNameError: if there is no such quantity.
    """
    if which not in STRIPS:
        raise UnknownNameError("quantity over time", which, STRIPS)
    if ax is None:
        ax = new_figure(PANEL_INCHES + TITLE_AND_AXIS_INCHES).add_subplot()
    until_s = float(np.nanmax([hosts["time_s"].max(), migrations["end_s"].max()]))
    size, unit = time_unit(until_s)
    strip = STRIPS[which]
    values, label = strip.values(hosts, migrations)
    _draw_strip(ax, values, label, tint(strip.colour), size, until_s)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=strip.is_count))
    ax.set_xlabel(f"Simulated time ({unit})", fontsize=look().label_pt)
    ax.set_xlim(0, (until_s or 1.0) / size)
    return ax


def time_unit(until_s: float) -> tuple[float, str]:
    """Return the unit in which a run of this length is drawn: its seconds and its name."""
    return (SECONDS_PER_HOUR, "h") if until_s > LONG_S else (1.0, "s")


def under_way(migrations: pd.DataFrame) -> pd.Series:
    """Return the number of migrations running from each instant at which it changes, by time."""
    start_s, end_s = (migrations[name].to_numpy(dtype=np.float64) for name in ENDS)
    times_s, counts = migrations_under_way(start_s, end_s)
    return pd.Series(counts, index=times_s)


@dataclass(frozen=True, slots=True)
class _Strip:
    """A quantity over time.

    Args:
        values: returns it by time, and its label, from the tables `hosts` and `migrations`.
        colour: its colour.
        is_count: whether it is a whole number.
    """

    values: Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.Series, str]]
    colour: str
    is_count: bool = False


def _hosts_on(hosts: pd.DataFrame, migrations: pd.DataFrame) -> tuple[pd.Series, str]:
    return _observed(hosts, "hosts_on"), "Hosts on"


def _utilisation(hosts: pd.DataFrame, migrations: pd.DataFrame) -> tuple[pd.Series, str]:
    return 100 * _observed(hosts, "mean_utilisation"), "CPU in use,\nhosts on (%)"


def _power(hosts: pd.DataFrame, migrations: pd.DataFrame) -> tuple[pd.Series, str]:
    power_w = _observed(hosts, "power_w")
    size, unit = best_unit(float(power_w.max()), POWER_UNITS)
    return power_w / size, f"Power ({unit})"


def _migrations(hosts: pd.DataFrame, migrations: pd.DataFrame) -> tuple[pd.Series, str]:
    return under_way(migrations), "Migrations\nunder way"


def _observed(hosts: pd.DataFrame, name: str) -> pd.Series:
    columns = hosts_over_time(hosts)
    return pd.Series(columns[name], index=columns["time_s"])


STRIPS = MappingProxyType(
    {
        "hosts_on": _Strip(_hosts_on, BLUE, is_count=True),
        "utilisation": _Strip(_utilisation, GREEN),
        "power": _Strip(_power, ORANGE),
        "migrations": _Strip(_migrations, PURPLE, is_count=True),
    }
)
"""What the figure shows, from top to bottom."""


def _draw_strip(
    ax: Axes, values: pd.Series, label: str, colour: str, size: float, until_s: float
) -> None:
    times = np.append(values.index.to_numpy(dtype=np.float64), until_s) / size
    levels = np.append(values.to_numpy(dtype=np.float64), values.iloc[-1])
    ax.step(times, levels, where="post", color=colour, linewidth=1.3)
    ax.fill_between(times, levels, step="post", color=colour, alpha=0.15, linewidth=0)
    ax.set_ylim(0, 1.15 * max(float(levels.max()), 1e-9))
    ax.set_ylabel(label, fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.spines[["top", "right"]].set_visible(False)


def _title(hosts: pd.DataFrame, migrations: pd.DataFrame) -> str:
    last = hosts[hosts["time_s"] == hosts["time_s"].max()]
    energy = written(float(last["energy_kwh"].sum()), ENERGY_UNITS)
    host_count = counted(hosts["host"].nunique(), "host")
    return f"{host_count}, {counted(len(migrations), 'migration')}, {energy}"
