"""One switch that connects all hosts."""

from __future__ import annotations

from typing import ClassVar

import networkx as nx
from pydantic.dataclasses import dataclass

from cluster_emu.network.topologies.contract import (
    BitRate,
    Count,
    Latency,
    check_size,
    topologies,
)
from cluster_emu.network.topologies.wiring import Wiring


@topologies.register("star")
@dataclass(frozen=True, kw_only=True)
class Star:
    """One non-blocking switch: only the hosts' own links can be a bottleneck.

    Args:
        hosts: number of hosts.
        host_bps: capacity of each host's link, bit/s in each direction.
        bonds: parallel links of each host, each with host_bps of its own; a flow uses one of
            them, chosen by its hash (IEEE 802.1AX link aggregation).
        latency_s: one-way latency of every link.
    """

    name: ClassVar[str] = "star"
    summary: ClassVar[str] = "one non-blocking switch"
    source: ClassVar[str] = "common knowledge"

    hosts: Count
    host_bps: BitRate
    bonds: Count = 1
    latency_s: Latency = 0.0

    def build(self) -> nx.Graph[int]:
        """Return the graph: the hosts, then the switch."""
        check_size(self.hosts + 1, self.hosts * self.bonds, hosts=self.hosts, bonds=self.bonds)
        wiring = Wiring(self.latency_s, self.bonds)
        hosts = wiring.rack_of_hosts(0, self.hosts)
        switch = wiring.switch("switch", layer=1, rack=0)
        wiring.plug_in(hosts, switch, self.host_bps)
        return wiring.graph
