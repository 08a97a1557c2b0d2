"""Any networkx graph as a topology: checked, renumbered, optional attributes filled in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import networkx as nx
import numpy as np
from pydantic import TypeAdapter

from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import MOST_WHOLE, decimal, is_in_range
from cluster_emu.plausibility import warn_of_implausible
from cluster_emu.units import ParseBitsPerSecond, ParseSeconds

KINDS = ("host", "switch")
NODE_ATTRIBUTES = ("kind", "label", "rack", "layer")
EDGE_ATTRIBUTES = ("capacity_bps", "latency_s")
GRAPH_ATTRIBUTES = ("hosts_forward",)
MEASURED = EDGE_ATTRIBUTES
"""Attributes whose name ends with their unit."""
SIMILARITY = 0.85
"""From which ratio of equal letters on (`difflib`) a name counts as a misspelling."""

_BITS_PER_S: TypeAdapter[float] = TypeAdapter(Annotated[float, ParseBitsPerSecond])
_SECONDS: TypeAdapter[float] = TypeAdapter(Annotated[float, ParseSeconds])


def as_topology(
    graph: nx.Graph[Any], *, latency_s: float = 0.0, file: Path | str | None = None
) -> nx.Graph[int]:
    """Return a checked copy of any networkx graph, in the form that `Topology.build` gives.

    Every node needs `kind`, "host" or "switch"; every edge needs `capacity_bps`. Edges of a Graph
    are full-duplex links, edges of a DiGraph have one direction, parallel edges of a multigraph
    are links of their own (bonded interfaces). Hosts do not pass traffic on, unless the graph has
    the attribute ``hosts_forward=True`` (server-centric networks).

    Nodes are renumbered 0..n-1, hosts first, in the order of the graph, or ascending where all
    nodes are whole numbers. `layer` is the number of hops to the nearest host. Missing attributes
    are filled in: first with the graph's own defaults (the graph attributes `node_default` and
    `edge_default`, where networkx keeps those of a GraphML file), then `label` with the node's old
    name, `latency_s`, and, if no host has one, `rack` with one number per switch that has hosts.

    Attributes of other names are kept, but a misspelt name, or one with another unit than those
    above, is an error.

    Files give numbers in many types: a rack may be ``3``, ``3.0`` or ``"3"``, a capacity ``1e10``,
    ``"1e10"`` or ``"10 Gbit/s"``, a latency ``5e-6``, ``"5e-6"`` or ``"5 us"``.

    Args:
        graph: the graph; it is not changed.
        latency_s: one-way latency of the edges that have none.
        file: the file it came from, for messages.

    Raises:
        ScenarioError: naming the node or edge, its value and what is allowed.
    """
    try:
        return _converted(graph, latency_s)
    except ScenarioError as error:
        raise error.at(file=file) from error


def _converted(graph: nx.Graph[Any], latency_s: float) -> nx.Graph[int]:
    graph = _with_defaults(graph)
    _check_attributes(graph)
    kinds = {node: _kind(node, attributes) for node, attributes in graph.nodes(data=True)}
    order = _hosts_first(kinds)
    number = {node: index for index, node in enumerate(order)}
    converted: nx.Graph[int] = graph.__class__()
    converted.graph.update(graph.graph)
    for node in order:
        label = str(graph.nodes[node].get("label", node))
        converted.add_nodes_from([(number[node], {**graph.nodes[node], "label": label})])
    seen: set[Any] = set()
    for a, b, attributes in graph.edges(data=True):
        checked = _checked_edge(a, b, {"latency_s": latency_s, **attributes})
        capacity = attributes["capacity_bps"]
        if capacity not in seen:  # one warning for all links of a kind
            seen.add(capacity)
            warn_of_implausible({"capacity_bps": capacity}, f"edges.{a}-{b}")
        converted.add_edges_from([(number[a], number[b], checked)])
    _check_connected(converted)
    _fill_layers(converted)
    _fill_racks(converted)
    return converted


def _with_defaults(graph: nx.Graph[Any]) -> nx.Graph[Any]:
    """Return a copy in which nodes and edges have the graph's defaults for what they lack."""
    filled: nx.Graph[Any] = graph.copy()
    for_nodes = filled.graph.pop("node_default", {})
    for_edges = filled.graph.pop("edge_default", {})
    for _, attributes in filled.nodes(data=True):
        attributes.update({**for_nodes, **attributes})
    for _, _, attributes in filled.edges(data=True):
        attributes.update({**for_edges, **attributes})
    return filled


def _check_attributes(graph: nx.Graph[Any]) -> None:
    """Refuse an attribute that is a known one misspelt or in another unit, ``latency_ms``.

    Files from other tools have attributes of their own, which are kept.

    Raises:
        ScenarioError: naming the node or edge, the attribute and what was meant.
    """
    found: dict[str, str] = {}
    for node, attributes in graph.nodes(data=True):
        found |= {name: f"nodes.{node}" for name in attributes if name not in found}
    checked: list[tuple[Any, str, Sequence[str]]]
    checked = [(name, place, NODE_ATTRIBUTES) for name, place in found.items()]
    found = {}
    for a, b, attributes in graph.edges(data=True):
        found |= {name: f"edges.{a}-{b}" for name in attributes if name not in found}
    checked += [(name, place, EDGE_ATTRIBUTES) for name, place in found.items()]
    checked += [(name, "graph", GRAPH_ATTRIBUTES) for name in graph.graph]
    for name, place, known in checked:
        if name not in known and (meant := _meant(str(name), known)):
            raise ScenarioError(place, name, f"the attribute {meant!r}, spelt like this")


def _meant(name: str, known: Sequence[str]) -> str | None:
    """Return the known attribute that a name misspells, or of which it has another unit."""
    quantities = {each.partition("_")[0]: each for each in known if each in MEASURED}
    quantity = name.lower().partition("_")[0]
    near = get_close_matches(name.lower(), known, n=1, cutoff=SIMILARITY)
    return quantities.get(quantity) or next(iter(near), None)


def _kind(node: Any, attributes: dict[str, Any]) -> str:
    kind = attributes.get("kind", "missing")
    if kind not in KINDS:
        raise ScenarioError(f"nodes.{node}.kind", kind, "'host' or 'switch'")
    return str(kind)


def _hosts_first(kinds: dict[Any, str]) -> list[Any]:
    nodes = sorted(kinds) if all(isinstance(node, int) for node in kinds) else list(kinds)
    hosts = [node for node in nodes if kinds[node] == "host"]
    if not hosts:
        raise ScenarioError("nodes", f"{len(nodes)} nodes, no host", "at least one host")
    return hosts + [node for node in nodes if kinds[node] == "switch"]


def _checked_edge(a: Any, b: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    if a == b:
        raise ScenarioError(f"edges.{a}-{b}", "a loop", "an edge between two different nodes")
    capacity = _finite(_BITS_PER_S, attributes.get("capacity_bps", "missing"))
    if capacity is None or capacity <= 0:
        raise ScenarioError(
            f"edges.{a}-{b}.capacity_bps",
            attributes.get("capacity_bps", "missing"),
            "a finite number of bit/s above 0",
        )
    latency = _finite(_SECONDS, attributes["latency_s"])
    if latency is None or latency < 0:
        raise ScenarioError(
            f"edges.{a}-{b}.latency_s",
            attributes["latency_s"],
            "a finite number of seconds, 0 or more",
        )
    return {**attributes, "capacity_bps": capacity, "latency_s": latency}


def _finite(reader: TypeAdapter[float], value: Any) -> float | None:
    """Return a number, or a text with a unit, as a finite float; None if it is neither."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        number = reader.validate_python(value if isinstance(value, str) else float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and is_in_range(number) else None


def _check_connected(graph: nx.Graph[int]) -> None:
    """Refuse a graph in which a node cannot reach the first host, or be reached from it."""
    _check_reached(graph, {0, *nx.descendants(graph, 0)}, "reached from")
    if isinstance(graph, nx.DiGraph):
        _check_reached(graph, {0, *nx.ancestors(graph, 0)}, "able to reach")
    if not graph.graph.get("hosts_forward", False):
        _check_reached(graph, _reached_through_switches(graph), "reached through switches from")


def _check_reached(graph: nx.Graph[int], reached: set[int], how: str) -> None:
    lost = next((node for node in graph if node not in reached), None)
    if lost is not None:
        field = f"nodes.{graph.nodes[lost]['label']}"
        allowed = f"a connected graph, every node {how} {graph.nodes[0]['label']}"
        raise ScenarioError(field, f"cut off, {graph.degree[lost]} edges", allowed)


def _reached_through_switches(graph: nx.Graph[int]) -> set[int]:
    reached = {0}
    frontier = [0]
    while frontier:
        fresh = {neighbour for node in frontier for neighbour in graph[node]} - reached
        reached |= fresh
        frontier = [node for node in fresh if graph.nodes[node]["kind"] == "switch"]
    return reached


def _hosts(graph: nx.Graph[int]) -> Iterator[int]:
    return (node for node in graph if graph.nodes[node]["kind"] == "host")


def _fill_layers(graph: nx.Graph[int]) -> None:
    for layer, nodes in enumerate(nx.bfs_layers(graph.to_undirected(), list(_hosts(graph)))):
        for node in nodes:
            graph.nodes[node]["layer"] = layer


def _fill_racks(graph: nx.Graph[int]) -> None:
    given = {host: graph.nodes[host].get("rack") for host in _hosts(graph)}
    if all(rack is None for rack in given.values()):
        _rack_by_switch(graph)
    for host in given:
        _check_rack(graph, host)
    for _, attributes in graph.nodes(data=True):
        attributes["rack"] = _rack_number(attributes.get("rack", -1))


def _rack_by_switch(graph: nx.Graph[int]) -> None:
    racks: dict[int, int] = {}
    for host in _hosts(graph):
        switches = [node for node in graph[host] if graph.nodes[node]["kind"] == "switch"]
        place = min(switches, default=host)
        graph.nodes[host]["rack"] = racks.setdefault(place, len(racks))
    for place, rack in racks.items():
        graph.nodes[place]["rack"] = rack


def _check_rack(graph: nx.Graph[int], host: int) -> None:
    rack = graph.nodes[host].get("rack", "missing")
    number = _rack_number(rack)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_WHOLE:
        field = f"nodes.{graph.nodes[host]['label']}.rack"
        raise ScenarioError(field, rack, "a whole number from 0 (for every host, or for none)")


def _rack_number(rack: Any) -> Any:
    """Return the whole number that a rack stands for, 3 for ``3.0`` and ``"3"``, or the rack."""
    if isinstance(rack, bool | np.bool_):
        return rack
    if isinstance(rack, str) and decimal(rack) is None:
        return rack
    try:
        number = float(rack)
    except (TypeError, ValueError, OverflowError):
        return rack
    return int(number) if number.is_integer() and abs(number) < MOST_WHOLE else rack
