"""What campaigns measured: time, moves, interruption of VMs, hosts that were not rebooted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.maintenance import HostPhase
from cluster_emu.results.display import Displayed
from cluster_emu.results.result_folder import save_study
from cluster_emu.results.versions import versions
from cluster_emu.scenario import Scenario
from cluster_emu.study.evacuation.assumptions import settings_in_words
from cluster_emu.study.evacuation.plan import NO_POLICY
from cluster_emu.study.maintenance.answer import campaign_answer
from cluster_emu.study.maintenance.run import CampaignRun
from cluster_emu.study.report.evacuation import FailedReplication
from cluster_emu.study.report.figures import MeanFigure, QuantileFigure
from cluster_emu.study.report.maintenance import (
    HostLeft,
    MaintenanceReport,
    NaiveOrder,
    VMInCampaign,
)
from cluster_emu.study.statistics.estimates import estimate
from cluster_emu.study.statistics.quantiles import quantile
from cluster_emu.wording import counted

REPORT = "maintenance.json"
WORST = 10
"""VMs that a report names."""


@dataclass(frozen=True, slots=True, repr=False)
class CampaignStudy(Displayed):
    """A campaign under several seeds.

    Args:
        scenario: the scenario with the campaign in it.
        seed: the base seed.
        seeds: the seed of each replication.
        runs: the replications that ended, by number, one at least.
        naive: the same without regard to which hosts are emptied next, by number.
        assumed: what the first replication assumes.
    """

    scenario: Scenario
    seed: int
    seeds: tuple[int, ...]
    runs: Mapping[int, CampaignRun]
    naive: Mapping[int, CampaignRun]
    assumed: tuple[str, ...]

    @property
    def hosts(self) -> pd.DataFrame:
        """One row per replication and host."""
        return self._together("hosts", "host", self.scenario.names.hosts)

    @property
    def vms(self) -> pd.DataFrame:
        """One row per replication and VM: completed moves, downtime, interruption, bytes."""
        return self._together("vms", "vm", self.scenario.names.vms)

    @property
    def campaigns(self) -> pd.DataFrame:
        """One row per replication: its figures, or its error."""
        rows = [
            {"replication": number, "seed": self.seeds[number], "error": run.error, **run.figures}
            for number, run in self.runs.items()
        ]
        return pd.DataFrame(rows)

    @property
    def errors(self) -> tuple[FailedReplication, ...]:
        """The replications that failed."""
        return tuple(
            FailedReplication(number, self.seeds[number], run.error)
            for number, run in self.runs.items()
            if run.error
        )

    @property
    def headline(self) -> str:
        """The campaign and how many replications there are."""
        settings = self.scenario.maintenance
        order = "" if settings is None else settings.order
        return f"{self.scenario.name!r}, {order}: {counted(len(self.runs), 'replication')}"

    @property
    def answer(self) -> str:
        """What was found, in words."""
        return self.report().answer

    def to_frame(self) -> pd.DataFrame:
        """Return one row per replication."""
        return self.campaigns

    def report(self) -> MaintenanceReport:
        """Return the figures with their intervals, and the answer in words."""
        settings, transfer = self.scenario.maintenance, self.scenario.transfer
        assert settings is not None
        campaign_s = self._figure("campaign_s")
        finite = campaign_s[np.isfinite(campaign_s)]
        all_back = len(finite) == len(campaign_s)
        report = MaintenanceReport(
            scenario=self.scenario.name,
            order=settings.order,
            reboot_s=settings.reboot_s,
            hosts=len(next(iter(self.runs.values())).hosts),
            policy=NO_POLICY if transfer.policy is None else str(transfer.policy),
            strategy=str(transfer.strategy),
            replications=len(self.runs),
            replications_wanted=len(self.seeds),
            seed=self.seed,
            seeds=tuple(self.seeds[number] for number in self.runs),
            done=len(finite),
            campaign_p50_s=QuantileFigure.of(quantile(campaign_s, 0.5)),
            campaign_p95_s=QuantileFigure.of(quantile(campaign_s, 0.95)),
            campaign_s=MeanFigure.of(estimate(finite if all_back else finite[:0])),
            **{
                name: MeanFigure.of(estimate(self._figure(name)))
                for name in (
                    "moves",
                    "moves_per_vm",
                    "most_moves_of_a_vm",
                    "capacity_out_share",
                    "reduced_share",
                    "downtime_max_s",
                    "interrupted_max_s",
                    "interrupted_p50_s",
                    "vms_lost",
                )
            },
            worst_vms=self._worst(),
            hosts_left=self._left(),
            naive=self._naive(),
            errors=self.errors,
            answer="",
            assumptions=(*self.assumed, *settings_in_words(self.scenario)),
            versions=versions(),
        )
        return campaign_answer(report)

    def save(self, folder: Path, *, csv: bool = True, overwrite: bool = False) -> list[Path]:
        """Write maintenance.json and the tables `campaigns`, `hosts` and `vms`, each atomically.

        Args:
            folder: a new or empty folder.
            csv: whether the tables are written as CSV, too.
            overwrite: whether to replace an older result in this folder.

        Raises:
            ScenarioError: if the folder is in use, see `check_unused`.
        """
        tables = {"campaigns": self.campaigns, "hosts": self.hosts, "vms": self.vms}
        return save_study(
            folder,
            "maintain",
            (REPORT, self.report()),
            tables,
            csv=csv,
            overwrite=overwrite,
            complete=len(self.runs) == len(self.seeds),
        )

    def _together(self, name: str, number: str, names: tuple[str, ...]) -> pd.DataFrame:
        tables = []
        for replication, run in self.runs.items():
            if not run.error:
                table: pd.DataFrame = getattr(run, name).copy()
                table.insert(0, "replication", replication)
                tables.append(table)
        if not tables:
            return pd.DataFrame()
        together: pd.DataFrame = pd.concat(tables, ignore_index=True)
        if names:
            together.insert(2, "name", [_name(names, each) for each in together[number]])
        return together

    def _figure(self, name: str) -> NDArray[np.float64]:
        return _figures(self.runs, name)

    def _naive(self) -> NaiveOrder | None:
        pairs = [
            (self.runs[number].figures, run.figures)
            for number, run in self.naive.items()
            if number in self.runs and not run.error and not self.runs[number].error
        ]
        if not pairs:
            return None
        saved = np.array([naive["moves"] - ours["moves"] for ours, naive in pairs])
        both_end = [
            ours["campaign_s"] - naive["campaign_s"]
            for ours, naive in pairs
            if math.isfinite(ours["campaign_s"]) and math.isfinite(naive["campaign_s"])
        ]
        return NaiveOrder(
            moves=MeanFigure.of(estimate(_figures(self.naive, "moves"))),
            moves_saved=MeanFigure.of(estimate(saved), signed=True),
            longer_s=MeanFigure.of(estimate(np.array(both_end)), signed=True),
        )

    def _worst(self) -> tuple[VMInCampaign, ...]:
        vms = self.vms
        if not len(vms):
            return ()
        by_vm = vms.groupby("vm")
        means = by_vm[["moves", "downtime_s", "interrupted_s"]].mean()
        means["longest"] = by_vm["interrupted_s"].max()
        order = means[means["moves"] > 0].sort_values(
            ["interrupted_s", "longest"], ascending=False, kind="stable"
        )
        names = self.scenario.names.vms
        return tuple(
            VMInCampaign(int(vm), _name(names, vm), *(float(each) for each in row))
            for vm, *row in order.head(WORST).itertuples()
        )

    def _left(self) -> tuple[HostLeft, ...]:
        hosts = self.hosts
        if not len(hosts):
            return ()
        names = self.scenario.names.hosts
        left = hosts[hosts["phase"] != HostPhase.DONE.value]
        return tuple(
            HostLeft(
                host=host,
                name=_name(names, host),
                phase=str(phase),
                why=str(group["why"].iloc[0]),
                replications=tuple(group["replication"].tolist()),
            )
            for host in sorted(set(left["host"].tolist()))
            for phase, group in left[left["host"] == host].groupby("phase")
        )


def _figures(runs: Mapping[int, CampaignRun], name: str) -> NDArray[np.float64]:
    found = [run.figures[name] for run in runs.values() if not run.error]
    return np.array(found, dtype=np.float64)


def _name(names: Sequence[str], number: int) -> str:
    """Return the name of a host or VM; empty if it has none, such as a VM that came later."""
    return names[number] if number < len(names) else ""
