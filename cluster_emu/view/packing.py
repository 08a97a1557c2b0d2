"""VMs packed into their host: squares whose areas stand for memory, on one scale for all hosts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cluster_emu.view.layout import Box

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
    """Tell whether packed squares stay within `box`, with room for an arrow above them."""
    return all(
        square.y + square.height <= box.y + FULL_SHARE * box.height
        and square.x + square.width <= box.x + box.width
        for square in squares
    )
