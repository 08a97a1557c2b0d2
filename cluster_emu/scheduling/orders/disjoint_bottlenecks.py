"""Migrations that share no bottleneck link run together."""

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
    """Those first that share no bottleneck link with another migration; the others wait or follow.

    With n migrations on a link, those running and those chosen before, one more would get an equal
    share of its capacity, 1 / (n + 1). The smallest such share on its route, or the cap on its rate
    if that is less, is its expected rate; the link with the smallest share is its bottleneck. It
    shares no bottleneck if the expected rate is what it would get alone. Such migrations come
    first, by decreasing rate, equals in order of arrival. So does a migration whose cap lies below
    the capacity of all of its links, while none of them is full: it leaves a part of them unused.

    Args:
        otherwise: what the others do: "wait" until they share no bottleneck, or "share": follow,
            each time the one with the highest expected rate.
    """

    name: ClassVar[str] = "disjoint-bottlenecks"
    summary: ClassVar[str] = "those at once that share no bottleneck link"
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
        on_link, load = np.zeros(len(capacity)), np.zeros(len(capacity))
        for each in view.running:
            _enter(each, capacity, on_link, load)
        is_left = np.ones(len(candidates), dtype=np.bool_)
        while is_left.any():
            share = np.minimum(routes.least(capacity / (on_link + 1)), caps)
            is_free = is_capped & (routes.least(SAME * capacity - load) > 0)
            chosen = is_left & (is_free | (share >= SAME * alone))
            if not chosen.any():
                if self.otherwise == "wait":
                    return
                chosen = is_left
            first = int(np.argmax(np.where(chosen, share, -1.0)))
            is_left[first] = False
            _enter(candidates[first], capacity, on_link, load)
            yield candidates[first]


def _enter(one: Candidate, capacity: Floats, on_link: Floats, load: Floats) -> None:
    """Count a migration on its links, and what it would send there alone."""
    links = list(one.route)
    on_link[links] += 1
    if one.cap_bytes_per_s < math.inf:  # the number of the others says that they fill a link
        load[links] += min(one.cap_bytes_per_s, float(capacity[links].min()))
