"""The one-direction links of a network, as columns, and what they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from cluster_emu.units import BITS_PER_BYTE

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

FOR_MIGRATIONS = "for_migrations"
"""Attribute of the edges that only migrations use."""


@dataclass(frozen=True, slots=True, eq=False)
class LinkTable:
    """One row per one-direction link, each column of shape [links].

    The edges of the graph in their order; an undirected edge u-v gives two rows, u to v and then
    v to u, each with the whole capacity.

    Args:
        capacity_bps: capacity, bit/s.
        latency_s: one-way latency.
        source: node the link leaves.
        target: node the link enters.
        is_host: for each node of the graph, whether it is a host, shape [nodes]; hosts come first.
        hosts_forward: whether hosts forward traffic.
        for_migrations: whether the link is part of a dedicated migration network (see
            `with_migration_network`), shape [links].
        labels: the label of each node, in the order of the nodes.
    """

    capacity_bps: Floats
    latency_s: Floats
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    is_host: NDArray[np.bool_]
    hosts_forward: bool
    for_migrations: NDArray[np.bool_]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, graph: nx.Graph[int]) -> LinkTable:
        """Return the links of a graph as `Topology.build` and `as_topology` give it."""
        directions = 1 if graph.is_directed() else 2
        edges = list(graph.edges(data=True))
        ends = np.array([(a, b) for a, b, _ in edges], dtype=np.int64).reshape(-1, 2)
        both = np.hstack([ends, ends[:, ::-1]])[:, : 2 * directions].reshape(-1, 2)
        kinds = nx.get_node_attributes(graph, "kind")
        labels = nx.get_node_attributes(graph, "label")
        return cls(
            capacity_bps=_column(edges, "capacity_bps", directions),
            latency_s=_column(edges, "latency_s", directions),
            source=both[:, 0].copy(),
            target=both[:, 1].copy(),
            is_host=np.array([kinds[node] == "host" for node in range(len(kinds))]),
            hosts_forward=bool(graph.graph.get("hosts_forward", False)),
            for_migrations=np.repeat(
                [bool(attributes.get(FOR_MIGRATIONS)) for _, _, attributes in edges], directions
            ),
            labels=tuple(str(labels[node]) for node in range(len(kinds))),
        )

    def __len__(self) -> int:
        """Number of one-direction links."""
        return len(self.capacity_bps)

    @property
    def capacity_bytes_per_s(self) -> Floats:
        """Capacity in byte/s, shape [links]."""
        return self.capacity_bps / BITS_PER_BYTE

    @property
    def node_count(self) -> int:
        """Number of nodes of the graph."""
        return len(self.is_host)

    @property
    def host_count(self) -> int:
        """Number of hosts; they are the nodes 0..host_count-1."""
        return int(np.count_nonzero(self.is_host))

    def in_words(self, link: int) -> str:
        """Return which node a link leaves and which it enters."""
        return f"{self.labels[self.source[link]]} -> {self.labels[self.target[link]]}"

    def between(self, source: int, target: int) -> tuple[int, ...]:
        """Return the links that lead from node `source` straight to node `target`."""
        rows = np.flatnonzero((self.source == source) & (self.target == target))
        return tuple(rows.tolist())

    def route_latency_s(self, route: Sequence[int]) -> float:
        """Return the one-way latency of a route, the sum over its links."""
        return float(self.latency_s[list(route)].sum())


class LinkMeter:
    """Integrates the load of every link, which is constant between two records of that link.

    Args:
        link_count: number of links.
        start_s: time from which the load counts.
    """

    def __init__(self, link_count: int, start_s: float) -> None:
        self.load = np.zeros(link_count)
        self.peak_share = np.zeros(link_count)
        self._carried = np.zeros(link_count)
        self._since_s = np.full(link_count, start_s)

    def record(self, now_s: float, links: Indices, load: Floats, capacity: Floats) -> None:
        """Set the load of some links from `now_s` on, and its share of their capacity.

        Args:
            now_s: the time.
            links: the links whose load or capacity changed, each once.
            load: what they carry from now on, shape [links given].
            capacity: what they can carry, shape [links given].
        """
        self._carried[links] += self.load[links] * (now_s - self._since_s[links])
        self._since_s[links] = now_s
        self.load[links] = load
        # A link that is down can carry nothing, so any load is an infinite share of its capacity.
        with np.errstate(divide="ignore", invalid="ignore"):
            share = load / capacity
        self.peak_share[links] = np.fmax(self.peak_share[links], share)

    def carried(self, now_s: float) -> Floats:
        """Return what each link has carried until `now_s`, shape [links]."""
        return self._carried + self.load * (now_s - self._since_s)


@dataclass(frozen=True, slots=True, eq=False)
class LinkUse:
    """What links have carried: those that carried something, and the ones beside them.

    Args:
        numbers: the numbers of the links, ascending, shape [links].
        names: where each begins and ends, such as "host3 -> leaf0".
        nodes: the node that each leaves.
        carried_bytes: what each has carried, shape [links].
        capacity_bytes_per_s: what it can carry per second, shape [links].
        parallel: groups of links among which routes chose, each of two or more, as places here.
    """

    numbers: tuple[int, ...]
    names: tuple[str, ...]
    nodes: tuple[str, ...]
    carried_bytes: Floats
    capacity_bytes_per_s: Floats
    parallel: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls, links: LinkTable, carried_bytes: Floats, choices: Sequence[tuple[int, ...]]
    ) -> LinkUse:
        """Return the use of the links of a network.

        Args:
            links: the links.
            carried_bytes: what each has carried, shape [links].
            choices: groups of links among which routes chose, each of two or more.
        """
        used = [group for group in choices if carried_bytes[list(group)].any()]
        numbers = sorted({*np.flatnonzero(carried_bytes).tolist(), *(n for g in used for n in g)})
        place = {number: at for at, number in enumerate(numbers)}
        return cls(
            numbers=tuple(numbers),
            names=tuple(links.in_words(number) for number in numbers),
            nodes=tuple(links.labels[links.source[number]] for number in numbers),
            carried_bytes=carried_bytes[numbers],
            capacity_bytes_per_s=links.capacity_bytes_per_s[numbers],
            parallel=tuple(tuple(place[number] for number in group) for group in used),
        )

    @property
    def full_s(self) -> Floats:
        """For how long each link would have been full, shape [links]."""
        return self.carried_bytes / self.capacity_bytes_per_s

    @property
    def busiest(self) -> int | None:
        """The place of the link with the highest mean utilisation; None without links."""
        return int(np.argmax(self.full_s)) if self.numbers else None

    @property
    def busiest_group(self) -> tuple[int, ...]:
        """The parallel links one of which has the highest utilisation of all of them."""
        full_s = self.full_s
        return max(self.parallel, key=lambda group: float(full_s[list(group)].max()), default=())

    @property
    def imbalance(self) -> float:
        """Utilisation of the busiest one of `busiest_group` over the mean of the group, or NaN."""
        full_s = self.full_s[list(self.busiest_group)]
        return float(full_s.max() / full_s.mean()) if len(full_s) else float("nan")


def load_figures(use: LinkUse, duration_s: float) -> dict[str, float]:
    """Return the busiest link and the imbalance of parallel links; NaN where nothing was carried.

    Args:
        use: what links have carried.
        duration_s: in how much time.

    Returns:
        `busiest_link`, the number of the link with the highest mean utilisation;
        `busiest_link_share`, that utilisation; `link_imbalance`, as `LinkUse.imbalance`.
    """
    busiest = use.busiest
    if busiest is None or duration_s <= 0:
        nothing = float("nan")
        return {name: nothing for name in ("busiest_link", "busiest_link_share", "link_imbalance")}
    return {
        "busiest_link": use.numbers[busiest],
        "busiest_link_share": float(use.full_s[busiest]) / duration_s,
        "link_imbalance": use.imbalance,
    }


def _column(edges: list[tuple[int, int, dict[str, float]]], name: str, directions: int) -> Floats:
    values = np.array([attributes[name] for _, _, attributes in edges], dtype=np.float64)
    return np.repeat(values, directions)
