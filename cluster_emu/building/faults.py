"""The outages of a scenario, in the order in which they start."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any

import networkx as nx

from cluster_emu.errors import ScenarioError, UnknownNameError, errors_at
from cluster_emu.faults import FaultKind, Outage, Site, fault_kinds
from cluster_emu.network import LinkTable
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import Fault, Scenario


class Outages(Iterator[Outage]):
    """Every outage of a scenario in order of its start; there may be no end of them.

    A copy goes on where the original is: it makes the outages again and leaves out those that the
    original has given, because generators cannot be copied.

    Args:
        scenario: what holds the faults.
        graph: the topology.
        links: its links.
        streams: where the faults draw from.

    Raises:
        ScenarioError: naming the fault and its parameter, at once.
    """

    def __init__(
        self, scenario: Scenario, graph: nx.Graph[int], links: LinkTable, streams: RandomStreams
    ) -> None:
        self._made_from = scenario, graph, links, streams
        self._given = 0
        self._rest: Iterator[Outage] | None = _outages(*self._made_from)

    def __next__(self) -> Outage:
        """Return the next outage."""
        if self._rest is None:
            self._rest = islice(_outages(*self._made_from), self._given, None)
        outage = next(self._rest)
        self._given += 1
        return outage

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rest": None}


def _outages(
    scenario: Scenario, graph: nx.Graph[int], links: LinkTable, streams: RandomStreams
) -> Iterator[Outage]:
    site = Site.of(graph, links)
    series: list[Iterator[Outage]] = []
    for i, fault in enumerate(scenario.faults):
        stream = partial(streams.generator, Stream.FAULTS, i)
        with errors_at(f"faults.{i}"):
            series += _kind(fault).outages(site, stream)
    return heapq.merge(*series, key=attrgetter("start_s"))


def _kind(fault: Fault) -> FaultKind:
    try:
        return fault_kinds.create(fault.kind, **fault.parameters)
    except UnknownNameError as error:
        raise ScenarioError("kind", fault.kind, error.allowed) from error
