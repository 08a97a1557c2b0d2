"""Where the nodes of a topology are drawn: hosts in racks at the bottom, switches in layers above.

One unit of the layout is one inch when the picture is drawn at its own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
from numpy.typing import NDArray

WIDTH = 7.6
MIN_SLOT = 0.17
MAX_SLOT = 0.95
RACK_GAP_SLOTS = 0.6
FILLED_SHARE_OF_SLOT = 0.86
TALLEST_BOX = 1.1
LOWEST_BOX_SHARE = 0.3
ROOM_BETWEEN_ROWS = 0.28
ROOM_ABOVE_HOSTS = 0.55
ROOM_BETWEEN_LAYERS = 0.72
SWITCH_HEIGHT = 0.17
MAX_SWITCH_WIDTH = 0.46

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, by its lower left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def top(self) -> Point:
        """The middle of its upper edge."""
        return self.x + self.width / 2, self.y + self.height

    @property
    def bottom(self) -> Point:
        """The middle of its lower edge."""
        return self.x + self.width / 2, self.y


@dataclass(frozen=True, slots=True)
class Rack:
    """What is written below the hosts of one rack."""

    number: int
    left: float
    right: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes of all nodes by number, the racks, the height and the width of the whole."""

    boxes: dict[int, Box]
    racks: tuple[Rack, ...]
    height: float
    width: float = WIDTH


def layered_layout(
    graph: nx.Graph[int], host_memory_bytes: NDArray[np.int64], width: float = WIDTH
) -> Layout:
    """Place the nodes of a topology by their attributes `layer`, `rack` and `kind`.

    Args:
        graph: the topology, hosts first.
        host_memory_bytes: memory of each host, which its box's height stands for, shape [hosts].
        width: how wide the whole is.
    """
    boxes, racks = _place_hosts(graph, host_memory_bytes, width)
    floor = max(box.top[1] for box in boxes.values()) + ROOM_ABOVE_HOSTS
    for layer in _switch_layers(graph):
        boxes |= _place_switches(graph, layer, boxes, floor, width)
        floor += SWITCH_HEIGHT + ROOM_BETWEEN_LAYERS
    return Layout(boxes, racks, max(box.top[1] for box in boxes.values()), width)


def _place_hosts(
    graph: nx.Graph[int], memory: NDArray[np.int64], width: float
) -> tuple[dict[int, Box], tuple[Rack, ...]]:
    members = _racks(graph, len(memory))
    rows, slot = _grid([len(hosts) for hosts in members.values()], width)
    heights = _box_heights(memory, TALLEST_BOX if rows == 1 else 2 * TALLEST_BOX / (rows + 1))
    row_height = heights.max() + ROOM_BETWEEN_ROWS
    boxes: dict[int, Box] = {}
    racks: list[Rack] = []
    left = (width - slot * _slots([len(hosts) for hosts in members.values()], rows)) / 2
    margin = slot * (1 - FILLED_SHARE_OF_SLOT) / 2
    for number, hosts in members.items():
        columns = -(-len(hosts) // rows)
        for place, host in enumerate(hosts):
            row, column = divmod(place, columns)
            boxes[host] = Box(
                left + column * slot + margin,
                (rows - 1 - row) * row_height,
                slot - 2 * margin,
                float(heights[host]),
            )
        right = left + columns * slot
        racks.append(
            Rack(
                number,
                left + margin,
                right - margin,
                str(graph.nodes[hosts[0]].get("rack_name", "")),
            )
        )
        left = right + RACK_GAP_SLOTS * slot
    return boxes, tuple(racks)


def _racks(graph: nx.Graph[int], host_count: int) -> dict[int, list[int]]:
    """Return the hosts of each rack, racks ascending."""
    racks: dict[int, list[int]] = {}
    for host in range(host_count):
        racks.setdefault(int(graph.nodes[host].get("rack", 0)), []).append(host)
    return dict(sorted(racks.items()))


def _grid(sizes: list[int], width: float) -> tuple[int, float]:
    """Return how many rows of hosts make boxes wide enough to see, and the width of a slot."""
    rows = 1
    while width / _slots(sizes, rows) < MIN_SLOT and rows < max(sizes):
        rows += 1
    return rows, min(width / _slots(sizes, rows), MAX_SLOT)


def _slots(sizes: list[int], rows: int) -> float:
    """Return how many slots side by side the racks and the gaps between them need."""
    return sum(-(-size // rows) for size in sizes) + RACK_GAP_SLOTS * (len(sizes) - 1)


def _box_heights(memory: NDArray[np.int64], tallest: float) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.maximum(memory / memory.max(), LOWEST_BOX_SHARE)
    return tallest * share


def _switch_layers(graph: nx.Graph[int]) -> list[list[int]]:
    layers: dict[int, list[int]] = {}
    for node, attributes in graph.nodes(data=True):
        if attributes["kind"] == "switch":
            layers.setdefault(int(attributes.get("layer", 1)), []).append(node)
    return [layers[number] for number in sorted(layers)]


def _place_switches(
    graph: nx.Graph[int], switches: list[int], below: dict[int, Box], floor: float, total: float
) -> dict[int, Box]:
    """Place a layer over what it is linked to, or evenly where that would crowd it."""
    wanted = {switch: _centre(graph, switch, below, total / 2) for switch in switches}
    order = sorted(switches, key=lambda switch: (wanted[switch], switch))
    even = total / len(order)
    width = min(MAX_SWITCH_WIDTH, 0.8 * even)
    crowded = any(wanted[b] - wanted[a] < 1.15 * width for a, b in pairwise(order))
    return {
        switch: Box(
            (even * (place + 0.5) if crowded else wanted[switch]) - width / 2,
            floor,
            width,
            SWITCH_HEIGHT,
        )
        for place, switch in enumerate(order)
    }


def _centre(graph: nx.Graph[int], switch: int, below: dict[int, Box], middle: float) -> float:
    """Return the mean position of the neighbours below; of none, the middle of the picture."""
    neighbours = {*graph.neighbors(switch)}
    if graph.is_directed():
        neighbours |= {*graph.predecessors(switch)}  # type: ignore[attr-defined]
    xs = [below[node].top[0] for node in sorted(neighbours) if node in below]
    return sum(xs) / len(xs) if xs else middle
