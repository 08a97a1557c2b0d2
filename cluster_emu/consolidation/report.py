"""What a trigger found and did at one control instant, or why it did nothing."""

from __future__ import annotations

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
