"""What a stop rule is: it looks at the rounds so far and says whether to go on.

A stop rule is separate from the strategy; any rule combines with any strategy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal, Protocol

from cluster_emu.plugins import Registry

AtDeadline = Literal["abort", "stop"]


class Verdict(Enum):
    """What follows the round that has just ended."""

    CONTINUE = "continue"
    LAST_ROUND = "last round"
    """One more live round, then stop-and-copy without asking again."""
    STOP = "stop"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Progress:
    """What a stop rule may look at, at the end of a live round.

    Args:
        round_number: the round that has just ended, from 1.
        memory_pages: pages the VM has.
        pages_left: pages stop-and-copy would send if it began now (every stale page).
        bytes_left: the same in bytes on the wire.
        pages_left_before: `pages_left` at the end of each earlier round, oldest first.
        sent_pages: pages sent in this round.
        skipped_pages: pages due but not sent in this round (skipped or deferred).
        total_sent_pages: pages sent in all rounds so far.
        sent_bytes: bytes on the wire in this round.
        bytes_per_s: measured transfer rate, bytes of this round over its time (the last known rate
            where the round took no time).
        elapsed_s: time since the migration began to send, less that spent on waiting for turns.
        waited_s: that time; the VM wrote in it, too.
    """

    round_number: int
    memory_pages: int
    pages_left: int
    bytes_left: float
    pages_left_before: tuple[int, ...]
    sent_pages: int
    skipped_pages: int
    total_sent_pages: int
    sent_bytes: float
    bytes_per_s: float
    elapsed_s: float
    waited_s: float = 0.0


class StopRule(Protocol):
    """Decides when live rounds end. Implementations are frozen pydantic dataclasses."""

    name: ClassVar[str]
    """The registered kebab-case name."""
    summary: ClassVar[str]
    """One line saying when it stops."""
    source: ClassVar[str]
    """Where the rule comes from."""

    @property
    def deadline_s(self) -> float | None:
        """Seconds after the first page at which `at_deadline` strikes, even in mid-round.

        Waiting for turns does not count. None for never.
        """

    @property
    def at_deadline(self) -> AtDeadline:
        """What the deadline does.

        "abort" ends the migration as not converged, "stop" forces stop-and-copy.
        """

    def verdict(self, progress: Progress) -> tuple[Verdict, str]:
        """Return what follows the round, and the reason in words (empty for CONTINUE)."""
        ...

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return how many bytes may be left unsent when a round is cut short to read the log.

        0 where a round always visits every page that is due. QEMU looks at the log as soon as what
        is left fits bandwidth x downtime limit.
        """
        ...


stop_rules: Registry[StopRule] = Registry(
    "stop rule",
    "cluster_emu.stop_rules",
    package="cluster_emu.transfer.stop_rules",
    summary="when live rounds end",
)
