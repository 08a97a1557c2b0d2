"""Where one strategy beats every other one: verdicts at each place of a grid, and their map."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cluster_emu import metric_catalogue
from cluster_emu.study import Verdict, paired_effect
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    LABEL_PT,
    NOTE_PT,
    ORANGE,
    PALE_GREY,
    SKY_BLUE,
    TICK_PT,
    TITLE_PT,
    WHITE,
    new_figure,
)

ALPHA = 0.05
OUTCOMES = {
    "lowest": ("lower than every other", BLUE),
    "ties": ("no practical difference from the lowest", SKY_BLUE),
    "undecided": ("undecided", PALE_GREY),
    "beaten": ("another is lower", ORANGE),
}
"""What a place shows, its words and its colour."""


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p values adjusted for all tests together by Holm's step-down method."""
    order = np.argsort(p_values)
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * np.asarray(p_values)[order]), 1.0)
    return adjusted


def against_others(
    table: pd.DataFrame,
    axes: Sequence[str],
    own: str,
    others: Sequence[str],
    metrics: Sequence[str],
) -> pd.DataFrame:
    """Return paired differences of a strategy from each other one, at each place.

    Args:
        table: the results of a study.
        axes: the columns of its axes.
        own: the strategy, or "best" for the one of its column `own_of` with the lowest mean there.
        others: the strategies that it is compared with.
        metrics: the metrics.
    """
    rows: list[dict[str, Any]] = []
    for place, group in table.groupby(list(axes), sort=False):
        for metric in metrics:
            wide = group.pivot(index="seed", columns="strategy", values=metric)
            chosen = own
            if own == "best":
                filters = [name for name in wide if str(name).startswith("history-majority")]
                chosen = str(wide[filters].mean().idxmin())
            for other in others:
                pair = wide[[other, chosen]].to_numpy(dtype=float).T
                found = paired_effect(*pair, metric_catalogue[metric].smallest_difference)
                ends = (found.difference.mean, found.difference.low, found.difference.high)
                rows.append(
                    {
                        **dict(zip(axes, place, strict=True)),
                        "metric": metric,
                        "strategy": chosen,
                        "other": other,
                        **dict(zip(("difference", "ci95_low", "ci95_high"), ends, strict=True)),
                        "relative": found.relative,
                        "verdict": str(found.verdict),
                        "p_value": 1.0 if found.p_value is None else found.p_value,
                    }
                )
    frame = pd.DataFrame(rows)
    frame["p_holm"] = holm(frame["p_value"].tolist())
    claims = frame["verdict"].isin([Verdict.LOWER, Verdict.HIGHER])
    return frame.assign(
        verdict=frame["verdict"].mask(claims & (frame["p_holm"] > ALPHA), str(Verdict.UNDECIDED))
    )


def outcomes(pairs: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Return, by place and metric, what all comparisons together show, and the strategy."""
    rows = []
    for place, group in pairs.groupby([*axes, "metric"], sort=False):
        verdicts = set(group["verdict"])
        if Verdict.HIGHER in verdicts:
            shown = "beaten"
        elif Verdict.UNDECIDED in verdicts:
            shown = "undecided"
        else:
            shown = "lowest" if verdicts == {Verdict.LOWER} else "ties"
        names = dict(zip([*axes, "metric"], place, strict=True))
        rows.append({**names, "outcome": shown, "strategy": group["strategy"].iloc[0]})
    return pd.DataFrame(rows)


def draw_map(
    maps: dict[str, pd.DataFrame], axes: Sequence[str], metrics: Sequence[str], title: str
) -> Figure:
    """Draw a panel per metric (rows) and map (columns): profiles by bandwidth and rounds.

    Args:
        maps: tables of `outcomes` by title.
        axes: the columns of profile, bandwidth in bit/s, and rounds.
        metrics: the metrics.
        title: title of the figure.
    """
    profiles = list(next(iter(maps.values()))[axes[0]].unique())
    figure = new_figure(len(metrics) * (0.19 * len(profiles) + 0.75) + 1.2)
    panels = figure.subplots(len(metrics), len(maps), sharex=True, sharey=True, squeeze=False)
    for row, metric in zip(panels, metrics, strict=True):
        for ax, (name, table) in zip(row, maps.items(), strict=True):
            _draw_panel(ax, table[table["metric"] == metric], axes, profiles)
            ax.set_title(f"{metric_catalogue[metric].label}: {name}", fontsize=LABEL_PT)
    for ax in panels[-1]:
        ax.set_xlabel("live rounds, at each bandwidth", fontsize=LABEL_PT)
    handles = [Patch(color=colour, label=words) for words, colour in OUTCOMES.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=LABEL_PT)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    return figure


def _draw_panel(ax: Axes, table: pd.DataFrame, axes: Sequence[str], profiles: list[str]) -> None:
    _, bandwidth, rounds = axes
    rates, counts = (list(table[axis].unique()) for axis in (bandwidth, rounds))
    found = table.set_index(list(axes))
    places = list(product(rates, counts))
    names = list(OUTCOMES)
    shades = np.zeros((len(profiles), len(places)))
    for y, x in product(range(len(profiles)), range(len(places))):
        row = found.loc[(profiles[y], *places[x])]
        shades[y, x] = names.index(row["outcome"])
        history = str(row["strategy"]).partition("history=")[2]
        colour = WHITE if row["outcome"] == "lowest" else BLACK
        ax.text(x, y, history, ha="center", va="center", fontsize=NOTE_PT, color=colour)
    shown = ListedColormap([colour for _, colour in OUTCOMES.values()])
    ax.imshow(shades, cmap=shown, vmin=-0.5, vmax=len(names) - 0.5, aspect="auto")
    for edge in range(len(counts), len(places), len(counts)):
        ax.axvline(edge - 0.5, color=BLACK, linewidth=0.8)
    middles = [(n + 0.5) * len(counts) - 0.5 for n in range(len(rates))]
    for middle, rate in zip(middles, rates, strict=True):
        ax.text(middle, -0.62, f"{rate / 1e9:g} Gbit/s", ha="center", fontsize=NOTE_PT)
    ax.set_ylim(len(profiles) - 0.5, -1.35)
    ax.set_xticks(range(len(places)), [f"{count:g}" for _, count in places])
    ax.set_yticks(range(len(profiles)), profiles)
    ax.tick_params(labelsize=TICK_PT, length=0)
    ax.spines[:].set_visible(False)
