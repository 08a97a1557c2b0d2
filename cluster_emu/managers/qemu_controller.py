"""A migration that QEMU carries out for a manager, and all that a manager can do about it.

QEMU ends the live rounds by itself once what is left fits the downtime limit. A manager can raise
that limit, have the guest slowed down, pause it, switch to post-copy, or cancel.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from cluster_emu.managers.throttling import NoThrottle, Throttle
from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
    Progress,
    forced,
)
from cluster_emu.transfer.stop_rules import DeadlineStopRule, QemuStop

QEMU_DOWNTIME_LIMIT_S = 0.3
"""QEMU's default of downtime-limit."""


class QemuController(MigrationController):
    """QEMU without a manager: a downtime limit, and optionally a throttle and a timeout.

    A manager overrides `next_check_s` and `check`, or `act_on_round`, or both.

    Args:
        downtime_limit_s: downtime that is allowed at the start.
        throttle: what slows the guest down, None for nothing.
        timeout_s: seconds after the first byte at which `at_timeout` happens, inf for never.
        at_timeout: what the timeout does.
    """

    def __init__(
        self,
        downtime_limit_s: float,
        throttle: Throttle | None = None,
        *,
        timeout_s: float = math.inf,
        at_timeout: MigrationAction = MigrationAction.ABORT,
    ) -> None:
        self.set_downtime_limit(downtime_limit_s)
        self._throttle = throttle or NoThrottle()
        self._timeout_s = timeout_s
        self._at_timeout = at_timeout
        self._timed_out = False

    @property
    def downtime_limit_s(self) -> float:
        """The downtime that is allowed now."""
        return self._downtime_limit_s

    def set_downtime_limit(self, downtime_limit_s: float) -> None:
        """Change the downtime that is allowed."""
        self._downtime_limit_s = downtime_limit_s
        self._rule = self.rule(downtime_limit_s)

    def rule(self, downtime_limit_s: float) -> DeadlineStopRule:
        """Return when live rounds end while so much downtime is allowed: QEMU's rule."""
        return QemuStop(downtime_limit_s=downtime_limit_s)

    def act_on_round(self, progress: Progress) -> ControllerDecision:
        """Let the manager act on a live round after which QEMU continues."""
        return CONTINUE

    def next_check_s(self) -> float:
        """Return the timeout until it has passed."""
        return math.inf if self._timed_out else self._timeout_s

    def check(self, status: MigrationStatus) -> ControllerDecision:
        """Return what the timeout does."""
        self._timed_out = True
        reason = f"not completed after {self._timeout_s:g} s"
        return forced(self._at_timeout, reason)

    def round_ended(self, progress: Progress) -> ControllerDecision:
        """Stop if the rest fits, else let the manager act; it may have raised the limit."""
        self._throttle.round_ended(progress)
        decision = self._rule.evaluate(progress)
        if decision == CONTINUE:
            decision = self.act_on_round(progress)
        if decision == CONTINUE:
            decision = self._rule.evaluate(progress)
        return decision

    @property
    def bandwidth_known_s(self) -> float:
        """Return the time from which the rule knows the bandwidth."""
        return self._rule.bandwidth_known_s

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return the threshold below which QEMU reads the log again."""
        return self._rule.sync_threshold_bytes(bytes_per_s)

    def throttle(self) -> float:
        """Return what the throttle takes from the guest now."""
        return self._throttle.share

    @property
    def throttle_takes_idle_time(self) -> bool:
        """Return whether the throttle takes the guest's idle time first."""
        return self._throttle.takes_idle_time


class PostCopyOnRequest(QemuController):
    """QEMU that someone asks for post-copy at a time.

    Args:
        downtime_limit_s: downtime that is allowed at the start.
        throttle: what slows the guest down, None for nothing.
        post_copy_after_s: seconds after the first byte at which post-copy is asked for.
        timeout_s: seconds after the first byte at which the migration is cancelled.
    """

    def __init__(
        self,
        downtime_limit_s: float,
        throttle: Throttle | None,
        *,
        post_copy_after_s: float,
        timeout_s: float,
    ) -> None:
        super().__init__(downtime_limit_s, throttle, timeout_s=timeout_s)
        self._post_copy_after_s = post_copy_after_s
        self._is_asked = False

    def next_check_s(self) -> float:
        """Return the time of the request until it has passed."""
        return super().next_check_s() if self._is_asked else self._post_copy_after_s

    def check(self, status: MigrationStatus) -> ControllerDecision:
        """Switch to post-copy."""
        if self._is_asked:
            return super().check(status)
        self._is_asked = True
        reason = f"asked for after {self._post_copy_after_s:g} s"
        return forced(MigrationAction.POST_COPY, reason)


class PollingController(QemuController, ABC):
    """A manager that polls QEMU's figures at regular times.

    Args:
        downtime_limit_s: downtime that is allowed at the start.
        throttle: what slows the guest down, None for nothing.
        poll_s: seconds from one poll to the next; a manager may change it.
    """

    def __init__(self, downtime_limit_s: float, throttle: Throttle | None, poll_s: float) -> None:
        super().__init__(downtime_limit_s, throttle)
        self.poll_s = poll_s
        self._next_poll_s = poll_s

    @abstractmethod
    def poll(self, now_s: float, status: MigrationStatus) -> ControllerDecision:
        """Decide about the migration `now_s` seconds after its first byte."""

    def next_check_s(self) -> float:
        """Return the time of the next poll."""
        return self._next_poll_s

    def check(self, status: MigrationStatus) -> ControllerDecision:
        """Poll, and set the time of the next poll."""
        now_s = max(status.elapsed_s, self._next_poll_s)
        decision = self.poll(now_s, status)
        self._next_poll_s = now_s + self.poll_s
        return decision
