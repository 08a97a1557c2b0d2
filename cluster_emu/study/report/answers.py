"""What was found, in one sentence: the answer to the question that a command was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.study.report.advice import AdviceReport
from cluster_emu.study.report.comparison import ComparisonReport, PairedDifference
from cluster_emu.study.report.evacuation import EvacuationReport
from cluster_emu.study.statistics.verdicts import Verdict
from cluster_emu.wording import counted, interval, listed, number, percent

HEADLINE = ("total_time_s", "downtime_s", "fault_stall_s", "bytes")
"""The metrics that answers are about: how long, at what interruption, with how much traffic."""

ENDS = {"not_converged": "did not converge", "failed": "failed", "unfinished": "did not finish"}
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
    others = [f"{int(summary[name]):,} {words}" for name, words in ENDS.items() if summary[name]]
    if not completed:
        return f"None of {counted(migrations, 'migration')} completed: {listed(others)}."
    took = _value("total_time_s", summary)
    down = f"a downtime of {_value('downtime_s', summary)}{_stalls(summary)}"
    if migrations == 1:
        sent = _value("bytes", summary)
        return f"The migration completed in {took} with {down}; it sent {sent}."
    start = f"All {migrations:,}" if not others else f"{completed:,} of {migrations:,}"
    left = f" ({listed(others)})" if others else ""
    return (
        f"{start} migrations completed{left}, on average in {took} with {down}; all together sent "
        f"{_value('total_bytes', summary)}."
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
    if not measured:
        return "No migration completed, so that there is nothing to compare."
    over = counted(report.replications, "replication")
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
        return f"{start}: {why[0]}" if why else start
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


# --- drains ---------------------------------------------------------------------------------------


def evacuation_answer(report: EvacuationReport) -> str:
    """Return how long the hosts take to empty and for how long a VM is down."""
    drain = report.drain_s
    if not drain.runs:
        return "Every replication failed."
    if drain.drained < drain.runs:
        left = counted(len(report.failures), "VM")
        return (
            f"{drain.drained} of {counted(drain.runs, 'drain')} moved every VM; "
            f"{left} did not leave, over all replications."
        )
    longest = report.per_vm["downtime_s"].max.all_vms
    down = "" if longest is None else f", and no VM is down for more than {_time(longest)}"
    spread = "" if drain.runs == 1 else f" (median of {drain.runs}; p95 {_time(drain.p95.value)})"
    return f"The hosts are empty after {_time(drain.p50.value)}{spread}{down}."


def advice_answer(report: AdviceReport) -> str:
    """Return which way to take and what it costs, or that none is good enough."""
    chosen = report.recommendation
    way = f"policy {chosen.policy}, strategy {chosen.strategy}, {chosen.parallel} at once"
    limit = _time(report.max_downtime_s)
    costs = f"{_time(chosen.drain_p95_s)} with a worst downtime of {_time(chosen.worst_downtime_s)}"
    if not chosen.qualifies:
        return f"No way keeps every VM's downtime within {limit}; the nearest is {way}: {costs}."
    return f"Take {way}: the drain takes {costs} (limit {limit})."


def _time(seconds: float | None) -> str:
    """Return a time in seconds, or in milliseconds where it is shorter than one."""
    if seconds is None:
        return "for ever"
    return f"{number(seconds * 1e3)} ms" if 0 < seconds < 1 else f"{number(seconds)} s"


def _with_unit(metric: Metric, value: float) -> str:
    return f"{number(value * metric.scale)} {metric.unit}".rstrip()
