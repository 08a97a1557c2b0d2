"""Strategies compared on one scenario, paired by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from cluster_emu.building import RunComponents, build
from cluster_emu.errors import ScenarioError
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.metrics.smallest_difference import SmallestDifference, read_smallest_differences
from cluster_emu.model import ProgressCallback
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study.comparison.result import Comparison
from cluster_emu.study.comparison.same_rules import (
    chosen_strategy,
    rule_in_force,
    same_pages,
    same_rules,
)
from cluster_emu.study.comparison.variants import Variant, variants
from cluster_emu.study.execution.numbers import check_study_numbers
from cluster_emu.study.execution.runs import StudyRun, run_all
from cluster_emu.study.execution.seeds import replication_seeds

METHOD = (
    "A replication has one seed under every strategy: the same placement, demand and profiles.",
    "Intervals are 95 % Student t intervals, each for one metric and pair, not for all at once.",
    "Runs without a completed migration have no mean times; their pairs are left out.",
    "A verdict is higher or lower where the interval of the paired difference lies beyond the "
    "smallest difference that matters, no practical difference where it lies within it, and "
    "undecided else.",
)


def compare(
    scenario: Scenario | str | Path,
    strategies: Sequence[str] | str,
    *,
    replications: int = 10,
    seed: int = 0,
    jobs: int = 1,
    fields: Mapping[str, Any] | None = None,
    smallest_differences: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> Comparison:
    """Run every strategy on the scenario with the same seeds and compare them pair by pair.

    The result does not depend on `jobs`. A run that fails is reported in `Comparison.failures`.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        strategies: transfer strategies as text, ``"time-series:threshold=3"``, or one of them;
            parameters left open that the scenario's own strategy sets, and that the other has too,
            carry over from it.
        replications: number of seeds.
        seed: base of the seeds, a whole number >= 0.
        jobs: number of processes.
        fields: values for other fields of the scenario, by dotted path.
        smallest_differences: from which size on a difference matters, by metric or for ``"all"``:
            in per cent of the larger mean, ``"2 %"``, or for one metric as a quantity, ``"1 ms"``;
            1 % where neither this nor the catalogue of metrics says otherwise.
        progress: called after every run with the number done and the number of all.

    Raises:
        ClusterEmuError: if scenario, strategies or numbers are not allowed, before any run; or if
            worker processes do not know a metric, because a script registered it.
        WorkerDiedError: if a process was killed.
    """
    check_study_numbers(replications, jobs, seed)
    smallest = smallest_by_metric(smallest_differences or {})
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    wanted = [strategies] if isinstance(strategies, str) else strategies
    made = variants(base.with_fields(dict(fields or {})), wanted)
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
        smallest_differences=smallest,
        same_rules=same_rules({variant.label: variant.scenario for variant in made}),
        histories={variant.label: chosen_strategy(variant.scenario).history for variant in made},
    )


def smallest_by_metric(given: Mapping[str, Any]) -> dict[str, SmallestDifference]:
    """Return the smallest difference that matters of every metric that is compared.

    Raises:
        ScenarioError: if what is given names no such metric or a value is not allowed.
    """
    own = {metric.name: metric.smallest_difference for metric in metric_catalogue.compared()}
    return read_smallest_differences(given, own)


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
    return (*shared, *own, *_not_asked(made), *carried, *METHOD)


def _not_asked(made: tuple[Variant, ...]) -> Iterator[str]:
    """Yield a sentence per pair of strategies that differ in a stop rule for which nobody asked.

    Who compares strategies asks which pages they send; each brings its own stop rule unless the
    scenario sets one.
    """
    for a, b in combinations(made, 2):
        rules = [rule_in_force(variant.scenario) for variant in (a, b)]
        if all(rules) and rules[0] != rules[1]:
            only = "only in" if same_pages(a.scenario, b.scenario) else "also in"
            yield (
                f"{a.label} and {b.label} differ {only} their stop rules ({rules[0]}; {rules[1]}), "
                "for which nobody asked: each is the strategy's own. Set transfer.stop to compare "
                "them under one rule."
            )
