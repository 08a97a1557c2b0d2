"""Leaf-spine: every leaf switch has one link to every spine switch."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

import networkx as nx
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


@topologies.register("leaf-spine")
@dataclass(frozen=True, kw_only=True)
class LeafSpine:
    """A folded two-stage Clos network; each leaf is one rack.

    Give the capacity of the uplinks either as `uplink_bps` or through `oversubscription`; with
    neither, the network is non-blocking (oversubscription 1).

    Args:
        leaves: number of leaf switches.
        spines: number of spine switches.
        hosts_per_leaf: hosts of each leaf.
        host_bps: capacity of each host's link, bit/s in each direction.
        bonds: parallel links of each host, each with host_bps of its own; a flow uses one of
            them, chosen by its hash (IEEE 802.1AX link aggregation).
        uplink_bps: capacity of each leaf-spine link, bit/s in each direction.
        oversubscription: what the hosts of a leaf can send over what its uplinks can carry.
        latency_s: one-way latency of every link.
    """

    name: ClassVar[str] = "leaf-spine"
    summary: ClassVar[str] = "two stages, every leaf linked to every spine"
    source: ClassVar[str] = "Alizadeh, Edsall, HOTI 2013"

    leaves: Count
    spines: Count
    hosts_per_leaf: Count
    host_bps: BitRate
    uplink_bps: BitRate | None = None
    oversubscription: Oversubscription | None = None
    bonds: Count = 1
    latency_s: Latency = 0.0

    def __post_init__(self) -> None:
        """Refuse a capacity of the uplinks that is given in both ways."""
        if self.uplink_bps is not None and self.oversubscription is not None:
            raise ScenarioError(
                "oversubscription", self.oversubscription, "only given where uplink_bps is not"
            )

    @property
    def leaf_uplink_bps(self) -> float:
        """Capacity of each leaf-spine link, bit/s in each direction."""
        if self.uplink_bps is not None:
            return self.uplink_bps
        ratio = 1.0 if self.oversubscription is None else self.oversubscription
        return self.hosts_per_leaf * self.bonds * self.host_bps / (ratio * self.spines)

    def build(self) -> nx.Graph[int]:
        """Return the graph: hosts leaf by leaf, then leaves, then spines."""
        hosts = self.leaves * self.hosts_per_leaf
        check_size(
            hosts + self.leaves + self.spines,
            hosts * self.bonds + self.leaves * self.spines,
            leaves=self.leaves,
            spines=self.spines,
            hosts_per_leaf=self.hosts_per_leaf,
            bonds=self.bonds,
        )
        wiring = Wiring(self.latency_s, self.bonds)
        racks = [wiring.rack_of_hosts(leaf, self.hosts_per_leaf) for leaf in range(self.leaves)]
        leaves = [wiring.switch(f"leaf{leaf}", 1, rack=leaf) for leaf in range(self.leaves)]
        spines = [wiring.switch(f"spine{spine}", 2) for spine in range(self.spines)]
        for leaf, rack in zip(leaves, racks, strict=True):
            wiring.plug_in(rack, leaf, self.host_bps)
        for leaf, spine in product(leaves, spines):
            wiring.link(leaf, spine, self.leaf_uplink_bps)
        return wiring.graph
