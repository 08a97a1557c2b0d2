"""A topology under construction."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx


class Wiring:
    """Numbers hosts and switches as they are added, and connects them by cables.

    Add all hosts before the first switch, so that hosts get the numbers from 0.

    Args:
        latency_s: one-way latency of every link.
        bonds: parallel cables from each host to its switch; more than one make a multigraph.
    """

    def __init__(self, latency_s: float, bonds: int = 1) -> None:
        self.graph: nx.Graph[int] = nx.Graph() if bonds == 1 else nx.MultiGraph()
        self._latency_s = latency_s
        self._bonds = bonds

    def rack_of_hosts(self, rack: int, count: int) -> list[int]:
        """Add `count` hosts in `rack` and return their numbers."""
        return [self._node("host", rack, f"host{self._size}", 0) for _ in range(count)]

    def switch(self, label: str, layer: int, rack: int = -1) -> int:
        """Add one switch and return its number."""
        return self._node("switch", rack, label, layer)

    def link(self, a: int, b: int, capacity_bps: float) -> None:
        """Add a full-duplex cable with `capacity_bps` in each direction."""
        self.graph.add_edge(a, b, capacity_bps=float(capacity_bps), latency_s=self._latency_s)

    def plug_in(self, hosts: Iterable[int], switch: int, capacity_bps: float) -> None:
        """Connect all `hosts` to `switch`, by cables with `capacity_bps` each."""
        for host in hosts:
            for _ in range(self._bonds):
                self.link(host, switch, capacity_bps)

    @property
    def _size(self) -> int:
        return self.graph.number_of_nodes()

    def _node(self, kind: str, rack: int, label: str, layer: int) -> int:
        number = self._size
        self.graph.add_node(number, kind=kind, rack=rack, label=label, layer=layer)
        return number
