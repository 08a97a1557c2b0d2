"""The picture of a large cluster at one instant: racks of small cells, one per host."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from cluster_emu.view.cluster_hosts import draw_utilisation_bar
from cluster_emu.view.cluster_network import SATURATED_SHARE
from cluster_emu.view.frame import ClusterFrame
from cluster_emu.view.quantities import clock
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    FAINT_GREY,
    GREY,
    LOAD_COLOUR,
    PALE_GREY,
    VERMILLION,
    WHITE,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted

LARGEST_CELL, SMALLEST_CELL = 0.3, 0.02
TALLEST_INCHES = 5.4
CELL_GAP_SHARE = 0.12
RACK_GAP, MOST_GAP = 0.14, 0.5
ROOM_FOR_NAME = 0.17
BAR_HEIGHT = 0.045
ROOM_FOR_BARS = 2 * BAR_HEIGHT + 0.05
WIDE_RACK = 1.6
"""How much wider than high a rack is."""

SWITCH_ROW = 0.3
SWITCH_HEIGHT = 0.15
TITLE_AND_LEGEND_INCHES = 1.1
BAR_INCHES = 0.85
LETTER_WIDTH = 0.062
LEAST_MARK_PT = 3.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RackGrid:
    """Where the racks of a large cluster are drawn; one unit is one inch.

    Args:
        cell: width and height of a host's cell with its gap.
        columns: cells side by side in each rack.
        lower_left: lower left corner of each rack's cells, shape [racks, 2].
        rows: rows of cells in the largest rack.
        height: height of all racks with their names and bars.
    """

    cell: float
    columns: tuple[int, ...]
    lower_left: Floats
    rows: int
    height: float


def rack_grid(sizes: Sequence[int], width: float, tallest: float = TALLEST_INCHES) -> RackGrid:
    """Return the places of racks with the largest cells that fit.

    Args:
        sizes: hosts of each rack.
        width: how wide the whole may be.
        tallest: how high the whole may be, unless the cells would be too small then.
    """
    cell = LARGEST_CELL
    grid = _grid_of(sizes, cell, width)
    while grid.height > tallest and cell > SMALLEST_CELL:
        cell *= 0.95
        grid = _grid_of(sizes, cell, width)
    return grid


def _grid_of(sizes: Sequence[int], cell: float, width: float) -> RackGrid:
    most = max(int((width + 1e-9) / cell), 1)
    columns = tuple(min(math.ceil(math.sqrt(WIDE_RACK * size)), most) for size in sizes)
    rows = max(math.ceil(size / across) for size, across in zip(sizes, columns, strict=True))
    step = rows * cell + ROOM_FOR_NAME + ROOM_FOR_BARS
    lines: list[list[float]] = [[]]
    for across in columns:
        if lines[-1] and sum(lines[-1]) + across * cell + RACK_GAP * len(lines[-1]) > width + 1e-9:
            lines.append([])
        lines[-1].append(across * cell)
    # The longest line is spread over the whole width, and the others have its gaps.
    gaps = [(width - sum(line)) / (len(line) - 1) for line in lines if len(line) > 1]
    gap = min([*gaps, MOST_GAP]) if len(lines) > 1 else RACK_GAP
    height = len(lines) * step
    lower_left = np.array(
        [
            (sum(line[:place]) + gap * place, height - (at + 1) * step + ROOM_FOR_BARS)
            for at, line in enumerate(lines)
            for place in range(len(line))
        ]
    )
    return RackGrid(cell, columns, lower_left, rows, height)


def draw_racks(frame: ClusterFrame, ax: Axes | None = None, *, with_bar: bool = True) -> Axes:
    """Draw a large cluster: a cell per host in its rack, and how busy the switches' links are.

    A cell's colour is the host's CPU utilisation, and marks show which hosts migrations leave and
    enter. The bars below a rack are the load of the busiest of its uplinks, sent above received;
    the colour of a switch is that of its busiest link. Both turn red where a link is saturated.

    Args:
        frame: the instant to draw.
        ax: where to draw; a new figure by default.
        with_bar: whether to draw what the hosts' colours mean.
    """
    members = _members(frame)
    width = look().drawing_inches - (0.0 if look().is_narrow else BAR_INCHES)
    grid = rack_grid([len(hosts) for hosts in members.values()], width)
    layers = _switch_layers(frame.graph)
    height = grid.height + SWITCH_ROW * len(layers)
    if ax is None:
        bar = BAR_INCHES if look().is_narrow else 0.0
        ax = new_figure(height + TITLE_AND_LEGEND_INCHES + bar).add_subplot()
    centres, colours = _draw_cells(ax, frame, members, grid)
    if with_bar:
        draw_utilisation_bar(ax, colours)
    _draw_moves(ax, frame, centres, grid.cell)
    busiest = _busiest_links(frame)
    _draw_rack_rims(ax, frame, members, grid, busiest)
    _draw_switches(ax, frame, layers, grid.height, width, busiest)
    _finish(ax, frame, width, height)
    return ax


def racks_height(frame: ClusterFrame) -> float:
    """Return how high the picture is in inches, without title and legend."""
    width = look().drawing_inches - (0.0 if look().is_narrow else BAR_INCHES)
    grid = rack_grid([len(hosts) for hosts in _members(frame).values()], width)
    return grid.height + SWITCH_ROW * len(_switch_layers(frame.graph))


def _members(frame: ClusterFrame) -> dict[int, list[int]]:
    """Return the hosts of each rack, racks ascending."""
    racks: dict[int, list[int]] = {}
    for host in range(frame.host_count):
        racks.setdefault(int(frame.graph.nodes[host].get("rack", 0)), []).append(host)
    return dict(sorted(racks.items()))


def _rectangles(corners: Floats, width: Floats | float, height: float) -> Floats:
    """Return the outlines of rectangles from their lower left corners, shape [count, 4, 2]."""
    x, y = corners[:, 0], corners[:, 1]
    right = x + width
    return np.stack([[x, right, right, x], [y, y, y + height, y + height]], axis=-1).transpose(
        1, 0, 2
    )


def _draw_cells(
    ax: Axes, frame: ClusterFrame, members: dict[int, list[int]], grid: RackGrid
) -> tuple[Floats, ScalarMappable]:
    """Draw the hosts; return the middle of each, shape [hosts, 2], and what colours mean."""
    corners = np.zeros((frame.host_count, 2))
    for rack, hosts in enumerate(members.values()):
        row, column = np.divmod(np.arange(len(hosts)), grid.columns[rack])
        corners[hosts, 0] = grid.lower_left[rack, 0] + column * grid.cell
        corners[hosts, 1] = grid.lower_left[rack, 1] + (grid.rows - 1 - row) * grid.cell
    side = grid.cell * (1 - CELL_GAP_SHARE)
    colours = ScalarMappable(Normalize(0, 100), colormaps[look().utilisation])
    shades = colours.to_rgba(100 * frame.utilisation)
    on = frame.switched_on
    cells = _rectangles(corners, side, side)
    line = min(0.4, 2.5 * grid.cell)
    for chosen, faces, edge, label in (
        (on, shades[on], tint(GREY), "hosts"),
        (~on, tint(WHITE), tint(PALE_GREY), "hosts off"),
    ):
        cells_drawn = PolyCollection(
            list(cells[chosen]),
            facecolors=faces,
            edgecolors=edge,
            linewidths=line,
            zorder=2,
            label=label,
        )
        ax.add_collection(cells_drawn, autolim=False)
    return corners + side / 2, colours


def _draw_moves(ax: Axes, frame: ClusterFrame, centres: Floats, cell: float) -> None:
    """Mark the hosts that VMs leave and enter; larger marks stand for more of them."""
    for ends, marker, colour, label in (
        (Counter(move.source for move in frame.moves), "^", VERMILLION, "leave"),
        (Counter(move.target for move in frame.moves), "v", BLUE, "enter"),
    ):
        hosts = sorted(ends)
        side_pt = max(0.45 * 72 * cell, LEAST_MARK_PT)
        sizes = [side_pt**2 * min(1 + 0.3 * (ends[host] - 1), 2) for host in hosts]
        ax.scatter(
            centres[hosts, 0],
            centres[hosts, 1],
            s=sizes,
            marker=marker,
            color=tint(colour),
            edgecolors=tint(WHITE),
            linewidths=0.4,
            zorder=5,
            label=label,
        )


def _busiest_links(frame: ClusterFrame) -> dict[tuple[int, int], float]:
    """Return the share of its capacity that each direction between two nodes carries.

    Of parallel links, it is that of the busiest.
    """
    capacity = frame.link_capacity_bytes_per_s
    share = np.divide(
        frame.link_load_bytes_per_s, capacity, out=np.zeros(len(capacity)), where=capacity > 0
    )
    found: dict[tuple[int, int], float] = {}
    for a, b, used in zip(
        frame.link_source.tolist(), frame.link_target.tolist(), share.tolist(), strict=True
    ):
        found[a, b] = max(found.get((a, b), 0.0), used)
    return found


def _uplinks_of(graph: nx.Graph[int], members: dict[int, list[int]]) -> dict[int, list[int]]:
    """Return for each rack the nodes whose links to other switches are its uplinks.

    They are the switches to which hosts of this rack alone are linked; where it has none, its
    hosts.
    """
    racks_at: dict[int, set[int]] = {}
    for rack, hosts in members.items():
        for host in hosts:
            for node in graph.neighbors(host):
                racks_at.setdefault(node, set()).add(rack)
    own: dict[int, list[int]] = {rack: [] for rack in members}
    for node, racks in racks_at.items():
        if len(racks) == 1 and _leads_up(graph, node):
            own[min(racks)].append(node)
    return {rack: nodes or members[rack] for rack, nodes in own.items()}


def _leads_up(graph: nx.Graph[int], node: int) -> bool:
    return any(graph.nodes[other]["kind"] == "switch" for other in graph.neighbors(node))


def _draw_rack_rims(
    ax: Axes,
    frame: ClusterFrame,
    members: dict[int, list[int]],
    grid: RackGrid,
    busiest: dict[tuple[int, int], float],
) -> None:
    """Write the racks' names above their cells, and draw the load of their uplinks below."""
    uplinks = _uplinks_of(frame.graph, members)
    sent, received = _loads_of_racks(frame.graph, uplinks, busiest)
    widths = np.array(grid.columns) * grid.cell
    for number, (rack, hosts) in enumerate(members.items()):
        x, y = grid.lower_left[number]
        name = str(frame.graph.nodes[hosts[0]].get("rack_name", "")) or f"rack {rack}"
        fitting = [one for one in (name, f"r{rack}") if len(one) * LETTER_WIDTH <= widths[number]]
        if fitting:
            top = y + grid.rows * grid.cell
            text = literal(fitting[0])
            ax.text(x, top, text, ha="left", va="bottom", fontsize=look().note_pt)
    for number, share in enumerate((sent, received)):
        y = grid.lower_left[:, 1] - 0.03 - (number + 1) * BAR_HEIGHT
        ends = np.stack([grid.lower_left[:, 0], y + BAR_HEIGHT / 2], axis=-1)
        for length, colours in (
            (widths, [tint(FAINT_GREY)] * len(widths)),
            (widths * share, [_load_colour(each) for each in share.tolist()]),
        ):
            lines = np.stack([ends, ends + np.stack([length, 0 * length], axis=-1)], axis=1)
            seen = length > 0
            ax.add_collection(
                LineCollection(
                    list(lines[seen]),
                    colors=[c for c, there in zip(colours, seen, strict=True) if there],
                    linewidths=72 * BAR_HEIGHT * 0.8,
                    capstyle="butt",
                    zorder=3,
                ),
                autolim=False,
            )


def _loads_of_racks(
    graph: nx.Graph[int],
    uplinks: dict[int, list[int]],
    busiest: dict[tuple[int, int], float],
) -> tuple[Floats, Floats]:
    """Return the shares of the busiest uplink of each rack, sent and received."""
    sent, received = np.zeros(len(uplinks)), np.zeros(len(uplinks))
    for number, nodes in enumerate(uplinks.values()):
        for node in nodes:
            for other in graph.neighbors(node):
                if graph.nodes[other]["kind"] == "switch":
                    sent[number] = max(sent[number], busiest.get((node, other), 0.0))
                    received[number] = max(received[number], busiest.get((other, node), 0.0))
    return sent, received


def _load_colour(share: float) -> str:
    return tint(VERMILLION if share >= SATURATED_SHARE else LOAD_COLOUR)


def _switch_layers(graph: nx.Graph[int]) -> list[list[int]]:
    """Return the switches of each layer, from the lowest."""
    layers: dict[int, list[int]] = {}
    for node, attributes in graph.nodes(data=True):
        if attributes["kind"] == "switch":
            layers.setdefault(int(attributes.get("layer", 1)), []).append(node)
    return [layers[number] for number in sorted(layers)]


def _draw_switches(
    ax: Axes,
    frame: ClusterFrame,
    layers: list[list[int]],
    floor: float,
    width: float,
    busiest: dict[tuple[int, int], float],
) -> None:
    """Draw each layer of switches as a row of boxes, filled as far as their busiest link is."""
    load: dict[int, float] = {}
    for (a, b), share in busiest.items():
        load[a], load[b] = max(load.get(a, 0.0), share), max(load.get(b, 0.0), share)
    for number, switches in enumerate(layers):
        step = min(width / len(switches), 0.9)
        across = step * 0.88 if step > 0.05 else step
        left = (width - step * len(switches)) / 2 + step * np.arange(len(switches))
        corners = np.stack([left, np.full(len(left), floor + number * SWITCH_ROW + 0.06)], axis=-1)
        shares = np.array([min(load.get(node, 0.0), 1.0) for node in switches])
        boxes = _rectangles(corners, across, SWITCH_HEIGHT)
        filled = _rectangles(corners, across * shares, SWITCH_HEIGHT)
        for outlines, faces, edge in (
            (filled, [_load_colour(share) for share in shares.tolist()], "none"),
            (boxes, "none", tint(GREY)),
        ):
            ax.add_collection(
                PolyCollection(
                    list(outlines), facecolors=faces, edgecolors=edge, linewidths=0.5, zorder=3
                ),
                autolim=False,
            )
        names = [str(frame.graph.nodes[node].get("label", node)) for node in switches]
        if max(map(len, names)) * LETTER_WIDTH <= across:
            for corner, name in zip(corners, names, strict=True):
                ax.text(
                    corner[0] + across / 2,
                    corner[1] + SWITCH_HEIGHT / 2,
                    literal(name),
                    ha="center",
                    va="center",
                    fontsize=look().note_pt,
                    zorder=4,
                )


def _finish(ax: Axes, frame: ClusterFrame, width: float, height: float) -> None:
    ax.set_xlim(-0.05, width + 0.05)
    ax.set_ylim(-0.05, height + 0.05)
    add_title_and_key(ax, frame, _legend())


def add_title_and_key(ax: Axes, frame: ClusterFrame, entries: Sequence[Artist]) -> None:
    """Add the title above a picture of a cluster and what its marks mean below it.

    Args:
        ax: the picture, whose limits are set.
        frame: what it shows.
        entries: entries of the legend.
    """
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(folded(title_of(frame)), loc="left", fontsize=look().title_pt)
    ax.legend(
        handles=entries,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=look().legend_columns,
        frameon=False,
        fontsize=look().tick_pt,
        handlelength=1.8,
        columnspacing=1.4,
    )


def title_of(frame: ClusterFrame) -> str:
    """Return the instant and how many migrations and hosts there are."""
    on = int(frame.switched_on.sum())
    return (
        f"At {clock(frame.time_s)}: {counted(len(frame.moves), 'migration')} running, "
        f"{frame.queued_count} waiting, {on:,} of {counted(frame.host_count, 'host')} on"
    )


def _legend() -> list[Artist]:
    def mark(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], linestyle="none", marker=marker, color=tint(colour), label=label)

    def bar(colour: str, label: str) -> Line2D:
        return Line2D([], [], color=tint(colour), linewidth=4.0, label=label)

    return [
        mark("^", VERMILLION, "migrations leave"),
        mark("v", BLUE, "migrations enter"),
        Patch(facecolor=tint(WHITE), edgecolor=tint(PALE_GREY), label="host switched off"),
        bar(LOAD_COLOUR, "load of the busiest link"),
        bar(VERMILLION, "saturated"),
        Patch(facecolor="none", edgecolor=tint(BLACK), linewidth=0.5, label="switch"),
    ]
