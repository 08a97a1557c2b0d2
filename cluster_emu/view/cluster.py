"""The picture of a cluster at one instant, on its topology."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle
from matplotlib.path import Path as Outline

from cluster_emu.units import BITS_PER_BYTE
from cluster_emu.view.cluster_hosts import (
    WAITING_HATCH,
    Squares,
    draw_hosts,
    draw_utilisation_bar,
    draw_vms,
)
from cluster_emu.view.cluster_network import (
    WIDEST_LOAD_PT,
    Ends,
    Line,
    cables_of,
    draw_network,
    lanes,
    route_line,
)
from cluster_emu.view.cluster_racks import add_title_and_key, draw_racks, racks_height
from cluster_emu.view.frame import ClusterFrame
from cluster_emu.view.layout import Box, Layout, layered_layout
from cluster_emu.view.quantities import BIT_RATE_UNITS, written
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    FAINT_GREY,
    GREEN,
    GREY,
    LOAD_COLOUR,
    ORANGE,
    PALE_GREY,
    PURPLE,
    SKY_BLUE,
    VERMILLION,
    WHITE,
    look,
    new_figure,
    tint,
)

MOST_HOSTS, MOST_HOSTS_NARROW = 320, 80
"""Larger clusters are drawn as racks of small cells."""

MANY_MOVES = 16
MOVE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, BLACK)
TITLE_AND_LEGEND_INCHES = 1.15
ELBOW = 0.06


def draw_cluster(frame: ClusterFrame, ax: Axes | None = None, *, with_bar: bool = True) -> Axes:
    """Draw hosts with their VMs, the network with its load, and the running migrations.

    Switches are laid out by layer over the racks of hosts. A host's colour is its CPU
    utilisation, a VM's area its memory, a link's width its load; a migration is an arrow along its
    route in the colour of its VM, with an empty square where the VM will arrive. A cluster of more
    than 320 hosts (80 in the style `paper`) is drawn by `draw_racks` instead.

    Args:
        frame: the instant to draw.
        ax: where to draw; a new figure by default.
        with_bar: whether to draw what the hosts' colours mean.
    """
    if _is_large(frame):
        return draw_racks(frame, ax, with_bar=with_bar)
    layout, height = _layout_of(frame)
    if ax is None:
        ax = new_figure(height + TITLE_AND_LEGEND_INCHES).add_subplot()
    lines = draw_network(ax, frame, layout)
    colours = draw_hosts(ax, frame, layout)
    squares = draw_vms(ax, frame, layout)
    _draw_moves(ax, frame, layout, lines, squares)
    if with_bar:
        draw_utilisation_bar(ax, colours)
    _finish(ax, frame, layout.width, height)
    return ax


def cluster_height(frame: ClusterFrame) -> float:
    """Return how high the picture of a cluster is in inches, without title and legend."""
    return racks_height(frame) if _is_large(frame) else _layout_of(frame)[1]


def _is_large(frame: ClusterFrame) -> bool:
    return frame.host_count > (MOST_HOSTS_NARROW if look().is_narrow else MOST_HOSTS)


def _layout_of(frame: ClusterFrame) -> tuple[Layout, float]:
    """Return where everything is, and the height of the picture with its arcs."""
    layout = layered_layout(frame.graph, frame.host_memory_bytes, look().drawing_inches)
    return layout, max([layout.height, *(line[:, 1].max() for line in cables_of(frame, layout))])


def _draw_moves(
    ax: Axes,
    frame: ClusterFrame,
    layout: Layout,
    lines: dict[Ends, Line],
    squares: Squares,
) -> None:
    shifts = lanes(len(frame.moves)).tolist()
    for number, (move, shift) in enumerate(zip(frame.moves, shifts, strict=True)):
        colour = tint(MOVE_COLOURS[number % len(MOVE_COLOURS)])
        here = squares[int(frame.vm_host[move.vm]), move.vm]
        there = squares[move.target, move.vm]
        ax.add_patch(_moving_square(here, colour))
        if there is not here:
            ax.add_patch(_arriving_square(there, colour))
        leaves = squares.get((move.source, move.vm), layout.boxes[move.source])
        route = route_line([lines[hop] for hop in pairwise(move.nodes)], shift)
        ax.add_patch(_arrow(leaves, route, there, colour, faint=len(frame.moves) > MANY_MOVES))


def _moving_square(box: Box, colour: str) -> Rectangle:
    return Rectangle(
        (box.x, box.y),
        box.width,
        box.height,
        facecolor=colour,
        edgecolor=tint(BLACK),
        lw=0.7,
        zorder=6,
    )


def _arriving_square(box: Box, colour: str) -> Rectangle:
    return Rectangle(
        (box.x, box.y),
        box.width,
        box.height,
        facecolor=tint(WHITE),
        edgecolor=colour,
        linewidth=1.2,
        linestyle=(0, (2, 1)),
        zorder=4.5,
    )


def _arrow(leaves: Box, route: Line, enters: Box, colour: str, *, faint: bool) -> FancyArrowPatch:
    """Return the arrow from the VM up, along its route, and down to where it will be."""
    first, last = leaves.top, enters.top
    above_first = (first[0], max(first[1], route[0, 1] - ELBOW))
    above_last = (last[0], max(last[1], route[-1, 1] - ELBOW))
    return FancyArrowPatch(
        path=Outline(np.vstack([first, above_first, route, above_last, last])),
        arrowstyle="-|>,head_length=4,head_width=2.2",
        color=colour,
        linewidth=0.7 if faint else 1.2,
        alpha=0.75 if faint else 1.0,
        joinstyle="round",
        shrinkA=0,
        shrinkB=0,
        zorder=5,
    )


# --- frame and legend ----------------------------------------------------------------------------


def _finish(ax: Axes, frame: ClusterFrame, width: float, height: float) -> None:
    ax.set_xlim(-0.05, width + 0.05)
    ax.set_ylim(-0.45, height + 0.1)
    add_title_and_key(ax, frame, _legend(frame))


def _legend(frame: ClusterFrame) -> list[Artist]:
    sample_bps = BITS_PER_BYTE * float(frame.link_capacity_bytes_per_s.max(initial=0.0))
    entries: list[Artist] = [
        Patch(facecolor=tint(WHITE), edgecolor=tint(BLACK), label="VM (area: memory)"),
        Patch(
            facecolor=tint(PALE_GREY),
            edgecolor=tint(BLACK),
            hatch=WAITING_HATCH,
            label="VM waiting to move",
        ),
        Patch(facecolor=tint(BLUE), edgecolor=tint(BLACK), label="VM moving"),
        Patch(
            facecolor=tint(WHITE),
            edgecolor=tint(BLUE),
            linestyle=(0, (2, 1)),
            label="place kept for it",
        ),
        Patch(
            facecolor=tint(FAINT_GREY),
            edgecolor=tint(GREY),
            linestyle=":",
            label="host switched off",
        ),
        Line2D([], [], color=tint(BLUE), marker=">", label="migration's route"),
        Line2D(
            [],
            [],
            color=tint(LOAD_COLOUR),
            linewidth=WIDEST_LOAD_PT,
            label=f"link load: {written(sample_bps, BIT_RATE_UNITS)}",
        ),
        Line2D([], [], color=tint(VERMILLION), linewidth=3, label="link saturated"),
    ]
    return entries
