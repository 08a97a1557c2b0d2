"""Which links a flow crosses: a shortest path, one among equals by a hash or by what is there."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError
from cluster_emu.network.links import LinkTable

CACHED_ROUTES = 100_000


class Router:
    """Finds routes with the fewest hops; equal-cost multipath (RFC 2992) spreads the flows.

    At each hop the flow's hash picks one of the links that lead nearer to the target, so no list
    of paths is ever made. The hash is the same in every process and on every machine. Hop
    counts are found once per switch of a target, and cached.

    Args:
        links: the network.
        usable: which links it may use, shape [links]; all by default.

    Attributes:
        counts_flows: whether `take` depends on the routes that were taken and not released.
    """

    counts_flows = False

    def __init__(self, links: LinkTable, usable: NDArray[np.bool_] | None = None) -> None:
        self._links = links
        self._usable = np.arange(len(links)) if usable is None else np.flatnonzero(usable)
        self._source: list[int] = links.source.tolist()
        self._target: list[int] = links.target.tolist()
        leaving = _grouped(self._usable, links.source, links.node_count)
        self._links_out = [[(link, self._target[link]) for link in group] for group in leaving]
        self._entering = _grouped(self._usable, links.target, links.node_count)
        self._forwards = ~links.is_host | links.hosts_forward
        self._may_forward: list[bool] = self._forwards.tolist()
        self._is_host: list[bool] = links.is_host.tolist()
        self._anchors: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._hops: dict[int, memoryview] = {}
        self._nearer: dict[tuple[int, int], tuple[int, ...]] = {}
        self._routes: dict[tuple[int, int, int], tuple[int, ...]] = {}

    def route(self, source: int, target: int, flow_key: int = 0) -> tuple[int, ...]:
        """Return the links from host `source` to host `target`, in order; empty if they are one.

        Args:
            source: number of the host that sends.
            target: number of the host that receives.
            flow_key: distinguishes flows between the same two hosts.

        Raises:
            ValueError: if `source` or `target` is not the number of a host.
            ScenarioError: if no path leads there.
        """
        key = (source, target, flow_key)
        if key not in self._routes:
            if len(self._routes) >= CACHED_ROUTES:
                self._routes.clear()
            self._routes[key] = self._walk(source, target, flow_key)
        return self._routes[key]

    def take(self, source: int, target: int, flow_key: int = 0) -> tuple[int, ...]:
        """Return the route of a flow that keeps it until `release`; see `route`."""
        return self.route(source, target, flow_key)

    def release(self, route: tuple[int, ...]) -> None:
        """Note that a flow no longer uses the route it has taken."""

    @property
    def choices(self) -> tuple[tuple[int, ...], ...]:
        """The groups of links among which routes have had to choose so far, each group once."""
        last = [links for _, links in self._anchors.values()]
        return tuple(dict.fromkeys(g for g in [*self._nearer.values(), *last] if len(g) > 1))

    def _walk(self, source: int, target: int, flow_key: int) -> tuple[int, ...]:
        self._check_host(source)
        self._check_host(target)
        if source == target:
            return ()
        anchor, last_links = self._anchor(target)
        if self._hops_to(anchor)[source] < 0:
            raise ScenarioError("network", f"no path from host {source} to host {target}", "one")
        route: list[int] = []
        node, digits = source, _flow_hash(source, target, flow_key)
        while node != anchor:
            digits, link = _chosen(self._links_nearer(node, anchor), digits)
            route.append(link)
            node = self._target[link]
        if last_links:
            route.append(_chosen(last_links, digits)[1])
        return tuple(route)

    def _check_host(self, host: int) -> None:
        if not (0 <= host < len(self._is_host) and self._is_host[host]):
            raise ValueError(f"{host} is no host: allowed is 0..{self._links.host_count - 1}")

    def _anchor(self, target: int) -> tuple[int, tuple[int, ...]]:
        """Return the node whose hop counts lead to `target`, and the links from it to `target`.

        All hosts of one switch share that switch's hop counts, with bonded links as well.
        """
        if target not in self._anchors:
            self._anchors[target] = self._find_anchor(target)
        return self._anchors[target]

    def _find_anchor(self, target: int) -> tuple[int, tuple[int, ...]]:
        entering = self._entering[target]
        before = {self._source[link] for link in entering}
        if len(before) == 1 and self._forwards[min(before)]:
            return min(before), tuple(entering)
        return target, ()

    def _links_nearer(self, node: int, anchor: int) -> tuple[int, ...]:
        """Return the links out of `node` that lie on a shortest path to `anchor`."""
        key = (node, anchor)
        if key not in self._nearer:
            hops = self._hops_to(anchor)
            nearer = hops[node] - 1
            self._nearer[key] = tuple(
                link
                for link, end in self._links_out[node]
                if hops[end] == nearer and (end == anchor or self._may_forward[end])
            )
        return self._nearer[key]

    def _hops_to(self, anchor: int) -> memoryview:
        """Return every node's number of hops to `anchor`, -1 where there is no path."""
        if anchor not in self._hops:
            self._hops[anchor] = self._count_hops(anchor).data
        return self._hops[anchor]

    def _count_hops(self, anchor: int) -> NDArray[np.int32]:
        source, target = self._links.source[self._usable], self._links.target[self._usable]
        hops = np.full(self._links.node_count, -1, dtype=np.int32)
        hops[anchor] = 0
        frontier = hops == 0
        while frontier.any():
            farther = np.zeros_like(frontier)
            farther[source[frontier[target]]] = True
            farther &= hops < 0
            hops[farther] = hops[frontier].max() + 1
            frontier = farther & self._forwards
        return hops


class _Path(NamedTuple):
    """The part of a path from a node to the end; paths compare by load, the highest first.

    Args:
        highest: the largest share of a link's capacity that each of its flows has less of, if this
            flow joins: flows per byte/s.
        total: the sum of these over the links.
        links: the links in order.
    """

    highest: float
    total: float
    links: tuple[int, ...]


class LeastLoadedRouter(Router):
    """Takes, among the paths with the fewest hops, the one whose busiest link has the fewest flows.

    Flows count in proportion to the capacity of the link, from `take` to `release`. Of paths alike,
    the one with fewer flows on all links together is taken, then the one by hash. A controller that
    knows every flow routes like this (Hedera, NSDI 2010, global first fit); switches do not.
    """

    counts_flows = True

    def __init__(self, links: LinkTable, usable: NDArray[np.bool_] | None = None) -> None:
        super().__init__(links, usable)
        self._flows = [0] * len(links)
        self._capacity: list[float] = links.capacity_bytes_per_s.tolist()

    def take(self, source: int, target: int, flow_key: int = 0) -> tuple[int, ...]:
        """Return the least loaded route of a flow that keeps it until `release`; see `route`."""
        by_hash = self.route(source, target, flow_key)
        if not by_hash:
            return ()
        anchor, last_links = self._anchor(target)
        best: dict[int, _Path] = {anchor: self._least_loaded_last(last_links, by_hash)}
        path = self._least_loaded(source, anchor, best, by_hash)
        for link in path.links:
            self._flows[link] += 1
        return path.links

    def release(self, route: tuple[int, ...]) -> None:
        """Note that a flow no longer uses the route it has taken."""
        for link in route:
            self._flows[link] -= 1

    def _least_loaded(
        self, node: int, anchor: int, best: dict[int, _Path], by_hash: tuple[int, ...]
    ) -> _Path:
        """Return the least loaded path from a node; `best` holds those found so far, by node."""
        if node not in best:
            best[node] = min(
                (
                    self._longer(link, self._least_loaded(end, anchor, best, by_hash))
                    for link in self._links_nearer(node, anchor)
                    for end in (self._target[link],)
                ),
                key=lambda path: (path.highest, path.total, path.links[0] not in by_hash),
            )
        return best[node]

    def _least_loaded_last(self, links: tuple[int, ...], by_hash: tuple[int, ...]) -> _Path:
        """Return the least loaded of the links from the anchor to the target; none if it is it."""
        end = _Path(0.0, 0.0, ())
        if not links:
            return end
        return min(
            (self._longer(link, end) for link in links),
            key=lambda path: (path.highest, path.links[0] not in by_hash),
        )

    def _longer(self, link: int, rest: _Path) -> _Path:
        load = (self._flows[link] + 1) / self._capacity[link]
        return _Path(max(load, rest.highest), load + rest.total, (link, *rest.links))


def _grouped(links: NDArray[np.intp], ends: NDArray[np.int64], node_count: int) -> list[list[int]]:
    """Return, for each node, those of `links` whose end it is, ascending."""
    groups: list[list[int]] = [[] for _ in range(node_count)]
    for link, node in zip(links.tolist(), ends[links].tolist(), strict=True):
        groups[node].append(link)
    return groups


def _chosen(choices: tuple[int, ...], digits: int) -> tuple[int, int]:
    """Choose a link by the hash; return the part of the hash not used yet, and the link."""
    digits, choice = divmod(digits, len(choices))
    return digits, choices[choice]


def _flow_hash(source: int, target: int, flow_key: int) -> int:
    """Return 128 bits; each hop uses the lowest remaining ones, so that hops are independent."""
    text = f"{source} {target} {flow_key}".encode()
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "little")
