"""Which order and which policy a campaign should have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ProgressCallback
from cluster_emu.results.display import Displayed
from cluster_emu.results.result_folder import save_study
from cluster_emu.results.versions import versions
from cluster_emu.scenario import Scenario
from cluster_emu.study.maintenance.answer import in_minutes
from cluster_emu.study.maintenance.maintain import maintain
from cluster_emu.study.maintenance.result import CampaignStudy
from cluster_emu.study.report.maintenance import MaintenanceReport
from cluster_emu.study.report.maintenance_advice import CampaignWay, MaintenanceAdviceReport
from cluster_emu.wording import counted, whole_percent

REPORT = "maintenance_advice.json"


@dataclass(frozen=True, slots=True, repr=False)
class MaintenanceAdvice(Displayed):
    """Campaigns in several ways, each under the same seeds.

    Args:
        max_interrupted_s: for how long a VM may be interrupted over a campaign.
        studies: one per way.
    """

    max_interrupted_s: float
    studies: tuple[CampaignStudy, ...]

    @property
    def headline(self) -> str:
        """What was compared, in one line."""
        return f"{self.studies[0].scenario.name!r}: {counted(len(self.studies), 'way')}"

    @property
    def answer(self) -> str:
        """The advice in words."""
        return self.report().answer

    def to_frame(self) -> pd.DataFrame:
        """Return one row per way, the best first."""
        return pd.DataFrame([asdict(way) for way in self.report().ways])

    def report(self) -> MaintenanceAdviceReport:
        """Return the ways, the best first, and the answer in words."""
        reports = [study.report() for study in self.studies]
        ways = sorted(
            (_way(study, report, self.max_interrupted_s) for study, report in self._pairs(reports)),
            key=_rank,
        )
        best = 0 if ways[0].qualifies else None
        return MaintenanceAdviceReport(
            scenario=reports[0].scenario,
            reboot_s=reports[0].reboot_s,
            max_interrupted_s=self.max_interrupted_s,
            replications=reports[0].replications,
            seed=reports[0].seed,
            ways=tuple(ways),
            recommended=best,
            answer=_answer(ways, self.max_interrupted_s),
            assumptions=reports[0].assumptions,
            versions=versions(),
        )

    def save(self, folder: Path, *, csv: bool = True, overwrite: bool = False) -> list[Path]:
        """Write maintenance_advice.json and the table `ways`, each atomically.

        Raises:
            ScenarioError: if the folder is in use, see `check_unused`.
        """
        report = REPORT, self.report()
        tables = {"ways": self.to_frame()}
        return save_study(folder, "advise", report, tables, csv=csv, overwrite=overwrite)

    def _pairs(
        self, reports: Sequence[MaintenanceReport]
    ) -> list[tuple[CampaignStudy, MaintenanceReport]]:
        return list(zip(self.studies, reports, strict=True))


def advise_on_maintenance(
    scenario: Scenario | str | Path,
    *,
    orders: Sequence[str],
    policies: Sequence[str] | None = None,
    max_interrupted_s: float = math.inf,
    replications: int = 5,
    fields: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
    **options: Any,
) -> MaintenanceAdvice:
    """Go through a campaign in every order under every policy, and compare.

    All ways have the same seeds. The best is the fastest (95th percentile) in which all hosts come
    back and no VM is interrupted for longer than allowed.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a TOML file.
        orders: such as "racks" and "3-at-a-time".
        policies: managers' policies as text, "none" for none; the scenario's own if None.
        max_interrupted_s: for how long a VM's service may be interrupted over the whole campaign.
        replications: number of seeds.
        fields: values for other fields of the scenario, by dotted path.
        progress: called after every run with the number done and the number of all.
        options: further arguments of `maintain`.

    Raises:
        ClusterEmuError: if the scenario or an argument is not allowed.
    """
    for name, values in (("orders", orders), ("policies", policies)):
        if values is not None and (not values or len(set(values)) < len(values)):
            raise ScenarioError(name, list(values), "at least one, each once")
    tried: Sequence[str | None] = policies or [None]
    ways = [(order, policy) for policy in tried for order in orders]
    studies = []
    for number, (order, policy) in enumerate(ways):

        def shown(done: float, _: float, before: int = number * replications) -> None:
            if progress is not None:
                progress(before + done, len(ways) * replications)

        studies.append(
            maintain(
                scenario,
                order=order,
                policy=policy,
                compare_naive=False,
                replications=replications,
                fields=fields,
                progress=shown,
                **options,
            )
        )
    return MaintenanceAdvice(max_interrupted_s, tuple(studies))


def _way(study: CampaignStudy, report: MaintenanceReport, most_s: float) -> CampaignWay:
    campaigns = study.campaigns
    ended = campaigns[campaigns["error"] == ""]
    worst_s = float(ended["interrupted_max_s"].max()) if len(ended) else math.inf
    all_back = report.done == report.replications
    return CampaignWay(
        order=report.order,
        policy=report.policy,
        campaign_p95_s=report.campaign_p95_s.value if all_back else None,
        worst_interrupted_s=worst_s,
        moves=report.moves.mean or 0.0,
        capacity_out_share=report.capacity_out_share.mean or 0.0,
        hosts_left=len({left.host for left in report.hosts_left}),
        qualifies=all_back and worst_s <= most_s,
    )


def _rank(way: CampaignWay) -> tuple[bool, float, int, float]:
    """Return by what ways are ordered, the best least."""
    time_s = math.inf if way.campaign_p95_s is None else way.campaign_p95_s
    return not way.qualifies, time_s, way.hosts_left, way.worst_interrupted_s


def _answer(ways: Sequence[CampaignWay], most_s: float) -> str:
    best = ways[0]
    limit = "" if math.isinf(most_s) else f" and interrupts no VM for more than {most_s:g} s"
    if best.qualifies:
        return (
            f"Take {best.order}, policy {best.policy}: the fastest campaign that brings every host "
            f"back{limit}: {in_minutes(best.campaign_p95_s)} (95th percentile), with "
            f"{best.worst_interrupted_s:.3g} s of interruption at most and "
            f"{whole_percent(best.capacity_out_share)} of the CPU out of service on average."
        )
    if best.campaign_p95_s is None:
        return (
            f"In no way do all hosts come back; fewest are left ({best.hosts_left}) with "
            f"{best.order}, policy {best.policy}. `cluster-emu maintain` names them and why."
        )
    return (
        f"No way brings every host back{limit}; {best.order}, policy {best.policy} takes "
        f"{in_minutes(best.campaign_p95_s)} and interrupts a VM for up to "
        f"{best.worst_interrupted_s:.3g} s."
    )
