"""Puts the parts of a run together from a scenario, and checks that they fit each other.

A registry's complaint about a part becomes one that names the scenario's file and field.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import networkx as nx
import numpy as np

from cluster_emu.accounting.power import PowerColumns, power_models
from cluster_emu.clock import Clock
from cluster_emu.consolidation import triggers
from cluster_emu.consolidation.contract import Trigger
from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.memory.sources import ProfileSource, WriteSource, write_sources
from cluster_emu.migration.admission import Limits
from cluster_emu.migration.kit import MigrationKit
from cluster_emu.migration.policies import policies
from cluster_emu.migration.policies.plain import PlainPolicy
from cluster_emu.migration.settings import TransferSettings
from cluster_emu.migration.steering import Policy
from cluster_emu.migration.stop_rules import stop_rules
from cluster_emu.network import FluidLoop, LinkTable, Router, as_topology, topologies
from cluster_emu.placement import place
from cluster_emu.registry import Registry
from cluster_emu.scenario import Choice, Manager, Scenario, Transfer, VMGroup
from cluster_emu.state import ClusterState, HostColumns, VMColumns
from cluster_emu.strategies import strategies
from cluster_emu.streams import Purpose, Streams
from cluster_emu.workload import (
    BurstSchedule,
    Demand,
    IntensityPath,
    IntensityRule,
    WriteProfile,
    demand_models,
    load_profiles,
    own_traces,
    trace_readers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

BITS_PER_BYTE = 8


@dataclass(slots=True)
class Parts:
    """Everything `ClusterModel` drives."""

    graph: nx.Graph[int]
    links: LinkTable
    state: ClusterState
    profiles: list[str]
    demand: Demand
    intensity: IntensityPath
    traces: str
    assumptions: tuple[str, ...]
    power: PowerColumns
    triggers: tuple[Trigger, ...]
    limits: Limits
    kit: MigrationKit


def build(scenario: Scenario, streams: Streams) -> Parts:
    """Make every part of the scenario.

    Raises:
        ScenarioError: if a part's name or parameter is not allowed, or parts do not fit together
            (hosts and topology, VMs and memory, requests and VMs).
        TraceError: if a trace file cannot be used.
    """
    Clock(scenario.run)  # refuses a tick that does not fit the control interval
    graph = _graph(scenario)
    links = LinkTable.of(graph)
    _check_host_count(scenario, links.host_count)
    profiles, sources = _sources(scenario, streams)
    state = _columns(scenario, graph, streams)
    _check_requests(scenario)
    demand, traces = _demand(scenario, streams)
    bursts = BurstSchedule([source.burst for source in sources], streams)
    with _at("workload"):
        rule = IntensityRule(scenario.workload.idle_share)
    intensity = IntensityPath(demand, bursts, rule)
    policy = _policy(scenario.transfer)
    kit = MigrationKit(
        strategy=make(strategies, scenario.transfer.strategy, "transfer.strategy"),
        policy=policy,
        settings=_settings(scenario.transfer, policy, track_versions=scenario.run.track_versions),
        sources=sources,
        intensity=intensity,
        streams=streams,
        state=state,
        links=links,
        router=Router(links),
        loop=FluidLoop(links.capacity_bytes_per_s),
    )
    manager = scenario.manager
    return Parts(
        graph=graph,
        links=links,
        state=state,
        profiles=profiles,
        demand=demand,
        intensity=intensity,
        traces=traces,
        assumptions=(*intensity.assumptions, _who_decides(scenario.transfer)),
        power=_power(scenario),
        triggers=tuple(
            make(triggers, choice, f"manager.triggers.{i}")
            for i, choice in enumerate(manager.triggers)
        ),
        limits=_limits(manager, policy.limits),
        kit=kit,
    )


def make(registry: Registry[T], choice: Choice, field: str) -> T:
    """Make the part a scenario's field chooses.

    Raises:
        ScenarioError: naming the field, if the name or a parameter is not allowed.
    """
    with _at(field):
        return registry.create(choice.name, **choice.parameters)


@contextmanager
def _at(field: str) -> Iterator[None]:
    """Let a complaint from within name the scenario's field."""
    try:
        yield
    except UnknownNameError as error:
        raise ScenarioError(field, error.name, error.allowed) from error
    except ScenarioError as error:
        raise error.at(field) from error


def _graph(scenario: Scenario) -> nx.Graph[int]:
    topology = make(topologies, scenario.topology, "topology")
    with _at("topology"):
        return as_topology(topology.build())


def _check_host_count(scenario: Scenario, in_topology: int) -> None:
    if scenario.host_count != in_topology:
        allowed = f"{in_topology} hosts in all groups together, as many as the topology has"
        raise ScenarioError("hosts", scenario.host_count, allowed)


def _check_requests(scenario: Scenario) -> None:
    for i, request in enumerate(scenario.migrations):
        for field, value, limit in (
            ("vm", request.vm, scenario.vm_count),
            ("target", request.target, scenario.host_count),
        ):
            if value >= limit:
                raise ScenarioError(f"migrations.{i}.{field}", value, f"a number below {limit}")


def _repeat(scenario: Scenario, value: Callable[[VMGroup], Any], dtype: type) -> Any:
    return np.array([value(group) for group in scenario.vms for _ in range(group.count)], dtype)


def _columns(scenario: Scenario, graph: nx.Graph[int], streams: Streams) -> ClusterState:
    """Make the columns of hosts and VMs, every VM placed."""
    groups = [group for group in scenario.hosts for _ in range(group.count)]
    count = len(groups)
    hosts = HostColumns(
        cpu_capacity=np.array([group.cpu_capacity for group in groups]),
        cpu_used=np.zeros(count),
        memory_bytes=np.array([group.memory_bytes for group in groups], dtype=np.int64),
        memory_reserved_bytes=np.zeros(count, dtype=np.int64),
        vm_count=np.zeros(count, dtype=np.int64),
        incoming=np.zeros(count, dtype=np.int64),
        outgoing=np.zeros(count, dtype=np.int64),
        switched_on=np.ones(count, dtype=np.bool_),
        drained=np.zeros(count, dtype=np.bool_),
        rack=np.array([graph.nodes[host].get("rack", 0) for host in range(count)], dtype=np.int64),
    )
    vm_count = scenario.vm_count
    memory = _repeat(scenario, lambda group: group.memory_bytes, np.int64)
    host = place(scenario, hosts.memory_bytes, memory, streams.generator(Purpose.PLACEMENT))
    np.add.at(hosts.memory_reserved_bytes, host, memory)
    hosts.vm_count += np.bincount(host, minlength=count)
    vms = VMColumns(
        cpu_capacity=_repeat(scenario, lambda group: group.cpu_capacity, np.float64),
        cpu_granted=np.zeros(vm_count),
        demand=np.zeros(vm_count),
        intensity=np.zeros(vm_count),
        dirty_pages_per_s=np.zeros(vm_count),
        memory_bytes=memory,
        page_count=_repeat(scenario, lambda group: group.pages, np.int64),
        page_bytes=_repeat(scenario, lambda group: group.page_bytes, np.int64),
        host=host,
        target=np.full(vm_count, -1, dtype=np.int64),
        queued=np.zeros(vm_count, dtype=np.bool_),
    )
    return ClusterState(hosts, vms)


def _sources(scenario: Scenario, streams: Streams) -> tuple[list[str], list[WriteSource]]:
    """Give every VM its source of writes; VMs of one kind share one recipe."""
    names: list[str] = []
    sources: list[WriteSource] = []
    for i, group in enumerate(scenario.vms):
        field = f"vms.{i}.profile"
        if group.profile is not None:
            names += [group.profile.name] * group.count
            sources += [source_of(group.profile, field)] * group.count
            continue
        mix = group.profile_mix or {}
        kinds = [source_of(Choice(name=name), f"{field}_mix") for name in mix]
        weights = np.array(list(mix.values()))
        rng = streams.generator(Purpose.PROFILE, 1_000_000_000 + i)
        drawn = rng.choice(len(kinds), group.count, p=weights / weights.sum())
        names += [list(mix)[k] for k in drawn]
        sources += [kinds[k] for k in drawn]
    return names, sources


def source_of(choice: Choice, field: str) -> WriteSource:
    """Return the write source a field chooses: a named profile, an inline one, or another source.

    Raises:
        ScenarioError: naming the field, if there is no such source or a parameter is not allowed.
    """
    profiles = load_profiles()
    if choice.name in profiles and not choice.parameters:
        return ProfileSource(profiles[choice.name])
    if choice.name == "inline":
        with _at(field):
            return ProfileSource(WriteProfile.from_parameters(choice.parameters))
    if choice.name not in write_sources.names():
        known = [*profiles, *write_sources.names(), "inline"]
        allowed = UnknownNameError("write profile", choice.name, known).allowed
        raise ScenarioError(field, choice.name, allowed)
    return make(write_sources, choice, field)


def _demand(scenario: Scenario, streams: Streams) -> tuple[Demand, str]:
    workload = scenario.workload
    model = make(demand_models, workload.demand, "workload.demand")
    reader = make(trace_readers, Choice(name=workload.trace_format), "workload.trace_format")
    traces = own_traces() if workload.traces is None else reader.read(workload.traces)
    label = traces.source if model.uses_traces else f"none (demand model {workload.demand})"
    rng = streams.generator(Purpose.DEMAND)
    return model.build(scenario.vm_count, rng, traces), label


def _power(scenario: Scenario) -> PowerColumns:
    models = [
        make(power_models, group.power, f"hosts.{i}.power")
        for i, group in enumerate(scenario.hosts)
    ]
    counts = [group.count for group in scenario.hosts]
    return PowerColumns([model for model, n in zip(models, counts, strict=True) for _ in range(n)])


def _policy(transfer: Transfer) -> Policy:
    rule = make(stop_rules, transfer.stop, "transfer.stop")
    if transfer.policy is None:
        return PlainPolicy(rule=rule)
    return make(policies, transfer.policy, "transfer.policy")


def _who_decides(transfer: Transfer) -> str:
    """Return in words what ends the live rounds."""
    if transfer.policy is None:
        return f"Live rounds end by the stop rule {transfer.stop}."
    return f"The policy {transfer.policy} steers migrations; no other stop rule is asked."


def _limits(manager: Manager, usual: Limits) -> Limits:
    """Return the scenario's limits, and the policy's where the scenario sets none."""
    return Limits(
        per_cluster=manager.max_per_cluster or usual.per_cluster,
        outbound_per_host=manager.max_outbound_per_host or usual.outbound_per_host,
        inbound_per_host=manager.max_inbound_per_host or usual.inbound_per_host,
    )


def _settings(transfer: Transfer, policy: Policy, *, track_versions: bool) -> TransferSettings:
    cap_bytes_per_s = policy.bandwidth_bytes_per_s
    if transfer.bandwidth_bps is not None:
        cap_bytes_per_s = transfer.bandwidth_bps / BITS_PER_BYTE
    return TransferSettings(
        page_header_bytes=transfer.page_header_bytes,
        device_state_bytes=transfer.device_state_bytes,
        suspend_s=transfer.suspend_s,
        resume_s=transfer.resume_s,
        bandwidth_bytes_per_s=cap_bytes_per_s,
        page_time_s=transfer.page_time_s or 0.0,
        lift_cap_when_stopped=transfer.lift_cap_when_stopped or policy.lifts_cap_when_stopped,
        warm_intervals=transfer.warm_intervals,
        warm_interval_s=transfer.warm_interval_s,
        track_versions=track_versions,
    )
