"""A dedicated migration network: a second network over the same hosts, for migrations alone."""

from __future__ import annotations

from typing import Any

import networkx as nx

from cluster_emu.errors import ScenarioError
from cluster_emu.network.links import FOR_MIGRATIONS


def with_migration_network(graph: nx.Graph[int], migration_graph: nx.Graph[int]) -> nx.Graph[int]:
    """Return one multigraph with the nodes and edges of both; hosts with one number are one host.

    The switches of the second network are numbered after the first's nodes and called
    "migration ...". Its edges have the attribute `for_migrations`, which `LinkTable` reads. Racks
    are those of the first network.

    Args:
        graph: the network of the cluster, as `as_topology` gives it.
        migration_graph: the migration network, in the same form.

    Raises:
        ScenarioError: if they differ in the number of hosts or in whether hosts forward.
    """
    _check_alike(graph, migration_graph)
    directed = graph.is_directed() or migration_graph.is_directed()
    both: nx.Graph[int] = nx.MultiDiGraph() if directed else nx.MultiGraph()
    both.graph.update(graph.graph)
    both.add_nodes_from(graph.nodes(data=True))
    both.add_edges_from(_edges(graph, directed=directed))
    switches = _of_kind(migration_graph, "switch")
    number = {node: node for node in migration_graph}
    number |= {switch: len(graph) + place for place, switch in enumerate(switches)}
    for switch in switches:
        attributes = migration_graph.nodes[switch]
        label = f"migration {attributes['label']}"
        both.add_nodes_from([(number[switch], {**attributes, "label": label})])
    for a, b, attributes in _edges(migration_graph, directed=directed):
        both.add_edges_from([(number[a], number[b], {**attributes, FOR_MIGRATIONS: True})])
    return both


def _edges(graph: nx.Graph[int], *, directed: bool) -> list[tuple[int, int, dict[str, Any]]]:
    """Return the edges, each direction of an undirected one on its own if `directed`."""
    if directed and not graph.is_directed():
        graph = graph.to_directed()
    return list(graph.edges(data=True))


def _check_alike(graph: nx.Graph[int], migration_graph: nx.Graph[int]) -> None:
    for what, value in (("hosts", _host_count), ("hosts_forward", _hosts_forward)):
        given, needed = value(migration_graph), value(graph)
        if given != needed:
            raise ScenarioError(what, given, f"{needed}, as in the topology of the cluster")


def _of_kind(graph: nx.Graph[int], kind: str) -> list[int]:
    return [node for node in graph if graph.nodes[node]["kind"] == kind]


def _host_count(graph: nx.Graph[int]) -> int:
    return len(_of_kind(graph, "host"))


def _hosts_forward(graph: nx.Graph[int]) -> bool:
    return bool(graph.graph.get("hosts_forward", False))
