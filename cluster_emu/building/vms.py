"""The CPU demand of a scenario's VMs, and what writes their pages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.errors import ScenarioError, UnknownNameError, errors_at
from cluster_emu.lifecycle.population import Population
from cluster_emu.memory.dirtying.sources import ProfileSource, WriteSource, write_sources
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import Choice, Scenario
from cluster_emu.scenario.sections import Workload
from cluster_emu.traces import QUANTITIES, trace_readers
from cluster_emu.traces.contract import QuantityReader
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.own import own_traces
from cluster_emu.workload import (
    Demand,
    IntensityMapping,
    TraceDemand,
    WriteProfile,
    demand_models,
    intensity_mappings,
    load_profiles,
)
from cluster_emu.workload.intensity import BANDWIDTH
from cluster_emu.workload.memory_use import IN_USE

NEEDED = (
    "a folder with the CPU traces that this scenario is about (--traces DIR), which are no part of "
    "this package; workload.needs_traces = false takes synthetic ones instead"
)


NEED_TRACES = "what recorded traces hold only where a demand model follows them (workload.traces)"


def vm_sources(
    scenario: Scenario, population: Population, streams: RandomStreams
) -> tuple[list[str], list[WriteSource]]:
    """Return the profile name and the write source of every VM; equal VMs share one source."""
    names: list[str] = []
    sources: list[WriteSource] = []
    known = _known_profiles(scenario)
    for i, group in enumerate(scenario.vms):
        field = f"vms.{i}.profile"
        if group.profile is not None:
            names += [group.profile.name] * group.count
            sources += [source_of(group.profile, field, known)] * group.count
            continue
        mix = group.profile_mix or {}
        kinds = [source_of(Choice(name=name), f"{field}_mix", known) for name in mix]
        weights = np.array(list(mix.values()))
        rng = streams.generator(Stream.PROFILE_MIX, i)
        drawn = rng.choice(len(kinds), group.count, p=weights / weights.sum())
        names += [list(mix)[k] for k in drawn]
        sources += [kinds[k] for k in drawn]
    if scenario.arrivals is not None:
        profiles = [flavour.profile for flavour in scenario.arrivals.flavours]
        own = [
            source_of(profile, f"arrivals.flavours.{i}.profile", known)
            for i, profile in enumerate(profiles)
        ]
        of_arriving = population.flavour[population.initial_count :].tolist()
        names += [profiles[k].name for k in of_arriving]
        sources += [own[k] for k in of_arriving]
    return names, sources


def _known_profiles(scenario: Scenario) -> dict[str, WriteProfile]:
    """Return the profiles that VMs may name: the shipped ones and those of the scenario's file."""
    return load_profiles(scenario.workload.profiles)


def source_of(choice: Choice, field: str, profiles: Mapping[str, WriteProfile]) -> WriteSource:
    """Return the write source a field chooses: a named profile, an inline one, or another source.

    Raises:
        ScenarioError: naming the field, if there is no such source or a parameter is not allowed.
    """
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


def write_intensity(workload: Workload) -> IntensityMapping:
    """Return how write intensity follows from the load of a VM."""
    return create_chosen(intensity_mappings, workload.write_intensity, "workload.write_intensity")


def vm_traces(scenario: Scenario, mapping: IntensityMapping) -> DemandTraces:
    """Return the traces of a scenario, the synthetic ones of the package where it gives none.

    Raises:
        ScenarioError: if the scenario needs traces that are not given.
        TraceError: if a trace cannot be used.
    """
    workload = scenario.workload
    if workload.needs_traces and workload.traces is None:
        raise ScenarioError("workload.traces", None, NEEDED)
    model = create_chosen(demand_models, workload.demand, "workload.demand")
    reader = create_chosen(trace_readers, workload.trace_format, "workload.trace_format")
    needed = _needed_quantities(workload, mapping)
    for quantity, field in needed.items():
        if workload.traces is None or not model.uses_traces:
            raise ScenarioError(field, getattr(workload, field.partition(".")[2]), NEED_TRACES)
        if not isinstance(reader, QuantityReader):
            allowed = f"a reader that gives {QUANTITIES[quantity]}, because of {field}"
            raise ScenarioError("workload.trace_format", workload.trace_format, allowed)
    if workload.traces is None:
        return own_traces()
    if isinstance(reader, QuantityReader):
        return reader.read_with(workload.traces, needed)
    return reader.read(workload.traces)


def vm_demand(
    scenario: Scenario,
    population: Population,
    traces: DemandTraces | None,
    mapping: IntensityMapping,
    streams: RandomStreams,
) -> tuple[Demand, str]:
    """Return the CPU demand of the VMs, and in words where it comes from.

    Args:
        scenario: the scenario.
        population: all VMs.
        traces: its traces; None if they are not read yet.
        mapping: how write intensity follows from the load.
        streams: random streams.

    Raises:
        ScenarioError: if the scenario needs traces that are not given.
        TraceError: if a trace cannot be used.
    """
    workload = scenario.workload
    traces = vm_traces(scenario, mapping) if traces is None else traces
    model = create_chosen(demand_models, workload.demand, "workload.demand")
    label = traces.source if model.uses_traces else f"none (demand model {workload.demand})"
    if population.trace is not None and isinstance(model, TraceDemand):
        demand = model.following(population.trace, traces)
    else:
        demand = model.build(len(population), streams.generator(Stream.DEMAND), traces)
    for quantity, field in _needed_quantities(workload, mapping).items():
        if quantity not in demand.quantities:
            allowed = f"a demand model that gives {QUANTITIES[quantity]}, because of {field}"
            raise ScenarioError("workload.demand", workload.demand, allowed)
    return demand, label


def _needed_quantities(workload: Workload, mapping: IntensityMapping) -> dict[str, str]:
    """Return which quantities of traces are needed besides CPU use, and the fields that say so."""
    needed = {}
    if mapping.driver == "memory-bandwidth":
        needed[BANDWIDTH] = "workload.write_intensity"
    if workload.memory_use == "traces":
        needed[IN_USE] = "workload.memory_use"
    return needed
