"""What a stop rule is, and what all of them share.

A stop rule decides at the end of each live round whether another one follows. It does
not depend on the strategy, so any rule works with any strategy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal, Protocol

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.plugins import Registry
from cluster_emu.transfer.controller import (
    CONTINUE,
    NO_SURE_ROUNDS,
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
    Progress,
    SureRounds,
)
from cluster_emu.units import TimeLimit

AtDeadline = Literal["abort", "stop"]

ANY_NUMBER_OF_ROUNDS = 1_000_000_000
"""More live rounds than any migration has."""

LONGEST_HISTORY = 16
"""Rounds after which no older dirty bit is left in a page's history code."""


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
        """Seconds after the first page at which `at_deadline` happens, even in mid-round.

        Time in which the migration waits for its turn does not count. None for no deadline.
        """

    @property
    def at_deadline(self) -> AtDeadline:
        """What the deadline does.

        "abort" ends the migration as not converged, "stop" forces stop-and-copy.
        """

    def decide(self, progress: Progress) -> ControllerDecision:
        """Return what follows the round: any action but `POST_COPY`."""
        ...

    def sure_rounds(self, progress: Progress) -> SureRounds:
        """Return after which of the next rounds the rule continues for sure; optional.

        It is asked right after `decide` has returned CONTINUE for `progress`. Such rounds can be
        worked out in one call. The deadline needs no care: they end before it.
        """
        return NO_SURE_ROUNDS

    @property
    def bandwidth_known_s(self) -> float:
        """Seconds after the first page from which the rule knows the transfer rate, 0 for at once.

        Before that its sync threshold is 0.
        """

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return below how many unvisited bytes of memory a round ends early.

        Then the dirty log is read again. 0 where a round always visits every page that is due.
        QEMU reads the log as soon as the rest fits bandwidth x downtime limit.
        """
        ...


stop_rules: Registry[StopRule] = Registry(
    "stop rule",
    "cluster_emu.stop_rules",
    package="cluster_emu.transfer.stop_rules",
    summary="when live rounds end",
)


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class DeadlineStopRule(StopRule):
    """A stop rule with an optional deadline; a rule overrides `evaluate`.

    Args:
        deadline_s: seconds after the first page; "none" and "unlimited" mean never.
        at_deadline: "abort" ends the migration as not converged, "stop" forces stop-and-copy.
    """

    deadline_s: TimeLimit | None = None
    at_deadline: AtDeadline = "abort"

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return what follows the round by the rule itself, without the deadline."""
        return CONTINUE

    def decide(self, progress: Progress) -> ControllerDecision:
        """Return what follows the round; after the deadline no further round is begun."""
        decision = self.evaluate(progress)
        if self.deadline_s is None or progress.elapsed_s < self.deadline_s:
            return decision
        if decision.action in (MigrationAction.CONTINUE, MigrationAction.LAST_ROUND):
            return deadline_decision(self)
        return decision

    def sure_rounds(self, progress: Progress) -> SureRounds:
        """Return none: the rule has to see every round, unless it says otherwise."""
        return NO_SURE_ROUNDS

    @property
    def bandwidth_known_s(self) -> float:
        """Return 0: the rule needs no rate, or takes that of the last round."""
        return 0.0

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return 0: a round visits every page that is due."""
        return 0.0


class StopRuleController(MigrationController):
    """The controller of a migration without a manager: a stop rule and its deadline.

    Args:
        rule: when live rounds end.
    """

    def __init__(self, rule: StopRule) -> None:
        self.rule = rule
        self._deadline_passed = False

    def next_check_s(self) -> float:
        """Return the rule's deadline until it has passed."""
        deadline_s = self.rule.deadline_s
        return math.inf if deadline_s is None or self._deadline_passed else deadline_s

    def check(self, status: MigrationStatus) -> ControllerDecision:
        """Return what the deadline does."""
        self._deadline_passed = True
        return deadline_decision(self.rule)

    def round_ended(self, progress: Progress) -> ControllerDecision:
        """Return what the rule decides."""
        return self.rule.decide(progress)

    def sure_rounds(self, progress: Progress) -> SureRounds:
        """Return what the rule says; a rule need not say anything."""
        sure: Callable[[Progress], SureRounds] | None = getattr(self.rule, "sure_rounds", None)
        return NO_SURE_ROUNDS if sure is None else sure(progress)

    @property
    def bandwidth_known_s(self) -> float:
        """Return the rule's time."""
        return self.rule.bandwidth_known_s

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return the rule's threshold."""
        return self.rule.sync_threshold_bytes(bytes_per_s)

    def throttle(self) -> float:
        """Return 0: a stop rule takes no CPU time from the guest."""
        return 0.0


def deadline_decision(rule: StopRule) -> ControllerDecision:
    """Return what happens to a migration at the rule's deadline."""
    action = MigrationAction.ABORT if rule.at_deadline == "abort" else MigrationAction.STOP
    return ControllerDecision(action, f"deadline of {rule.deadline_s:g} s")


def stop(reason: str) -> ControllerDecision:
    """Return the decision to stop the VM for that reason."""
    return ControllerDecision(MigrationAction.STOP, reason)


def rounds_text(count: int) -> str:
    """Return a number of rounds in words: ``1 round``, ``5 rounds``."""
    return "1 round" if count == 1 else f"{count} rounds"


def few_pages_text(count: int) -> str:
    """Return a bound on pages in words: ``fewer than 1 page``, ``fewer than 50 pages``."""
    return f"fewer than {count} {'page' if count == 1 else 'pages'}"


def at_rest(progress: Progress) -> ControllerDecision | None:
    """Return the decision for a migration in which more live rounds change nothing, else None.

    A round that sends nothing takes no time, so nothing is written in it and no deadline comes
    nearer; a rule without a limit on rounds has to stop there. If no page is left, or none is due
    (all pages left were deferred, or become due only when they are written), the next round would
    be the same. If pages were skipped, it would not, because their histories shift. It is the same
    after whole histories have shifted out; that happens where dirty bits are given per round. If
    pages were due and the round was cut short before it reached them, the rule decides.
    """
    if progress.pages_left == 0:
        return stop("nothing left")
    if progress.sent_pages > 0:
        return None
    if progress.skipped_pages == 0:
        return None if progress.unvisited_pages > 0 else stop("nothing due")
    unchanged = (progress.pages_left,) * LONGEST_HISTORY
    if progress.pages_left_before[-LONGEST_HISTORY:] == unchanged:
        return stop("every page skipped")
    return None
