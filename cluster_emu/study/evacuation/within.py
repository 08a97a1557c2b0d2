"""Whether a drain fits into a maintenance window, and which VMs stand in the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.scenario.names import Names
from cluster_emu.study.report.evacuation import LateVM, Within
from cluster_emu.study.report.figures import finite_or_none
from cluster_emu.study.statistics.proportions import proportion
from cluster_emu.wording import counted, whole_percent

MOST_NAMED = 10
MOST_IN_ANSWER = 3


def within(
    window_s: float, drain_s: NDArray[np.float64], vms: pd.DataFrame, names: Names
) -> Within:
    """Return the probability that a drain ends within a window.

    Args:
        window_s: length of the window.
        drain_s: drain times of the replications, inf where a VM stays.
        vms: one row per replication and VM to move, see `Evacuation.vms`.
        names: the names of the VMs.
    """
    found = proportion(int((drain_s <= window_s).sum()), len(drain_s))
    return Within(
        window_s=window_s,
        probability=found.share,
        ci95=(found.low, found.high),
        runs=found.count,
        late_vms=_late_vms(window_s, vms, names),
    )


def _late_vms(window_s: float, vms: pd.DataFrame, names: Names) -> tuple[LateVM, ...]:
    """Return the VMs that are on their host when the window ends, the most frequent first."""
    if not len(vms):
        return ()
    late = ~(vms["released_s"] <= window_s)  # one that never left has no such time
    by_vm = vms.assign(late=late).groupby("vm")
    shares = by_vm["late"].mean()
    released_s = by_vm["released_s"].mean()
    order = shares[shares > 0].sort_values(ascending=False, kind="stable")
    return tuple(
        LateVM(
            vm=vm,
            name=names.vms[vm] if names.vms else "",
            late_share=float(shares[vm]),
            released_s=finite_or_none(float(released_s[vm])),
        )
        for vm in order.index.tolist()[:MOST_NAMED]
    )


def within_sentence(found: Within | None) -> str:
    """Return whether the drain fits into the window, in a sentence; empty without a window."""
    if found is None or found.probability is None:
        return ""
    low, high = found.ci95
    assert low is not None and high is not None
    text = (
        f"It fits into {found.window_s:g} s in {whole_percent(found.probability)} of "
        f"{counted(found.runs, 'run')} (95 % interval of the probability: {whole_percent(low)} to "
        f"{whole_percent(high)})"
    )
    if not found.late_vms:
        return f"{text}."
    return f"{text}; in the way: {_named(found.late_vms)}."


def _named(late: Sequence[LateVM]) -> str:
    words = [
        f"VM {each.name or each.vm} ({whole_percent(each.late_share)} of the runs)"
        for each in late[:MOST_IN_ANSWER]
    ]
    rest = len(late) - MOST_IN_ANSWER
    return ", ".join(words) + (f" and {rest} or more others" if rest > 0 else "")
