"""Which flow crosses which links: the routing matrix as compressed sparse rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """The routes of all flows as compressed sparse rows: one hop per flow and link of its route.

    Args:
        links: the link of each hop: those of flow 0's route, then of flow 1's, and so on, shape
            [hops].
        lengths: number of hops of each flow, shape [flows].
        flows: the flow of each hop, shape [hops].
    """

    links: Indices
    lengths: Indices
    flows: Indices

    @classmethod
    def of(cls, routes: Sequence[Sequence[int]], link_count: int) -> Incidence:
        """Return the incidence of `routes`.

        Raises:
            ValueError: if a route names a link that is not one of 0..link_count-1.
        """
        lengths = np.fromiter((len(route) for route in routes), dtype=np.intp, count=len(routes))
        named = np.array(list(chain.from_iterable(routes)))
        if named.size and not np.issubdtype(named.dtype, np.integer):
            raise ValueError(f"routes hold {named.dtype} values: allowed are link numbers")
        wrong = np.flatnonzero((named < 0) | (named >= link_count))
        if wrong.size:
            flow = int(np.searchsorted(np.cumsum(lengths), wrong[0], side="right"))
            raise ValueError(
                f"routes[{flow}] names link {named[wrong[0]]}: allowed is 0..{link_count - 1}"
            )
        return cls.packed(named.astype(np.intp), lengths)

    @classmethod
    def packed(cls, links: Indices, lengths: Indices) -> Incidence:
        """Return the incidence of routes that are laid end to end already; not checked."""
        return cls(links, lengths, np.repeat(np.arange(len(lengths)), lengths))

    def only(self, chosen: Flags) -> Incidence:
        """Return the incidence of the flows in the mask `chosen`, shape [flows], renumbered."""
        return Incidence.packed(self.links[chosen[self.flows]], self.lengths[chosen])

    def least(self, per_link: Floats) -> Floats:
        """Return each flow's least value over its links, shape [flows]; no route may be empty."""
        starts = np.cumsum(self.lengths) - self.lengths
        least: Floats = np.minimum.reduceat(per_link[self.links], starts)
        return least

    def total(self, per_flow: Floats, link_count: int) -> Floats:
        """Return each link's sum over the flows that cross it, shape [links]."""
        sums = np.bincount(self.links, weights=per_flow[self.flows], minlength=link_count)
        return sums.astype(np.float64, copy=False)  # bincount of nothing gives whole numbers

    def crossed(self, link_count: int) -> Flags:
        """Return which links any flow crosses, shape [links]."""
        mask = np.zeros(link_count, dtype=np.bool_)
        mask[self.links] = True
        return mask
