"""What was found, in one sentence: the answer to the question that a command was asked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.study.report.comparison import ComparisonReport, PairedDifference
from cluster_emu.study.report.grid import GroupDifference, GroupMeans, SameRule
from cluster_emu.study.statistics.verdicts import Verdict
from cluster_emu.wording import counted, interval, listed, number, percent

INCOMPLETE = "do not complete"
"""Words in a sentence that says how many migrations do not complete; it explains no difference."""

HEADLINE = ("total_time_s", "downtime_s", "fault_stall_s", "bytes")
"""The metrics that answers are about: how long, at what interruption, with how much traffic."""

ENDS = {
    "not_converged": "did not converge",
    "cancelled": "cancelled",
    "failed": "failed",
    "unfinished": "did not finish",
}
"""The ends of migrations that did not complete, by figure of the summary."""


# --- one run --------------------------------------------------------------------------------------


def run_answer(summary: Mapping[str, float]) -> str:
    """Return how the migrations of a run went.

    Args:
        summary: the figures of the run by name.
    """
    migrations, completed = int(summary["migrations"]), int(summary["completed"])
    if not migrations:
        return "No migration took place."
    others = ends_in_words(summary)
    if not completed:
        return f"None of {counted(migrations, 'migration')} completed: {others}."
    took = _value("total_time_s", summary)
    down = f"a downtime of {_value('downtime_s', summary)}{_stalls(summary)}"
    if migrations == 1:
        sent = _value("bytes", summary)
        return f"The migration completed in {took} with {down}; it sent {sent}."
    start = f"All {migrations:,}" if completed == migrations else f"{completed:,} of {migrations:,}"
    left = f" ({others})" if others else ""
    return (
        f"{start} migrations completed{left}, on average in {took} with {down}; all together sent "
        f"{_value('total_bytes', summary)}."
    )


def ends_in_words(ends: Mapping[str, float]) -> str:
    """Return how many migrations ended otherwise than by completing, empty if none did.

    Args:
        ends: number of migrations by figure of the summary.
    """
    return listed(
        [f"{int(ends[name]):,} {words}" for name, words in ENDS.items() if ends.get(name)]
    )


def _stalls(summary: Mapping[str, float]) -> str:
    """Return that VMs waited for pages after their resume, where they did."""
    if not summary["fault_stall_s"]:
        return ""
    return f" and {_value('fault_stall_s', summary)} of waits for pages after the resume"


def _value(name: str, summary: Mapping[str, float]) -> str:
    return _with_unit(metric_catalogue[name], summary[name])


# --- a comparison ---------------------------------------------------------------------------------


def comparison_answer(report: ComparisonReport) -> str:
    """Return which strategy is better in what, or that none is."""
    measured = [name for name in HEADLINE if _is_measured(report, name)]
    if "total_time_s" not in measured:
        return "No migration completed, so that there are no times to compare."
    over = counted(report.replications, "replication")
    if report.replications < report.replications_wanted:
        over = f"interrupted: {report.replications} of {report.replications_wanted} replications"
    match report.strategies:
        case (label,):
            means = [_mean(report, name, label) for name in measured]
            return f"With {label} a migration has {listed(means)}; means of {over}."
        case (a, b):
            pairs = {pair.metric: pair for pair in report.paired if pair.metric in measured}
            return f"{_of_two(a, b, pairs, report.reasons)} ({over})."
        case labels:
            return f"{_of_many(labels, measured, report)} ({over})."


def _is_measured(report: ComparisonReport, name: str) -> bool:
    """Return whether a strategy has a mean of the metric other than 0."""
    return any(one.mean for one in report.metrics.get(name, {}).values())


def _mean(report: ComparisonReport, name: str, label: str) -> str:
    metric, found = metric_catalogue[name], report.metrics[name][label]
    ends = interval(*found.ci95, metric.scale)
    value = "none" if found.mean is None else _with_unit(metric, found.mean)
    return f"{metric.label} {value} {ends}".rstrip()


def _of_two(a: str, b: str, pairs: dict[str, PairedDifference], why: Sequence[str]) -> str:
    differ = [_difference(pair) for pair in pairs.values() if pair.verdict in _DIFFER]
    same = _labels(pairs, Verdict.NO_PRACTICAL_DIFFERENCE)
    undecided = _labels(pairs, Verdict.UNDECIDED)
    if not differ and not undecided:
        start = f"{b} makes no practical difference to {listed(same)} against {a}"
        return f"{start}: {why[0]}" if why and INCOMPLETE not in why[0] else start
    parts = []
    if differ:
        parts.append(f"Against {a}, {b} has {listed(differ)}")
    if same:
        parts.append(f"no practical difference in {listed(same)}")
    if undecided:
        parts.append(f"undecided: {listed(undecided)}")
    if not differ:
        parts[0] = f"{b} against {a}: {parts[0]}"
    return "; ".join(parts)


_DIFFER = (Verdict.LOWER, Verdict.HIGHER)


def _labels(pairs: dict[str, PairedDifference], verdict: Verdict) -> list[str]:
    return [metric_catalogue[name].label for name, pair in pairs.items() if pair.verdict == verdict]


def _difference(pair: PairedDifference) -> str:
    """Return "a lower total time (-9 %)", or the difference itself where a has none of it."""
    metric = metric_catalogue[pair.metric]
    size = percent(pair.relative_difference)
    if not size and pair.mean_difference is not None:
        size = _with_unit(metric, pair.mean_difference)
    return f"{pair.verdict} {metric.label} ({size})"


def _of_many(labels: Sequence[str], measured: Iterable[str], report: ComparisonReport) -> str:
    """Return for each metric which strategies have the lowest mean, ties included."""
    parts = []
    for name in measured:
        means = {label: report.metrics[name][label].mean for label in labels}
        known = {label: mean for label, mean in means.items() if mean is not None}
        best = min(known, key=known.__getitem__)
        verdicts = _verdicts_against(best, name, report)
        tied = [label for label, one in verdicts.items() if one == Verdict.NO_PRACTICAL_DIFFERENCE]
        open_ones = [label for label, one in verdicts.items() if one == Verdict.UNDECIDED]
        maybe = f" (undecided: {listed(open_ones)})" if open_ones else ""
        parts.append(f"lowest {metric_catalogue[name].label}: {listed([best, *tied])}{maybe}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _verdicts_against(best: str, name: str, report: ComparisonReport) -> dict[str, str]:
    """Return by strategy what its difference from the best one shows; either may be a."""
    return {
        pair.b if pair.a == best else pair.a: pair.verdict
        for pair in report.paired
        if pair.metric == name and best in (pair.a, pair.b) and pair.pairs
    }


# --- a study --------------------------------------------------------------------------------------


def batch_answer(
    strategies: Sequence[str],
    means: Sequence[GroupMeans],
    paired: Sequence[GroupDifference],
    same_rules: Sequence[SameRule],
) -> str:
    """Return where on the axes which strategy is better, or between what its figures lie.

    Args:
        strategies: the strategies, as given.
        means: the means of every place and strategy.
        paired: the differences of every place and pair of strategies.
        same_rules: strategies that are compared with themselves.
    """
    measured = [
        name
        for name in HEADLINE
        if any(group.means[name].mean for group in means if name in group.means)
    ]
    if not measured:
        return "No migration completed, so that there is nothing to compare."
    match strategies:
        case (_,):
            found = _together({name: _ends_of_range(name, means) for name in measured})
            text = "; ".join(_range(names, ends, means) for ends, names in found.items())
        case (a, b):
            counts = _together({name: _verdict_counts(name, paired) for name in measured})
            parts = [f"{_listed_labels(names)}: {words}" for words, names in counts.items()]
            same = [one for one in same_rules if len(one.places) == one.of]
            why = ", because they are the same rule" if same else ""
            return f"{b} against {a}: {'; '.join(parts)}{why}."
        case _:
            lowest = _together({name: _lowest_counts(name, means) for name in measured})
            text = "; ".join(
                f"lowest mean {_listed_labels(names)}: {words}" for words, names in lowest.items()
            )
    return f"{text[:1].upper()}{text[1:]}."


K = TypeVar("K")


def _together(said: Mapping[str, K]) -> dict[K, list[str]]:
    """Return what is said of metrics, with all the metrics of which it is said."""
    found: dict[K, list[str]] = {}
    for name, words in said.items():
        found.setdefault(words, []).append(name)
    return found


def _listed_labels(names: Sequence[str]) -> str:
    return listed([metric_catalogue[name].label for name in names])


def _ends_of_range(name: str, means: Sequence[GroupMeans]) -> tuple[int, int]:
    """Return the numbers of the groups with the lowest and the highest mean."""
    known = {
        number: mean
        for number, group in enumerate(means)
        if (mean := group.means[name].mean) is not None
    }
    return min(known, key=known.__getitem__), max(known, key=known.__getitem__)


def _range(names: Sequence[str], ends: tuple[int, int], means: Sequence[GroupMeans]) -> str:
    """Return metrics from one place on the axes to another, or at the only one there is."""
    low, high = (means[number] for number in ends)
    values = [
        f"{metric_catalogue[name].label} "
        + " to ".join(
            _with_unit(metric_catalogue[name], group.means[name].mean or 0.0)
            for group in ((low,) if low is high else (low, high))
        )
        for name in names
    ]
    text = f"mean {listed(values)}"
    if low is high:
        return text
    return f"{text}, from {place_in_words(low.axes)} to {place_in_words(high.axes)}"


def _verdict_counts(name: str, paired: Sequence[GroupDifference]) -> str:
    """Return at how many places a metric is lower, higher ...: "lower in 3 of 8 groups"."""
    found = [one.difference.verdict for one in paired if one.difference.metric == name]
    if len(found) == 1:
        return found[0]
    counts = {str(each): found.count(each) for each in Verdict if each in found}
    words = [f"{each} in {count}" for each, count in counts.items()]
    return f"{listed(words)} of {len(found)} groups"


def _lowest_counts(name: str, means: Sequence[GroupMeans]) -> str:
    """Return which strategies have the lowest mean, and at how many places."""
    by_place: dict[str, dict[str, float]] = {}
    for group in means:
        mean = group.means[name].mean if name in group.means else None
        if mean is not None:
            by_place.setdefault(place_in_words(group.axes), {})[group.strategy] = mean
    lowest = Counter(min(found, key=found.__getitem__) for found in by_place.values())
    words = [f"{label} in {count}" for label, count in lowest.most_common()]
    return f"{listed(words)} of {counted(len(by_place), 'group')}"


def place_in_words(place: Mapping[str, object]) -> str:
    """Return a place on the axes: "profile = web, bandwidth_bps = 200,000,000"."""
    names = axis_names(list(place))
    return ", ".join(
        f"{name} = {axis_value(value)}" for name, value in zip(names, place.values(), strict=True)
    )


def axis_names(paths: Sequence[str]) -> list[str]:
    """Return the last step of each axis's path; the whole paths where two would be the same."""
    last = [path.rpartition(".")[2] for path in paths]
    return last if len(set(last)) == len(last) else list(paths)


def axis_value(value: object) -> str:
    """Return a value of an axis; none for the value of a field that is not set."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return "none" if math.isnan(value) else f"{value:,.10g}"


def _with_unit(metric: Metric, value: float) -> str:
    return f"{number(value * metric.scale)} {metric.unit}".rstrip()
