"""What a trigger found and did at one control instant, or why it did nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cluster_emu.wording import counted


class Obstacle(StrEnum):
    """Why a VM fits on no host: the first condition after which no host is left, in this order."""

    NO_OPEN_HOST = "without a host that takes VMs"
    NOT_ALLOWED = "allowed on no such host"
    MEMORY = "short of memory"
    AFFINITY = "kept with its affinity group"
    ANTI_AFFINITY = "kept apart by anti-affinity"
    CPU = "short of CPU"
    PLACEMENT = "refused by the placement"


@dataclass(frozen=True, slots=True)
class Spread:
    """How far apart hosts are, before and after the moves of one control instant.

    Args:
        measured: what is measured, in words: "range of the utilisation".
        before: its value before the moves.
        after: its value once the moves are done.
        allowed: the value up to which there is nothing to do.
        above_as: the reasons why it stays above that, each with its number.
    """

    measured: str
    before: float
    after: float
    allowed: float
    above_as: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TriggerReport:
    """What one trigger found and did at one control instant.

    The reasons are phrases that follow a number of VMs or hosts, each with that number.

    Args:
        trigger: name of the trigger.
        moves: migrations it requested.
        overloaded: hosts found overloaded.
        relieved: how many of them are not overloaded once the moves are done.
        tried: underloaded hosts it tried to empty.
        emptied: how many of them can be emptied; the others keep all of their VMs.
        unplaced: VMs that ought to move but fit on no host, in the order they were tried.
        kept_apart: those of them for which anti-affinity alone leaves no host.
        blocking: VMs that ought to move but may not migrate, in ascending order.
        highest_utilisation: the highest one of a host before the moves, as CPU wanted over
            capacity; 0 for a trigger that does not look.
        unplaced_as: the reasons why the unplaced VMs fit nowhere.
        overloaded_as: the reasons why hosts stay overloaded.
        kept_as: the reasons why hosts that were tried keep their VMs.
        untried_as: the reasons why other hosts with VMs were not tried.
        drained: hosts that it drains.
        spread: how far apart hosts are, for a trigger that balances.
        note: the outcome in words.
    """

    trigger: str
    moves: int = 0
    overloaded: int = 0
    relieved: int = 0
    tried: int = 0
    emptied: int = 0
    unplaced: tuple[int, ...] = ()
    kept_apart: tuple[int, ...] = ()
    blocking: tuple[int, ...] = ()
    highest_utilisation: float = 0.0
    unplaced_as: Mapping[str, int] = field(default_factory=dict)
    overloaded_as: Mapping[str, int] = field(default_factory=dict)
    kept_as: Mapping[str, int] = field(default_factory=dict)
    untried_as: Mapping[str, int] = field(default_factory=dict)
    drained: int = 0
    spread: Spread | None = None
    note: str = ""

    @property
    def consolidation_in_words(self) -> str:
        """What it did with overloaded and underloaded hosts, and what it did not do and why."""
        totals = TriggerTotals()
        totals.add(self)
        return totals.consolidation_in_words


COMPLETED = "completed"
"""The end of a migration that was carried out."""

MOST_NOTES = 2
"""How many different outcomes in words are told of a trigger that counts nothing."""


class TriggerTotals:
    """What one trigger did over a run, summed over its reports of every control instant.

    A host that is overloaded at several instants counts at each of them.
    """

    def __init__(self) -> None:
        self._moves = self._overloaded = self._relieved = self._unplaced = 0
        self._tried = self._emptied = 0
        self._highest_utilisation = 0.0
        self._unplaced_as: Counter[str] = Counter()
        self._overloaded_as: Counter[str] = Counter()
        self._kept_as: Counter[str] = Counter()
        self._untried_as: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._drain = _DrainTotals()
        self._balance = _BalanceTotals()

    def add(self, report: TriggerReport) -> None:
        """Count what the trigger did at one control instant."""
        self._moves += report.moves
        self._overloaded += report.overloaded
        self._relieved += report.relieved
        self._unplaced += len(report.unplaced)
        self._tried += report.tried
        self._emptied += report.emptied
        self._highest_utilisation = max(self._highest_utilisation, report.highest_utilisation)
        self._unplaced_as.update(report.unplaced_as)
        self._overloaded_as.update(report.overloaded_as)
        self._kept_as.update(report.kept_as)
        self._untried_as.update(report.untried_as)
        self._drain.add(report)
        self._balance.add(report)
        if report.note and not report.drained and report.spread is None:
            self._notes[report.note] += 1

    def in_words(self, instants: int, ends: Mapping[str, int] | None = None) -> str:
        """Return the sums in words.

        For a trigger that neither counts overloaded and underloaded hosts, nor drains, nor
        balances, these are the outcomes that it gave most often.

        Args:
            instants: number of control instants.
            ends: how many of the moves ended how, retries included; not told if None.
        """
        moves = f"{counted(self._moves, 'move')} in {counted(instants, 'control instant')}"
        if self._moves and ends is not None:
            moves += f" ({_ends_in_words(ends)})"
        if self._overloaded or self._tried or self._untried_as:
            return f"{moves}; {self.consolidation_in_words}"
        if self._drain.hosts:
            return f"{moves}; {self._drain.in_words()}"
        if self._balance.instants:
            told = [moves, self._balance.in_words(), *self._notes]
            return "; ".join(told)
        told = [
            f"{note} ({counted(count, 'time')})"
            for note, count in self._notes.most_common(MOST_NOTES)
        ]
        return "; ".join([moves, *told])

    @property
    def consolidation_in_words(self) -> str:
        """What was done with overloaded and underloaded hosts; what was not done, and why."""
        return f"{self._relief_in_words()}; {self._emptying_in_words()}"

    def _relief_in_words(self) -> str:
        if not self._overloaded:
            highest = f"{self._highest_utilisation:.2f}"
            return f"no host above its threshold (at most {highest} of its CPU wanted)"
        return (
            f"{self._relieved:,} of {counted(self._overloaded, 'overloaded host')} relieved"
            f"{_in_brackets(self._overloaded_as)}, "
            f"{self._unplaced:,} of their VMs fit nowhere{_in_brackets(self._unplaced_as)}"
        )

    def _emptying_in_words(self) -> str:
        others = _listed(self._untried_as)
        if not self._tried:
            return f"no host to empty: {others}" if others else "no host to empty"
        tried = counted(self._tried, "underloaded host")
        done = f"{self._emptied:,} of {tried} emptied{_in_brackets(self._kept_as)}"
        return f"{done}; other hosts: {others}" if others and not self._emptied else done


class _DrainTotals:
    """What a drain could not do: the VMs that fit nowhere, and those that may not migrate."""

    def __init__(self) -> None:
        self.hosts = 0
        self._unplaced = self._most_unplaced = 0
        self._unplaced_as: Mapping[str, int] = {}
        self._blocking: tuple[int, ...] = ()

    def add(self, report: TriggerReport) -> None:
        """Count one control instant."""
        if not report.drained:
            return
        self.hosts, self._blocking = report.drained, report.blocking
        self._unplaced = len(report.unplaced)
        self._most_unplaced = max(self._most_unplaced, self._unplaced)
        if report.unplaced:
            self._unplaced_as = report.unplaced_as

    def in_words(self) -> str:
        """Return how many hosts are drained, and which VMs stay there and why."""
        told = f"{counted(self.hosts, 'host')} drained, "
        reasons = _in_brackets(Counter(self._unplaced_as))
        if self._unplaced:
            told += f"{counted(self._unplaced, 'VM')} fit nowhere at the last instant{reasons}"
        elif self._most_unplaced:
            most = f"at most {self._most_unplaced} fitted nowhere{reasons} at instants before"
            told += f"every VM has a target at the last instant, {most}"
        else:
            told += "every VM that may move had a target"
        if self._blocking:
            may_not = "may not migrate and blocks" if len(self._blocking) == 1 else "may not"
            told += f"; {counted(len(self._blocking), 'VM')} {may_not}"
        return told


class _BalanceTotals:
    """At how many control instants hosts were too far apart, and why they stayed so."""

    def __init__(self) -> None:
        self.instants = 0
        self._above = self._settled = 0
        self._most = 0.0
        self._last: Spread | None = None
        self._above_as: Counter[str] = Counter()

    def add(self, report: TriggerReport) -> None:
        """Count one control instant."""
        spread = report.spread
        if spread is None:
            return
        self.instants += 1
        self._last, self._most = spread, max(self._most, spread.before)
        if spread.before > spread.allowed:
            self._above += 1
            self._settled += spread.after <= spread.allowed
            self._above_as.update(spread.above_as)

    def in_words(self) -> str:
        """Return how often the spread was too large, how often moves mended it, and why not."""
        last = self._last
        assert last is not None, "asked for only if there is one"
        found = f"{last.measured} at most {self._most:.3f}, {last.after:.3f} in the end"
        if not self._above:
            return f"{found}, never above the {last.allowed:.3f} allowed"
        above = f"above the {last.allowed:.3f} allowed at {counted(self._above, 'instant')}"
        return (
            f"{found}; {above}, and at {self._settled} of them within it after the moves"
            f"{_in_brackets(self._above_as)}"
        )


def _ends_in_words(ends: Mapping[str, int]) -> str:
    """Return how moves ended: "all carried out", or "6 carried out, 2 not converged"."""
    others = {name: count for name, count in ends.items() if name != COMPLETED and count}
    if not others:
        return "all carried out"
    listed = ", ".join(f"{count:,} {name}" for name, count in sorted(others.items()))
    return f"{ends.get(COMPLETED, 0):,} carried out, {listed}"


def _listed(reasons: Counter[str]) -> str:
    """Return reasons with their counts, the most frequent first: "3 drained, 1 overloaded"."""
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())


def _in_brackets(reasons: Counter[str]) -> str:
    return f" ({_listed(reasons)})" if reasons else ""
