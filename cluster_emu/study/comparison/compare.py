"""Strategies compared on one scenario, paired by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from cluster_emu.building import RunComponents, build
from cluster_emu.errors import ScenarioError
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.model import ProgressCallback
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.strategies import send_alike
from cluster_emu.study.comparison.result import Comparison
from cluster_emu.study.comparison.variants import Variant, variants
from cluster_emu.study.execution.numbers import check_at_least
from cluster_emu.study.execution.runs import StudyRun, run_all
from cluster_emu.study.execution.seeds import replication_seeds

METHOD = (
    "A replication has one seed under every strategy: the same placement, demand and profiles.",
    "Intervals are 95 % Student t intervals, each for one metric and pair, not for all at once.",
    "Runs without a completed migration have no mean per migration; their pairs are left out.",
)


def compare(
    scenario: Scenario | str | Path,
    strategies: Sequence[str],
    *,
    replications: int = 10,
    seed: int = 0,
    jobs: int = 1,
    fields: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> Comparison:
    """Run every strategy on the scenario with the same seeds and compare them pair by pair.

    The result does not depend on `jobs`. A run that fails is reported in `Comparison.failures`.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        strategies: transfer strategies as text, ``"time-series:threshold=3"``; parameters left open
            that the scenario's own strategy sets, and that the other has too, carry over from it.
        replications: number of seeds.
        seed: base of the seeds, a whole number >= 0.
        jobs: number of processes.
        fields: values for other fields of the scenario, by dotted path.
        progress: called after every run with the number done and the number of all.

    Raises:
        ClusterEmuError: if scenario, strategies or numbers are not allowed, before any run; or if
            worker processes do not know a metric, because a script registered it.
        WorkerDiedError: if a process was killed.
    """
    check_at_least(1, replications=replications, jobs=jobs)
    check_at_least(0, seed=seed)
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    made = variants(base.with_fields(dict(fields or {})), strategies)
    seeds = replication_seeds(seed, replications)
    parts = [build(variant.scenario, RandomStreams(seeds[0])) for variant in made]
    return Comparison(
        scenario=base.name,
        traces=parts[0].traces,
        labels=tuple(variant.label for variant in made),
        seed=seed,
        seeds=seeds,
        reports=_run(made, seeds, jobs, progress),
        assumptions=_assumptions(made, parts),
    )


def _run(
    made: tuple[Variant, ...], seeds: tuple[int, ...], jobs: int, progress: ProgressCallback | None
) -> dict[str, tuple[StudyRun, ...]]:
    """Return the reports by strategy, in the order of the seeds."""
    tasks = [(variant.scenario, seed) for seed in seeds for variant in made]
    reports = dict(run_all(tasks, jobs, progress))
    ordered = [reports[index] for index in range(len(tasks))]
    _check_metrics(ordered, jobs)
    return {variant.label: tuple(ordered[i :: len(made)]) for i, variant in enumerate(made)}


def _check_metrics(runs: Sequence[StudyRun], jobs: int) -> None:
    """Refuse results without a metric that this process compares: its values would be missing.

    Raises:
        ScenarioError: naming the metric.
    """
    for metric in metric_catalogue.compared():
        if any(not run.error and metric.name not in run.summary for run in runs):
            raise ScenarioError(
                "jobs",
                jobs,
                f"1, because only this process has the metric {metric.name!r}; worker processes "
                "have those of the package and of entry points",
            )


def _assumptions(made: tuple[Variant, ...], parts: Sequence[RunComponents]) -> tuple[str, ...]:
    """Return what all strategies assume, then what single ones do, then the method."""
    shared = [
        sentence
        for sentence in parts[0].assumptions
        if all(sentence in one.assumptions for one in parts)
    ]
    own = [
        f"{variant.label}: {sentence}"
        for variant, one in zip(made, parts, strict=True)
        for sentence in one.assumptions
        if sentence not in shared
    ]
    carried = [sentence for variant in made for sentence in variant.assumptions]
    return (*shared, *own, *_not_asked(made, parts), *carried, *METHOD)


def _not_asked(made: tuple[Variant, ...], parts: Sequence[RunComponents]) -> list[str]:
    """Return a sentence per pair of strategies that differ in less, or in more, than was asked.

    Who compares strategies asks which pages they send. Two of them may send the same pages, and
    each brings its own stop rule unless the scenario sets one.
    """
    rules = [_rule_in_force(variant, one) for variant, one in zip(made, parts, strict=True)]
    sentences = []
    for i, j in combinations(range(len(made)), 2):
        a, b = made[i].label, made[j].label
        largest = max(memory.page_count for memory in parts[i].factory.memory)
        alike = send_alike(parts[i].factory.strategy, parts[j].factory.strategy, largest)
        if alike and rules[i] == rules[j]:
            sentences.append(
                f"{a} and {b} send the same pages and end live rounds by the same rule: they "
                "differ in their names only."
            )
        elif rules[i] and rules[j] and rules[i] != rules[j]:
            only = "only in" if alike else "also in"
            sentences.append(
                f"{a} and {b} differ {only} their stop rules ({rules[i]}; {rules[j]}), for which "
                "nobody asked: each is the strategy's own. Set transfer.stop to compare them under "
                "one rule."
            )
    return sentences


def _rule_in_force(variant: Variant, parts: RunComponents) -> str:
    """Return what ends the live rounds, as text; empty where there are none."""
    transfer, strategy = variant.scenario.transfer, parts.factory.strategy
    if not strategy.stop_rule:
        return ""
    return str(transfer.policy or transfer.stop or strategy.stop_rule)
