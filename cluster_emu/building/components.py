"""Builds the components of a run from a scenario, and checks that they fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from cluster_emu.building.chosen_parts import create_chosen, naming_defaults
from cluster_emu.building.faults import Outages
from cluster_emu.building.fidelity import (
    MemoryKinds,
    ResizedMemory,
    memory_assumptions,
    memory_in_use,
    vm_memory,
    vm_models,
)
from cluster_emu.building.initial_state import initial_state
from cluster_emu.building.network import background_traffic, cluster_graph, migration_router
from cluster_emu.building.population import initial_population, population
from cluster_emu.building.queue import queue_rules
from cluster_emu.building.transfer import (
    end_of_live_rounds,
    manager_policy,
    page_encoders,
    stalls_left_out,
    transfer_settings,
)
from cluster_emu.building.uncertainty import Uncertainty
from cluster_emu.building.vms import vm_demand, vm_sources, vm_traces, write_intensity
from cluster_emu.clock import Clock
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.contract import Placement, Trigger, placements, triggers
from cluster_emu.consolidation.network import MigrationNetwork
from cluster_emu.consolidation.planner import Planner
from cluster_emu.errors import ScenarioError, errors_at
from cluster_emu.faults import Outage
from cluster_emu.lifecycle.population import Population
from cluster_emu.maintenance import waves_of
from cluster_emu.metrics.carbon import CarbonIntensity
from cluster_emu.metrics.power import PowerColumns, power_models
from cluster_emu.network import BackgroundTraffic, FluidLoop, LinkTable
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Carbon, Scenario
from cluster_emu.scenario.sections import MOST_OF_A_KIND
from cluster_emu.scheduling.slots import QueueRules
from cluster_emu.strategies import strategies
from cluster_emu.transfer.factory import MigrationFactory
from cluster_emu.workload import (
    BurstSchedule,
    Demand,
    IntensityPath,
)


@dataclass(slots=True)
class RunComponents:
    """What `ClusterModel` runs.

    Args:
        graph: hosts, switches and the links between them.
        links: the one-direction links of the graph.
        background: background traffic.
        state: the columns of hosts and VMs.
        profiles: name of each VM's write profile, [vms].
        demand: CPU demand of the VMs over time.
        intensity: write intensity of the VMs over time.
        traces: the source of the CPU traces, in words.
        assumptions: what the run assumes, one sentence each.
        power: power of the hosts.
        carbon: carbon intensity of their electricity, None where none is given.
        planner: the triggers, and what they need at a control instant.
        queue: how migrations wait for each other.
        factory: creates migrations.
        population: all VMs that the run may have.
        resized_memory: describes the memory of VMs of another size.
        arrival_placement: chooses the hosts of VMs that arrive, None where none do.
        maintenance_placement: chooses targets in a maintenance campaign, None where there is none.
        outages: every outage in order of its start.
    """

    graph: nx.Graph[int]
    links: LinkTable
    background: BackgroundTraffic
    state: ClusterState
    profiles: list[str]
    demand: Demand
    intensity: IntensityPath
    traces: str
    assumptions: tuple[str, ...]
    power: PowerColumns
    carbon: CarbonIntensity | None
    planner: Planner
    queue: QueueRules
    factory: MigrationFactory
    population: Population
    resized_memory: ResizedMemory
    arrival_placement: Placement | None
    maintenance_placement: Placement | None
    outages: Iterator[Outage]


@naming_defaults
def build(scenario: Scenario, streams: RandomStreams) -> RunComponents:
    """Build every component of the scenario.

    Raises:
        ScenarioError: if the name or a parameter of a part is not allowed, or components do not
            fit each other (hosts and topology, VMs and memory, requests and VMs).
        TraceError: if a trace file cannot be used.
    """
    Clock(scenario.run)  # refuses a tick that does not fit the control interval
    _check_counts(scenario)
    graph = cluster_graph(scenario)
    uncertainty = Uncertainty.drawn(scenario.run.uncertain, streams)
    links = uncertainty.of_links(LinkTable.of(graph))
    _check_host_count(scenario, links.host_count)
    mapping = write_intensity(scenario.workload)
    # traces say when VMs arrive, too; without arrivals they are read where demand is made
    traces = None if scenario.arrivals is None else vm_traces(scenario, mapping)
    vms = initial_population(scenario)
    if scenario.arrivals is not None and traces is not None:
        vms = population(scenario, streams, traces)
    profiles, sources = vm_sources(scenario, vms, streams)
    state = initial_state(scenario, vms, graph, streams)
    _check_requests(scenario, len(vms))
    router = migration_router(scenario, links)
    loop = FluidLoop(links.capacity_bytes_per_s)
    demand, trace_label = vm_demand(scenario, vms, traces, mapping, streams)
    bursts = BurstSchedule([source.burst for source in sources], streams)
    intensity = IntensityPath(demand, bursts, mapping, uncertainty.dirty_rates)
    strategy = create_chosen(strategies, scenario.transfer.strategy, "transfer.strategy")
    policy = manager_policy(scenario.transfer, strategy)
    kinds = MemoryKinds(
        strategy, page_encoders(scenario.transfer), track_versions=scenario.run.track_versions
    )
    memory = memory_in_use(scenario, vms, demand, vm_memory(vms.groups, sources, kinds))
    factory = MigrationFactory(
        strategy=strategy,
        policy=policy,
        settings=transfer_settings(
            scenario.transfer,
            scenario.costs,
            policy,
            track_versions=scenario.run.track_versions,
        ),
        memory=memory,
        models=vm_models(scenario, vms, memory.all_at(0.0)),
        intensity=intensity,
        streams=streams,
        state=state,
        links=links,
        router=router,
        loop=loop,
    )
    background = background_traffic(scenario, links, loop, streams)
    power = _power(scenario)
    return RunComponents(
        graph=graph,
        links=links,
        background=background,
        state=state,
        profiles=profiles,
        demand=demand,
        intensity=intensity,
        traces=trace_label,
        population=vms,
        resized_memory=ResizedMemory(vms, sources, kinds, scenario.run.fidelity),
        arrival_placement=_arrival_placement(scenario),
        maintenance_placement=_maintenance_placement(scenario, state),
        assumptions=(
            *intensity.assumptions,
            *vms.assumptions,
            *memory_assumptions(scenario, memory),
            *uncertainty.assumptions,
            end_of_live_rounds(scenario.transfer, strategy),
            *stalls_left_out(str(scenario.run.fidelity), strategy),
        ),
        power=power,
        carbon=_carbon(scenario.carbon),
        planner=Planner(
            state,
            power,
            _triggers(scenario, state),
            MigrationNetwork(links, router),
            streams,
        ),
        queue=queue_rules(scenario.manager, policy.limits),
        factory=factory,
        outages=Outages(scenario, graph, links, streams),
    )


def _triggers(scenario: Scenario, state: ClusterState) -> list[Trigger]:
    """Return the triggers; the hosts that one drains must exist."""
    found = []
    for i, choice in enumerate(scenario.manager.triggers):
        field = f"manager.triggers.{i}"
        found.append(create_chosen(triggers, choice, field))
        with errors_at(field):
            found[-1].drained_hosts(state)
    return found


def _check_counts(scenario: Scenario) -> None:
    """Refuse more hosts or VMs than can be run, before anything is made for each of them."""
    for field, count in (("hosts", scenario.host_count), ("vms", scenario.vm_count)):
        if count > MOST_OF_A_KIND:
            raise ScenarioError(field, count, f"at most {MOST_OF_A_KIND} in all groups together")


def _check_host_count(scenario: Scenario, in_topology: int) -> None:
    if scenario.host_count != in_topology:
        allowed = f"{in_topology} hosts in all groups together, as many as the topology has"
        raise ScenarioError("hosts", scenario.host_count, allowed)


def _arrival_placement(scenario: Scenario) -> Placement | None:
    if scenario.arrivals is None:
        return None
    return create_chosen(placements, scenario.arrivals.placement, "arrivals.placement")


def _maintenance_placement(scenario: Scenario, state: ClusterState) -> Placement | None:
    """Return the placement of a campaign, whose hosts must exist."""
    if scenario.maintenance is None:
        return None
    waves_of(scenario.maintenance, state.hosts.rack)
    return create_chosen(placements, scenario.maintenance.placement, "maintenance.placement")


def _check_requests(scenario: Scenario, vm_count: int) -> None:
    for i, request in enumerate(scenario.migrations):
        for field, value, limit in (
            ("vm", request.vm, vm_count),
            ("target", request.target, scenario.host_count),
        ):
            if value >= limit:
                raise ScenarioError(f"migrations.{i}.{field}", value, f"a number below {limit}")
    resizes = () if scenario.arrivals is None else scenario.arrivals.resizes
    for i, resize in enumerate(resizes):
        if resize.vm >= vm_count:
            allowed = f"a number below {vm_count}"
            raise ScenarioError(f"arrivals.resizes.{i}.vm", resize.vm, allowed)


def _carbon(carbon: Carbon) -> CarbonIntensity | None:
    if carbon.trace is not None:
        return CarbonIntensity.read(carbon.trace)
    if carbon.intensity_g_per_kwh is not None:
        return CarbonIntensity.constant(carbon.intensity_g_per_kwh)
    return None


def _power(scenario: Scenario) -> PowerColumns:
    groups = scenario.hosts
    models = [
        create_chosen(power_models, group.power, f"hosts.{i}.power")
        for i, group in enumerate(groups)
    ]
    of_host = [i for i, group in enumerate(groups) for _ in range(group.count)]
    boots = any(group.boot_w is not None for group in groups)
    shuts_down = any(group.shutdown_s > 0 for group in groups)
    return PowerColumns(
        [models[i] for i in of_host],
        boot_w=[groups[i].boot_w for i in of_host] if boots else None,
        shutdown_w=[groups[i].shutdown_w for i in of_host] if shuts_down else None,
    )
