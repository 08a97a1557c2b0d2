"""Racks of any sizes, whose switches are linked to one core switch."""

from __future__ import annotations

from typing import Annotated, ClassVar

import networkx as nx
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.network.topologies.contract import (
    BitRate,
    Count,
    Latency,
    Oversubscription,
    check_size,
    topologies,
)
from cluster_emu.network.topologies.wiring import Wiring


@topologies.register("racks")
@dataclass(frozen=True, kw_only=True)
class Racks:
    """What an inventory tells of a network: which host is in which rack, and its link.

    Give the capacity of the uplinks either as `uplink_bps` or through `oversubscription`; with
    neither, the network is non-blocking (oversubscription 1).

    Args:
        hosts_per_rack: hosts of each rack, in the order of the hosts.
        host_bps: capacity of the link of every host, or of each, bit/s in each direction.
        uplink_bps: capacity of the link of each rack to the core, bit/s in each direction.
        oversubscription: what the hosts of a rack can send over what its uplink can carry.
        latency_s: one-way latency of every link.
    """

    name: ClassVar[str] = "racks"
    summary: ClassVar[str] = "racks of any sizes at one core switch"
    source: ClassVar[str] = "what inventories hold; a tree of two stages"

    hosts_per_rack: Annotated[tuple[Count, ...], Field(min_length=1)]
    host_bps: BitRate | tuple[BitRate, ...]
    uplink_bps: BitRate | None = None
    oversubscription: Oversubscription | None = None
    latency_s: Latency = 0.0

    def __post_init__(self) -> None:
        """Refuse uplinks given in both ways, and links for another number of hosts."""
        if self.uplink_bps is not None and self.oversubscription is not None:
            raise ScenarioError(
                "oversubscription", self.oversubscription, "only given where uplink_bps is not"
            )
        hosts = sum(self.hosts_per_rack)
        if isinstance(self.host_bps, tuple) and len(self.host_bps) != hosts:
            allowed = f"one number, or one for each of the {hosts} hosts"
            raise ScenarioError("host_bps", list(self.host_bps), allowed)

    def build(self) -> nx.Graph[int]:
        """Return the graph: hosts rack by rack, then the racks' switches, then the core."""
        hosts, racks = sum(self.hosts_per_rack), len(self.hosts_per_rack)
        check_size(hosts + racks + 1, hosts + racks, hosts_per_rack=hosts)
        speeds = self.host_bps if isinstance(self.host_bps, tuple) else (self.host_bps,) * hosts
        wiring = Wiring(self.latency_s)
        members = [
            wiring.rack_of_hosts(rack, count) for rack, count in enumerate(self.hosts_per_rack)
        ]
        switches = [wiring.switch(f"rack{rack}", 1, rack=rack) for rack in range(racks)]
        for switch, inside in zip(switches, members, strict=True):
            for host in inside:
                wiring.link(host, switch, speeds[host])
        if racks > 1:
            core = wiring.switch("core", 2)
            for switch, inside in zip(switches, members, strict=True):
                uplink = sum(speeds[host] for host in inside) / (self.oversubscription or 1.0)
                wiring.link(switch, core, self.uplink_bps or uplink)
        return wiring.graph
