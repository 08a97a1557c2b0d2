"""Ways to empty hosts side by side, and the one to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cluster_emu.json_output import plain_data
from cluster_emu.results.display import Displayed, view
from cluster_emu.results.result_folder import save_study
from cluster_emu.results.versions import versions
from cluster_emu.study.evacuation.answer import not_random_note
from cluster_emu.study.evacuation.assumptions import settings_in_words
from cluster_emu.study.evacuation.plan import DrainPlan, assumed_in_all, at_once_in_words
from cluster_emu.study.evacuation.result import Evacuation
from cluster_emu.study.report.advice import AdviceReport, OptionReport, Recommendation
from cluster_emu.study.report.figures import finite_or_none
from cluster_emu.study.report.limits import limits_sentence
from cluster_emu.study.statistics.quantiles import quantile
from cluster_emu.units import slots_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAME = 0.01
"""Relative difference in drain time, interruption or bytes below which ways are shown as alike."""


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
    def worst_interrupted_s(self) -> float:
        """The longest interruption of a VM's service to expect; 0 where no VM had any."""
        found = self.evacuation.worst_interrupted_s
        return 0.0 if math.isnan(found) else found

    @property
    def drain_range_s(self) -> tuple[float, float]:
        """The shortest and the longest drain time of the replications; inf if VMs stayed."""
        found = self.evacuation.drain_s
        return (float(found.min()), float(found.max())) if len(found) else (math.inf, math.inf)

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
        """Drain time, worst interruption and bytes."""
        return self.drain_p95_s, self.worst_interrupted_s, self.bytes

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
        """Return whether every VM moved and no service was interrupted for longer than that."""
        return not self.failures and self.worst_interrupted_s <= max_downtime_s

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
            drain_min_s=finite_or_none(self.drain_range_s[0]),
            drain_max_s=finite_or_none(self.drain_range_s[1]),
            worst_downtime_s=self.worst_downtime_s,
            worst_interrupted_s=self.worst_interrupted_s,
            bytes=finite_or_none(self.bytes),
            failures=self.failures,
        )


def pareto_front(options: Sequence[Option]) -> list[int]:
    """Return the indices of the options that no other beats in drain time, interruption and bytes.

    Options in which a VM was not drained are left out. An option beats another if it is no worse in
    all three and better in one. Of options of exactly equal costs none beats another: all stay.
    """
    drained = [index for index, option in enumerate(options) if not option.failures]
    costs = {index: options[index].costs for index in drained}
    return [
        index
        for index in drained
        if not any(_beats(costs[other], costs[index]) for other in drained)
    ]


def _beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def alike(options: Sequence[Option]) -> list[list[int]]:
    """Return groups of indices of options that are shown as one, in the order of the options.

    The first of a group stands for it; every other one differs from it by at most `SAME` in each
    cost. So nobody in a group differs more than that from what is shown, however many there are.
    """
    groups: list[list[int]] = []
    for index, option in enumerate(options):
        for group in groups:
            if _is_alike(option.costs, options[group[0]].costs):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _is_alike(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(abs(x - y) <= SAME * max(x, y) or x == y for x, y in zip(a, b, strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class Advice(Displayed):
    """What the search found.

    Args:
        max_downtime_s: the longest downtime that was allowed.
        options: what was tried, in the order of policies, strategies and numbers.
        combinations: how many there are to try.
        replications: number of replications of an option that is confirmed.
        seed: the base seed.
        not_tried: pairs of a policy and a strategy that it does not have, in words.
        interrupted: whether a signal ended the search.
    """

    max_downtime_s: float
    options: tuple[Option, ...]
    combinations: int
    replications: int
    seed: int
    not_tried: tuple[str, ...] = ()
    interrupted: bool = False

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
        """The fastest compared that qualifies, or the least interruption if none does.

        Among those that are as fast, but for `SAME`, it is the one with the least interruption.
        """
        compared = self.compared
        good = [one for one in compared if one.qualifies(self.max_downtime_s)]
        if good:
            as_fast = min(one.drain_p95_s for one in good) * (1 + SAME)
            fast = [one for one in good if one.drain_p95_s <= as_fast]
            return min(fast, key=lambda one: (one.worst_interrupted_s, one.costs))
        return min(compared, key=lambda one: (one.failures, one.worst_interrupted_s, one.costs))

    @property
    def reason(self) -> str:
        """Why that one, in words."""
        chosen = self.recommended
        limit = f"{self.max_downtime_s:g} s"
        had = f"service interrupted for at most {chosen.worst_interrupted_s:.3g} s"
        if not chosen.qualifies(self.max_downtime_s):
            left = f", {chosen.failures} failures" if chosen.failures else ""
            return f"none stays within {limit} for every VM; this one has the least: {had}{left}"
        drained = [one for one in self.compared if not one.failures]
        fastest = min(drained, key=lambda one: one.costs)
        good = [one for one in self.compared if one.qualifies(self.max_downtime_s)]
        is_fastest = chosen is min(good, key=lambda one: one.costs)
        which = "the fastest drain" if is_fastest else "the least interruption of the fastest"
        reason = (
            f"{which} whose VMs all move and whose service is interrupted for at most {limit} "
            f"(downtime and stalls): {chosen.drain_p95_s:.4g} s with {had}"
        )
        if fastest.drain_p95_s * (1 + SAME) >= chosen.drain_p95_s:
            return reason
        return (
            f"{reason}; {fastest.label} takes {fastest.drain_p95_s:.4g} s, but an interruption of "
            f"up to {fastest.worst_interrupted_s:.3g} s is to be expected "
            f"({fastest.evacuation.longest_seen('interrupted_s'):.3g} s seen)"
        )

    @property
    def undecided(self) -> str:
        """Which other ways chance alone may put before or behind the recommended one, in words."""
        chosen = self.recommended
        good = [one for one in self.compared if one.qualifies(self.max_downtime_s)]
        low, high = chosen.drain_range_s
        others = [
            one
            for one in good
            if one is not chosen and one.drain_range_s[0] <= high and low <= one.drain_range_s[1]
        ]
        if len(chosen.evacuation.replications) < 2 or not others or low == high:
            return ""
        return (
            f"Over {self.replications} seeds its drains take {low:.4g} to {high:.4g} s; "
            f"{len(others)} other ways that qualify overlap with that, so their order may be chance"
        )

    @property
    def answer(self) -> str:
        """The advice in words: what to take, and what limits its migrations."""
        chosen = self.recommended
        report = chosen.evacuation.report()
        random = chosen.evacuation.is_random
        sentences = [
            f"Take {chosen.label}: {self.reason}.",
            f"{self.undecided}." if self.undecided else "",
            limits_sentence(report.limits, report.waits),
            "" if random else not_random_note(len(chosen.evacuation.replications)),
        ]
        return " ".join(sentence for sentence in sentences if sentence)

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

    @property
    def headline(self) -> str:
        """What is recommended, and out of how many ways."""
        return f"{self.recommended.label}; chosen from {self.comparison}"

    def to_frame(self) -> pd.DataFrame:
        """Return the table `options`: one row per way that was tried."""
        return pd.DataFrame([plain_data(one.report()) for one in self.options])

    def plot(self) -> Figure:
        """Draw all ways, drain time against interruption, with the Pareto set marked."""
        pictures = view()
        figure: Figure = pictures.figure_of(pictures.draw_advice(self.report()))
        return figure

    def report(self) -> AdviceReport:
        """Return everything, as `advise --json` prints it."""
        evacuation = self.options[0].evacuation
        plan = evacuation.replications[0].plan
        recommended = self.recommended
        return AdviceReport(
            scenario=evacuation.drain.scenario.name,
            traces=plan.traces,
            hosts=plan.hosts,
            host_names=_names_of(plan),
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
                limits=recommended.evacuation.report().limits,
            ),
            answer=self.answer,
            not_tried=self.not_tried,
            pareto=tuple(one.report() for one in self.front),
            alike=tuple(map(tuple, alike(self.front))),
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
        report = "advice.json", self.report()
        tables = {"options": self.to_frame()}
        return save_study(
            folder,
            "advise",
            report,
            tables,
            csv=csv,
            overwrite=overwrite,
            complete=not self.interrupted,
        )

    def _left_out(self) -> tuple[str, ...]:
        if not self.not_tried:
            return ()
        return (
            "Not tried, as the manager has no post-copy as it is set (--any-pair tries it): "
            f"{', '.join(self.not_tried)}.",
        )

    def _assumptions(self) -> tuple[str, ...]:
        best = self.recommended.evacuation
        return (
            *assumed_in_all([one.plan for one in best.replications]),
            *settings_in_words(best.replications[0].plan.scenario),
            f"Every combination is run once. Those are run {self.replications} times that are on "
            "the Pareto front of these runs, or among the fastest that interrupt service briefly "
            "enough, or in which a migration was aborted and tried again, because chance then "
            "moves the result. Another seed may choose others.",
            "Drain time is p95 over the replications, with few of them the longest. Service is "
            "interrupted by the downtime and, where a VM resumes before its pages have arrived "
            "(hybrid, post-copy), by the waits for them. The worst is the longest seen or, if "
            "larger, the upper end of the 95 % Student t interval of the longest per replication.",
            f"Ways of the front that differ by at most {100 * SAME:g} % in every figure from a "
            "faster one are shown along with it.",
            "More migrations at once than limits per host allow are not tried.",
            *self._left_out(),
        )


def _names_of(plan: DrainPlan) -> tuple[str, ...]:
    names = plan.scenario.names.hosts
    return tuple(names[host] for host in plan.hosts) if names else ()
