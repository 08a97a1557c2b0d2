"""One replication of a drain, and what it cost every VM to move."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from cluster_emu.network.links import LinkUse
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from cluster_emu.study.execution.runs import format_error, simulate
from cluster_emu.transfer.records import Phase

SUMMED = (
    "prepare_s",
    "downtime_s",
    "interrupted_s",
    "finish_s",
    "bytes",
    "rounds",
    "demand_faults",
    "fault_stall_s",
    "guest_lost_s",
)
"""Columns of `migrations`, if present, that add up over the attempts to move one VM."""

ENDS: tuple[Literal["first"], Literal["last"]] = ("first", "last")

SERVICE = ("cpu_wanted_s", "cpu_lost_to_migration_s")
"""Columns of the table `service`: how much CPU a VM wanted and lost."""


@dataclass(frozen=True, slots=True)
class DrainRun:
    """The result of one replication.

    Args:
        drain_s: time from 0 until the source of the last VM was released, inf if a VM is
            not drained.
        vms: one row per VM to move.
        migrations: the run's table of that name.
        service: the run's table of that name: CPU that every VM wanted and lost.
        summary: the figures of the run by name.
        rounds: the run's table of that name.
        limits: the run's table of that name.
        link_use: what the links have carried; None if the run failed.
        notes: what the run's policies did.
        error: why the run failed; empty if it did not.
    """

    drain_s: float = math.nan
    vms: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    migrations: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    rounds: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    limits: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    link_use: LinkUse | None = field(default=None, repr=False)
    service: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    summary: dict[str, float] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    error: str = ""


def run_drain(scenario: Scenario, seed: int) -> DrainRun:
    """Run a drain to its end; an exception becomes the run's error."""
    try:
        return drain_run_of(simulate(scenario, seed))
    except Exception as error:  # the study continues and reports the failed run
        return DrainRun(error=format_error(error))


def drain_run_of(result: RunResult) -> DrainRun:
    """Return what is kept of the run of a drain."""
    vms = drained_vms(result)
    released = vms["released_s"].max() if len(vms) else 0.0
    return DrainRun(
        drain_s=float(released) if vms["moved"].all() else math.inf,
        vms=vms,
        migrations=result.migrations,
        rounds=result.rounds,
        limits=result.tables["limits"],
        link_use=result.link_use,
        service=result.tables["service"],
        summary=result.summary,
        notes=result.notes,
    )


def drained_vms(result: RunResult) -> pd.DataFrame:
    """Return one row per VM to move, by number.

    `moved` is whether it left its host, `outcome` and `why` are those of the last attempt, and
    `released_s` is when its source was released. Downtime, bytes and losses of the guest add up
    over all attempts; times that no attempt had are NaN. `queue_wait_s` is the time from the
    request to the first byte of the first attempt, less the preparation.
    """
    drains = result.migrations[result.migrations["reason"] == "drain"]
    ordered = drains.sort_values(["vm", "migration"])
    first, last = (ordered.drop_duplicates("vm", keep=which).set_index("vm") for which in ENDS)
    by_vm = ordered.groupby("vm")
    moved = last["outcome"] == Phase.COMPLETED.value
    summed = [name for name in SUMMED if name in drains]
    table = pd.DataFrame(
        {
            "source": first["source"],
            "target": last["target"],
            **_names(first, last),
            "memory_pages": first["memory_pages"],
            "attempts": by_vm.size(),
            "moved": moved,
            "outcome": last["outcome"],
            "why": last["why"],
            "queue_wait_s": first["start_s"] - first["queued_s"] - first["prepare_s"],
            "released_s": last["end_s"].where(moved),
            "total_time_s": last["total_time_s"].where(moved),
            **by_vm[summed].sum(min_count=1),
        }
    )
    return _with_service(table, result).reset_index()


def _names(first: pd.DataFrame, last: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """Return the columns of names, in a scenario that has them."""
    columns = {"vm_name": first, "source_name": first, "target_name": last}
    return {name: table[name] for name, table in columns.items() if name in table}


def _with_service(table: pd.DataFrame, result: RunResult) -> pd.DataFrame:
    return table.join(result.tables["service"].set_index("vm")[list(SERVICE)])
