"""What a trigger found and did at one control instant, or why it did nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


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


def totals_in_words(reports: Sequence[TriggerReport], instants: int) -> str:
    """Return what one trigger did over a run, from its reports of every control instant.

    A host that is overloaded at several instants counts at each of them. For a trigger that counts
    neither overloaded nor underloaded hosts, these are the outcomes that it gave most often.

    Args:
        reports: one per control instant, or more where several triggers have one name.
        instants: number of control instants.
    """
    overloaded, tried = sum(one.overloaded for one in reports), sum(one.tried for one in reports)
    moves = f"{sum(one.moves for one in reports)} moves in {instants} control instants"
    if overloaded or tried:
        return (
            f"{moves}; {sum(one.relieved for one in reports)} of {overloaded} overloaded hosts "
            f"relieved, {sum(len(one.unplaced) for one in reports)} of their VMs fit nowhere; "
            f"{sum(one.emptied for one in reports)} of {tried} underloaded hosts emptied"
        )
    notes = Counter(one.note for one in reports if one.note)
    told = [f"{note} ({count} times)" for note, count in notes.most_common(MOST_NOTES)]
    return "; ".join([moves, *told])
