"""Which policy, strategy and number of migrations at once should empty these hosts?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ProgressCallback
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study.evacuation.advice_report import Advice, Option, pareto
from cluster_emu.study.evacuation.evacuate import check_at_least
from cluster_emu.study.evacuation.plan import NO_POLICY, Drained, DrainPlan, drained, plan_drain
from cluster_emu.study.evacuation.report import Evacuation, Replication
from cluster_emu.study.evacuation.run import run_drain
from cluster_emu.study.execution.runs import StudyInterrupted, do_all
from cluster_emu.study.execution.seeds import replication_seeds

POLICIES = ("kubevirt", "nova", "ovirt-minimal-downtime", "proxmox", "vmotion")
"""Tried beside the scenario's own: managers that queue migrations by themselves."""
STRATEGIES = ("qemu", "history-majority", "hybrid")
"""Tried beside the scenario's own: one of each kind, today's, the proposed filter, post-copy."""
PARALLEL = (1, 2, 4, 8)
FASTEST = 4
"""How many of the fastest that look good enough are tried further at a time."""


def advise(
    scenario: Scenario | str | Path,
    *,
    hosts: Sequence[int] = (),
    racks: Sequence[int] = (),
    max_downtime_s: float = 0.5,
    policies: Sequence[str] | None = None,
    strategies: Sequence[str] | None = None,
    parallel: Sequence[int] = PARALLEL,
    replications: int = 3,
    seed: int = 0,
    jobs: int = 1,
    fields: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> Advice:
    """Search policy x strategy x parallelism for the fastest drain that VMs hardly notice.

    Every combination is run once. Those that nothing else beats in drain time, worst downtime and
    bytes at once, and the fastest whose downtime looks good enough, get all replications, until one
    of the latter holds what it promised. The result does not depend on `jobs`.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        hosts: numbers of hosts to empty.
        racks: numbers of racks to empty.
        max_downtime_s: the longest downtime that any VM may have.
        policies: managers' policies as text, "none" for none; by default the scenario's own and
            `POLICIES`.
        strategies: transfer strategies as text; by default the scenario's own and `STRATEGIES`.
        parallel: numbers of migrations at once in the cluster.
        replications: number of seeds of those that are looked at more closely.
        seed: base of the seeds, a whole number >= 0.
        jobs: number of processes.
        fields: values for other fields of the scenario, by dotted path.
        progress: called after every run with the number done and the number known to be wanted.

    Raises:
        ImpossibleDrainError: if VMs fit nowhere under one of the seeds; nothing has run then.
        ClusterEmuError: if the scenario or an argument is not allowed; likewise.
        WorkerDiedError: if a process was killed.
        StudyInterrupted: on Ctrl-C, if some runs had ended; it has the `Advice` from these.
    """
    check_at_least(1, replications=replications, jobs=jobs)
    check_at_least(0, seed=seed)
    if not max_downtime_s > 0:
        raise ScenarioError("max_downtime_s", max_downtime_s, "a number > 0")
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    base = base.with_fields(dict(fields or {}))
    seeds = replication_seeds(seed, replications)
    for each in seeds:
        plan_drain(drained(base, hosts=hosts, racks=racks).scenario, each)
    drains = [
        drained(base, hosts=hosts, racks=racks, policy=policy, strategy=strategy, parallel=count)
        for policy, strategy, count in product(
            _once("policies", _chosen(policies, _own_policy(base), POLICIES)),
            _once("strategies", _chosen(strategies, str(base.transfer.strategy), STRATEGIES)),
            _once("parallel", sorted(parallel)),
        )
    ]
    search = _Search(_distinct(drains, seeds[0]), seeds, seed, max_downtime_s, jobs, progress)
    try:
        search.run()
    except KeyboardInterrupt:
        if not search.options:
            raise
        raise StudyInterrupted(search.advice()) from None
    return search.advice()


def _own_policy(base: Scenario) -> str:
    return NO_POLICY if base.transfer.policy is None else str(base.transfer.policy)


def _chosen(given: Sequence[str] | None, own: str, usual: Sequence[str]) -> list[str]:
    """Return what was asked for, or the scenario's own and the usual ones."""
    if given is not None:
        return [text.strip() for text in given]
    return [own, *(name for name in usual if name != own)]


def _once(field: str, values: list[Any]) -> list[Any]:
    if not values:
        raise ScenarioError(field, values, "at least one")
    for value in values:
        if values.count(value) > 1:
            raise ScenarioError(field, value, "every one once")
    return values


class _Candidate(NamedTuple):
    """A combination to try, and its first replication."""

    drain: Drained
    first: DrainPlan


def _distinct(drains: Sequence[Drained], seed: int) -> list[_Candidate]:
    """Return the combinations that can differ.

    Where fewer migrations at once already use up what hosts may send, more make no difference; the
    drains come with growing numbers.
    """
    found: list[_Candidate] = []
    used_up: set[tuple[str, str]] = set()
    for drain in drains:
        kind = drain.policy, drain.strategy
        if kind in used_up:
            continue
        plan = plan_drain(drain.scenario, seed)
        found.append(_Candidate(drain, plan))
        limit = drain.scenario.manager.max_per_cluster
        if limit is not None and limit >= plan.most_at_once:
            used_up.add(kind)
    return found


class _Search:
    """Runs combinations, first all of them once, then the promising ones again."""

    def __init__(
        self,
        candidates: list[_Candidate],
        seeds: tuple[int, ...],
        seed: int,
        max_downtime_s: float,
        jobs: int,
        progress: ProgressCallback | None,
    ) -> None:
        self._candidates = candidates
        self._seeds = seeds
        self._seed = seed
        self._max_downtime_s = max_downtime_s
        self._jobs = jobs
        self._progress = progress
        self._ended: list[dict[int, Replication]] = [{} for _ in candidates]
        self._done = 0

    def run(self) -> None:
        """Do all runs."""
        self._replicate(range(len(self._candidates)), 1)
        everyone = range(len(self._candidates))
        hopeful = sorted(
            (place for place in everyone if self._qualifies(place)),
            key=lambda place: (self._option(place).drain_p95_s, place),
        )
        front = pareto([self._option(place) for place in everyone])
        self._replicate(sorted({*front, *hopeful[:FASTEST]}), len(self._seeds))
        while hopeful and not any(map(self._qualifies, hopeful[:FASTEST])):
            hopeful = hopeful[FASTEST:]
            self._replicate(sorted(hopeful[:FASTEST]), len(self._seeds))

    @property
    def options(self) -> list[Option]:
        """Every combination of which a run has ended."""
        return [self._option(place) for place, ended in enumerate(self._ended) if ended]

    def advice(self) -> Advice:
        """Return what can be said by now."""
        return Advice(
            max_downtime_s=self._max_downtime_s,
            options=tuple(self.options),
            combinations=len(self._candidates),
            replications=len(self._seeds),
            seed=self._seed,
        )

    def _qualifies(self, place: int) -> bool:
        return self._option(place).qualifies(self._max_downtime_s)

    def _option(self, place: int) -> Option:
        ended = self._ended[place]
        replications = tuple(ended[number] for number in sorted(ended))
        drain = self._candidates[place].drain
        return Option(Evacuation(drain, self._seed, len(self._seeds), replications))

    def _replicate(self, places: Sequence[int], count: int) -> None:
        """Give each of the combinations so many replications."""
        wanted = [
            (place, number, plan) for place in places for number, plan in self._plans(place, count)
        ]
        tasks = [(plan.scenario, plan.seed) for _, _, plan in wanted]
        runs = do_all(run_drain, tasks, self._jobs, self._progress, done=self._done)
        for task, run in runs:
            place, number, plan = wanted[task]
            self._ended[place][number] = Replication(number, plan, run)
            self._done += 1

    def _plans(self, place: int, count: int) -> Iterator[tuple[int, DrainPlan]]:
        """Yield number and plan of the replications that have not been run yet."""
        candidate = self._candidates[place]
        for number in range(count):
            if number not in self._ended[place]:
                again = number > 0
                yield (
                    number,
                    (
                        plan_drain(candidate.drain.scenario, self._seeds[number])
                        if again
                        else candidate.first
                    ),
                )
