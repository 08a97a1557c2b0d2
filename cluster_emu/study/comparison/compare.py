"""Strategies compared on one scenario, paired by seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from cluster_emu.study.execution.runs import StudyInterrupted, StudyRun, run_all
from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.study.statistics.stopping import (
    StoppingRule,
    read_stopping_rule,
    rule_in_words,
)

METHOD = (
    "A replication has one seed under every strategy: the same placement, demand and profiles.",
    "Intervals are 95 % Student t intervals, each for one metric and pair, not for all at once; "
    "bca95 are BCa bootstrap intervals of the same differences.",
    "p values are of the hypothesis that a difference does not matter; p_holm is adjusted by "
    "Holm's method: where the p values are valid (docs/statistics.md says how often they are not), "
    "the chance of any false lower or higher in all tests here is at most 5 %.",
    "Runs without a completed migration have no mean times; their pairs are left out.",
    "A verdict is higher or lower where the interval of the paired difference lies beyond the "
    "smallest difference that matters and p_holm is at most 5 %, no practical difference where the "
    "interval lies within it, and undecided else.",
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
    until: Sequence[str] | str = (),
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
        until: how narrow intervals of means shall be, ``"downtime_s:rel=0.02"``, one text or more;
            there then are as many replications as every strategy needs for that, at least
            `replications`. See `read_stopping_rule`.
        progress: called after every run with the number done and the number of all.

    Raises:
        ClusterEmuError: if scenario, strategies or numbers are not allowed, before any run; or if
            worker processes do not know a metric, because a script registered it.
        WorkerDiedError: if a process was killed.
        StudyInterrupted: on a signal, if some replications had ended under every strategy; it has
            their `Comparison`.
    """
    check_study_numbers(replications, jobs, seed)
    rule = read_stopping_rule([until] if isinstance(until, str) else until, replications)
    smallest = smallest_by_metric(smallest_differences or {})
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    wanted = [strategies] if isinstance(strategies, str) else strategies
    made = variants(base.with_fields(dict(fields or {})), wanted)
    seeds = replication_seeds(seed, replications if rule is None else rule.maximum)
    parts = [build(variant.scenario, RandomStreams(seeds[0])) for variant in made]
    planned = Comparison(
        scenario=base.name,
        traces=parts[0].traces,
        labels=tuple(variant.label for variant in made),
        seed=seed,
        seeds=seeds,
        reports={},
        assumptions=_assumptions(made, parts),
        smallest_differences=smallest,
        same_rules=same_rules({variant.label: variant.scenario for variant in made}),
        histories={variant.label: chosen_strategy(variant.scenario).history for variant in made},
        wanted=replications if rule is None else rule.minimum,
    )
    ended: dict[int, StudyRun] = {}
    try:
        tasks = [(variant.scenario, each) for each in seeds for variant in made]
        if rule is None:
            ended.update(run_all(tasks, jobs, progress))  # an interrupt leaves what has ended
        else:
            for block in _blocks(rule, planned, ended):
                first, last = (count * len(made) for count in block)
                planned = replace(planned, wanted=block[1])
                for number, run in run_all(tasks[first:last], jobs, progress, done=first):
                    ended[first + number] = run
    except KeyboardInterrupt as interrupt:
        partial = _with_runs(planned, ended)
        if not partial.seeds:
            raise
        raise StudyInterrupted(partial) from interrupt
    _check_metrics(ended.values(), jobs)
    whole = _with_runs(planned, ended)
    return whole if rule is None else _stopped(whole, rule)


def _blocks(
    rule: StoppingRule, planned: Comparison, ended: Mapping[int, StudyRun]
) -> Iterator[tuple[int, int]]:
    """Yield from which to which replication to run next, until the rule has enough of them."""
    count = 0
    while True:
        values = _with_runs(planned, ended).values_of(rule)
        if rule.needed(values) is not None:
            return
        more = rule.next_count(values)
        yield count, more
        count = more


def _stopped(found: Comparison, rule: StoppingRule) -> Comparison:
    """Return the comparison of as many replications as the rule needs, and how narrow it is."""
    values = found.values_of(rule)
    count = rule.needed(values) or len(found.seeds)
    return replace(
        found,
        seeds=found.seeds[:count],
        reports={label: runs[:count] for label, runs in found.reports.items()},
        wanted=count,
        until=rule.achieved(values, count),
        assumptions=(*found.assumptions, rule_in_words(rule)),
    )


def smallest_by_metric(given: Mapping[str, Any]) -> dict[str, SmallestDifference]:
    """Return the smallest difference that matters of every metric that is compared.

    Raises:
        ScenarioError: if what is given names no such metric or a value is not allowed.
    """
    own = {metric.name: metric.smallest_difference for metric in metric_catalogue.compared()}
    return read_smallest_differences(given, own)


def _with_runs(planned: Comparison, ended: Mapping[int, StudyRun]) -> Comparison:
    """Return the comparison of the replications that have ended under every strategy.

    Args:
        planned: the comparison without runs.
        ended: runs by their number: all strategies of the first seed, then of the second.
    """
    count = len(planned.labels)
    whole = [
        place
        for place in range(len(planned.seeds))
        if all(place * count + number in ended for number in range(count))
    ]
    return replace(
        planned,
        seeds=tuple(planned.seeds[place] for place in whole),
        reports={
            label: tuple(ended[place * count + number] for place in whole)
            for number, label in enumerate(planned.labels)
        },
    )


def _check_metrics(runs: Iterable[StudyRun], jobs: int) -> None:
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
