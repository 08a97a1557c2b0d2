"""oVirt's migration policies: the downtime that is allowed grows with the rounds it takes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import ManagerPolicy, PollSeconds, policies
from cluster_emu.managers.qemu_controller import PollingController
from cluster_emu.managers.throttling import AutoConverge, Throttle
from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
    forced,
)
from cluster_emu.units import CountLimit, PositiveSeconds
from cluster_emu.wording import counted

Raise = tuple[Annotated[int, Field(ge=0)], PositiveSeconds]
"""A stalling limit, and the downtime in seconds allowed once more rounds than that have begun."""

TO_500_MS: tuple[Raise, ...] = ((1, 0.15), (2, 0.2), (3, 0.3), (4, 0.4), (6, 0.5))

_CONFIG = "oVirt Engine 0111fc6, dbscripts/upgrade/pre_upgrade/0000_config.sql"


@dataclass(frozen=True, kw_only=True)
class OvirtPolicy(ManagerPolicy):
    """What oVirt's four policies have in common.

    The host's agent polls every ten seconds. If a round has begun since the last poll, it takes at
    most one step: the next raise if its limit is exceeded, then the last ones.

    Args:
        initial_downtime_s: downtime that is allowed at the start.
        raises: how it is raised.
        last_downtime_s: the limit for one poll after all raises, or None.
        last_action: what happens at the poll after that.
        auto_converge: slow the guest down.
        poll_s: time between two polls (migration_monitor_interval of VDSM).
    """

    source: ClassVar[str] = _CONFIG
    lifts_cap_when_stopped: ClassVar[bool] = True

    initial_downtime_s: PositiveSeconds = 0.1
    raises: tuple[Raise, ...] = TO_500_MS
    last_downtime_s: PositiveSeconds | None = None
    last_action: Literal["abort", "post-copy"] = "abort"
    auto_converge: bool = True
    poll_s: PollSeconds = 10.0

    @property
    def allows_post_copy(self) -> bool:
        """Return whether the policy ends with post-copy."""
        return self.last_action == "post-copy"

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        throttle = AutoConverge(memory_bytes) if self.auto_converge else None
        return _OvirtController(self, throttle)


@policies.register("ovirt-minimal-downtime")
@dataclass(frozen=True, kw_only=True)
class OvirtMinimalDowntime(OvirtPolicy):
    """Raise the limit from 100 to 500 ms, then abort; oVirt's default. See `OvirtPolicy`."""

    name: ClassVar[str] = "ovirt-minimal-downtime"
    summary: ClassVar[str] = "downtime limit from 100 to 500 ms as rounds go by, then abort"

    outbound_per_host: CountLimit | None = 2


@policies.register("ovirt-suspend-workload")
@dataclass(frozen=True, kw_only=True)
class OvirtSuspendWorkload(OvirtPolicy):
    """Raise the limit from 100 to 500 ms, then to 5 s, then abort. See `OvirtPolicy`.

    oVirt compresses these migrations; here that is `transfer.encoders`.
    """

    name: ClassVar[str] = "ovirt-suspend-workload"
    summary: ClassVar[str] = "downtime limit from 100 to 500 ms, then 5 s, then abort"

    outbound_per_host: CountLimit | None = 1
    last_downtime_s: PositiveSeconds | None = 5.0


@policies.register("ovirt-post-copy")
@dataclass(frozen=True, kw_only=True)
class OvirtPostCopy(OvirtPolicy):
    """Raise the limit from 100 to 200 ms, then switch to post-copy. See `OvirtPolicy`."""

    name: ClassVar[str] = "ovirt-post-copy"
    summary: ClassVar[str] = "downtime limit from 100 to 200 ms, then post-copy"

    outbound_per_host: CountLimit | None = 2
    raises: tuple[Raise, ...] = TO_500_MS[:2]
    last_action: Literal["abort", "post-copy"] = "post-copy"


@policies.register("ovirt-very-large-vms")
@dataclass(frozen=True, kw_only=True)
class OvirtVeryLargeVMs(OvirtPolicy):
    """Raise the limit from 300 to 1,500 ms, then to 5 s, then abort. See `OvirtPolicy`.

    The raises between the first and the last downtime are an assumption.
    """

    name: ClassVar[str] = "ovirt-very-large-vms"
    summary: ClassVar[str] = "downtime limit from 300 to 1,500 ms, then 5 s, then abort"

    outbound_per_host: CountLimit | None = 1
    initial_downtime_s: PositiveSeconds = 0.3
    raises: tuple[Raise, ...] = ((1, 0.5), (2, 0.75), (3, 1.0), (4, 1.25), (6, 1.5))
    last_downtime_s: PositiveSeconds | None = 5.0


class _OvirtController(PollingController):
    def __init__(self, policy: OvirtPolicy, throttle: Throttle | None) -> None:
        super().__init__(policy.initial_downtime_s, throttle, policy.poll_s)
        self._policy = policy
        self._raises_left = list(policy.raises)
        if policy.last_downtime_s is not None:
            self._raises_left.append((0, policy.last_downtime_s))
        self._first_round: int | None = None
        self._last_round = 0

    def poll(self, now_s: float, status: MigrationStatus) -> ControllerDecision:
        """Take a step if a round has begun since the last poll."""
        if self._first_round is None:
            self._first_round = self._last_round = status.round_number
        if status.round_number == self._last_round:
            return CONTINUE
        self._last_round = status.round_number
        return self._step(status.round_number - self._first_round)

    def _step(self, stalling: int) -> ControllerDecision:
        if self._raises_left:
            limit, downtime_s = self._raises_left[0]
            if limit < stalling:
                self._raises_left.pop(0)
                self.set_downtime_limit(downtime_s)
            return CONTINUE
        reason = f"stalling for {counted(stalling, 'round')}"
        if self._policy.last_action == "abort":
            return forced(MigrationAction.ABORT, reason)
        return forced(MigrationAction.POST_COPY, reason)
