"""What a drain does to all VMs and to background traffic, and when each host is empty."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.scenario.names import Names
from cluster_emu.study.evacuation.run import DrainRun
from cluster_emu.study.report.evacuation import EmptiedHost
from cluster_emu.study.report.figures import MeanFigure, finite_or_none
from cluster_emu.study.statistics.estimates import estimate

OF_SUMMARY = (
    "degradation_by_migration",
    "degradation_by_overload",
    "background_lost_share",
    "fault_count",
    "vms_lost",
    "vm_down_s",
)
"""Figures of a run's summary: what the drain did to others, and what faults did."""


def effects(run: DrainRun) -> dict[str, float]:
    """Return what the drain did to all VMs and to background traffic, sums over the run.

    CPU is in the scenario's unit times seconds. `cpu_lost_by_others_s` is the part of
    `cpu_lost_to_migration_s` that the VMs lost that are not drained. `vm_down_s` is the time for
    which faults kept VMs down.
    """
    service = run.service
    is_drained = service["vm"].isin(run.vms["vm"])
    to_migration = service["cpu_lost_to_migration_s"]
    return {
        "cpu_lost_to_migration_s": float(to_migration.sum()),
        "cpu_lost_by_others_s": float(to_migration[~is_drained].sum()),
        "cpu_lost_to_overload_s": float(service["cpu_lost_to_overload_s"].sum()),
        **{name: run.summary[name] for name in OF_SUMMARY if name in run.summary},
    }


def mean_effects(runs: Sequence[DrainRun]) -> dict[str, MeanFigure]:
    """Return the mean over the replications of every figure of `effects`."""
    table = pd.DataFrame([effects(run) for run in runs])
    return {
        str(name): MeanFigure.of(
            estimate(table[name].to_numpy(dtype=np.float64)),
            signed=metric_catalogue[str(name)].signed,
        )
        for name in table
    }


def emptied_s(hosts: Sequence[int], run: DrainRun) -> dict[int, float]:
    """Return when the last VM left each host: 0 if it had none, inf if one is not drained."""
    vms = run.vms
    when = dict.fromkeys(hosts, 0.0)
    if len(vms):
        ends = vms["released_s"].where(vms["moved"].astype(bool), math.inf)
        last = ends.groupby(vms["source"]).max()
        when.update(zip(last.index.to_list(), last.to_list(), strict=True))
    return when


def emptied_hosts(
    hosts: Sequence[int], runs: Sequence[DrainRun], names: Names
) -> tuple[EmptiedHost, ...]:
    """Return for each host when it was empty in each run."""
    each = [emptied_s(hosts, run) for run in runs]
    return tuple(
        EmptiedHost(
            host, tuple(finite_or_none(one[host]) for one in each), _name(names.hosts, host)
        )
        for host in hosts
    )


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if names else ""
