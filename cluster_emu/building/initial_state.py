"""The columns of hosts and VMs at the start of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import HostColumns, VMColumns
from cluster_emu.cluster.initial_placement import allowed_hosts, place
from cluster_emu.cluster.state import ClusterState
from cluster_emu.lifecycle.population import Population
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import Scenario, VMGroup


def initial_state(
    scenario: Scenario,
    population: Population,
    graph: nx.Graph[int],
    streams: RandomStreams,
) -> ClusterState:
    """Return the columns of hosts and VMs, with every VM of the start on its first host."""
    groups = [group for group in scenario.hosts for _ in range(group.count)]
    count = len(groups)
    hosts = HostColumns.empty(
        np.array([group.cpu_capacity for group in groups]),
        np.array([group.memory_bytes for group in groups], dtype=np.int64),
        np.array([graph.nodes[host].get("rack", 0) for host in range(count)], dtype=np.int64),
        np.array([group.boot_s for group in groups]),
        np.array([group.shutdown_s for group in groups]),
    )
    memory = _column(population, lambda group: group.memory_bytes, np.int64)
    there = memory[: population.initial_count]
    rng = streams.generator(Stream.INITIAL_PLACEMENT)
    first_host = place(scenario, hosts.memory_bytes, there, rng)
    host = np.full(len(population), -1, dtype=np.int64)
    host[: len(there)] = first_host
    names = [group.anti_affinity for group in scenario.vms]
    if scenario.arrivals is not None:
        names += [flavour.anti_affinity for flavour in scenario.arrivals.flavours]
    apart = numbers_of(names)
    together = numbers_of(group.affinity for group in scenario.vms)
    kinds = numbers_of(_class_of(group) for group in scenario.vms)
    np.add.at(hosts.memory_reserved_bytes, first_host, there)
    hosts.vm_count[:] = np.bincount(first_host, minlength=count)
    vms = VMColumns.at_rest(
        _column(population, lambda group: group.cpu_capacity, np.float64),
        memory,
        page_count=_column(population, lambda group: group.pages, np.int64),
        page_bytes=_column(population, lambda group: group.page_bytes, np.int64),
        host=host,
        migratable=_column(population, lambda group: group.migratable, np.bool_),
        anti_affinity=_column(
            population, lambda group: apart.get(group.anti_affinity, -1), np.int64
        ),
        affinity=_column(population, lambda group: together.get(group.affinity, -1), np.int64),
        placement_class=_column(
            population, lambda group: kinds.get(_class_of(group), -1), np.int64
        ),
    )
    closed = [not group.schedulable for group in groups]
    hosts.drained[:] = closed
    return ClusterState(
        hosts, vms, names=scenario.names, allowed_hosts=_allowed(scenario, kinds, count)
    )


def _class_of(group: VMGroup) -> str | None:
    """Return a text that VMs with the same allowed hosts share, None where all may take them."""
    return "\n".join(group.allowed_hosts) or None


def _allowed(
    scenario: Scenario, kinds: dict[str | None, int], count: int
) -> NDArray[np.bool_] | None:
    """Return for each class of VMs which hosts may take them, [classes, hosts]."""
    if not kinds:
        return None
    mask = np.zeros((len(kinds), count), dtype=np.bool_)
    done: set[int] = set()
    for number, group in enumerate(scenario.vms):
        kind = kinds.get(_class_of(group), -1)
        if kind >= 0 and kind not in done:
            mask[kind, sorted(allowed_hosts(scenario, group, f"vms.{number}"))] = True
            done.add(kind)
    return mask


def numbers_of(names: Iterable[str | None]) -> dict[str | None, int]:
    """Return a number for each name that is given, from 0 on in the order of their first places."""
    given = dict.fromkeys(name for name in names if name is not None)
    return {name: number for number, name in enumerate(given)}


def _column(population: Population, value: Callable[[VMGroup], Any], dtype: type) -> Any:
    """Return a value of every VM as a column, [vms]."""
    known: dict[int, Any] = {}
    values = []
    for group in population.groups:
        if id(group) not in known:
            known[id(group)] = value(group)
        values.append(known[id(group)])
    return np.array(values, dtype)
