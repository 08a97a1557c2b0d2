"""A figure of a day under several policies: a row per policy, a marker per strategy."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from cluster_emu import metric_catalogue
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LABEL_PT,
    ORANGE,
    PALE_GREY,
    TICK_PT,
    TITLE_PT,
    new_figure,
)

LOOKS = {
    "pre-copy": (BLACK, "o"),
    "time-series": (ORANGE, "s"),
    "history-majority": (BLUE, "^"),
    "post-copy": (GREEN, "D"),
}
FIGURES = (
    "energy_kwh",
    "migrations",
    "host_shutdowns",
    "total_time_s",
    "interrupted_s",
    "interrupted_p95_s",
    "slatah",
    "degradation_by_migration",
    "degradation_by_ten_percent_rule",
    "slav",
    "esv_kwh",
)
"""The metrics of the tables."""
PANELS = ("energy_kwh", "migrations", "interrupted_p95_s", "esv_kwh")
LOGARITHMIC = ("interrupted_p95_s", "esv_kwh")


def draw_day(table: pd.DataFrame, title: str) -> Figure:
    """Draw means and 95 % intervals, a panel per metric of `PANELS`.

    Args:
        table: columns policy, strategy, metric, mean, ci95_low, ci95_high.
        title: title of the figure.
    """
    policies = list(table["policy"].unique())
    figure = new_figure(0.42 * len(policies) + 1.6)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for ax, name in zip(panels, PANELS, strict=True):
        metric = metric_catalogue[name]
        chosen = table[table["metric"] == name]
        for number, (method, (colour, marker)) in enumerate(LOOKS.items()):
            rows = chosen[chosen["strategy"] == method]
            # A row's markers stand below each other, so that none covers another.
            places = [policies.index(each) + 0.15 * (number - 1.5) for each in rows["policy"]]
            ends = rows[["ci95_low", "ci95_high"]].astype(float) * metric.scale
            ax.hlines(places, ends["ci95_low"], ends["ci95_high"], color=colour, linewidth=1.2)
            ax.scatter(
                rows["mean"].astype(float) * metric.scale,
                places,
                color=colour,
                marker=marker,
                s=16,
                label=method,
                zorder=3,
            )
        if name in LOGARITHMIC:
            ax.set_xscale("log")
            ax.xaxis.set_minor_formatter(NullFormatter())
        else:
            ax.set_xlim(left=0)
        unit = f" ({metric.unit})" if metric.unit else ""
        ax.set_xlabel(textwrap.fill(f"{metric.label}{unit}", 22), fontsize=LABEL_PT)
        ax.grid(visible=True, axis="x", color=PALE_GREY, linewidth=0.5)
        ax.tick_params(labelsize=TICK_PT)
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines["left"].set_color(GREY)
    panels[0].set_yticks(range(len(policies)), policies)
    panels[0].set_ylim(len(policies) - 0.5, -0.5)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    lines, names = panels[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=len(names), fontsize=LABEL_PT)
    return figure


def sentences(table: pd.DataFrame, hid: pd.DataFrame, hidden_policy: str) -> Iterator[str]:
    """Yield what was found as sentences.

    Args:
        table: as of `draw_day`.
        hid: columns strategy, figure, mean: what the instantaneous rule does not show.
        hidden_policy: the policy of `hid`.
    """
    means = table.pivot_table(index=["policy", "strategy"], columns="metric", values="mean")
    alone = means.xs("dvfs").iloc[0]["energy_kwh"]
    yield f"dvfs alone takes {alone:.1f} kWh."
    for policy, group in means.drop(index="dvfs").groupby(level="policy", sort=False):
        saved = 1 - group["energy_kwh"].mean() / alone
        worst, best = group["interrupted_s"].idxmax()[1], group["interrupted_s"].idxmin()[1]
        interrupted_s = group["interrupted_s"]
        yield (
            f"{policy} saves {100 * saved:.1f} % with {group['migrations'].mean():,.0f} "
            f"migrations; each interrupts a VM for {interrupted_s.min():.3g} s ({best}) to "
            f"{interrupted_s.max():.3g} s ({worst})."
        )
    of = hid.pivot_table(index="strategy", columns="figure", values="mean", sort=False)
    for method, row in of.iterrows():
        yield (
            f"{hidden_policy}, {method}: the rule says {row['ruled_s']:.1f} s per migration, the "
            f"network takes {row['total_time_s']:.1f} s; {100 * row['shared_link_share']:.0f} % "
            f"share a link, {100 * row['past_next_instant_share']:.1f} % have not ended at the "
            f"next control instant; migrations take {100 * row['pdm']:.4f} % of the CPU "
            f"({100 * row['pdm_by_ten_percent_rule']:.4f} % by the 10 % rule)."
        )
