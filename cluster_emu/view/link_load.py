"""The load of links over a run: the busiest ones, interval by interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from cluster_emu.view.style import folded, literal, look, new_figure
from cluster_emu.view.timeline import time_unit
from cluster_emu.wording import counted

MOST_LINKS = 16
LANE_INCHES = 0.19
REST_INCHES = 1.1


def draw_link_load(
    links: pd.DataFrame,
    ax: Axes | None = None,
    *,
    instants_s: Sequence[float] | None = None,
    node_names: Mapping[int, str] | None = None,
    max_links: int = MOST_LINKS,
) -> Axes:
    """Draw the mean load of the busiest links between instants of observation, one lane each.

    Args:
        links: the table `links`.
        ax: where to draw; a new figure of fitting height by default.
        instants_s: the instants of observation, ascending; by default those at which a link had
            carried something, so that an idle interval joins the next busy one.
        node_names: what hosts and switches are called, by node; by default their numbers.
        max_links: most links to draw; the busiest in their busiest interval come first.
    """
    peaks = links.groupby("link")["mean_utilisation"].max()
    shown = peaks.sort_values(ascending=False, kind="stable").index[:max_links].tolist()
    if ax is None:
        ax = new_figure(max(len(shown), 4) * LANE_INCHES + REST_INCHES).add_subplot()
    edges_s = _edges(links, instants_s)
    size, unit = time_unit(float(edges_s[-1]))
    load = np.zeros((max(len(shown), 1), len(edges_s) - 1))
    chosen = links[links["link"].isin(shown)]
    lanes = {link: lane for lane, link in enumerate(shown)}
    columns = np.searchsorted(edges_s, chosen["time_s"].to_numpy()) - 1
    rows = chosen["link"].map(lanes).to_numpy(np.int64)
    load[rows, np.maximum(columns, 0)] = 100 * chosen["mean_utilisation"].to_numpy()
    mesh = ax.pcolormesh(
        edges_s / size,
        np.arange(len(load) + 1) - 0.5,
        np.ma.masked_equal(load, 0.0),
        cmap=colormaps[look().utilisation],
        norm=Normalize(0, _top(load)),
        rasterized=load.size > 10_000,
    )
    ax.set_ylim(len(load) - 0.5, -0.5)
    ax.set_yticks(range(len(shown)), [_name(links, link, node_names or {}) for link in shown])
    ax.set_xlabel(f"Simulated time ({unit})", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.tick_params(axis="y", labelsize=look().note_pt, length=0)
    ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
    figure = ax.get_figure()
    assert figure is not None
    below = look().is_narrow
    bar = figure.colorbar(mesh, ax=ax, location="bottom" if below else "right", pad=0.02)
    bar.set_label("Mean load of the interval (%)", fontsize=look().label_pt)
    bar.ax.tick_params(labelsize=look().tick_pt)
    all_links = counted(len(peaks), "link")
    which = f"the {len(shown)} busiest of {all_links}" if len(shown) < len(peaks) else all_links
    title = f"Load of {which} that carried anything"
    ax.set_title(folded(title, 0.6 if below else 1.0), loc="left", fontsize=look().title_pt)
    return ax


def _top(load: np.ndarray) -> float:
    """Return the end of the scale: 100, or a round number that a quiet run does not exceed."""
    peak = float(load.max(initial=0.0))
    return next((top for top in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0) if peak <= top), 100.0)


def _edges(links: pd.DataFrame, instants_s: Sequence[float] | None) -> np.ndarray:
    """Return the ends of the intervals, in seconds, from the first instant on."""
    given = links["time_s"].unique() if instants_s is None else np.asarray(instants_s)
    edges = np.unique(np.append(np.asarray(given, dtype=np.float64), 0.0))
    return edges if len(edges) > 1 else np.array([0.0, max(float(edges[-1]), 1.0)])


def _name(links: pd.DataFrame, link: int, names: Mapping[int, str]) -> str:
    row = links[links["link"] == link].iloc[0]
    ends = [int(row["source_node"]), int(row["target_node"])]
    return literal(" → ".join(names.get(node, str(node)) for node in ends))
