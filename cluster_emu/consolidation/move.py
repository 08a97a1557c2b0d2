"""One planned migration, and how urgent it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """The class of a queued migration; a lower number is more urgent."""

    DRAIN = 0
    USER = 1
    REBALANCE = 2


@dataclass(frozen=True, slots=True)
class Move:
    """One planned migration.

    Args:
        vm: number of the VM.
        source: host it runs on.
        target: host it shall run on.
        reason: its cause: "overload", "underload", "balance", "drain" or "request".
        priority: its class in the queue.
    """

    vm: int
    source: int
    target: int
    reason: str
    priority: Priority
