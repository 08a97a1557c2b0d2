"""The result of a drain in words: how long, how it interrupts VMs, what limits it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cluster_emu.study.evacuation.within import within_sentence
from cluster_emu.study.report.evacuation import LinkLoad, UnevenLinks, Within
from cluster_emu.study.report.limits import LimitShare, limits_sentence
from cluster_emu.study.report.links import UNEVEN
from cluster_emu.wording import counted, whole_percent


@dataclass(frozen=True, slots=True)
class DrainFigures:
    """What the answer about a drain is made from.

    Args:
        hosts: number of hosts to be emptied.
        drain_s: drain times of the replications, inf where a VM stays.
        downtime_s: the longest downtime that was seen; NaN where there is none.
        interrupted_s: the longest interruption of service that was seen, likewise.
        expected_interrupted_s: the longest to expect, likewise.
        limits: what limits migrations while they run.
        waits: what they wait for.
        loads: mean loads of links, the highest first.
        uneven: how traffic is spread over the busiest parallel links, if there are any.
        is_random: whether the replications differ.
        within: whether the drain fits into the window that was asked for.
    """

    hosts: int
    drain_s: Sequence[float]
    downtime_s: float
    interrupted_s: float
    expected_interrupted_s: float
    limits: Sequence[LimitShare]
    waits: Sequence[LimitShare]
    loads: Sequence[LinkLoad]
    uneven: UnevenLinks | None
    is_random: bool
    within: Within | None = None


def evacuation_answer(found: DrainFigures) -> str:
    """Return the result of an evacuation in a few sentences."""
    if not len(found.drain_s):
        return "No replication ended: there is no result."
    sentences = [
        _duration(found),
        within_sentence(found.within),
        _interruption(found),
        limits_sentence(found.limits, found.waits),
        _links(found.loads, found.uneven),
        "" if found.is_random else not_random_note(len(found.drain_s)),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def not_random_note(replications: int) -> str:
    """Return what to say where several replications are all the same."""
    return (
        f"Nothing in this scenario is random: all {replications} replications are the same, and "
        "their intervals have no width. `--uncertain 20%` draws dirty rates and link bandwidths "
        "anew in each replication."
    )


def _duration(found: DrainFigures) -> str:
    drain_s = found.drain_s
    finite = sorted(each for each in drain_s if math.isfinite(each))
    what = "the host" if found.hosts == 1 else f"the {found.hosts} hosts"
    doing = f"Emptying {what}" if found.hosts else "Moving the VMs"
    if not finite:
        return f"{doing} never succeeds: in each of {counted(len(drain_s), 'run')} a VM stays."
    low, high = finite[0], finite[-1]
    span = f"{low:.4g} s" if f"{low:.4g}" == f"{high:.4g}" else f"{low:.4g} to {high:.4g} s"
    seeds = "" if len(drain_s) == 1 else f" over {len(drain_s)} seeds"
    if len(finite) < len(drain_s):
        return (
            f"{doing} succeeds under {len(finite)} of {len(drain_s)} seeds, in {span}; "
            "under the others a VM stays."
        )
    return f"{doing} takes {span}{seeds}."


def _interruption(found: DrainFigures) -> str:
    worst, seen, down = found.expected_interrupted_s, found.interrupted_s, found.downtime_s
    if math.isnan(seen):
        return ""
    text = f"The longest interruption of a VM's service is {seen:.3g} s"
    if seen > down:
        text += f", stalls after the resume included (the longest downtime is {down:.3g} s)"
    beyond = (
        f"; its mean over the seeds may be up to {worst:.3g} s (95 % interval)"
        if worst > 1.01 * seen
        else ""
    )
    return f"{text}{beyond}."


def _links(loads: Sequence[LinkLoad], uneven: UnevenLinks | None) -> str:
    if not loads:
        return ""
    used = whole_percent(loads[0].mean_share)
    text = f"The busiest link is {loads[0].name}, {used} used until the last migration ends"
    if uneven is None or uneven.times_mean < UNEVEN:
        return f"{text}."
    return (
        f"{text}; of {uneven.links} parallel links, {uneven.busiest} carries "
        f"{uneven.times_mean:.2g} times the mean."
    )
