"""A migration that QEMU carries out for a manager, and all that a manager can do about it.

QEMU ends the live rounds by itself once what is left fits the downtime limit. A manager can raise
that limit, have the guest slowed down, pause it, switch to post-copy, or cancel.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from cluster_emu.managers.throttling import NoThrottle, Throttle
from cluster_emu.transfer.controller import GO_ON, Answer, Step, View
from cluster_emu.transfer.stop_rules import QemuStop
from cluster_emu.transfer.stopping import Progress, Verdict

QEMU_DOWNTIME_LIMIT_S = 0.3
"""What QEMU allows unless it is told otherwise."""


class QemuController:
    """QEMU alone: a downtime limit, perhaps a throttle, perhaps a timeout.

    A manager overrides `next_check_s` and `check`, or `act_on_round`, or both.

    Args:
        downtime_limit_s: downtime that is allowed at the start.
        throttle: what slows the guest down, None for nothing.
        timeout_s: seconds after the first byte at which `at_timeout` is done, inf for never.
        at_timeout: what is done then.
    """

    def __init__(
        self,
        downtime_limit_s: float,
        throttle: Throttle | None = None,
        *,
        timeout_s: float = math.inf,
        at_timeout: Step = Step.ABORT,
    ) -> None:
        self._rule = QemuStop(downtime_limit_s=downtime_limit_s)
        self._throttle = throttle or NoThrottle()
        self._timeout_s = timeout_s
        self._at_timeout = at_timeout
        self._timed_out = False

    @property
    def downtime_limit_s(self) -> float:
        """The downtime that is allowed now."""
        return self._rule.downtime_limit_s

    def allow(self, downtime_limit_s: float) -> None:
        """Change the downtime that is allowed."""
        self._rule = QemuStop(downtime_limit_s=downtime_limit_s)

    def act_on_round(self, progress: Progress) -> Answer:
        """Let the manager act on a live round after which QEMU goes on."""
        return GO_ON

    # --- as a steering ---------------------------------------------------------------------------

    def next_check_s(self) -> float:
        """Return the timeout until it has struck."""
        return math.inf if self._timed_out else self._timeout_s

    def check(self, view: View) -> Answer:
        """Let the timeout strike."""
        self._timed_out = True
        return self._at_timeout, f"not completed after {self._timeout_s:g} s"

    def round_ended(self, progress: Progress) -> Answer:
        """Stop if the rest fits, else let the manager act and look again: it may fit now."""
        self._throttle.round_ended(progress)
        answer = self._judge(progress)
        if answer == GO_ON:
            answer = self.act_on_round(progress)
        if answer == GO_ON:
            answer = self._judge(progress)
        return answer

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return the threshold below which QEMU reads the log anew."""
        return self._rule.sync_threshold_bytes(bytes_per_s)

    def throttle(self) -> float:
        """Return what the throttle takes from the guest now."""
        return self._throttle.share

    def _judge(self, progress: Progress) -> Answer:
        verdict, reason = self._rule.judge(progress)
        return (Step.STOP, reason) if verdict is Verdict.STOP else GO_ON


class PollingSteering(QemuController, ABC):
    """A manager that looks at QEMU's figures at regular times.

    Args:
        downtime_limit_s: downtime that is allowed at the start.
        throttle: what slows the guest down, None for nothing.
        poll_s: seconds from one look to the next; a manager may change it.
    """

    def __init__(self, downtime_limit_s: float, throttle: Throttle | None, poll_s: float) -> None:
        super().__init__(downtime_limit_s, throttle)
        self.poll_s = poll_s
        self._next_poll_s = poll_s

    @abstractmethod
    def poll(self, now_s: float, view: View) -> Answer:
        """Look at the migration `now_s` seconds after its first byte."""

    def next_check_s(self) -> float:
        """Return the time of the next look."""
        return self._next_poll_s

    def check(self, view: View) -> Answer:
        """Look, and set the time of the look after."""
        now_s = max(view.elapsed_s, self._next_poll_s)
        answer = self.poll(now_s, view)
        self._next_poll_s = now_s + self.poll_s
        return answer
