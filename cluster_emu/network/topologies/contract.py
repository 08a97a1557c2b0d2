"""What a topology is: a frozen set of parameters that builds a graph."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

import networkx as nx
from pydantic import Field

from cluster_emu.errors import ScenarioError
from cluster_emu.plugins import Registry
from cluster_emu.units import BitsPerSecond, Seconds

MOST_NODES = 2**17
"""The most hosts and switches of a network; a graph of so many is built in seconds."""
MOST_LINKS = 2**19
"""The most cables of a network."""

Count = Annotated[int, Field(ge=1)]
BitRate = BitsPerSecond
Latency = Seconds
Oversubscription = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def check_size(nodes: int, links: int, **counts: int) -> None:
    """Refuse a network that is too large, before any of it is built.

    Args:
        nodes: its hosts and switches.
        links: its cables.
        counts: the parameters that decide on its size, by name; the greatest is reported.

    Raises:
        ScenarioError: if it has more than `MOST_NODES` or `MOST_LINKS`.
    """
    if nodes > MOST_NODES or links > MOST_LINKS:
        name = max(counts, key=counts.__getitem__)
        allowed = (
            f"a number that gives at most {MOST_NODES:,} hosts and switches (these are {nodes:,}) "
            f"and {MOST_LINKS:,} links (these are {links:,})"
        )
        raise ScenarioError(name, counts[name], allowed)


class Topology(Protocol):
    """Builds the graph of a cluster's network. Implementations are frozen pydantic dataclasses.

    The nodes of the graph are 0..n-1, hosts first. A node has `kind` ("host" or "switch"), `rack`
    (a number, -1 for a switch that serves several racks), `label` and `layer` (0 for hosts, 1 for
    the switches of hosts, and so on). An edge has `capacity_bps` and `latency_s`; an edge of an
    undirected graph is a full-duplex link with that capacity in each direction.

    Attributes:
        name: the registered kebab-case name.
        summary: its structure in one line.
        source: where the construction comes from.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def build(self) -> nx.Graph[int]:
        """Return the graph, a fresh one at each call.

        Raises:
            ScenarioError: if the parameters do not give a usable network.
        """
        ...


@runtime_checkable
class FileTopology(Protocol):
    """A topology that reads a file, and has parameters that give the same network without it."""

    def without_file(self) -> dict[str, Any]:
        """Return these parameters.

        Raises:
            ScenarioError: if the file cannot be read.
        """
        ...


topologies: Registry[Topology] = Registry(
    "topology",
    "cluster_emu.topologies",
    package="cluster_emu.network.topologies",
    summary="the graph of hosts, switches and links",
)
