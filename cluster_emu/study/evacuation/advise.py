"""Search for the policy, strategy and number of migrations at once to empty hosts with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from cluster_emu.building import create_chosen
from cluster_emu.building.transfer import manager_policy
from cluster_emu.errors import ScenarioError
from cluster_emu.model import ProgressCallback
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.strategies import strategies as strategy_parts
from cluster_emu.strategies.contract import Mode
from cluster_emu.study.evacuation.advice import Advice, Option, pareto_front
from cluster_emu.study.evacuation.plan import (
    NO_POLICY,
    Drain,
    DrainPlan,
    drain_scenario,
    plan_drain,
    uncertainty_field,
)
from cluster_emu.study.evacuation.result import Evacuation, Replication
from cluster_emu.study.evacuation.run import run_drain
from cluster_emu.study.execution.numbers import check_study_numbers
from cluster_emu.study.execution.runs import StudyInterrupted, do_all
from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.units import slots_of

POLICIES = ("kubevirt", "nova", "ovirt-minimal-downtime", "proxmox", "vmotion")
"""Tried besides the scenario's own: managers that queue migrations by themselves."""
STRATEGIES = ("qemu", "history-majority", "hybrid")
"""Tried besides the scenario's own: one of each kind, QEMU's, the proposed filter, post-copy."""
PARALLEL = (1, 2, 4, 8)
CANDIDATES_AT_A_TIME = 4
"""How many of the fastest candidates are confirmed at a time."""


def advise(
    scenario: Scenario | str | Path,
    *,
    hosts: Sequence[int | str] = (),
    racks: Sequence[int | str] = (),
    vms: Sequence[int | str] = (),
    max_downtime_s: float = 0.5,
    policies: Sequence[str] | None = None,
    strategies: Sequence[str] | None = None,
    parallel: Sequence[int] = PARALLEL,
    any_pair: bool = False,
    uncertain: float | None = None,
    replications: int = 5,
    seed: int = 0,
    jobs: int = 1,
    fields: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> Advice:
    """Search policy x strategy x parallelism for the fastest drain with short interruptions.

    Every combination is run once. Then the Pareto front in drain time, worst interruption and bytes
    gets all replications. So do the combinations in which a migration was aborted and tried again,
    since chance then moves the result, and the candidates: those in which no VM's service is
    interrupted for too long, the fastest first, until one of them qualifies after all replications.
    The result does not depend on `jobs`.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        hosts: hosts to empty: numbers, names, or patterns of names such as ``rack2-*``.
        racks: racks to empty, likewise.
        vms: single VMs to move away from where they are, likewise.
        max_downtime_s: for how long the service of any VM may be interrupted, by its downtime and
            by waits for pages after its resume.
        policies: managers' policies as text, "none" for none; by default the scenario's own and
            `POLICIES`.
        strategies: transfer strategies as text; by default the scenario's own and `STRATEGIES`.
        parallel: numbers of migrations at once in the cluster.
        any_pair: whether strategies with post-copy are tried with managers that do not have it as
            they are set; the scenario's own pair always is.
        uncertain: how far dirty rates and link bandwidths may be off, as a share (`run.uncertain`);
            the scenario's own if None.
        replications: number of seeds of the options that are confirmed.
        seed: base of the seeds, a whole number >= 0.
        jobs: number of processes.
        fields: values for other fields of the scenario, by dotted path.
        progress: called after every run with the number done and the number known to be needed.

    Raises:
        ImpossibleDrainError: if VMs fit on no other host under one of the seeds; before any run.
        ClusterEmuError: if the scenario or an argument is not allowed; before any run.
        WorkerDiedError: if a process was killed.
        StudyInterrupted: on Ctrl-C, if some runs had ended; it has the `Advice` from these.
    """
    check_study_numbers(replications, jobs, seed)
    if not max_downtime_s > 0:
        raise ScenarioError("max_downtime_s", max_downtime_s, "a number > 0")
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    base = base.with_fields({**(fields or {}), **uncertainty_field(uncertain)})
    seeds = replication_seeds(seed, replications)
    for each in seeds:
        plan_drain(drain_scenario(base, hosts=hosts, racks=racks, vms=vms).scenario, each)
    drains = [
        drain_scenario(
            base,
            hosts=hosts,
            racks=racks,
            vms=vms,
            policy=policy,
            strategy=strategy,
            parallel=count,
        )
        for policy, strategy, count in product(
            _each_once("policies", _chosen(policies, _own_policy(base), POLICIES)),
            _each_once("strategies", _chosen(strategies, str(base.transfer.strategy), STRATEGIES)),
            _each_once("parallel", sorted(parallel)),
        )
    ]
    own_pair = _own_policy(base), str(base.transfer.strategy)
    fit = [
        drain
        for drain in drains
        if any_pair or (drain.policy, drain.strategy) == own_pair or _is_pair(drain)
    ]
    not_tried = dict.fromkeys(
        f"{drain.policy} with {drain.strategy}" for drain in drains if drain not in fit
    )
    if not fit:
        allowed = "a strategy that a policy has, or any pair (--any-pair)"
        raise ScenarioError("strategies", ", ".join(not_tried), allowed)
    search = _Search(
        _distinct(fit, seeds[0]), seeds, seed, max_downtime_s, jobs, progress, tuple(not_tried)
    )
    try:
        search.run()
    except KeyboardInterrupt:
        if not search.options:
            raise
        raise StudyInterrupted(replace(search.advice(), interrupted=True)) from None
    return search.advice()


def _is_pair(drain: Drain) -> bool:
    """Return whether the manager can do what the strategy needs."""
    transfer = drain.scenario.transfer
    strategy = create_chosen(strategy_parts, transfer.strategy, "transfer.strategy")
    if strategy.mode not in (Mode.POST_COPY, Mode.HYBRID):
        return True
    return manager_policy(transfer, strategy).allows_post_copy


def _own_policy(base: Scenario) -> str:
    return NO_POLICY if base.transfer.policy is None else str(base.transfer.policy)


def _chosen(given: Sequence[str] | None, own: str, usual: Sequence[str]) -> list[str]:
    """Return the given names, or else the scenario's own and the usual ones."""
    if given is not None:
        return [text.strip() for text in given]
    return [own, *(name for name in usual if name != own)]


def _each_once(field: str, values: list[Any]) -> list[Any]:
    if not values:
        raise ScenarioError(field, values, "at least one")
    for value in values:
        if values.count(value) > 1:
            raise ScenarioError(field, value, "each once")
    return values


class _Combination(NamedTuple):
    """A combination to try, and its first replication."""

    drain: Drain
    first: DrainPlan


def _distinct(drains: Sequence[Drain], seed: int) -> list[_Combination]:
    """Return the combinations that can differ, given drains with growing numbers at once.

    Where a number at once reaches the limits per host, larger ones make no difference.
    """
    found: list[_Combination] = []
    at_limit: set[tuple[str, str]] = set()
    for drain in drains:
        kind = drain.policy, drain.strategy
        if kind in at_limit:
            continue
        plan = plan_drain(drain.scenario, seed)
        found.append(_Combination(drain, plan))
        limit = slots_of(drain.scenario.manager.max_per_cluster)
        if limit is not None and limit >= plan.most_at_once:
            at_limit.add(kind)
    return found


class _Search:
    """Runs every combination once, then the Pareto front and the candidates again."""

    def __init__(
        self,
        combinations: list[_Combination],
        seeds: tuple[int, ...],
        seed: int,
        max_downtime_s: float,
        jobs: int,
        progress: ProgressCallback | None,
        not_tried: tuple[str, ...],
    ) -> None:
        self._not_tried = not_tried
        self._combinations = combinations
        self._seeds = seeds
        self._seed = seed
        self._max_downtime_s = max_downtime_s
        self._jobs = jobs
        self._progress = progress
        self._ended: list[dict[int, Replication]] = [{} for _ in combinations]
        self._done = 0

    def run(self) -> None:
        """Do all runs."""
        every = range(len(self._combinations))
        self._replicate(every, 1)
        candidates = sorted(
            (index for index in every if self._qualifies(index)),
            key=lambda index: (self._option(index).drain_p95_s, index),
        )
        front = pareto_front([self._option(index) for index in every])
        by_chance = [index for index in every if self._option(index).evacuation.has_retries]
        fastest, others = _split(candidates)
        self._replicate(sorted({*front, *fastest, *by_chance}), len(self._seeds))
        while fastest and not any(map(self._qualifies, fastest)):
            fastest, others = _split(others)
            self._replicate(sorted(fastest), len(self._seeds))

    @property
    def options(self) -> list[Option]:
        """Every combination of which a run has ended."""
        return [self._option(index) for index, ended in enumerate(self._ended) if ended]

    def advice(self) -> Advice:
        """Return the advice from the runs that have ended."""
        return Advice(
            max_downtime_s=self._max_downtime_s,
            options=tuple(self.options),
            combinations=len(self._combinations),
            replications=len(self._seeds),
            seed=self._seed,
            not_tried=self._not_tried,
        )

    def _qualifies(self, index: int) -> bool:
        return self._option(index).qualifies(self._max_downtime_s)

    def _option(self, index: int) -> Option:
        ended = self._ended[index]
        replications = tuple(ended[number] for number in sorted(ended))
        drain = self._combinations[index].drain
        return Option(Evacuation(drain, self._seed, len(self._seeds), replications))

    def _replicate(self, indices: Sequence[int], count: int) -> None:
        """Give each of the combinations so many replications."""
        wanted = [
            (index, number, plan) for index in indices for number, plan in self._plans(index, count)
        ]
        tasks = [(plan.scenario, plan.seed) for _, _, plan in wanted]
        runs = do_all(run_drain, tasks, self._jobs, self._progress, done=self._done)
        for task, run in runs:
            index, number, plan = wanted[task]
            self._ended[index][number] = Replication(number, plan, run)
            self._done += 1

    def _plans(self, index: int, count: int) -> Iterator[tuple[int, DrainPlan]]:
        """Yield number and plan of the replications that have not been run yet."""
        drain, first = self._combinations[index]
        for number in range(count):
            if number not in self._ended[index]:
                yield number, plan_drain(drain.scenario, self._seeds[number]) if number else first


def _split(candidates: list[int]) -> tuple[list[int], list[int]]:
    """Return the candidates to confirm next, and the others."""
    return candidates[:CANDIDATES_AT_A_TIME], candidates[CANDIDATES_AT_A_TIME:]
