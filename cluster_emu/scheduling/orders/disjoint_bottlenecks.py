"""Migrations that do not meet at a bottleneck go together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.network.incidence import Floats, Incidence
from cluster_emu.scheduling.orders.contract import (
    Candidate,
    QueueOrder,
    QueueView,
    queue_orders,
)

SAME = 1 - 1e-9
"""A share of at least this part of a rate counts as that rate."""


@queue_orders.register("disjoint-bottlenecks")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DisjointBottlenecks(QueueOrder):
    """The one first that would share the least; none that would share a bottleneck, or they last.

    With n migrations on a link, those running and those chosen before, one more would get an equal
    share of its capacity, 1 / (n + 1). The smallest such share on its route, or the cap on its rate
    if that is less, is what it may count on; the link where it is smallest is its bottleneck. If it
    may count on as much as it would get alone, it meets nobody at a bottleneck. Those come first,
    by decreasing rate, equals as they came. One whose cap lies below all of its links, so that it
    would leave a part of them unused, goes as well while none of them is full.

    Args:
        otherwise: what the others do: "wait" until they meet nobody, or "share": follow, each time
            the one that may count on most.
    """

    name: ClassVar[str] = "disjoint-bottlenecks"
    summary: ClassVar[str] = "those at once that do not meet at a bottleneck link"
    source: ClassVar[str] = (
        "ours; related: Bari et al., CQNCR, CNSM 2014 (groups of migrations with disjoint "
        "resources); He and Buyya, SLAMIG, arXiv 2101.09716 (concurrent groups)"
    )

    otherwise: Literal["wait", "share"] = "wait"

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Iterator[Candidate]:
        """Return the candidates one after another, each chosen after those before it."""
        capacity = view.capacity_bytes_per_s
        caps = np.array([each.cap_bytes_per_s for each in candidates])
        routes = Incidence.of([each.route for each in candidates], len(capacity))
        widest = routes.least(capacity)
        alone, is_capped = np.minimum(widest, caps), caps < SAME * widest
        crossing, load = np.zeros(len(capacity)), np.zeros(len(capacity))
        for each in view.running:
            _enter(each, capacity, crossing, load)
        is_left = np.ones(len(candidates), dtype=np.bool_)
        while is_left.any():
            share = np.minimum(routes.least(capacity / (crossing + 1)), caps)
            is_free = is_capped & (routes.least(SAME * capacity - load) > 0)
            chosen = is_left & (is_free | (share >= SAME * alone))
            if not chosen.any():
                if self.otherwise == "wait":
                    return
                chosen = is_left
            first = int(np.argmax(np.where(chosen, share, -1.0)))
            is_left[first] = False
            _enter(candidates[first], capacity, crossing, load)
            yield candidates[first]


def _enter(one: Candidate, capacity: Floats, crossing: Floats, load: Floats) -> None:
    """Count a migration on its links, and what it would send there alone."""
    links = list(one.route)
    crossing[links] += 1
    if one.cap_bytes_per_s < math.inf:  # others fill a link, which their number tells
        load[links] += min(one.cap_bytes_per_s, float(capacity[links].min()))
