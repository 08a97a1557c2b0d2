"""The controller of a migration: it decides what the running migration does next.

A controller belongs to one migration and may keep state. It decides at the end of each live round,
and at check times that it chooses. `StopRuleController` only applies a stop rule. The controller of
a manager's policy may also raise the downtime limit, slow the guest down, switch to post-copy,
force stop-and-copy, or abort.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol


class MigrationAction(Enum):
    """What a migration does next, as a controller or a stop rule decides."""

    CONTINUE = "continue"
    LAST_ROUND = "last round"
    """One more live round, then stop-and-copy without a further decision."""
    STOP = "stop"
    """Stop-and-copy."""
    POST_COPY = "post-copy"
    """Resume the VM at the target now and push its memory afterwards."""
    ABORT = "abort"
    """End the migration as not converged; the VM stays at its source."""


class ControllerDecision(NamedTuple):
    """What a migration does next, and the reason in words, empty for `CONTINUE`."""

    action: MigrationAction
    reason: str


def forced(action: MigrationAction, reason: str) -> ControllerDecision:
    """Return what a manager does to a migration that does not end by itself.

    The reason says what was done, since a migration that completes shows only the reason.
    """
    done = {
        MigrationAction.POST_COPY: "switched to post-copy: ",
        MigrationAction.STOP: "VM stopped: ",
    }
    return ControllerDecision(action, done.get(action, "") + reason)


CONTINUE = ControllerDecision(MigrationAction.CONTINUE, "")
"""The decision to go on with live rounds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a migration at the end of a live round.

    Args:
        round_number: the round that has just ended, from 1.
        memory_pages: pages the VM has.
        pages_left: pages stop-and-copy would send if it began now (every stale page).
        bytes_left: the same in bytes on the wire, as encoded and with headers.
        memory_bytes_left: the same in bytes of memory, which is what QEMU counts.
        pages_left_before: `pages_left` at the end of each earlier round, oldest first.
        sent_pages: pages sent in this round.
        skipped_pages: pages due but not sent in this round (skipped or deferred).
        total_sent_pages: pages sent in all rounds so far.
        sent_bytes: bytes on the wire in this round.
        bytes_per_s: measured transfer rate, bytes of this round over its time (the last known rate
            where the round took no time).
        elapsed_s: time since the migration began to send, without the time it waited for its turns.
        waited_s: time it waited for its turns; the VM writes in this time, too.
        unvisited_pages: pages due that the round did not reach before it was cut short.
    """

    round_number: int
    memory_pages: int
    pages_left: int
    bytes_left: float
    memory_bytes_left: float
    pages_left_before: tuple[int, ...]
    sent_pages: int
    skipped_pages: int
    total_sent_pages: int
    sent_bytes: float
    bytes_per_s: float
    elapsed_s: float
    waited_s: float = 0.0
    unvisited_pages: int = 0


class SureRounds(NamedTuple):
    """The live rounds after which a controller continues, as it knows beforehand.

    Args:
        rounds: so many of the next rounds, whatever they bring but for the exceptions here.
        least_left: it may decide otherwise after a round that leaves fewer pages than this. It may
            always decide otherwise after a round that sends nothing or leaves nothing.
    """

    rounds: int
    least_left: int = 1


NO_SURE_ROUNDS = SureRounds(0)
"""A controller that has to see every round."""


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """The state of a migration within a live round (QEMU: query-migrate).

    Args:
        elapsed_s: time since the first byte, without the time it waited for its turns.
        round_number: the live round under way, from 1.
        memory_bytes: memory of the VM.
        bytes_left: bytes of memory in the pages that the round under way has not visited yet
            (QEMU: remaining).
        bytes_sent: bytes on the wire so far.
        bytes_per_s: present transfer rate.
    """

    elapsed_s: float
    round_number: int
    memory_bytes: float
    bytes_left: float
    bytes_sent: float
    bytes_per_s: float


class MigrationController(Protocol):
    """Decides about one migration while its VM still runs at the source; may keep state.

    Attributes:
        bandwidth_known_s: time since the first byte from which the transfer rate counts as
            measured; before it `sync_threshold_bytes` is not asked, and no round ends early.
    """

    @property
    def bandwidth_known_s(self) -> float:
        """Return that time, 0 for at once."""

    def next_check_s(self) -> float:
        """Return the time since the first byte at which `check` has to be called next, or inf.

        Time in which the migration waits for its turn on the network does not count.
        """
        ...

    def check(self, status: MigrationStatus) -> ControllerDecision:
        """Decide in mid-round, at the time that `next_check_s` returned."""
        ...

    def round_ended(self, progress: Progress) -> ControllerDecision:
        """Decide what follows a live round."""
        ...

    def sure_rounds(self, progress: Progress) -> SureRounds:
        """Return after which of the next rounds it continues for sure, without being asked.

        It is asked right after `round_ended` decided to continue. Times at which `check` is due
        need no care. A controller that has to see every round inherits this.
        """
        return NO_SURE_ROUNDS

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return below how many unvisited bytes of memory a round ends early, 0 for never.

        Then the dirty log is read again.
        """
        ...

    def throttle(self) -> float:
        """Return the share of its CPU time that is taken from the guest now, 0 to below 1."""
        ...

    @property
    def throttle_takes_idle_time(self) -> bool:
        """Return whether the throttle takes the guest's idle time first."""
        return False
