"""What emptying hosts measured: drain time, downtime per VM, bytes, VMs not drained, slow-down."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.errors import ClusterEmuError
from cluster_emu.results.display import Displayed, view
from cluster_emu.results.result_folder import save_study
from cluster_emu.results.versions import versions
from cluster_emu.scenario.saved_run import ABOUT
from cluster_emu.study.evacuation.answer import DrainFigures, evacuation_answer
from cluster_emu.study.evacuation.assumptions import (
    DRAIN_SHARES,
    limits_in_words,
    measures_in_words,
    settings_in_words,
)
from cluster_emu.study.evacuation.effects import effects, emptied_hosts, mean_effects
from cluster_emu.study.evacuation.link_loads import link_loads, uneven_links
from cluster_emu.study.evacuation.plan import Drain, DrainPlan, assumed_in_all
from cluster_emu.study.evacuation.run import DrainRun
from cluster_emu.study.evacuation.within import within
from cluster_emu.study.report.evacuation import (
    DrainTime,
    EvacuationReport,
    FailedReplication,
    MedianReplication,
    NotDrained,
    VMQuantile,
    VMQuantiles,
)
from cluster_emu.study.report.figures import (
    MeanFigure,
    OutcomeCount,
    QuantileFigure,
    finite_or_none,
    most_frequent_first,
)
from cluster_emu.study.report.limits import running_limits, waits
from cluster_emu.study.statistics.estimates import Estimate, estimate
from cluster_emu.study.statistics.quantiles import quantile
from cluster_emu.transfer.records import Phase
from cluster_emu.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VM_SHARES = {"p50": 0.5, "p95": 0.95, "max": 1.0}
"""The quantiles over the VMs that are reported."""

PER_VM = (
    "downtime_s",
    "fault_stall_s",
    "interrupted_s",
    "queue_wait_s",
    "guest_lost_s",
    "cpu_lost_to_migration_s",
)
"""Columns of the table `vms` of which quantiles are reported, where there are such columns."""


class Replication(NamedTuple):
    """One replication: its number, what was to be run, and the result of the run."""

    number: int
    plan: DrainPlan
    run: DrainRun


@dataclass(frozen=True, slots=True, repr=False)
class Evacuation(Displayed):
    """Hosts emptied under several seeds.

    Args:
        drain: the scenario with the drain in it.
        seed: the base seed.
        wanted: number of replications that were asked for.
        replications: those that ended, one at least, in the order of their seeds.
        within_s: the window into which the drain should fit, if one was asked for.
    """

    drain: Drain
    seed: int
    wanted: int
    replications: tuple[Replication, ...]
    within_s: float | None = None

    @property
    def vms(self) -> pd.DataFrame:
        """One row per replication and VM to move."""
        tables = [self._labelled(one) for one in self._succeeded]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @property
    def service(self) -> pd.DataFrame:
        """One row per replication and VM of the cluster: CPU wanted, CPU lost, and `to_drain`."""
        tables = [
            one.run.service.assign(
                replication=one.number,
                seed=one.plan.seed,
                to_drain=one.run.service["vm"].isin(one.run.vms["vm"]),
            )
            for one in self._succeeded
        ]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Settings that are allowed but probably not intended, in words."""
        return tuple(dict.fromkeys(text for one in self.replications for text in one.plan.warnings))

    @property
    def drains(self) -> pd.DataFrame:
        """One row per replication: drain time (inf if a VM is not drained), figures over VMs."""
        return pd.DataFrame([_figures(one) for one in self.replications])

    @property
    def failures(self) -> tuple[NotDrained, ...]:
        """The VMs that were not drained."""
        columns = ["replication", "seed", "vm", "source", "attempts", "outcome", "why"]
        vms = self.vms
        if not len(vms):
            return ()
        columns += [name for name in ("vm_name", "source_name") if name in vms]
        left = vms.loc[~vms["moved"].astype(bool), columns]
        return tuple(NotDrained(*row) for row in left.itertuples(index=False, name=None))

    @property
    def errors(self) -> tuple[FailedReplication, ...]:
        """The replications that failed."""
        return tuple(
            FailedReplication(one.number, one.plan.seed, one.run.error)
            for one in self.replications
            if one.run.error
        )

    @property
    def median_replication(self) -> Replication | None:
        """The replication with the median drain time, the lower of two; None if all failed."""
        ordered = sorted(self._succeeded, key=lambda one: (one.run.drain_s, one.number))
        return ordered[(len(ordered) - 1) // 2] if ordered else None

    @property
    def worst_downtime_s(self) -> float:
        """The longest downtime to expect; see `_longest_to_expect`."""
        return self._longest_to_expect("downtime_s")

    @property
    def worst_interrupted_s(self) -> float:
        """The longest interruption of a VM's service to expect: downtime and stalls after it."""
        return self._longest_to_expect("interrupted_s")

    def longest_seen(self, column: str) -> float:
        """Return the largest value of a column of `vms`; NaN where no VM has one."""
        return float(self.vms[column].max()) if len(self.vms) else math.nan

    def _longest_to_expect(self, column: str) -> float:
        """Return the longest time of a VM to expect.

        The longest that was seen or, if larger, the upper end of the interval of the mean over the
        replications; NaN where no VM has one.
        """
        longest = self._over_replications(column, 1.0)
        ends = [*longest, estimate(longest).high or math.nan]
        return float(np.nanmax(ends)) if np.isfinite(ends).any() else math.nan

    @property
    def drain_s(self) -> NDArray[np.float64]:
        """The drain time of every replication that did not fail, inf if a VM is not drained."""
        return np.array([one.run.drain_s for one in self._succeeded], dtype=np.float64)

    @property
    def is_random(self) -> bool:
        """Whether the replications differ; one alone may."""
        runs = [one.run for one in self._succeeded]
        return len(runs) < 2 or any(not run.vms.equals(runs[0].vms) for run in runs[1:])

    @property
    def has_retries(self) -> bool:
        """Whether a migration was aborted or tried again, which moves the result by chance."""
        return any(
            run.migrations["attempt"].gt(1).any()
            or run.migrations["outcome"].ne(Phase.COMPLETED.value).any()
            for run in (one.run for one in self._succeeded)
        )

    @property
    def bytes(self) -> Estimate:
        """Bytes sent per drain."""
        return estimate(np.array([one.run.migrations["bytes"].sum() for one in self._succeeded]))

    @property
    def headline(self) -> str:
        """Scenario, hosts, how they are emptied, and how many replications there were."""
        hosts = self.replications[0].plan.hosts
        named = ", ".join(map(self.drain.scenario.names.of_host, hosts))
        emptied = f"{'host' if len(hosts) == 1 else 'hosts'} {named}" if hosts else "single VMs"
        return (
            f"{self.drain.scenario.name!r}, {emptied}: policy {self.drain.policy}, strategy "
            f"{self.drain.strategy}; {counted(len(self.replications), 'replication')}, "
            f"seed {self.seed}"
        )

    @property
    def answer(self) -> str:
        """What was found, in words."""
        return self.report().answer

    def to_frame(self) -> pd.DataFrame:
        """Return the table `drains`: one row per replication."""
        return self.drains

    def plot(self) -> Figure:
        """Draw the median replication: VMs left over time, and one lane per migration.

        Raises:
            ClusterEmuError: if every replication failed.
        """
        median = self.median_replication
        if median is None:
            raise ClusterEmuError("every replication failed: there is no drain to draw")
        figure: Figure = view().draw_drain(
            median.run.migrations,
            median.run.rounds,
            drain_s=median.run.drain_s,
            which=f"replication {median.number}",
        )
        return figure

    def report(self) -> EvacuationReport:
        """Return everything but the tables, as `evacuate --json` prints it."""
        plan = self.replications[0].plan
        runs = [one.run for one in self._succeeded]
        vms = self.vms
        limit_tables = [run.limits for run in runs]
        limits, waiting = running_limits(limit_tables), waits(limit_tables)
        median = self.median_replication
        loads = () if median is None else link_loads(median.run)
        uneven = None if median is None else uneven_links(median.run)
        window = None
        if self.within_s is not None:
            window = within(self.within_s, self.drain_s, vms, self.drain.scenario.names)
        answer = evacuation_answer(
            DrainFigures(
                hosts=len(plan.hosts),
                drain_s=self.drain_s.tolist(),
                downtime_s=self.longest_seen("downtime_s"),
                interrupted_s=self.longest_seen("interrupted_s"),
                expected_interrupted_s=self.worst_interrupted_s,
                limits=limits,
                waits=waiting,
                loads=loads,
                uneven=uneven,
                within=window,
                is_random=self.is_random,
            )
        )
        return EvacuationReport(
            scenario=self.drain.scenario.name,
            traces=plan.traces,
            hosts=plan.hosts,
            policy=self.drain.policy,
            strategy=self.drain.strategy,
            parallel=plan.limits.per_cluster,
            possible_at_once=plan.possible_at_once,
            outbound_per_host=plan.limits.outbound_per_host,
            inbound_per_host=plan.limits.inbound_per_host,
            replications=len(self.replications),
            replications_wanted=self.wanted,
            seed=self.seed,
            seeds=tuple(one.plan.seed for one in self.replications),
            vms_to_move=tuple(one.plan.vms for one in self.replications),
            drain_s=self._drain_time(),
            per_vm={name: self._quantiles(vms, name) for name in PER_VM if name in vms},
            bytes=MeanFigure.of(self.bytes),
            cluster=mean_effects(runs),
            hosts_emptied=emptied_hosts(plan.hosts, runs, self.drain.scenario.names),
            limits=limits,
            waits=waiting,
            link_loads=loads,
            uneven_links=uneven,
            is_random=self.is_random,
            answer=answer,
            outcomes=self._outcomes(),
            failures=self.failures,
            errors=self.errors,
            within=window,
            median_replication=self._median_figures(),
            warnings=self.warnings,
            notes=self._notes(),
            assumptions=self._assumptions(),
            versions=versions(),
        )

    def save(self, folder: Path, *, csv: bool = True, overwrite: bool = False) -> list[Path]:
        """Write evacuation.json and tables as Parquet and CSV, each atomically.

        `vms`, `service` and `drains` are of all replications, `migrations`, `rounds` and
        `limits` of the median one, and run.json is what runs it again. Returns the files written.

        Args:
            folder: a new or empty folder.
            csv: whether the tables are written as CSV, too.
            overwrite: whether to replace an older result in this folder.

        Raises:
            ScenarioError: if the folder is in use, see `check_unused`.
        """
        tables = {"vms": self.vms, "service": self.service, "drains": self.drains}
        median = self.median_replication
        if median is not None:
            run = median.run
            tables |= {"migrations": run.migrations, "rounds": run.rounds, "limits": run.limits}
        report = "evacuation.json", self.report()
        return save_study(
            folder,
            "evacuate",
            report,
            tables,
            csv=csv,
            overwrite=overwrite,
            complete=len(self.replications) == self.wanted,
            documents={} if median is None else {ABOUT: median.plan.as_run()},
        )

    @property
    def _succeeded(self) -> list[Replication]:
        return [one for one in self.replications if not one.run.error]

    def _labelled(self, one: Replication) -> pd.DataFrame:
        labels = {
            "replication": one.number,
            "seed": one.plan.seed,
            "policy": self.drain.policy,
            "strategy": self.drain.strategy,
        }
        return pd.concat([pd.DataFrame(labels, index=one.run.vms.index), one.run.vms], axis=1)

    def _median_figures(self) -> MedianReplication | None:
        median = self.median_replication
        if median is None:
            return None
        drain_s = finite_or_none(median.run.drain_s)
        return MedianReplication(median.number, median.plan.seed, drain_s)

    def _drain_time(self) -> DrainTime:
        drain_s = self.drain_s
        finite = drain_s[np.isfinite(drain_s)]
        every_vm_moved = len(finite) == len(drain_s)
        return DrainTime(
            drained=len(finite),
            runs=len(drain_s),
            mean=MeanFigure.of(estimate(drain_s if every_vm_moved else finite[:0])),
            **{
                name: QuantileFigure.of(quantile(drain_s, share))
                for name, share in DRAIN_SHARES.items()
            },
        )

    def _quantiles(self, vms: pd.DataFrame, column: str) -> VMQuantiles:
        """Return quantiles of a column of the table `vms`."""
        pooled = vms[column].to_numpy(dtype=np.float64)
        known = pooled[~np.isnan(pooled)]
        return VMQuantiles(
            **{name: self._vm_quantile(known, column, share) for name, share in VM_SHARES.items()}
        )

    def _vm_quantile(self, known: NDArray[np.float64], column: str, share: float) -> VMQuantile:
        """Return a quantile over all VMs, and the mean of those of the replications."""
        mean = MeanFigure.of(estimate(self._over_replications(column, share)))
        all_vms = float(np.quantile(known, share)) if len(known) else None
        return VMQuantile(all_vms, mean.mean, mean.ci95, mean.runs)

    def _over_replications(self, column: str, share: float) -> NDArray[np.float64]:
        return np.array([_quantile(one.run.vms, column, share) for one in self._succeeded])

    def _outcomes(self) -> tuple[OutcomeCount, ...]:
        """Return how many migrations of all replications ended how."""
        counts: Counter[tuple[str, str]] = Counter()
        for one in self._succeeded:
            ends = one.run.migrations
            counts.update(zip(ends["outcome"], ends["why"], strict=True))
        return most_frequent_first(counts)

    def _notes(self) -> tuple[str, ...]:
        return tuple(
            f"replication {one.number}: {text}" for one in self._succeeded for text in one.run.notes
        )

    def _assumptions(self) -> tuple[str, ...]:
        plan = self.replications[0].plan
        packed = [str(one.number) for one in self.replications if one.plan.by_memory]
        by_memory = (
            f"Free memory is so small in replications {', '.join(packed)} that VMs are placed "
            "by memory alone, the largest first."
        )
        return (
            *assumed_in_all([one.plan for one in self.replications]),
            *self.drain.assumptions,
            limits_in_words(plan),
            *settings_in_words(plan.scenario),
            *([by_memory] if packed else []),
            *measures_in_words(self.drain.scenario, len(self._succeeded)),
        )


def _figures(one: Replication) -> dict[str, Any]:
    """Return the row of a replication in the table `drains`."""
    vms = one.run.vms
    row: dict[str, Any] = {
        "replication": one.number,
        "seed": one.plan.seed,
        "error": one.run.error,
        "drain_s": one.run.drain_s,
        "vms": one.plan.vms,
        "by_memory": one.plan.by_memory,
    }
    if one.run.error:
        return row
    quantiles = {
        f"{column.removesuffix('_s')}_{name}_s": _quantile(vms, column, share)
        for column in PER_VM
        if column in vms
        for name, share in VM_SHARES.items()
    }
    moved = int(vms["moved"].sum())
    sent = float(one.run.migrations["bytes"].sum())
    return {**row, "moved": moved, "bytes": sent, **quantiles, **effects(one.run)}


def _quantile(vms: pd.DataFrame, column: str, share: float) -> float:
    return float(vms[column].quantile(share)) if len(vms) else math.nan
