"""The hosts and links that can fail, found by number or label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np

from cluster_emu.errors import ScenarioError
from cluster_emu.network import LinkTable

Node = int | str
"""A node of the topology, by its number or by its label."""
Connection = tuple[Node, Node]
"""Two nodes; all links between them, in both directions, are meant."""


@dataclass(frozen=True, slots=True)
class Site:
    """The hosts and links of one network.

    Args:
        links: the links.
        labels: the label of each node, in the order of the nodes.
    """

    links: LinkTable
    labels: tuple[str, ...]

    @classmethod
    def of(cls, graph: nx.Graph[int], links: LinkTable) -> Site:
        """Return the site of a graph as `as_topology` gives it, and of its links."""
        labels = nx.get_node_attributes(graph, "label")
        return cls(links, tuple(str(labels[node]) for node in range(len(labels))))

    def hosts(self, field: str, chosen: Iterable[int] | Literal["all"]) -> tuple[int, ...]:
        """Return the numbers of the hosts chosen.

        Raises:
            ScenarioError: naming `field`, if there is no such host.
        """
        if chosen == "all":
            return tuple(range(self.links.host_count))
        hosts = tuple(sorted(set(chosen)))
        for host in hosts:
            if not 0 <= host < self.links.host_count:
                allowed = f"the number of a host, 0 to {self.links.host_count - 1}"
                raise ScenarioError(field, host, allowed)
        return hosts

    def links_of(self, hosts: Iterable[int]) -> tuple[int, ...]:
        """Return the links that begin or end at one of the hosts."""
        ours = np.array(sorted(hosts), dtype=np.int64)
        rows = np.isin(self.links.source, ours) | np.isin(self.links.target, ours)
        return tuple(np.flatnonzero(rows).tolist())

    def connections(
        self, field: str, chosen: Iterable[Connection] | Literal["all"]
    ) -> tuple[tuple[int, int], ...]:
        """Return the pairs of neighbouring nodes chosen, the lower number first.

        Raises:
            ScenarioError: naming `field`, if a node does not exist or two are not neighbours.
        """
        neighbours = set(zip(self.links.source.tolist(), self.links.target.tolist(), strict=True))
        neighbours |= {(b, a) for a, b in neighbours}
        if chosen == "all":
            return tuple(sorted((a, b) for a, b in neighbours if a < b))
        pairs = []
        for connection in chosen:
            a, b = sorted(self._node(field, node) for node in connection)
            if (a, b) not in neighbours:
                near = ", ".join(self.labels[n] for m, n in sorted(neighbours) if m == a)
                allowed = f"two neighbours; those of {self.labels[a]} are {near}"
                raise ScenarioError(field, list(connection), allowed)
            pairs.append((a, b))
        return tuple(sorted(set(pairs)))

    def links_between(self, a: int, b: int) -> tuple[int, ...]:
        """Return the links between two nodes, in both directions."""
        return self.links.between(a, b) + self.links.between(b, a)

    def _node(self, field: str, node: Node) -> int:
        if isinstance(node, int):
            if not 0 <= node < len(self.labels):
                raise ScenarioError(field, node, f"a node, 0 to {len(self.labels) - 1}")
            return node
        found = [number for number, label in enumerate(self.labels) if label == node]
        if len(found) != 1:
            some = ", ".join(self.labels[:8])
            allowed = f"the label of one node ({some} ...), or its number"
            raise ScenarioError(field, node, allowed)
        return found[0]
