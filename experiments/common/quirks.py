"""A figure of CloudSim's oddities: what each of them does to energy and migrations."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from cluster_emu.view.style import BLUE, LABEL_PT, ORANGE, PALE_GREY, TICK_PT, TITLE_PT, new_figure


def draw_quirks(table: pd.DataFrame, title: str) -> Figure:
    """Draw a bar per variant, the first one on top: energy, and migrations.

    Args:
        table: one row per variant, with switched_off, energy_kwh, without_migrations_kwh and
            migrations.
        title: title of the figure.
    """
    figure = new_figure(4.0)
    energy, moves = figure.subplots(1, 2, sharey=True)
    names, places = table["switched_off"], range(len(table))[::-1]
    energy.barh(places, table["energy_kwh"], color=BLUE, label="with migrations")
    energy.plot(
        table["without_migrations_kwh"],
        places,
        "|",
        color=ORANGE,
        ms=12,
        mew=2,
        label="without migrations",
    )
    energy.set_xlabel("energy (kWh)", fontsize=LABEL_PT)
    energy.set_yticks(list(places), names, fontsize=TICK_PT)
    moves.barh(places, table["migrations"], color=BLUE)
    moves.set_xlabel("migrations", fontsize=LABEL_PT)
    for ax in (energy, moves):
        ax.set_xlim(left=0)
        ax.grid(visible=True, axis="x", color=PALE_GREY, linewidth=0.5)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=TICK_PT)
    figure.legend(loc="outside lower center", ncols=2, fontsize=LABEL_PT)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    return figure
