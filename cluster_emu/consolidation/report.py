"""What a trigger found and did at one control instant, or why it did nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cluster_emu.wording import counted


@dataclass(frozen=True, slots=True)
class TriggerReport:
    """What one trigger found and did at one control instant.

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
    note: str = ""


MOST_NOTES = 2
"""How many different outcomes in words are told of a trigger that counts nothing."""


class TriggerTotals:
    """What one trigger did over a run, summed over its reports of every control instant.

    A host that is overloaded at several instants counts at each of them.
    """

    def __init__(self) -> None:
        self._moves = self._overloaded = self._relieved = self._unplaced = 0
        self._tried = self._emptied = 0
        self._notes: Counter[str] = Counter()

    def add(self, report: TriggerReport) -> None:
        """Count what the trigger did at one control instant."""
        self._moves += report.moves
        self._overloaded += report.overloaded
        self._relieved += report.relieved
        self._unplaced += len(report.unplaced)
        self._tried += report.tried
        self._emptied += report.emptied
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
        if self._overloaded or self._tried:
            overloaded = counted(self._overloaded, "overloaded host")
            return (
                f"{moves}; {self._relieved} of {overloaded} relieved, "
                f"{self._unplaced} of their VMs fit nowhere; "
                f"{self._emptied} of {counted(self._tried, 'underloaded host')} emptied"
            )
        told = [
            f"{note} ({counted(count, 'time')})"
            for note, count in self._notes.most_common(MOST_NOTES)
        ]
        return "; ".join([moves, *told])
