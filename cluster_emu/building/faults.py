"""The outages of a scenario, in the order in which they start."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import partial
from operator import attrgetter

import networkx as nx

from cluster_emu.errors import ScenarioError, UnknownNameError, errors_at
from cluster_emu.faults import FaultKind, Outage, Site, fault_kinds
from cluster_emu.network import LinkTable
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import Fault, Scenario


def outages(
    scenario: Scenario, graph: nx.Graph[int], links: LinkTable, streams: RandomStreams
) -> Iterator[Outage]:
    """Return an iterator over every outage in order of its start, which may be endless.

    Raises:
        ScenarioError: naming the fault and its parameter, at once.
    """
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
