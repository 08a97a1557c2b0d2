"""The CPU demand of a scenario's VMs, and what writes their pages."""

from __future__ import annotations

import numpy as np

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.errors import ScenarioError, UnknownNameError, errors_at
from cluster_emu.lifecycle.population import Population
from cluster_emu.memory.dirtying.sources import ProfileSource, WriteSource, write_sources
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import Choice, Scenario
from cluster_emu.traces import trace_readers
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.own import own_traces
from cluster_emu.workload import (
    Demand,
    TraceDemand,
    WriteProfile,
    demand_models,
    load_profiles,
)

NEEDED = (
    "a folder with the CPU traces that this scenario is about (--traces DIR), which are no part of "
    "this package; workload.needs_traces = false takes synthetic ones instead"
)


def vm_sources(
    scenario: Scenario, population: Population, streams: RandomStreams
) -> tuple[list[str], list[WriteSource]]:
    """Return the profile name and the write source of every VM; equal VMs share one source."""
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
        rng = streams.generator(Stream.PROFILE_MIX, i)
        drawn = rng.choice(len(kinds), group.count, p=weights / weights.sum())
        names += [list(mix)[k] for k in drawn]
        sources += [kinds[k] for k in drawn]
    if scenario.arrivals is not None:
        profiles = [flavour.profile for flavour in scenario.arrivals.flavours]
        own = [
            source_of(profile, f"arrivals.flavours.{i}.profile")
            for i, profile in enumerate(profiles)
        ]
        of_arriving = population.flavour[population.initial_count :].tolist()
        names += [profiles[k].name for k in of_arriving]
        sources += [own[k] for k in of_arriving]
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
        with errors_at(field):
            return ProfileSource(WriteProfile.from_parameters(choice.parameters))
    if choice.name not in write_sources.names():
        known = [*profiles, *write_sources.names(), "inline"]
        allowed = UnknownNameError("write profile", choice.name, known).allowed
        raise ScenarioError(field, choice.name, allowed)
    return create_chosen(write_sources, choice, field)


def vm_traces(scenario: Scenario) -> DemandTraces:
    """Return the traces of a scenario, the synthetic ones of the package where it gives none.

    Raises:
        ScenarioError: if the scenario needs traces that are not given.
        TraceError: if a trace cannot be used.
    """
    workload = scenario.workload
    if workload.needs_traces and workload.traces is None:
        raise ScenarioError("workload.traces", None, NEEDED)
    reader = create_chosen(trace_readers, workload.trace_format, "workload.trace_format")
    return own_traces() if workload.traces is None else reader.read(workload.traces)


def vm_demand(
    scenario: Scenario,
    population: Population,
    traces: DemandTraces | None,
    streams: RandomStreams,
) -> tuple[Demand, str]:
    """Return the CPU demand of the VMs, and in words where it comes from.

    Raises:
        ScenarioError: if the scenario needs traces that are not given.
        TraceError: if a trace cannot be used.
    """
    workload = scenario.workload
    if workload.needs_traces and workload.traces is None:
        raise ScenarioError("workload.traces", None, NEEDED)
    model = create_chosen(demand_models, workload.demand, "workload.demand")
    traces = vm_traces(scenario) if traces is None else traces
    label = traces.source if model.uses_traces else f"none (demand model {workload.demand})"
    rng = streams.generator(Stream.DEMAND)
    if population.trace is not None and isinstance(model, TraceDemand):
        return model.following(population.trace, traces), label
    return model.build(len(population), rng, traces), label
