"""Proxmox VE: the downtime limit doubles while the migration makes no progress."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import Count, ManagerPolicy, PollSeconds, policies
from cluster_emu.managers.qemu_controller import PollingController
from cluster_emu.managers.throttling import AutoConverge, Throttle
from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    MigrationController,
    MigrationStatus,
)
from cluster_emu.units import CountLimit, PositiveSeconds


@policies.register("proxmox")
@dataclass(frozen=True, kw_only=True)
class ProxmoxPolicy(ManagerPolicy):
    """Double the downtime limit at every sixth poll that finds more left, or nothing; no timeout.

    The six polls need not follow one another. A poll does not count if nothing was sent since the
    one before. Nobody cancels: sooner or later the rest fits the limit.

    Args:
        outbound_per_host: migrations at once away from one host (max_workers of the HA manager).
        downtime_s: downtime that is allowed at the start (migrate_downtime).
        max_downtime_s: the largest downtime limit that QEMU takes.
        bad_polls: polls without progress that double the limit.
        poll_s: time between two polls.
        near_poll_s: the same as soon as less is left than was sent per poll on average.
        auto_converge: slow the guest down.
    """

    name: ClassVar[str] = "proxmox"
    summary: ClassVar[str] = "downtime limit of 100 ms, doubled as long as the rest does not shrink"
    source: ClassVar[str] = "Proxmox qemu-server e6352be, src/PVE/QemuMigrate.pm; HA manager 5.2.0"
    lifts_cap_when_stopped: ClassVar[bool] = True

    outbound_per_host: CountLimit | None = 4
    downtime_s: PositiveSeconds = 0.1
    max_downtime_s: PositiveSeconds = 2000.0
    bad_polls: Count = 6
    poll_s: PollSeconds = 1.0
    near_poll_s: PollSeconds = 0.1
    auto_converge: bool = True

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        throttle = AutoConverge(memory_bytes) if self.auto_converge else None
        return _ProxmoxController(self, throttle)


class _ProxmoxController(PollingController):
    def __init__(self, policy: ProxmoxPolicy, throttle: Throttle | None) -> None:
        super().__init__(policy.downtime_s, throttle, policy.poll_s)
        self._policy = policy
        self._polls = 0
        self._bad_polls = 0
        self._last_left_bytes = 0.0
        self._last_sent_bytes = 0.0

    def poll(self, now_s: float, status: MigrationStatus) -> ControllerDecision:
        """Count the polls without progress; this manager never ends a migration itself."""
        self._polls += 1
        if status.bytes_sent != self._last_sent_bytes:
            self._judge_progress(status)
        self._last_sent_bytes = status.bytes_sent
        return CONTINUE

    def _judge_progress(self, status: MigrationStatus) -> None:
        if status.bytes_left < self._last_sent_bytes / self._polls:
            self.poll_s = self._policy.near_poll_s
        rising = 0 < self._last_left_bytes < status.bytes_left
        self._last_left_bytes = status.bytes_left
        self._bad_polls += rising or status.bytes_left == 0
        if self._bad_polls == self._policy.bad_polls:
            self._bad_polls = 0
            self.set_downtime_limit(min(2 * self.downtime_limit_s, self._policy.max_downtime_s))
