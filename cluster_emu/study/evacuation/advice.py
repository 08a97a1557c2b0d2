"""Ways to empty hosts side by side, and the one to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from cluster_emu.json_output import json_text, plain_data
from cluster_emu.results.result_folder import new_result
from cluster_emu.results.run_result import versions
from cluster_emu.results.writing import write_parquet, write_text
from cluster_emu.study.evacuation.assumptions import settings_in_words
from cluster_emu.study.evacuation.plan import at_once_in_words
from cluster_emu.study.evacuation.result import Evacuation
from cluster_emu.study.report.advice import AdviceReport, OptionReport, Recommendation
from cluster_emu.study.report.figures import finite_or_none
from cluster_emu.study.statistics.quantiles import quantile
from cluster_emu.units import slots_of

SAME = 0.01
"""Relative difference in drain time, downtime or bytes below which two ways count as alike."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to empty the hosts: a policy, a strategy, a number of migrations at once.

    Args:
        evacuation: what it measured.
    """

    evacuation: Evacuation

    @property
    def drain_p95_s(self) -> float:
        """The drain time that 95 % of the replications keep, inf if VMs were not drained."""
        found = quantile(self.evacuation.drain_s, 0.95).value
        return math.inf if found is None else found

    @property
    def worst_downtime_s(self) -> float:
        """The longest downtime to expect; 0 where no VM had any."""
        found = self.evacuation.worst_downtime_s
        return 0.0 if math.isnan(found) else found

    @property
    def bytes(self) -> float:
        """Mean bytes of a drain, inf where there is none."""
        found = self.evacuation.bytes.mean
        return math.inf if found is None else found

    @property
    def failures(self) -> int:
        """Number of VMs that were not drained and of runs that failed."""
        return len(self.evacuation.failures) + len(self.evacuation.errors)

    @property
    def costs(self) -> tuple[float, float, float]:
        """Drain time, worst downtime and bytes."""
        return self.drain_p95_s, self.worst_downtime_s, self.bytes

    @property
    def label(self) -> str:
        """The combination in words."""
        drain = self.evacuation.drain
        return f"policy {drain.policy}, strategy {drain.strategy}, {self.at_once} at once"

    @property
    def at_once(self) -> str:
        """How many migrations may run at once, and how many can if that is fewer."""
        asked = slots_of(self.evacuation.drain.scenario.manager.max_per_cluster)
        possible = self.possible_at_once
        return f"{possible}" if asked is None else at_once_in_words(asked, possible)

    @property
    def possible_at_once(self) -> int:
        """How many migrations can run at once by all limits in force, under the first seed."""
        return self.evacuation.replications[0].plan.possible_at_once

    @property
    def is_confirmed(self) -> bool:
        """Whether it had all of its replications."""
        return len(self.evacuation.replications) == self.evacuation.wanted

    def qualifies(self, max_downtime_s: float) -> bool:
        """Return whether every VM moved and none was down for longer than that."""
        return not self.failures and self.worst_downtime_s <= max_downtime_s

    def report(self) -> OptionReport:
        """Return what the option costs."""
        drain = self.evacuation.drain
        return OptionReport(
            policy=drain.policy,
            strategy=drain.strategy,
            parallel=slots_of(drain.scenario.manager.max_per_cluster),
            possible_at_once=self.possible_at_once,
            replications=len(self.evacuation.replications),
            drain_p95_s=finite_or_none(self.drain_p95_s),
            worst_downtime_s=self.worst_downtime_s,
            bytes=finite_or_none(self.bytes),
            failures=self.failures,
        )


def pareto_front(options: Sequence[Option]) -> list[int]:
    """Return the indices of the options that no other beats in drain time, downtime and bytes.

    Options in which a VM was not drained are left out. An option beats another if it is better by
    more than `SAME` in one of the three and not worse by more than that in the others; of options
    that are alike the fastest stays.
    """
    drained = [index for index, option in enumerate(options) if not option.failures]
    kept: list[int] = []
    for index in sorted(drained, key=lambda index: (options[index].costs, index)):
        costs = options[index].costs
        if not any(_no_worse(options[other].costs, costs) for other in kept):
            # an option that is faster by less than `SAME` does not stay for that alone
            kept = [other for other in kept if not _no_worse(costs, options[other].costs)]
            kept.append(index)
    return sorted(kept)


def _no_worse(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(x <= y * (1 + SAME) for x, y in zip(a, b, strict=True))


@dataclass(frozen=True, slots=True)
class Advice:
    """What the search found.

    Args:
        max_downtime_s: the longest downtime that was allowed.
        options: what was tried, in the order of policies, strategies and numbers.
        combinations: how many there are to try.
        replications: number of replications of an option that is confirmed.
        seed: the base seed.
    """

    max_downtime_s: float
    options: tuple[Option, ...]
    combinations: int
    replications: int
    seed: int

    @property
    def compared(self) -> list[Option]:
        """The confirmed options; all options where none is confirmed, as after Ctrl-C."""
        return [one for one in self.options if one.is_confirmed] or list(self.options)

    @property
    def front(self) -> list[Option]:
        """The compared options that no other of these beats in all three costs, fastest first."""
        compared = self.compared
        return sorted(
            (compared[index] for index in pareto_front(compared)), key=lambda one: one.costs
        )

    @property
    def recommended(self) -> Option:
        """The fastest compared that qualifies, or that with the least downtime if none does.

        Among those that are as fast, but for `SAME`, it is the one with the least downtime.
        """
        compared = self.compared
        good = [one for one in compared if one.qualifies(self.max_downtime_s)]
        if good:
            as_fast = min(one.drain_p95_s for one in good) * (1 + SAME)
            fast = [one for one in good if one.drain_p95_s <= as_fast]
            return min(fast, key=lambda one: (one.worst_downtime_s, one.costs))
        return min(compared, key=lambda one: (one.failures, one.worst_downtime_s, one.costs))

    @property
    def reason(self) -> str:
        """Why that one, in words."""
        chosen = self.recommended
        limit = f"{self.max_downtime_s:g} s"
        had = f"a worst downtime of {chosen.worst_downtime_s:.3g} s"
        if not chosen.qualifies(self.max_downtime_s):
            left = f", {chosen.failures} failures" if chosen.failures else ""
            return f"none stays within {limit} for every VM; this one has the least: {had}{left}"
        drained = [one for one in self.compared if not one.failures]
        fastest = min(drained, key=lambda one: one.costs)
        good = [one for one in self.compared if one.qualifies(self.max_downtime_s)]
        is_fastest = chosen is min(good, key=lambda one: one.costs)
        which = "the fastest drain" if is_fastest else "the least downtime of the fastest drains"
        reason = (
            f"{which} whose VMs all move and are down for at most {limit}: "
            f"{chosen.drain_p95_s:.4g} s with {had}"
        )
        if fastest.drain_p95_s * (1 + SAME) >= chosen.drain_p95_s:
            return reason
        return (
            f"{reason}; {fastest.label} takes {fastest.drain_p95_s:.4g} s, but with "
            f"{fastest.worst_downtime_s:.3g} s"
        )

    @property
    def comparison(self) -> str:
        """Which ways the Pareto set has been chosen from, in words."""
        tried, compared = len(self.options), len(self.compared)
        ways = "1 way" if compared == 1 else f"{compared} ways"
        if not any(one.is_confirmed for one in self.options):
            return f"{ways}, of which none was run as often as wanted"
        runs = f"{self.replications} times" if self.replications > 1 else "once"
        others = "" if compared == tried else f", of {tried} run at least once"
        return f"{ways}, each run {runs}{others}"

    def report(self) -> AdviceReport:
        """Return everything, as `advise --json` prints it."""
        evacuation = self.options[0].evacuation
        plan = evacuation.replications[0].plan
        recommended = self.recommended
        return AdviceReport(
            scenario=evacuation.drain.scenario.name,
            traces=plan.traces,
            hosts=plan.hosts,
            vms_to_move=plan.vms,
            max_downtime_s=self.max_downtime_s,
            seed=self.seed,
            replications=self.replications,
            combinations=self.combinations,
            tried=len(self.options),
            compared=len(self.compared),
            comparison=self.comparison,
            recommendation=Recommendation(
                **asdict(recommended.report()),
                qualifies=recommended.qualifies(self.max_downtime_s),
                reason=self.reason,
            ),
            pareto=tuple(one.report() for one in self.front),
            options=tuple(one.report() for one in self.options),
            warnings=recommended.evacuation.warnings,
            assumptions=self._assumptions(),
            versions=versions(),
        )

    def save(self, folder: Path, *, csv: bool = True, overwrite: bool = False) -> list[Path]:
        """Write advice.json and the table `options` as Parquet and CSV; return the files written.

        Args:
            folder: a new or empty folder.
            csv: whether the table is written as CSV, too.
            overwrite: whether to replace an older result in this folder.

        Raises:
            ScenarioError: if the folder is in use, see `check_unused`.
        """
        table = pd.DataFrame([plain_data(one.report()) for one in self.options])
        with new_result(folder, "advise", overwrite=overwrite) as place:
            write_text(json_text(self.report()), place / "advice.json")
            write_parquet(table, place / "options.parquet")
            if csv:
                write_text(table.to_csv(index=False), place / "options.csv")
        names = ("advice.json", "options.parquet", *(["options.csv"] if csv else []))
        return [folder / name for name in names]

    def _assumptions(self) -> tuple[str, ...]:
        best = self.recommended.evacuation
        return (
            *best.replications[0].plan.assumptions,
            *settings_in_words(best.replications[0].plan.scenario),
            "Every combination is run once. The Pareto front of these runs, and the fastest "
            f"candidates whose downtime is short enough, are run {self.replications} times. "
            "Another seed may choose others.",
            "Drain time is p95 over the replications, with few of them the longest; the worst "
            "downtime is the longest seen or, if larger, the upper end of the 95 % Student t "
            "interval of the longest per replication.",
            f"Differences below {SAME:.0%} do not make one way better than another.",
            "More migrations at once than limits per host allow are not tried.",
            "A VM that resumes before its pages have arrived (hybrid, post-copy) waits for them; "
            "downtime does not include these waits.",
        )
