"""The k-ary fat-tree, built of k-port switches alone."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

import networkx as nx
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.network.topologies.contract import (
    BitRate,
    Count,
    Latency,
    check_size,
    topologies,
)
from cluster_emu.network.topologies.wiring import Wiring


@topologies.register("fat-tree")
@dataclass(frozen=True, kw_only=True)
class FatTree:
    """A fat-tree of k pods: k^3/4 hosts, 5k^2/4 switches and 3k^3/4 links, non-blocking.

    Each pod has k/2 edge and k/2 aggregation switches; the i-th aggregation switch of every pod is
    linked to the i-th group of k/2 core switches. Each edge switch is one rack.

    Args:
        k: ports of every switch, an even number.
        link_bps: capacity of every link, bit/s in each direction.
        bonds: parallel links of each host, each with link_bps of its own; a flow uses one of
            them, chosen by its hash (IEEE 802.1AX link aggregation).
            The uplinks do not change, so that the network is oversubscribed by this number.
        latency_s: one-way latency of every link.
    """

    name: ClassVar[str] = "fat-tree"
    summary: ClassVar[str] = "k pods of k-port switches, full bisection"
    source: ClassVar[str] = "Al-Fares, Loukissas, Vahdat, SIGCOMM 2008, section 3"

    k: int = Field(ge=2, multiple_of=2)
    link_bps: BitRate
    bonds: Count = 1
    latency_s: Latency = 0.0

    def build(self) -> nx.Graph[int]:
        """Return the graph: hosts rack by rack, then edge, aggregation and core switches."""
        half = self.k // 2
        host_count = self.k * half * half
        check_size(
            host_count + 5 * half * half,
            host_count * (2 + self.bonds),
            k=self.k,
            bonds=self.bonds,
        )
        wiring = Wiring(self.latency_s, self.bonds)
        places = list(product(range(self.k), range(half)))
        hosts = [wiring.rack_of_hosts(rack, half) for rack in range(len(places))]
        edges = {place: self._edge_switch(wiring, *place) for place in places}
        aggregations = {(pod, i): wiring.switch(f"agg{pod}.{i}", 2) for pod, i in places}
        cores = {
            (group, i): wiring.switch(f"core{group}.{i}", 3)
            for group, i in product(range(half), repeat=2)
        }
        for rack, place in enumerate(places):
            wiring.plug_in(hosts[rack], edges[place], self.link_bps)
        for (pod, position), i in product(places, range(half)):
            wiring.link(edges[pod, position], aggregations[pod, i], self.link_bps)
        for (pod, group), i in product(places, range(half)):
            wiring.link(aggregations[pod, group], cores[group, i], self.link_bps)
        return wiring.graph

    def _edge_switch(self, wiring: Wiring, pod: int, position: int) -> int:
        rack = pod * (self.k // 2) + position
        return wiring.switch(f"edge{pod}.{position}", 1, rack=rack)
