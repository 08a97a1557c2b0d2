"""The network as consolidation policies see it: routes, and the migrations that share links."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.network import LinkTable, Router

MOST_TABLE_ENTRIES = 2**24
"""Entries of all tables of routes, 64 MiB; beyond that they are begun anew."""

UNKNOWN = -1
"""Stands in a table of routes for one that nobody has asked for yet."""


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
        self._tables: dict[int, NDArray[np.int32]] = {}

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
        routes = self._routes(source, targets)
        tightest = routes[np.arange(len(targets)), np.argmin(share[routes], axis=1)]
        return Bottleneck(tightest.astype(np.int64), migrations_per_link[tightest], share[tightest])

    def _routes(self, source: int, targets: NDArray[np.intp]) -> NDArray[np.int32]:
        """Return the links from `source` to each of some other hosts, [these targets, links].

        A shorter route repeats its last link, so its tightest one stays the same.
        """
        table = self._tables.get(source)
        if table is None:
            table = np.full((self.links.host_count, 1), UNKNOWN, dtype=np.int32)
        unknown = targets[table[targets, 0] == UNKNOWN]
        for target in unknown.tolist():
            route = self.route(source, target)
            longer = len(route) - table.shape[1]
            if longer > 0:
                table = np.pad(table, ((0, 0), (0, longer)), mode="edge")
            table[target, : len(route)] = route
            table[target, len(route) :] = route[-1]
        if len(unknown):
            self._keep(source, table)
        return table[targets]

    def _keep(self, source: int, table: NDArray[np.int32]) -> None:
        self._tables[source] = table
        if table.size * len(self._tables) > MOST_TABLE_ENTRIES:
            self._tables = {source: table}
