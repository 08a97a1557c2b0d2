"""One replication of a campaign, and its figures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cluster_emu.maintenance import HostPhase
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from cluster_emu.study.execution.runs import format_error, simulate
from cluster_emu.transfer.records import Phase


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """The result of one replication.

    Args:
        figures: figures of the campaign by name.
        hosts: the run's table `maintenance`.
        vms: one row per VM: completed moves, downtime and interruption over all of them.
        error: why the run failed; empty if it did not.
    """

    figures: dict[str, float] = field(default_factory=dict)
    hosts: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    vms: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    error: str = ""


def run_campaign(scenario: Scenario, seed: int) -> CampaignRun:
    """Run a campaign to its end; an exception becomes the run's error."""
    try:
        return campaign_run_of(simulate(scenario, seed), scenario)
    except Exception as error:  # the study continues and reports the failed run
        return CampaignRun(error=format_error(error))


def campaign_run_of(result: RunResult, scenario: Scenario) -> CampaignRun:
    """Return what is kept of the run of a campaign."""
    hosts = result.tables["maintenance"]
    vms = vms_of(result, scenario.vm_count)
    cpu = np.repeat(
        [group.cpu_capacity for group in scenario.hosts], [group.count for group in scenario.hosts]
    )
    all_back = bool((hosts["phase"] == HostPhase.DONE.value).all())
    assert scenario.maintenance is not None
    begin_s = scenario.maintenance.start_s  # a second drain hides when the first one began
    instants = hosts[["drain_s", "reboot_s", "back_s", "blocked_s"]]
    end_s = float(np.nanmax(instants.to_numpy(np.float64)))
    time_s = end_s - begin_s
    moved = vms.loc[vms["moves"] > 0, "interrupted_s"]
    figures = {
        "campaign_s": time_s if all_back else math.inf,
        "moves": float(vms["moves"].sum()),
        "moves_per_vm": float(vms["moves"].mean()),
        "most_moves_of_a_vm": float(vms["moves"].max()),
        "capacity_out_share": _share(
            float((_out_s(hosts, end_s) * cpu[hosts["host"]]).sum()), time_s * float(cpu.sum())
        ),
        "reduced_share": _share(_covered_s(hosts, end_s), time_s),
        "downtime_max_s": float(vms["downtime_s"].max()),
        "interrupted_max_s": float(vms["interrupted_s"].max()),
        "interrupted_p50_s": float(moved.median()) if len(moved) else 0.0,
        "vms_lost": float(result.summary["vms_lost"]),
    }
    return CampaignRun(figures, hosts, vms)


def vms_of(result: RunResult, count: int) -> pd.DataFrame:
    """Return one row per VM of the start, and per VM that came later and migrated.

    It has the moves, and downtime and interruption over all of them; those of migrations that did
    not complete count, too.
    """
    migrations = result.migrations
    by_vm = migrations.groupby("vm")
    completed = migrations["outcome"] == Phase.COMPLETED.value
    vms = sorted({*range(count), *migrations["vm"].tolist()})
    table = pd.DataFrame(index=pd.Index(vms, name="vm", dtype=np.int64))
    table["moves"] = completed.groupby(migrations["vm"]).sum()
    for name in ("downtime_s", "interrupted_s", "bytes"):
        table[name] = by_vm[name].sum()
    return table.fillna(0.0).astype({"moves": int}).reset_index()


def _out_s(hosts: pd.DataFrame, end_s: float) -> pd.Series[float]:
    """Return for how long each host was out until the end, those that are out then included."""
    over = hosts["phase"].isin([HostPhase.WAITING, HostPhase.DONE, HostPhase.BLOCKED])
    return hosts["out_s"] + (end_s - hosts["drain_s"]).where(~over, 0.0)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _covered_s(hosts: pd.DataFrame, end_s: float) -> float:
    """Return for how long at least one host was out, by its last drain."""
    is_blocked = hosts["phase"] == HostPhase.BLOCKED.value
    over_s = hosts["back_s"].where(~is_blocked, hosts["blocked_s"]).fillna(end_s)
    spans = hosts.assign(over_s=over_s)[["drain_s", "over_s"]].dropna()
    covered, until = 0.0, -math.inf
    for begin_s, host_over_s in spans.sort_values("drain_s").itertuples(index=False):
        covered += max(host_over_s - max(begin_s, until), 0.0)
        until = max(until, host_over_s)
    return covered
