"""The network of a scenario: its graph, links, routes and background traffic."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import networkx as nx

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.errors import ScenarioError, errors_at
from cluster_emu.network import (
    BackgroundFlow,
    BackgroundTraffic,
    FluidLoop,
    LeastLoadedRouter,
    LinkTable,
    Router,
    as_topology,
    topologies,
    with_migration_network,
)
from cluster_emu.network.topologies.contract import FileTopology
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import BackgroundGroup, Choice, Scenario
from cluster_emu.scenario.files import named_files
from cluster_emu.units import BITS_PER_BYTE
from cluster_emu.workload.bursts import Burst, ToggleTimes

MOST_FLOWS = 100_000
"""The most flows of one group of background traffic; each has a route of its own."""


def cluster_graph(scenario: Scenario) -> nx.Graph[int]:
    """Return the graph of the cluster, with its dedicated migration network if it has one.

    Raises:
        ScenarioError: if a topology cannot be built, or the two do not have the same hosts.
    """
    graph = _topology(scenario.topology, "topology")
    _check_racks(scenario, graph)
    if scenario.migration_topology is None:
        return _with_names(scenario, graph)
    migration_graph = _topology(scenario.migration_topology, "migration_topology")
    with errors_at("migration_topology"):
        return _with_names(scenario, with_migration_network(graph, migration_graph))


def _check_racks(scenario: Scenario, graph: nx.Graph[int]) -> None:
    racks = {node.get("rack", 0) for _, node in graph.nodes(data=True)} - {-1}
    if scenario.rack_names and len(scenario.rack_names) != len(racks):
        allowed = f"as many names as the topology has racks, {len(racks)}, or none"
        raise ScenarioError("rack_names", list(scenario.rack_names), allowed)


def _with_names(scenario: Scenario, graph: nx.Graph[int]) -> nx.Graph[int]:
    """Return the graph with names of hosts, and of racks, in its labels."""
    names = scenario.names
    for number, name in enumerate(names.hosts):
        if name and number in graph.nodes:
            graph.nodes[number].update(label=name, name=name)
    for _, node in graph.nodes(data=True) if names.racks else ():
        rack = node.get("rack", 0)
        if 0 <= rack < len(names.racks):
            node["rack_name"] = names.racks[rack]
            if node["kind"] == "switch":
                node["label"] = f"{node['label']} ({names.racks[rack]})"
    return graph


def with_own_files(scenario: Scenario) -> Scenario:
    """Return the scenario with topologies themselves in place of their files, and absolute paths.

    It gives the same run in another folder. Traces and recordings stay files of their own.

    Raises:
        ScenarioError: if the file of a topology cannot be read.
    """
    fields: dict[str, Any] = {}
    for field in ("topology", "migration_topology"):
        choice: Choice | None = getattr(scenario, field)
        topology: object = None if choice is None else create_chosen(topologies, choice, field)
        if choice is not None and isinstance(topology, FileTopology):
            with errors_at(field):
                fields[field] = {"name": choice.name, **topology.without_file()}
    kept = scenario.with_fields(fields) if fields else scenario
    paths = {field: str(path.absolute()) for field, path in named_files(kept.model_dump()).items()}
    return kept.with_fields(paths) if paths else kept


def _topology(choice: Choice, field: str) -> nx.Graph[int]:
    topology = create_chosen(topologies, choice, field)
    with errors_at(field):
        return as_topology(topology.build())


def migration_router(scenario: Scenario, links: LinkTable) -> Router:
    """Return the router of migrations: on the dedicated migration network, if there is one."""
    router = LeastLoadedRouter if scenario.routing == "least-loaded" else Router
    return router(links, links.for_migrations if links.for_migrations.any() else None)


def background_traffic(
    scenario: Scenario, links: LinkTable, loop: FluidLoop, streams: RandomStreams
) -> BackgroundTraffic:
    """Return the background traffic of the scenario; its flows depend on the seed alone.

    Raises:
        ScenarioError: if the host of a background flow does not exist.
    """
    router = Router(links, ~links.for_migrations)
    flows: list[BackgroundFlow] = []
    for number, group in enumerate(scenario.background):
        _check_hosts(group, number, links.host_count)
        for place, (source, target) in enumerate(_pairs(group, number, links, streams)):
            # Negative keys: paths of background flows must be independent of the migrations' paths.
            route = router.route(source, target, -1 - len(flows))
            rate_bps = group.rate_bps or group.cap_bps or math.inf
            flows.append(
                BackgroundFlow(
                    group=number,
                    source=source,
                    target=target,
                    route=route,
                    inelastic=group.kind == "inelastic",
                    bytes_per_s=rate_bps / BITS_PER_BYTE,
                    weight=group.weight,
                    start_s=group.start_s,
                    stop_s=group.stop_s or math.inf,
                    periods=_periods(group, number, place, streams),
                )
            )
    return BackgroundTraffic(flows, loop)


def _check_hosts(group: BackgroundGroup, number: int, host_count: int) -> None:
    for end, host in (("source", group.source), ("target", group.target)):
        if host is not None and host >= host_count:
            field = f"background.{number}.{end}"
            raise ScenarioError(field, host, f"a number below {host_count}")
    if host_count < 2:
        raise ScenarioError(f"background.{number}", "one host", "a topology of two hosts or more")


def _pairs(
    group: BackgroundGroup, number: int, links: LinkTable, streams: RandomStreams
) -> list[tuple[int, int]]:
    """Return source and target of every flow of a group."""
    count, hosts = group.count, links.host_count
    flows = count * {"ring": hosts, "all-to-all": hosts * (hosts - 1)}.get(str(group.pairs), 1)
    if flows > MOST_FLOWS:
        allowed = f"a number that gives at most {MOST_FLOWS:,} flows (these are {flows:,})"
        raise ScenarioError(f"background.{number}.count", count, allowed)
    if group.pairs == "random":
        rng = streams.generator(Stream.BACKGROUND_PAIRS, number)
        source = rng.integers(hosts, size=count)
        target = (source + rng.integers(1, hosts, size=count)) % hosts
        return list(zip(source.tolist(), target.tolist(), strict=True))
    if group.pairs == "ring":
        pairs = [(host, (host + 1) % hosts) for host in range(hosts)]
    elif group.pairs == "all-to-all":
        pairs = [(a, b) for a in range(hosts) for b in range(hosts) if a != b]
    else:
        assert group.source is not None and group.target is not None, "the scenario was checked"
        pairs = [(group.source, group.target)]
    return [pair for pair in pairs for _ in range(count)]


def _periods(
    group: BackgroundGroup, number: int, place: int, streams: RandomStreams
) -> ToggleTimes | None:
    if group.on_s is None or group.off_s is None:
        return None
    lengths = Burst(on_s=group.on_s, off_s=group.off_s, durations=group.durations)
    stream_of = partial(streams.generator, Stream.BACKGROUND_PERIODS, number, place)
    return ToggleTimes(lengths, stream_of)
