"""Title and legend of a picture: around a figure of its own, or at the axes it was given."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from cluster_emu.view.gantt import legend_place
from cluster_emu.view.saving import figure_of
from cluster_emu.view.style import look


def add_title_and_legend(
    ax: Axes, title: str, entries: Sequence[Artist], *, columns: int, is_alone: bool
) -> None:
    """Add a title above a picture and a legend below it.

    Args:
        ax: the picture.
        title: its title, folded.
        entries: entries of its legend.
        columns: entries in a line.
        is_alone: whether it has a figure of its own, of which they may take the whole width.
    """
    if not is_alone:
        ax.set_title(title, loc="left", fontsize=look().title_pt)
        add_legend_below(ax, entries, columns=columns)
        return
    figure = figure_of(ax)
    figure.suptitle(title, fontsize=look().title_pt, x=0.01, ha="left")
    figure.legend(
        handles=entries,
        loc="outside lower center",
        ncols=columns,
        fontsize=look().note_pt,
        frameon=False,
    )


def add_legend_below(ax: Axes, entries: Sequence[Artist], *, columns: int) -> None:
    """Add a legend below the horizontal axis of a picture.

    Args:
        ax: the picture.
        entries: entries of its legend.
        columns: entries in a line.
    """
    ax.legend(
        handles=entries,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=legend_place(ax),
        ncols=columns,
        fontsize=look().note_pt,
        frameon=False,
    )
