"""What steers a running migration: a stop rule alone, or a manager's policy around one.

A stop rule is asked at the end of each live round. A policy may also ask to look at certain times,
change the downtime it allows, slow the guest down, switch to post-copy, force stop-and-copy, or
give up. A `MigrationController` is the state of that for one migration; the policy itself is plain
data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

from cluster_emu.plugins import Registry
from cluster_emu.transfer.stopping import Progress, StopRule, Verdict


class Step(Enum):
    """What happens to a migration now."""

    CONTINUE = "continue"
    LAST_ROUND = "last round"
    STOP = "stop"
    POST_COPY = "post-copy"
    ABORT = "abort"


Answer = tuple[Step, str]
"""A step and the reason for it in words."""
GO_ON: Answer = (Step.CONTINUE, "")


@dataclass(frozen=True, slots=True)
class View:
    """What a manager sees of a running migration when it looks.

    Args:
        elapsed_s: time since the first byte, less that spent on waiting for turns.
        round_number: the live round under way, from 1.
        memory_bytes: memory of the VM.
        bytes_left: bytes of the pages whose turn has not come in the round under way (what QEMU
            calls remaining).
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
    """Steers one migration while its VM still runs at the source; may keep state."""

    def next_check_s(self) -> float:
        """Return the time since the first byte at which `check` is to be called next, or inf.

        Time in which the migration waits for its turn on the network does not count.
        """
        ...

    def check(self, view: View) -> Answer:
        """Look at the migration at the time asked for."""
        ...

    def round_ended(self, progress: Progress) -> Answer:
        """Decide what follows a live round."""
        ...

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return how many bytes may be left unsent when the dirty log is read early, 0 for none."""
        ...

    def throttle(self) -> float:
        """Return the share of its CPU time that is taken from the guest now, 0 to below 1."""
        ...


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """How many migrations may hold a slot at once; None for no limit.

    Args:
        per_cluster: in the whole cluster.
        outbound_per_host: away from one host.
        inbound_per_host: onto one host.
    """

    per_cluster: int | None = None
    outbound_per_host: int | None = None
    inbound_per_host: int | None = None


class Policy(Protocol):
    """How a manager handles migrations. Implementations are frozen pydantic dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what is special about it.
        source: project, file and version its defaults come from.
        lifts_cap_when_stopped: whether the bandwidth cap holds only while the VM runs (as in QEMU).
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    lifts_cap_when_stopped: ClassVar[bool]

    @property
    def limits(self) -> ConcurrencyLimits:
        """How many migrations may run at once."""

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """The cap on the rate of one migration, inf for none."""

    @property
    def retries(self) -> int:
        """How often an aborted migration is asked for again, 0 for never."""

    @property
    def retry_backoff_s(self) -> float:
        """The wait before the first retry, in seconds; it doubles with every further one."""

    def steer(self, memory_bytes: float) -> MigrationController:
        """Return the steering of one migration of a VM with that much memory."""
        ...


policies: Registry[Policy] = Registry(
    "policy",
    "cluster_emu.policies",
    package="cluster_emu.managers",
    summary="how a manager controls its migrations: limits, throttling, timeouts",
)

_STEP_OF = {
    Verdict.CONTINUE: Step.CONTINUE,
    Verdict.LAST_ROUND: Step.LAST_ROUND,
    Verdict.STOP: Step.STOP,
    Verdict.ABORT: Step.ABORT,
}


class StopRuleController:
    """A stop rule alone, with its deadline.

    Args:
        rule: when live rounds end.
    """

    def __init__(self, rule: StopRule) -> None:
        self._rule = rule
        self._struck = False

    def next_check_s(self) -> float:
        """Return the rule's deadline until it has struck."""
        deadline_s = self._rule.deadline_s
        return math.inf if deadline_s is None or self._struck else deadline_s

    def check(self, view: View) -> Answer:
        """Let the deadline strike."""
        self._struck = True
        step = Step.ABORT if self._rule.at_deadline == "abort" else Step.STOP
        return step, f"deadline of {self._rule.deadline_s:g} s"

    def round_ended(self, progress: Progress) -> Answer:
        """Ask the rule."""
        verdict, reason = self._rule.verdict(progress)
        return _STEP_OF[verdict], reason

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Ask the rule."""
        return self._rule.sync_threshold_bytes(bytes_per_s)

    def throttle(self) -> float:
        """Return 0: a stop rule leaves the guest alone."""
        return 0.0
