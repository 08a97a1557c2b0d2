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
    """Migrations first that share no bottleneck link with another one; the others wait or follow.

    With n migrations on a link, running or chosen before, one more gets the share 1 / (n + 1) of
    its capacity. The expected rate of a migration is the smallest such share on its route, or the
    cap on its rate if that is less. The link with the smallest share is its bottleneck. A migration
    shares no bottleneck if its expected rate is the rate that it would get alone. Such migrations
    come first, by decreasing rate, equals in order of arrival. A migration whose cap is below the
    capacity of all its links also comes first while none of them is full, because it leaves a part
    of each link unused.

    Args:
        otherwise: what the other migrations do: "wait" until they share no bottleneck, or "share":
            follow by decreasing expected rate, computed again after each choice.
    """

    name: ClassVar[str] = "disjoint-bottlenecks"
    summary: ClassVar[str] = "migrations that share no bottleneck link start together"
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
    """Count a migration on its links, and add the rate that it would have alone."""
    links = list(one.route)
    on_link[links] += 1
    if one.cap_bytes_per_s < math.inf:  # the other migrations are many enough to fill a link
        load[links] += min(one.cap_bytes_per_s, float(capacity[links].min()))
