"""What a drain does beyond the VMs that have to go: to all VMs, to tenants, host by host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.study.evacuation.run import DrainRun
from cluster_emu.study.statistics.estimates import estimate

Document = dict[str, Any]

OF_SUMMARY = (
    "degradation_by_migration",
    "degradation_by_overload",
    "tenant_lost_share",
    "fault_count",
    "vms_lost",
    "vm_down_s",
)
"""Figures of a run's summary that tell what others noticed of the drain."""

SIGNED = ("tenant_lost_share",)
"""Those that can be negative: where migrations hold back a flow, another one gains."""


def effects(run: DrainRun) -> dict[str, float]:
    """Return what the drain did to all VMs of the cluster and to tenants, sums over the run.

    CPU is in the scenario's unit times seconds. `cpu_lost_by_others_s` is the part of
    `cpu_lost_to_migration_s` that VMs lost which had not to go. `vm_down_s` is down by faults.
    """
    service = run.service
    goes = service["vm"].isin(run.vms["vm"])
    to_migration = service["cpu_lost_to_migration_s"]
    return {
        "cpu_lost_to_migration_s": float(to_migration.sum()),
        "cpu_lost_by_others_s": float(to_migration[~goes].sum()),
        "cpu_lost_to_overload_s": float(service["cpu_lost_to_overload_s"].sum()),
        **{name: run.summary[name] for name in OF_SUMMARY if name in run.summary},
    }


def mean_effects(runs: Sequence[DrainRun]) -> Document:
    """Return mean and 95 % interval over the replications of every figure of `effects`."""
    table = pd.DataFrame([effects(run) for run in runs])
    return {str(name): _mean(str(name), table[name].to_numpy(dtype=np.float64)) for name in table}


def _mean(name: str, values: NDArray[np.float64]) -> Document:
    found = estimate(values)
    low = None if found.low is None else max(found.low, -math.inf if name in SIGNED else 0.0)
    return {"mean": found.mean, "ci95": [low, found.high], "runs": found.count}


def emptied_s(hosts: Sequence[int], run: DrainRun) -> dict[int, float]:
    """Return when each host was rid of its last VM: 0 if it had none, inf if one is left."""
    vms = run.vms
    when = dict.fromkeys(hosts, 0.0)
    if len(vms):
        ends = vms["released_s"].where(vms["moved"].astype(bool), math.inf)
        last = ends.groupby(vms["source"]).max()
        when.update(zip(last.index.to_list(), last.to_list(), strict=True))
    return when


def hosts_document(hosts: Sequence[int], runs: Sequence[DrainRun]) -> list[Document]:
    """Return for each host the seconds after which it was empty in each run, None for never."""
    each = [emptied_s(hosts, run) for run in runs]
    return [
        {
            "host": host,
            "emptied_s": [one[host] if math.isfinite(one[host]) else None for one in each],
        }
        for host in hosts
    ]
