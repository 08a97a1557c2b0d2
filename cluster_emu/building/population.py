"""Draws the VMs that arrive during a run."""

from __future__ import annotations

import numpy as np

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.errors import ScenarioError, errors_at
from cluster_emu.lifecycle.contract import (
    Arriving,
    arrival_processes,
    lifetime_distributions,
)
from cluster_emu.lifecycle.population import Population
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import Arrivals, Choice, Scenario, VMGroup
from cluster_emu.scenario.sections import MOST_OF_A_KIND
from cluster_emu.traces.demand_traces import DemandTraces


def population(scenario: Scenario, streams: RandomStreams, traces: DemandTraces) -> Population:
    """Return the VMs of the start and those that arrive.

    Raises:
        ScenarioError: if a process, a distribution or a size is not allowed.
    """
    initial = initial_population(scenario)
    if scenario.arrivals is None:
        return initial
    return _with_arrivals(scenario, scenario.arrivals, initial, streams, traces)


def initial_population(scenario: Scenario) -> Population:
    """Return the VMs of the start, which stay to the end."""
    groups = [group for group in scenario.vms for _ in range(group.count)]
    numbers = [number for number, group in enumerate(scenario.vms) for _ in range(group.count)]
    names = [f"vms.{number}" for number in range(len(scenario.vms))]
    return Population(
        groups=groups,
        fields=[names[number] for number in numbers],
        initial_count=len(groups),
        flavour=np.full(len(groups), -1),
        arrives_s=np.zeros(len(groups)),
        lifetime_s=np.full(len(groups), np.inf),
    )


def _with_arrivals(
    scenario: Scenario,
    arrivals: Arrivals,
    initial: Population,
    streams: RandomStreams,
    traces: DemandTraces,
) -> Population:
    process = create_chosen(arrival_processes, arrivals.process, "arrivals.process")
    with errors_at("arrivals.process"):
        arriving = process.arriving(
            scenario.run.duration_s, streams.generator(Stream.ARRIVALS), traces
        )
    count = len(arriving.times_s)
    if count + len(initial) > MOST_OF_A_KIND:
        allowed = f"at most {MOST_OF_A_KIND} VMs with those of the start, not {count} arrivals"
        raise ScenarioError("arrivals.process", str(arrivals.process), allowed)
    weights = np.array([flavour.weight for flavour in arrivals.flavours])
    rng = streams.generator(Stream.FLAVOURS)
    flavour = rng.choice(len(weights), count, p=weights / weights.sum())
    stay_s = _initial_lifetimes_s(arrivals.initial_lifetime, len(initial), streams)
    trace = None
    if arriving.trace is not None:
        first = np.arange(len(initial)) % max(traces.trace_count, 1)
        trace = np.concatenate([first, arriving.trace])
    names = [f"arrivals.flavours.{number}" for number in range(len(weights))]
    return Population(
        groups=[*initial.groups, *_groups(arrivals, flavour, arriving)],
        fields=[*initial.fields, *(names[number] for number in flavour.tolist())],
        initial_count=len(initial),
        flavour=np.concatenate([initial.flavour, flavour]),
        arrives_s=np.concatenate([initial.arrives_s, arriving.times_s]),
        lifetime_s=np.concatenate([stay_s, _lifetimes_s(arrivals, flavour, arriving, streams)]),
        trace=trace,
        assumptions=arriving.assumptions,
    )


def _groups(arrivals: Arrivals, flavour: IntColumn, arriving: Arriving) -> list[VMGroup]:
    """Return what each arriving VM is."""
    count = len(flavour)
    unknown = np.full(count, np.nan)
    cpu = unknown if arriving.cpu_capacity is None else arriving.cpu_capacity
    memory = unknown if arriving.memory_bytes is None else arriving.memory_bytes
    kinds: dict[tuple[int, float | None, int | None], VMGroup] = {}
    found = []
    for one, cores, size in zip(flavour.tolist(), cpu.tolist(), memory.tolist(), strict=True):
        kind = one, cores if cores > 0 else None, int(size) if size > 0 else None
        if kind not in kinds:
            kinds[kind] = arrivals.flavours[one].vm(kind[1], kind[2])
        found.append(kinds[kind])
    return found


def _initial_lifetimes_s(choice: Choice | None, count: int, streams: RandomStreams) -> FloatColumn:
    if choice is None:
        return np.full(count, np.inf)
    distribution = create_chosen(lifetime_distributions, choice, "arrivals.initial_lifetime")
    return distribution.lifetimes_s(count, streams.generator(Stream.LIFETIMES, 0))


def _lifetimes_s(
    arrivals: Arrivals, flavour: IntColumn, arriving: Arriving, streams: RandomStreams
) -> FloatColumn:
    """Return how long each arriving VM stays: by the process, its flavour, or all flavours."""
    lifetimes_s = arriving.lifetimes_s
    lifetimes_s = np.full(len(flavour), np.nan) if lifetimes_s is None else lifetimes_s.copy()
    for number, one in enumerate(arrivals.flavours):
        rows = np.flatnonzero((flavour == number) & np.isnan(lifetimes_s))
        field = f"arrivals.flavours.{number}.lifetime"
        choice = one.lifetime
        if choice is None:
            choice, field = arrivals.lifetime, "arrivals.lifetime"
        if choice is None:
            if len(rows):
                allowed = "a lifetime distribution, as the arrival process gives no lifetimes"
                raise ScenarioError(field, None, allowed)
            continue
        distribution = create_chosen(lifetime_distributions, choice, field)
        rng = streams.generator(Stream.LIFETIMES, number + 1)
        lifetimes_s[rows] = distribution.lifetimes_s(len(rows), rng)
    return lifetimes_s
