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
    note: str = ""

    @property
    def consolidation_in_words(self) -> str:
        """What it did with overloaded and underloaded hosts, and what it did not do and why."""
        totals = TriggerTotals()
        totals.add(self)
        return totals.consolidation_in_words


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
        if report.note:
            self._notes[report.note] += 1

    def in_words(self, instants: int) -> str:
        """Return the sums in words.

        For a trigger that counts neither overloaded nor underloaded hosts, these are the outcomes
        that it gave most often.

        Args:
            instants: number of control instants.
        """
        moves = f"{counted(self._moves, 'move')} in {counted(instants, 'control instant')}"
        if self._overloaded or self._tried or self._untried_as:
            return f"{moves}; {self.consolidation_in_words}"
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


def _listed(reasons: Counter[str]) -> str:
    """Return reasons with their counts, the most frequent first: "3 drained, 1 overloaded"."""
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())


def _in_brackets(reasons: Counter[str]) -> str:
    return f" ({_listed(reasons)})" if reasons else ""
