"""Jellyfish: top-of-rack switches wired at random."""

from __future__ import annotations

from random import Random
from typing import ClassVar

import networkx as nx
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.network.topologies.contract import (
    BitRate,
    Count,
    Latency,
    check_size,
    topologies,
)
from cluster_emu.network.topologies.wiring import Wiring

ATTEMPTS = 100
FEW_SWITCHES = 24
"""So many switches are wired at once at any degree."""
WORK = 2_000_000
"""Ends of cables that are drawn in all attempts together, about."""


@topologies.register("jellyfish")
@dataclass(frozen=True, kw_only=True)
class Jellyfish:
    """A random regular graph of switches, each with the hosts of one rack.

    Args:
        switches: number of switches.
        degree: links of each switch to other switches; switches x degree must be even.
        hosts_per_switch: hosts of each switch.
        link_bps: capacity of each link between switches, bit/s in each direction.
        host_bps: capacity of each host's link, bit/s in each direction.
        seed: which of the random graphs; the same seed gives the same wiring.
        latency_s: one-way latency of every link.
    """

    name: ClassVar[str] = "jellyfish"
    summary: ClassVar[str] = "switches in a random regular graph"
    source: ClassVar[str] = "Singla, Hong, Popa, Godfrey, NSDI 2012"

    switches: Count
    degree: int = Field(ge=1)
    hosts_per_switch: Count
    link_bps: BitRate
    host_bps: BitRate
    seed: int = Field(default=0, ge=0)
    latency_s: Latency = 0.0

    def __post_init__(self) -> None:
        """Refuse a degree for which no regular graph exists."""
        if self.degree >= self.switches or self.switches * self.degree % 2:
            raise ScenarioError(
                "degree",
                self.degree,
                f"a whole number below switches = {self.switches} with switches x degree even",
            )

    def build(self) -> nx.Graph[int]:
        """Return the graph: hosts switch by switch, then the switches.

        Raises:
            ScenarioError: if no connected graph was found (degree 1 with more than two switches).
        """
        hosts = self.switches * self.hosts_per_switch
        check_size(
            hosts + self.switches,
            hosts + self.switches * self.degree // 2,
            switches=self.switches,
            degree=self.degree,
            hosts_per_switch=self.hosts_per_switch,
        )
        wiring = Wiring(self.latency_s)
        places = range(self.switches)
        racks = [wiring.rack_of_hosts(place, self.hosts_per_switch) for place in places]
        switches = [wiring.switch(f"switch{place}", 1, rack=place) for place in places]
        for switch, rack in zip(switches, racks, strict=True):
            for host in rack:
                wiring.link(host, switch, self.host_bps)
        for a, b in self._cables():
            wiring.link(switches[a], switches[b], self.link_bps)
        return wiring.graph

    def _cables(self) -> list[tuple[int, int]]:
        random = Random(self.seed)
        attempts = min(ATTEMPTS, max(WORK // (self.switches * self.degree), 1))
        if self.degree == 1 and self.switches > 2:
            attempts = 0  # pairs of switches
        for _ in range(attempts):
            regular = self._regular_graph(random)
            if nx.is_connected(regular):
                return sorted((min(edge), max(edge)) for edge in regular.edges)
        raise ScenarioError(
            "degree",
            self.degree,
            f"high enough that {self.switches} switches wired at random are connected",
        )

    def _regular_graph(self, random: Random) -> nx.Graph[int]:
        """Return a regular graph; a large dense one as the complement of a sparse one.

        The drawing of a large dense graph hardly ever ends, because few pairs that are left fit.
        """
        missing = self.switches - 1 - self.degree
        if self.degree <= missing or self.switches <= FEW_SWITCHES:
            drawn: nx.Graph[int] = nx.random_regular_graph(self.degree, self.switches, seed=random)
            return drawn
        lacking: nx.Graph[int] = nx.random_regular_graph(missing, self.switches, seed=random)
        dense: nx.Graph[int] = nx.complement(lacking)
        return dense
