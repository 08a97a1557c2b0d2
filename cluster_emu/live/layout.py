"""Where hosts and switches are drawn: racks side by side, their switches above, spines on top.

Nodes are placed by tier, never by a spring layout, in time that grows with the number of nodes
alone. One unit is the width of a host.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import networkx as nx
import numpy as np

from cluster_emu.live.source import Document

ASPECT = 2.5
"""Width over height that the racks together should have."""
RACK_GAP = 0.9
RACK_HEADER = 1.9
"""Room above the hosts of a rack for its switch."""
TIER_GAP = 2.2
"""Least room between two tiers of switches; a wide cluster has more."""
MOST_COLUMNS = 8
"""Hosts side by side in one rack."""


@dataclass(frozen=True, slots=True)
class Rack:
    """The rectangle around the hosts of one rack, y downwards."""

    number: int
    name: str
    x: float
    y: float
    width: float
    height: float
    hosts: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Positions of all nodes.

    Args:
        x: the middle of each node, shape [nodes].
        y: likewise, downwards.
        tier: 0 for hosts, 1 for the switches of racks, and so on, shape [nodes].
        racks: the racks.
        width: of the whole drawing.
        height: of the whole drawing.
    """

    x: np.ndarray[tuple[int], np.dtype[np.float64]]
    y: np.ndarray[tuple[int], np.dtype[np.float64]]
    tier: np.ndarray[tuple[int], np.dtype[np.int64]]
    racks: tuple[Rack, ...]
    width: float
    height: float

    def document(self) -> Document:
        """Return it as the page reads it."""
        return {
            "x": [round(value, 3) for value in self.x.tolist()],
            "y": [round(value, 3) for value in self.y.tolist()],
            "tier": self.tier.tolist(),
            "racks": [
                {
                    "number": rack.number,
                    "name": rack.name,
                    "x": rack.x,
                    "y": rack.y,
                    "width": rack.width,
                    "height": rack.height,
                    "hosts": list(rack.hosts),
                }
                for rack in self.racks
            ],
            "width": self.width,
            "height": self.height,
        }


def tiered_layout(graph: nx.Graph[int]) -> Layout:
    """Place the nodes of a graph as `Topology.build` gives it."""
    count = len(graph)
    x, y, tier = np.zeros(count), np.zeros(count), np.zeros(count, dtype=np.int64)
    members: dict[int, list[int]] = {}
    switches: dict[int, list[int]] = {}
    for node in range(count):
        attributes = graph.nodes[node]
        if attributes["kind"] == "host":
            members.setdefault(int(attributes.get("rack", 0)), []).append(node)
        else:
            tier[node] = max(int(attributes.get("layer", 1)), 1)
            switches.setdefault(int(tier[node]), []).append(node)
    upper = sorted(level for level in switches if level > 1)
    columns, per_row = _grid(len(members), max(map(len, members.values())))
    gap = max(TIER_GAP, 0.05 * per_row * (columns + RACK_GAP))
    top = gap * len(upper) + (0.6 if upper else 0.0)
    racks, width, height = _place_racks(graph, members, top, x, y)
    rack_of = {rack.number: rack for rack in racks}
    _place_rack_switches(graph, switches.get(1, []), rack_of, width, x, y)
    for place, level in enumerate(upper):
        _place_row(graph, switches[level], top - 0.6 - gap * (place + 0.5), width, x, y)
    return Layout(x, y, tier, racks, width, height)


def _place_racks(
    graph: nx.Graph[int],
    members: dict[int, list[int]],
    top: float,
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[tuple[Rack, ...], float, float]:
    """Place the hosts; return the racks, and width and height of the whole."""
    largest = max(len(hosts) for hosts in members.values())
    columns, per_row = _grid(len(members), largest)
    rack_height = math.ceil(largest / columns) + RACK_HEADER
    racks = []
    for place, (number, hosts) in enumerate(sorted(members.items())):
        row, column = divmod(place, per_row)
        left = column * (columns + RACK_GAP)
        upper = top + row * (rack_height + RACK_GAP)
        for at, host in enumerate(hosts):
            x[host] = left + at % columns + 0.5
            y[host] = upper + RACK_HEADER + at // columns + 0.5
        name = str(graph.nodes[hosts[0]].get("rack_name", "")) or f"rack {number}"
        racks.append(Rack(number, name, left, upper, columns, rack_height, tuple(hosts)))
    rows = math.ceil(len(members) / per_row)
    width = per_row * (columns + RACK_GAP) - RACK_GAP
    return tuple(racks), width, top + rows * (rack_height + RACK_GAP) - RACK_GAP


def _grid(racks: int, largest: int) -> tuple[int, int]:
    """Return hosts side by side in a rack and racks side by side, nearest to the aspect."""
    best = (1, racks)
    least = math.inf
    slimmest = max(round(math.sqrt(largest) / 1.6), 1)
    for columns in range(slimmest, min(largest, 40 if racks == 1 else MOST_COLUMNS) + 1):
        height = math.ceil(largest / columns) + RACK_HEADER + RACK_GAP
        for rows in range(1, math.isqrt(racks) + 1):
            per_row = math.ceil(racks / rows)
            aspect = per_row * (columns + RACK_GAP) / (rows * height)
            off = abs(math.log(aspect / ASPECT)) + 0.22 * (rows - 1) / math.sqrt(rows)
            if off < least:
                best, least = (columns, per_row), off
    return best


def _place_rack_switches(
    graph: nx.Graph[int],
    switches: list[int],
    racks: dict[int, Rack],
    width: float,
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    """Place each switch above its rack, several of one rack side by side."""
    of_rack: dict[int, list[int]] = {}
    for switch in switches:
        of_rack.setdefault(int(graph.nodes[switch].get("rack", -1)), []).append(switch)
    for number, group in of_rack.items():
        rack = racks.get(number)
        left, span, top = (rack.x, rack.width, rack.y) if rack else (0.0, width, 0.0)
        for place, switch in enumerate(group):
            x[switch] = left + span * (place + 0.5) / len(group)
            y[switch] = top + RACK_HEADER * 0.42


def _place_row(
    graph: nx.Graph[int],
    switches: list[int],
    height: float,
    width: float,
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    """Place one tier of switches in a row, in the order of what they are linked to."""
    below = {switch: [n for n in graph.neighbors(switch) if n < switch] for switch in switches}
    middle = {switch: float(np.mean(x[near])) if near else 0.0 for switch, near in below.items()}
    ordered = sorted(switches, key=lambda switch: (round(middle[switch], 6), switch))
    for place, switch in enumerate(ordered):
        x[switch] = width * (place + 0.5) / len(ordered)
        y[switch] = height
