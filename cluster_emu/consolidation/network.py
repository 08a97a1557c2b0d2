"""The network as consolidation policies see it: routes, and the migrations that share links."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.network import LinkTable, Router

MOST_KEPT = 2**24
"""Links of routes kept, some 64 MiB; beyond that they are found again when they are asked for."""


class Bottleneck(NamedTuple):
    """The tightest link on the way to each of some targets, each column of shape [these targets].

    Args:
        link: number of the link.
        sharing: migrations that cross it already: in flight, queued, or planned.
        bytes_per_s: fair share of its capacity for one more migration, which is what makes it the
            tightest.
    """

    link: IntColumn
    sharing: IntColumn
    bytes_per_s: FloatColumn


class MigrationNetwork:
    """Links, and the routes on them that migrations take; background traffic is not counted.

    Args:
        links: the links of the whole network.
        router: finds the routes of migrations.
    """

    def __init__(self, links: LinkTable, router: Router) -> None:
        self.links = links
        self._router = router
        self._capacity = links.capacity_bytes_per_s
        self._routes_from: dict[int, NDArray[np.int32]] = {}
        self._kept = 0

    def route(self, source: int, target: int) -> tuple[int, ...]:
        """Return the links from one host to another.

        Where several routes are equally short, the migration itself may take another of them.
        """
        return self._router.route(source, target)

    def migrations_per_link(self, source: IntColumn, target: IntColumn) -> IntColumn:
        """Return how many migrations cross each link, [links].

        Args:
            source: the host that each migration leaves, [migrations].
            target: the host that receives each, [migrations].
        """
        crossed = [
            link
            for pair in zip(source.tolist(), target.tolist(), strict=True)
            for link in self.route(*pair)
        ]
        return np.bincount(np.array(crossed, dtype=np.intp), minlength=len(self.links))

    def bottlenecks(
        self, source: int, targets: NDArray[np.intp], migrations_per_link: IntColumn
    ) -> Bottleneck:
        """Return the tightest link from `source` to each of `targets`, none of them `source`.

        Args:
            source: host that a VM leaves.
            targets: hosts that it may go to, [these targets].
            migrations_per_link: migrations that cross each link already, [links].
        """
        share = self._capacity / (migrations_per_link + 1)
        routes = self._all_routes(source)[targets]
        tightest = routes[np.arange(len(targets)), np.argmin(share[routes], axis=1)]
        return Bottleneck(tightest.astype(np.int64), migrations_per_link[tightest], share[tightest])

    def _all_routes(self, source: int) -> NDArray[np.int32]:
        """Return the links from `source` to every host, [hosts, links of the longest route].

        A shorter route repeats its last link, so its tightest one stays the same. The row of
        `source` itself means nothing.
        """
        if source not in self._routes_from:
            routes = [self.route(source, target) for target in range(self.links.host_count)]
            found = np.zeros((len(routes), max(map(len, routes))), dtype=np.int32)
            for host, route in enumerate(routes):
                found[host, : len(route)] = route
                found[host, len(route) :] = route[-1] if route else 0
            if self._kept + found.size > MOST_KEPT:
                self._routes_from.clear()
                self._kept = 0
            self._routes_from[source] = found
            self._kept += found.size
        return self._routes_from[source]
