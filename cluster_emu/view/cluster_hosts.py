"""The hosts of a laid-out topology, and their VMs packed into squares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from cluster_emu.view.frame import ClusterFrame
from cluster_emu.view.layout import Box, Layout
from cluster_emu.view.style import (
    BLACK,
    FAINT_GREY,
    GREY,
    PALE_GREY,
    WHITE,
    literal,
    look,
    tint,
)

GAP_SHARE = 0.12
SHRINK = 0.95
SEEN_SHARE = 0.3
WIDEST_SHARE = 0.9
FULL_SHARE = 0.9


def square_scale(
    contents: Mapping[int, Sequence[int]],
    boxes: Mapping[int, Box],
    memory_bytes: Mapping[int, int],
) -> float:
    """Return the side of a one-byte square (sides grow with its root) at which all contents fit.

    A square is to its host's box as the VM's memory is to the host's, or smaller where that does
    not fit; larger where it could not be seen otherwise.

    Args:
        contents: bytes of each square of each host.
        boxes: the hosts' boxes.
        memory_bytes: the hosts' memory.
    """
    largest = max((max(each) for each in contents.values() if each), default=1)
    narrowest = min(box.width for box in boxes.values()) / math.sqrt(largest)
    true = min(
        math.sqrt(box.width * box.height / memory_bytes[host]) for host, box in boxes.items()
    )
    scale = min(max(true, SEEN_SHARE * narrowest), WIDEST_SHARE * narrowest)
    for host, sizes in contents.items():
        while not fits(pack(sizes, scale, boxes[host]), boxes[host]):
            scale *= SHRINK
    return scale


def pack(sizes: Sequence[int], scale: float, box: Box) -> list[Box]:
    """Stack squares in rows from the bottom of `box`, in their order, left to right.

    Args:
        sizes: bytes of each square.
        scale: side of a one-byte square.
        box: where they go; the upper rows may stick out.
    """
    squares: list[Box] = []
    gap = GAP_SHARE * scale * math.sqrt(min(sizes, default=1))
    x, y, row_height = box.x + gap, box.y + gap, 0.0
    for size in sizes:
        side = scale * math.sqrt(size)
        if squares and x + side + gap > box.x + box.width:
            x, y, row_height = box.x + gap, y + row_height + gap, 0.0
        squares.append(Box(x, y, side, side))
        x += side + gap
        row_height = max(row_height, side)
    return squares


def fits(squares: Sequence[Box], box: Box) -> bool:
    """Return whether packed squares stay within `box`, with space for an arrow above them."""
    return all(
        square.y + square.height <= box.y + FULL_SHARE * box.height
        and square.x + square.width <= box.x + box.width
        for square in squares
    )


Squares = dict[tuple[int, int], Box]
"""The square of each VM on each host, by host and VM; one that moves has two."""

WAITING_HATCH = "//////"
NARROWEST_NUMBERED_BOX = 0.12
WIDTH_PER_LETTER = 0.06
NARROWEST_NAMED_RACK = 0.45


def draw_hosts(ax: Axes, frame: ClusterFrame, layout: Layout) -> ScalarMappable:
    """Draw the hosts, numbered, in their racks; return what their colours mean, in per cent."""
    colours = ScalarMappable(Normalize(0, 100), colormaps[look().utilisation])
    shades = colours.to_rgba(100 * frame.utilisation)
    for host in range(frame.host_count):
        box = layout.boxes[host]
        ax.add_patch(_host_patch(box, tuple(shades[host]), bool(frame.switched_on[host])))
        if box.width >= NARROWEST_NUMBERED_BOX:
            name = str(frame.graph.nodes[host].get("name", host))
            shown = name if len(name) <= box.width / WIDTH_PER_LETTER else str(host)
            _write_below(ax, box.bottom[0], box.y - 0.04, literal(shown))
    for rack in layout.racks:
        name = "rack " if rack.right - rack.left >= NARROWEST_NAMED_RACK else "r"
        ax.plot([rack.left, rack.right], [-0.2, -0.2], color=tint(GREY), linewidth=0.8)
        _write_below(
            ax, (rack.left + rack.right) / 2, -0.24, literal(rack.name or f"{name}{rack.number}")
        )
    return colours


def draw_utilisation_bar(ax: Axes, colours: ScalarMappable) -> None:
    """Draw what the hosts' colours mean, beside the picture or, where it is narrow, below it."""
    figure = ax.get_figure()
    assert figure is not None
    below = look().is_narrow
    bar = figure.colorbar(
        colours,
        ax=ax,
        location="bottom" if below else "right",
        shrink=0.6,
        aspect=30 if below else 22,
        pad=0.01,
    )
    bar.set_label("Host CPU utilisation (%)", fontsize=look().label_pt)
    bar.ax.tick_params(labelsize=look().tick_pt)


def _write_below(ax: Axes, x: float, y: float, text: str) -> None:
    """Write a number on a white rim, since links to lower rows of hosts may pass behind it."""
    rim = [withStroke(linewidth=2, foreground=tint(WHITE))]
    ax.text(x, y, text, ha="center", va="top", fontsize=look().note_pt, zorder=9, path_effects=rim)


def _host_patch(box: Box, shade: tuple[float, ...], on: bool) -> Rectangle:
    return Rectangle(
        (box.x, box.y),
        box.width,
        box.height,
        facecolor=shade if on else tint(FAINT_GREY),
        edgecolor=tint(BLACK) if on else tint(GREY),
        linestyle="-" if on else ":",
        linewidth=0.7,
        zorder=2,
    )


def draw_vms(ax: Axes, frame: ClusterFrame, layout: Layout) -> Squares:
    """Draw the VMs that do not migrate; return all squares, those at the targets included."""
    squares = _squares(frame, layout)
    moving = {move.vm for move in frame.moves}
    resting = [
        (int(host), vm)
        for vm, host in enumerate(frame.vm_host.tolist())
        if vm not in moving and host >= 0
    ]
    staying = [squares[key] for key in resting if not frame.vm_queued[key[1]]]
    waiting = [squares[key] for key in resting if frame.vm_queued[key[1]]]
    _add_squares(ax, staying, "VMs", tint(WHITE), None)
    _add_squares(ax, waiting, "waiting VMs", tint(PALE_GREY), WAITING_HATCH)
    return squares


def _squares(frame: ClusterFrame, layout: Layout) -> Squares:
    inside = {
        host: frame.vms_of(host) + frame.arriving_at(host) for host in range(frame.host_count)
    }
    memory = frame.vm_memory_bytes.tolist()
    sizes = {host: [memory[vm] for vm in vms] for host, vms in inside.items()}
    boxes = {host: layout.boxes[host] for host in inside}
    scale = square_scale(sizes, boxes, dict(enumerate(frame.host_memory_bytes.tolist())))
    return {
        (host, vm): square
        for host, vms in inside.items()
        for vm, square in zip(vms, pack(sizes[host], scale, layout.boxes[host]), strict=True)
    }


def _add_squares(ax: Axes, boxes: list[Box], label: str, colour: str, hatch: str | None) -> None:
    ax.add_collection(
        PatchCollection(
            [Rectangle((box.x, box.y), box.width, box.height) for box in boxes],
            facecolor=colour,
            edgecolor=tint(BLACK),
            linewidth=0.5,
            hatch=hatch,
            zorder=4,
            label=label,
        )
    )
