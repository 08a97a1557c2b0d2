"""A run from beginning to end: hosts on, their utilisation and power, migrations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
LONG_S = 3 * SECONDS_PER_HOUR


def draw_timeline(
    hosts: pd.DataFrame, migrations: pd.DataFrame, figure: Figure | None = None
) -> Figure:
    """Draw four strips over time: hosts on, their mean utilisation, power, running migrations.

    The first three are known at the instants of observation and hold until the next; the number of
    migrations under way is exact.

    Args:
        hosts: the table `hosts`.
        migrations: the table `migrations`.
        figure: an empty figure to draw in; a new one by default.
    """
    if figure is None:
        figure = new_figure(4 * PANEL_INCHES + TITLE_AND_AXIS_INCHES)
    panels = figure.subplots(4, 1, sharex=True)
    until_s = float(np.nanmax([hosts["time_s"].max(), migrations["end_s"].max()]))
    size, unit = time_unit(until_s)
    observed = _observed(hosts)
    watt_size, watt_unit = best_unit(float(observed["power_w"].max()), POWER_UNITS)
    strips = (
        (observed["hosts_on"], "Hosts on", tint(BLUE)),
        (observed["utilisation"] * 100, "CPU in use,\nhosts on (%)", tint(GREEN)),
        (observed["power_w"] / watt_size, f"Power ({watt_unit})", tint(ORANGE)),
        (under_way(migrations), "Migrations\nunder way", tint(PURPLE)),
    )
    for ax, (values, label, colour) in zip(panels, strips, strict=True):
        _draw_strip(ax, values, label, colour, size, until_s)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=ax in (panels[0], panels[-1])))
    panels[-1].set_xlabel(f"Simulated time ({unit})", fontsize=look().label_pt)
    panels[-1].set_xlim(0, until_s / size)
    figure.align_ylabels(panels)
    figure.suptitle(folded(_title(hosts, migrations)), fontsize=look().title_pt, x=0.01, ha="left")
    return figure


def time_unit(until_s: float) -> tuple[float, str]:
    """Return the unit in which a run of this length is drawn: its seconds and its name."""
    return (SECONDS_PER_HOUR, "h") if until_s > LONG_S else (1.0, "s")


def under_way(migrations: pd.DataFrame) -> pd.Series:
    """Return the number of migrations running from each instant at which it changes, by time."""
    begun = migrations["start_s"].dropna()
    ended = migrations["end_s"][begun.index]
    steps = pd.concat([pd.Series(1, index=begun), pd.Series(-1, index=ended)])
    counts = steps.groupby(level=0).sum().cumsum()
    return counts if 0.0 in counts.index else pd.concat([pd.Series(0, index=[0.0]), counts])


def _observed(hosts: pd.DataFrame) -> pd.DataFrame:
    """Return what is shown of the hosts at each instant of observation, by time."""
    on = hosts[hosts["switched_on"]]
    times = hosts.groupby("time_s")
    return pd.DataFrame(
        {
            "hosts_on": times["switched_on"].sum(),
            "utilisation": on.groupby("time_s")["utilisation"].mean(),
            "power_w": times["power_w"].sum(),
        }
    ).fillna(0.0)


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
