"""What the mapping from load to write intensity changes: paired differences, and their figure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cluster_emu import metric_catalogue
from cluster_emu.study import paired_effect
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    GREY,
    LABEL_PT,
    PALE_GREY,
    TICK_PT,
    TITLE_PT,
    VERMILLION,
    new_figure,
)

LOOKS = ((BLACK, "o"), (BLUE, "^"), (VERMILLION, "s"))


def mapping_effects(runs: pd.DataFrame, axis: str, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the difference of every mapping from the first one, pair by pair of equal seeds.

    Args:
        runs: one row per run: the axis, strategy, replication and the metrics.
        axis: column of the mappings.
        metrics: columns that are compared.
    """
    first, *others = runs[axis].unique()
    rows = []
    for (strategy, mapping), group in runs[runs[axis].isin(others)].groupby(
        ["strategy", axis], sort=False
    ):
        base = runs[(runs[axis] == first) & (runs["strategy"] == strategy)]
        both = base.merge(group, on="replication", suffixes=("_first", ""), validate="one_to_one")
        for metric in metrics:
            a, b = both[f"{metric}_first"].to_numpy(float), both[metric].to_numpy(float)
            found = paired_effect(a, b, metric_catalogue[metric].smallest_difference)
            scale = 100 / a.mean()
            rows.append(
                {
                    "strategy": strategy,
                    "mapping": mapping,
                    "metric": metric,
                    "first": a.mean(),
                    "pairs": len(both),
                    "percent": scale * (found.difference.mean or 0.0),
                    "low_percent": scale * (found.difference.low or 0.0),
                    "high_percent": scale * (found.difference.high or 0.0),
                    "verdict": str(found.verdict),
                }
            )
    return pd.DataFrame(rows)


def draw_mappings(rows: pd.DataFrame, metrics: Sequence[str], title: str) -> Figure:
    """Draw the differences in percent, a panel per metric, a line per mapping.

    Args:
        rows: as `mapping_effects` returns them.
        metrics: the metrics.
        title: title of the figure.
    """
    figure = new_figure(3.8)
    mappings = list(rows["mapping"].unique())[::-1]
    for ax, metric in zip(figure.subplots(1, len(metrics), sharey=True), metrics, strict=True):
        ax.axvline(0, color=GREY, linewidth=0.8, linestyle="--")
        chosen = rows[rows["metric"] == metric]
        for number, (strategy, group) in enumerate(chosen.groupby("strategy", sort=False)):
            colour, marker = LOOKS[number % len(LOOKS)]
            places = [mappings.index(name) + 0.2 * (1 - number) for name in group["mapping"]]
            ax.hlines(places, group["low_percent"], group["high_percent"], color=colour)
            label = str(strategy)
            ax.plot(group["percent"], places, marker, color=colour, markersize=5, label=label)
        ax.set_yticks(range(len(mappings)), mappings)
        ax.set_title(metric_catalogue[metric].label, fontsize=LABEL_PT, wrap=True)
        ax.set_xlabel("difference (%)", fontsize=LABEL_PT)
        ax.grid(visible=True, axis="x", color=PALE_GREY, linewidth=0.5)
        ax.tick_params(labelsize=TICK_PT)
        ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize=LABEL_PT)
    return figure
