"""The classic tree: rack switches, pairs of aggregation switches, core switches."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

import networkx as nx
from pydantic.dataclasses import dataclass

from cluster_emu.network.topologies.contract import (
    BitRate,
    Count,
    Latency,
    Oversubscription,
    check_size,
    topologies,
)
from cluster_emu.network.topologies.wiring import Wiring


@topologies.register("three-tier")
@dataclass(frozen=True, kw_only=True)
class ThreeTier:
    """Racks in pods under a core, with oversubscription at the rack and at the core.

    A rack switch is linked to every aggregation switch of its pod, an aggregation switch to every
    core switch.

    Args:
        pods: number of pods.
        racks_per_pod: rack switches in each pod.
        hosts_per_rack: hosts of each rack switch.
        host_bps: capacity of each host's link, bit/s in each direction.
        bonds: parallel links of each host, each with host_bps of its own; a flow uses one of
            them, chosen by its hash (IEEE 802.1AX link aggregation).
        aggregations_per_pod: aggregation switches in each pod.
        cores: number of core switches.
        rack_oversubscription: what a rack's hosts can send over what its uplinks can carry.
        core_oversubscription: what a pod's racks can send up over what the pod's links to the core
            can carry.
        latency_s: one-way latency of every link.
    """

    name: ClassVar[str] = "three-tier"
    summary: ClassVar[str] = "rack, aggregation and core switches, oversubscribed"
    source: ClassVar[str] = "Al-Fares, Loukissas, Vahdat, SIGCOMM 2008, section 2.1"

    pods: Count
    racks_per_pod: Count
    hosts_per_rack: Count
    host_bps: BitRate
    aggregations_per_pod: Count = 2
    cores: Count = 2
    rack_oversubscription: Oversubscription = 1.0
    core_oversubscription: Oversubscription = 1.0
    bonds: Count = 1
    latency_s: Latency = 0.0

    @property
    def rack_uplink_bps(self) -> float:
        """Capacity of each link from a rack switch to an aggregation switch."""
        hosts_bps = self.hosts_per_rack * self.bonds * self.host_bps
        return hosts_bps / self.rack_oversubscription / self.aggregations_per_pod

    @property
    def core_uplink_bps(self) -> float:
        """Capacity of each link from an aggregation switch to a core switch."""
        aggregation_bps = self.racks_per_pod * self.rack_uplink_bps
        return aggregation_bps / (self.core_oversubscription * self.cores)

    def build(self) -> nx.Graph[int]:
        """Return the graph: hosts rack by rack, then rack, aggregation and core switches."""
        rack_count = self.pods * self.racks_per_pod
        host_count = rack_count * self.hosts_per_rack
        aggregation_count = self.pods * self.aggregations_per_pod
        check_size(
            host_count + rack_count + aggregation_count + self.cores,
            host_count * self.bonds
            + rack_count * self.aggregations_per_pod
            + aggregation_count * self.cores,
            pods=self.pods,
            racks_per_pod=self.racks_per_pod,
            hosts_per_rack=self.hosts_per_rack,
            aggregations_per_pod=self.aggregations_per_pod,
            cores=self.cores,
            bonds=self.bonds,
        )
        wiring = Wiring(self.latency_s, self.bonds)
        racks = range(self.pods * self.racks_per_pod)
        hosts = [wiring.rack_of_hosts(rack, self.hosts_per_rack) for rack in racks]
        rack_switches = [wiring.switch(f"rack{rack}", 1, rack=rack) for rack in racks]
        aggregations = [
            [wiring.switch(f"agg{pod}.{i}", 2) for i in range(self.aggregations_per_pod)]
            for pod in range(self.pods)
        ]
        cores = [wiring.switch(f"core{core}", 3) for core in range(self.cores)]
        for rack, switch in enumerate(rack_switches):
            wiring.plug_in(hosts[rack], switch, self.host_bps)
            for aggregation in aggregations[rack // self.racks_per_pod]:
                wiring.link(switch, aggregation, self.rack_uplink_bps)
        for pod_switches in aggregations:
            for aggregation, core in product(pod_switches, cores):
                wiring.link(aggregation, core, self.core_uplink_bps)
        return wiring.graph
