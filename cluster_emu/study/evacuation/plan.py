"""The scenario in which given hosts are emptied from the start, and whether their VMs fit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.building import RunComponents, build, with_own_files
from cluster_emu.consolidation import Move, TriggerReport
from cluster_emu.consolidation.contract import triggers
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario
from cluster_emu.scenario.names import Names, numbers_meant
from cluster_emu.scenario.saved_run import recorded_files
from cluster_emu.study.comparison.variants import variants
from cluster_emu.study.evacuation.cpu_warning import cpu_warnings
from cluster_emu.units import GIB
from cluster_emu.wording import counted

NO_POLICY = "none"
"""Name for no manager's policy: the scenario's stop rule alone ends the live rounds."""

BY_MEMORY: dict[str, Any] = {
    "placement": "memory-best-fit-decreasing",
    "overload": {"name": "static-threshold", "upper": 4.0},
}
"""Parameters of a drain in which memory alone decides where VMs go."""

LONGEST_TICK_S = 10.0
"""A drain ends at most this long after its last migration, unless the scenario's tick is longer."""
MOST_NAMED = 20


class ImpossibleDrainError(ClusterEmuError):
    """Some VMs of the hosts to be emptied fit on no other host, or may not migrate.

    Args:
        message: which, and what is free, in words.
        vms: their numbers.
    """

    def __init__(self, message: str, vms: tuple[int, ...]) -> None:
        self.vms = vms
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """One replication of a drain for which every VM has a target.

    Args:
        scenario: what to run.
        seed: with which seed.
        hosts: the hosts to be emptied.
        vms: how many VMs are to move.
        by_memory: whether all fit only if memory alone decides where they go.
        traces: which CPU traces are replayed, in words.
        assumptions: what the scenario assumes.
        limits: how many migrations may run at once, the scenario's limits or its policy's.
        most_at_once: how many can run at once by the limits per host alone.
        warnings: settings that are allowed but probably not intended, in words.
    """

    scenario: Scenario
    seed: int
    hosts: tuple[int, ...]
    vms: int
    by_memory: bool
    traces: str
    assumptions: tuple[str, ...]
    limits: ConcurrencyLimits
    most_at_once: int
    warnings: tuple[str, ...]

    @property
    def possible_at_once(self) -> int:
        """How many can run at once by all limits."""
        cluster = self.limits.per_cluster
        return self.most_at_once if cluster is None else min(cluster, self.most_at_once)

    def as_run(self) -> dict[str, Any]:
        """Return what runs the replication again, as the run.json of a run has it."""
        scenario = with_own_files(self.scenario).model_dump(mode="json")
        return {"scenario": scenario, "seed": self.seed, "files": recorded_files(scenario)}


@dataclass(frozen=True, slots=True)
class Drain:
    """A scenario with a drain in place of all else that moves VMs.

    Args:
        scenario: the scenario.
        policy: its manager's policy in words.
        strategy: its transfer strategy in words.
        assumptions: what was assumed, one sentence each.
    """

    scenario: Scenario
    policy: str
    strategy: str
    assumptions: tuple[str, ...]


def tick_s(base: Scenario) -> float:
    """Return the tick of a drain or campaign; it divides the control interval.

    Migrations do not depend on it, but a run ends with the tick in which its last migration ends:
    the tick decides over how long CPU demand and faults are counted beyond that.
    """
    control_s = base.run.control_interval_s
    return max(base.run.tick_s, control_s / max(math.ceil(control_s / LONGEST_TICK_S), 1))


def drain_scenario(
    base: Scenario,
    *,
    hosts: Sequence[int | str] = (),
    racks: Sequence[int | str] = (),
    vms: Sequence[int | str] = (),
    policy: str | None = None,
    strategy: str | None = None,
    parallel: int | None = None,
) -> Drain:
    """Return the scenario in which the manager only empties the hosts, from time 0 on.

    Args:
        base: the scenario; its triggers and the migrations it asks for are left out.
        hosts: hosts to empty: numbers, names, or patterns of names such as ``rack2-*``.
        racks: racks to empty, likewise.
        vms: single VMs to move away from where they are, likewise.
        policy: a manager's policy as text, which takes the place of the scenario's policy or stop
            rule, "none" for none; the scenario's own if None.
        strategy: a transfer strategy as text; the scenario's own if None.
        parallel: migrations at once in the cluster; the scenario's or policy's limit if None.

    Raises:
        ScenarioError: if a policy, strategy or number is not allowed, or no host is named.
    """
    named = named_in(base, hosts=hosts, racks=racks, vms=vms)
    triggers.create("drain", **named)  # raises before anything is built
    fields: dict[str, Any] = {
        "manager.triggers": [{"name": "drain", **named}],
        "migrations": [],
        "run.stop_when_idle": True,
        "run.tick_s": tick_s(base),
    }
    scenario = base.with_fields(fields | manager_fields(policy, parallel))
    assumptions = (*_left_out(base), *_replaced_rule(base, scenario))
    if strategy is not None:
        (variant,) = variants(scenario, [strategy])
        scenario, assumptions = variant.scenario, (*assumptions, *variant.assumptions)
    transfer = scenario.transfer
    in_force = NO_POLICY if transfer.policy is None else str(transfer.policy)
    return Drain(scenario, in_force, str(transfer.strategy), assumptions)


def manager_fields(policy: str | None, parallel: int | None) -> dict[str, Any]:
    """Return the fields that replace the manager's policy and limit, if they are given.

    Args:
        policy: as text, "none" for none.
        parallel: migrations at once in the cluster.
    """
    fields: dict[str, Any] = {}
    if policy is not None:
        fields["transfer.policy"] = None if policy.strip() == NO_POLICY else policy
    if parallel is not None:
        fields["manager.max_per_cluster"] = parallel
    return fields


def named_in(
    base: Scenario,
    *,
    hosts: Sequence[int | str] = (),
    racks: Sequence[int | str] = (),
    vms: Sequence[int | str] = (),
) -> dict[str, tuple[int, ...]]:
    """Return the parameters of a drain by numbers: hosts, racks, and VMs where some are given.

    Raises:
        ScenarioError: if nothing in the scenario has one of the names.
    """
    names = base.names
    found = {
        "hosts": numbers_meant("hosts", hosts, names.hosts),
        "racks": numbers_meant("racks", racks, names.racks),
    }
    return found | ({"vms": numbers_meant("vms", vms, names.vms)} if vms else {})


def uncertainty_field(uncertain: float | None) -> dict[str, float]:
    """Return the field that says how far dirty rates and bandwidths may be off, if one is given."""
    return {} if uncertain is None else {"run.uncertain": uncertain}


def _left_out(base: Scenario) -> tuple[str, ...]:
    names = [trigger.name for trigger in base.manager.triggers]
    if base.migrations:
        names.append(f"{len(base.migrations)} requested migrations")
    if not names:
        return ()
    return (f"Only the drain moves VMs; ignored from the scenario: {', '.join(names)}.",)


def _replaced_rule(base: Scenario, drain: Scenario) -> tuple[str, ...]:
    rule, policy = base.transfer.stop, drain.transfer.policy
    if rule is None or policy is None:
        return ()
    return (f"The policy {policy} decides in place of the scenario's stop rule {rule}.",)


def assumed_in_all(plans: Sequence[DrainPlan]) -> tuple[str, ...]:
    """Return what all replications assume, then what is drawn for each, by its number."""
    shared = [
        text for text in plans[0].assumptions if all(text in one.assumptions for one in plans)
    ]
    own = [
        f"Replication {number}: {text}"
        for number, one in enumerate(plans)
        for text in one.assumptions
        if text not in shared
    ]
    return (*shared, *own)


def plan_drain(drain: Scenario, seed: int) -> DrainPlan:
    """Return the drain as it can be run with this seed.

    All targets are planned and reserved at time 0, so a VM without a target then never gets one.
    Where the usual placement finds none for a VM, one that packs by memory is tried.

    Args:
        drain: a scenario made by `drain_scenario`.
        seed: the seed of the run.

    Raises:
        ImpossibleDrainError: if VMs may not migrate or fit on no other host; names them, their
            memory and what is free.
        ScenarioError: if the scenario cannot be built, or a host or rack does not exist.
    """
    try:
        parts, is_closed, moves, report = _plan_at_start(drain, seed)
    except ScenarioError as error:  # the trigger stands for what was asked for
        field = error.field.removeprefix("manager.triggers.0.")
        raise ScenarioError(field, error.value, error.allowed, file=error.file) from error
    if report.blocking:
        raise _blocked(parts, report.blocking, seed)
    by_memory = bool(report.unplaced)
    if report.unplaced:
        trigger = drain.manager.triggers[0].model_dump()
        drain = drain.with_fields({"manager.triggers": [{**trigger, **BY_MEMORY}]})
        parts, is_closed, moves, report = _plan_at_start(drain, seed)
    if report.unplaced:
        raise _impossible(parts, is_closed, report, seed)
    limits = parts.queue.copying
    return DrainPlan(
        scenario=drain,
        seed=seed,
        hosts=tuple(np.flatnonzero(parts.planner.drained_hosts()).tolist()),
        vms=len(moves),
        by_memory=by_memory,
        traces=parts.traces,
        assumptions=parts.assumptions,
        limits=limits,
        most_at_once=min(
            _most([move.source for move in moves], limits.outbound_per_host),
            _most([move.target for move in moves], limits.inbound_per_host),
        ),
        warnings=cpu_warnings(
            drain.costs, limits, moves, parts.state.hosts.cpu_capacity, parts.state.names
        ),
    )


def _most(hosts: Sequence[int], limit: int | None) -> int:
    """Return how many of the moves from, or to, these hosts can run at once."""
    counts = Counter(hosts).values()
    return sum(counts if limit is None else (min(count, limit) for count in counts))


def at_once_in_words(asked: int, possible: int) -> str:
    """Return how many migrations may run at once, and how many can where that is fewer."""
    return f"{asked}" if possible >= asked else f"{asked} ({possible} possible)"


def _plan_at_start(
    drain: Scenario, seed: int
) -> tuple[RunComponents, NDArray[np.bool_], list[Move], TriggerReport]:
    """Plan the drain at time 0; return parts, closed hosts, moves and the drain's report."""
    parts = build(drain, RandomStreams(seed))
    parts.state.set_demand(parts.demand.at(0.0), 0.0)
    plan = parts.planner.begin()
    (trigger,) = parts.planner.triggers
    moves, report = trigger.moves(plan, parts.planner.generator(0))
    return parts, plan.drained, moves, report


def _blocked(parts: RunComponents, blocking: tuple[int, ...], seed: int) -> ImpossibleDrainError:
    named = _named(blocking, parts.state.vms.memory_bytes, parts.state.names)
    return ImpossibleDrainError(
        f"impossible drain, seed {seed}: {counted(len(blocking), 'VM')} may not migrate "
        f"(migratable = false): {named}: allowed is a drain whose VMs may all migrate",
        blocking,
    )


def _impossible(
    parts: RunComponents, is_closed: NDArray[np.bool_], report: TriggerReport, seed: int
) -> ImpossibleDrainError:
    memory = parts.state.vms.memory_bytes
    host = parts.state.vms.host
    leaving = (host >= 0) & parts.planner.drained_hosts()[host]
    leaving[list(report.unplaced)] = True  # single VMs, too
    moving = np.flatnonzero(leaving)
    free = parts.state.hosts.memory_free_bytes[~is_closed]
    largest = int(free.max(initial=0))
    too_large = moving[memory[moving] > largest]
    found = "fit on no other host" if len(too_large) else "no placement found for them"
    if report.kept_apart and not len(too_large):
        found += f" ({len(report.kept_apart)} because of anti-affinity alone)"
    vms = tuple(too_large.tolist()) or report.unplaced
    found += _not_allowed(parts, vms, is_closed)
    named = _named(vms, memory, parts.state.names)
    together = f"{counted(len(moving), 'VM')} to move with {_size(memory[moving].sum())}"
    elsewhere = f"{counted(len(free), 'host')} with {_size(free.sum())} free"
    elsewhere += f", at most {_size(largest)} on one"
    return ImpossibleDrainError(
        f"impossible drain, seed {seed}: {counted(len(vms), 'VM')}, {found}: {named}; "
        f"{together}, elsewhere {elsewhere}: allowed is a drain whose VMs fit elsewhere",
        vms,
    )


def _not_allowed(parts: RunComponents, vms: Sequence[int], is_closed: NDArray[np.bool_]) -> str:
    """Return how many of the VMs may go to none of the hosts that take VMs at all."""
    state = parts.state
    kept = 0
    for vm in vms:
        elsewhere = ~is_closed
        elsewhere[state.vms.host[vm]] = False
        kept += bool(elsewhere.any() and not (elsewhere & state.may_take(vm)).any())
    return f" ({kept} because of allowed_hosts alone)" if kept else ""


def _named(vms: Sequence[int], memory_bytes: NDArray[np.int64], names: Names) -> str:
    named = ", ".join(f"{names.vm(vm)} ({_size(memory_bytes[vm])})" for vm in vms[:MOST_NAMED])
    return named + (f" and {len(vms) - MOST_NAMED} more" if len(vms) > MOST_NAMED else "")


def _size(memory_bytes: float) -> str:
    return f"{memory_bytes / GIB:.4g} GiB"
