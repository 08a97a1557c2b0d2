"""Migrations that do not meet at a bottleneck go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.migration.queue_orders.contract import (
    Candidate,
    QueueOrder,
    QueueView,
    queue_orders,
)
from cluster_emu.network.incidence import Incidence
from cluster_emu.state import FloatColumn

TIE = 1e-9
"""Shares that differ by less than this part count as equal."""


@queue_orders.register("disjoint-bottlenecks")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DisjointBottlenecks(QueueOrder):
    """First come, first served among those whose bottlenecks nobody uses; then the others.

    If all migrations queued and running were under way, each link giving them equal shares, a
    migration's bottlenecks would be the links of its route with the smallest share. One after
    another the candidates are taken whose bottlenecks are not among those of the running ones and
    of those taken before.

    Args:
        otherwise: what the others do, "fifo": follow as they came, or "wait". Waiting is kinder to
            downtimes, and to the total time where one migration fills its bottleneck; where it
            cannot (a cap on its rate, hosts slower than the links between them) slots stay unused.
    """

    name: ClassVar[str] = "disjoint-bottlenecks"
    summary: ClassVar[str] = "first those that share no bottleneck with the running ones"
    source: ClassVar[str] = (
        "ours; related: Bari et al., CQNCR, CNSM 2014 (groups of migrations with disjoint "
        "resources); He and Buyya, SLAMIG, arXiv 2101.09716 (concurrent groups)"
    )

    otherwise: Literal["fifo", "wait"] = "fifo"

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Iterator[Candidate]:
        """Return the candidates with free bottlenecks, then the others if they do not wait."""
        tight = bottlenecks([*view.running, *view.waiting], view.capacity_bytes_per_s)
        busy = {link for each in view.running for link in tight[each.number]}
        others = []
        for each in candidates:
            if busy.isdisjoint(tight[each.number]):
                busy |= tight[each.number]
                yield each
            else:
                others.append(each)
        if self.otherwise == "fifo":
            yield from others


def bottlenecks(
    everyone: Sequence[Candidate], capacity_bytes_per_s: FloatColumn
) -> dict[int, frozenset[int]]:
    """Return by number the links of each migration's route whose equal share is smallest.

    Args:
        everyone: all migrations that are to cross the network.
        capacity_bytes_per_s: capacity of each link, shape [links].
    """
    link_count = len(capacity_bytes_per_s)
    routes = Incidence.of([each.route for each in everyone], link_count)
    crossing = routes.total(np.ones(len(everyone)), link_count)
    share = capacity_bytes_per_s / np.maximum(crossing, 1.0)
    is_tight = share[routes.links] <= routes.least(share)[routes.flows] * (1 + TIE)
    flows, links = routes.flows[is_tight].tolist(), routes.links[is_tight].tolist()
    found: list[set[int]] = [set() for _ in everyone]
    for flow, link in zip(flows, links, strict=True):
        found[flow].add(link)
    return {each.number: frozenset(own) for each, own in zip(everyone, found, strict=True)}
