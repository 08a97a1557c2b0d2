"""The paper's Figures 2 to 4 as it draws them: bars per VM, under several readings of its text.

One reading is left out: to_send holds in round 1 only the pages that were dirty just before. Then
pages that nobody writes would never be sent, and the VM could not run on the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu import estimate, load_scenario, simulate
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    LABEL_PT,
    TICK_PT,
    TITLE_PT,
    VERMILLION,
    new_figure,
)
from paper.exact import BEFORE, HU, LITERAL, STICKY, STOP, TOTAL, XEN, sends

PAGES, PATTERNS = 10, 20
PAGE_TIME_S = 6.78e-3
TABLE_2 = "history=4,first_round=full"


class Reading(NamedTuple):
    """One reading of the paper's text.

    Args:
        name: what is special about it.
        baseline: the paper's baseline.
        proposed: the paper's filter.
        warm: whether dirty bits are logged before the first round.
        paired: whether both run on the same patterns.
    """

    name: str
    baseline: str
    proposed: str
    warm: bool = True
    paired: bool = True


READINGS = (
    Reading("a page held back stays in to_send", XEN, STICKY),
    Reading("to_send as worded: dirty in the last round", XEN, LITERAL),
    Reading(
        "round 1 filters like the others", *(r.replace("full", "peek") for r in (XEN, LITERAL))
    ),
    Reading("history empty at the start", XEN, LITERAL, warm=False),
    Reading("baseline with a threshold of 4", HU, LITERAL),
    Reading(
        "a window of 4, as in Table 2",
        f"time-series:threshold=4,{TABLE_2}",
        f"history-majority:to_send=literal,{TABLE_2}",
    ),
    Reading("own patterns for each approach", XEN, LITERAL, paired=False),
)


class Quantity(NamedTuple):
    """What one of the paper's figures shows.

    Args:
        figure: the figure's number in the paper.
        label: what it shows.
        unit: in which unit.
        column: the column of sends that it follows from.
        scale: the quantity per page sent.
    """

    figure: int
    label: str
    unit: str
    column: str
    scale: float


QUANTITIES = (
    Quantity(2, "sent before the stop", "pages", BEFORE, 1),
    Quantity(3, "downtime", "ms", STOP, 1e3 * PAGE_TIME_S),
    Quantity(4, "total migration time", "ms", TOTAL, 1e3 * PAGE_TIME_S),
)
RULES = {"baseline": BLUE, "proposed": VERMILLION}


def bars(seed: int) -> pd.DataFrame:
    """Run 20 patterns under every reading; return means per VM with 95 % intervals.

    Args:
        seed: the seed of the patterns.

    Returns:
        One row per reading, quantity, VM and rule, with the exact mean.
    """
    return pd.DataFrame([row for reading in READINGS for row in _rows(reading, seed)])


def _rows(reading: Reading, seed: int) -> Iterator[dict[str, object]]:
    first, second = np.random.SeedSequence(seed).generate_state(2 * PATTERNS).reshape(2, -1)
    patterns = {"baseline": first, "proposed": first if reading.paired else second}
    for rule in RULES:
        strategy = getattr(reading, rule)
        migrations = _migrations(strategy, reading.warm, [int(each) for each in patterns[rule]])
        exact = sends(strategy, warm=reading.warm)
        for quantity, (vm, rows) in product(QUANTITIES, migrations.groupby("vm")):
            found = estimate(rows[quantity.column].to_numpy() * quantity.scale)
            yield {
                "reading": reading.name,
                "figure": quantity.figure,
                "quantity": quantity.label,
                "unit": quantity.unit,
                "vm": vm,
                "rule": rule,
                "strategy": strategy,
                "mean": found.mean,
                "low": found.low,
                "high": found.high,
                "exact": float(PAGES * exact[quantity.column]) * quantity.scale,
                "patterns": PATTERNS,
            }


def _migrations(strategy: str, warm: bool, seeds: Sequence[int]) -> pd.DataFrame:
    """Return both VMs' migrations, which share the link, for every pattern."""
    fields = {
        "transfer.strategy": strategy,
        "transfer.warm_intervals": 5 if warm else 0,
        "vms.0.page_count": PAGES,
    }
    scenario = load_scenario("paper").with_fields(fields)
    rows = pd.concat([simulate(scenario, seed).migrations for seed in seeds])
    return rows.assign(**{TOTAL: rows[BEFORE] + rows[STOP]})


def draw_bars(rows: pd.DataFrame) -> Figure:
    """Draw a row of panels per reading and a column per figure of the paper.

    Args:
        rows: what `bars` returns.
    """
    figure = new_figure(8.6)
    panels = figure.subplots(len(READINGS), len(QUANTITIES), sharex=True, sharey="col")
    for line, reading in zip(panels, READINGS, strict=True):
        chosen = rows[rows["reading"] == reading.name]
        for ax, quantity in zip(line, QUANTITIES, strict=True):
            _draw_panel(ax, chosen[chosen["figure"] == quantity.figure])
        line[0].set_title(reading.name, fontsize=TICK_PT, loc="left")
    for ax, quantity in zip(panels[0], QUANTITIES, strict=True):
        text = f"Figure {quantity.figure}: {quantity.label} ({quantity.unit})"
        ax.annotate(
            text,
            (0.5, 1.45),
            xycoords="axes fraction",
            ha="center",
            fontsize=LABEL_PT,
            annotation_clip=False,
        )
    title = (
        "The paper's Figures 2 to 4 under seven readings of its text: 2 VMs of 10 pages,\n"
        "means over 20 patterns with 95 % intervals; black lines are the exact means"
    )
    figure.suptitle(title, fontsize=TITLE_PT)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=TICK_PT)
    return figure


def _draw_panel(ax: Axes, rows: pd.DataFrame) -> None:
    for place, (rule, colour) in enumerate(RULES.items()):
        chosen = rows[rows["rule"] == rule].sort_values("vm")
        at = chosen["vm"].to_numpy() + 0.36 * (place - 0.5)
        whiskers = [chosen["mean"] - chosen["low"], chosen["high"] - chosen["mean"]]
        ax.bar(at, chosen["mean"], 0.34, color=colour, label=rule)
        ax.errorbar(at, chosen["mean"], whiskers, fmt="none", ecolor="0.15", elinewidth=1.2)
        label = "exact mean" if place == 0 else None
        ax.hlines(chosen["exact"], at - 0.17, at + 0.17, color=BLACK, linewidth=1.6, label=label)
    ax.set_xticks((0, 1), ("VM 1", "VM 2"))
    ax.tick_params(labelsize=TICK_PT)
    ax.spines[["top", "right"]].set_visible(False)


def in_words(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what each reading gives: the mean over both VMs, and what is exact."""
    yield "The paper's bars: 2 VMs of 10 pages, means over 20 patterns, exact means in brackets"
    for reading in READINGS:
        yield f"  {reading.name}"
        for quantity in QUANTITIES:
            chosen = rows.query("reading == @reading.name and figure == @quantity.figure")
            by_rule = chosen.groupby("rule")[["mean", "exact"]].mean()
            before, after = by_rule.loc["baseline"], by_rule.loc["proposed"]
            yield (
                f"    {quantity.label}: {before['mean']:.1f} ({before['exact']:.1f}) -> "
                f"{after['mean']:.1f} ({after['exact']:.1f}) {quantity.unit}, "
                f"exactly {after['exact'] / before['exact'] - 1:+.1%}"
            )
