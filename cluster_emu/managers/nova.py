"""OpenStack Nova: the downtime that is allowed grows with time, by a schedule made in advance."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import ManagerPolicy, policies
from cluster_emu.managers.qemu_controller import QemuController
from cluster_emu.managers.throttling import AutoConverge, Throttle
from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
)
from cluster_emu.units import GIB, CountLimit, ParseSeconds, PositiveSeconds

Schedule = tuple[tuple[float, float], ...]
"""Pairs of a time since the first byte and the downtime allowed from then on, in seconds."""


@policies.register("nova")
@dataclass(frozen=True, kw_only=True)
class NovaPolicy(ManagerPolicy):
    """Raise the downtime limit in equal steps from max/steps to max; act at a timeout.

    Option names in brackets are those of nova.conf, without their prefix live_migration.

    Args:
        outbound_per_host: migrations at once away from one host (max_concurrent_live_migrations).
        downtime_s: the largest downtime that is allowed (downtime).
        downtime_steps: steps up to it (downtime_steps).
        downtime_delay_s_per_gib: time between steps per GiB to transfer (downtime_delay).
        completion_timeout_s_per_gib: time per GiB until the timeout action, 0 for no timeout
            (completion_timeout).
        least_data_gib: a VM counts as at least so large.
        timeout_action: "abort", or "force_complete": post-copy if permitted, else pause the VM
            (timeout_action).
        permit_post_copy: whether force_complete may use post-copy (permit_post_copy).
        permit_auto_converge: slow the guest down, unless post-copy is permitted
            (permit_auto_converge).
    """

    name: ClassVar[str] = "nova"
    summary: ClassVar[str] = (
        "downtime limit raised to 500 ms in 10 timed steps, then abort or force"
    )
    source: ClassVar[str] = "OpenStack Nova 00a0304, nova/virt/libvirt/migration.py, nova/conf"
    lifts_cap_when_stopped: ClassVar[bool] = True

    outbound_per_host: CountLimit | None = 1
    downtime_s: Annotated[float, ParseSeconds, Field(ge=0.1, allow_inf_nan=False)] = 0.5
    downtime_steps: Annotated[int, Field(ge=3, le=100)] = 10
    downtime_delay_s_per_gib: PositiveSeconds = 75.0
    completion_timeout_s_per_gib: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 800.0
    least_data_gib: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2.0
    timeout_action: Literal["abort", "force_complete"] = "abort"
    permit_post_copy: bool = False
    permit_auto_converge: bool = False

    def downtime_schedule(self, memory_bytes: float) -> Schedule:
        """Return when which downtime is allowed, in whole seconds and milliseconds as in Nova."""
        delay_s = int(self.downtime_delay_s_per_gib * self._data_gib(memory_bytes))
        most_ms = round(1000 * self.downtime_s)
        first_ms = most_ms / self.downtime_steps
        step_ms = (most_ms - first_ms) / self.downtime_steps
        return tuple(
            (float(delay_s * number), int(first_ms + step_ms * number) / 1000)
            for number in range(self.downtime_steps + 1)
        )

    def completion_timeout_s(self, memory_bytes: float) -> float:
        """Return the timeout for a VM, in whole seconds as in Nova; inf for none."""
        timeout_s = int(self.completion_timeout_s_per_gib * self._data_gib(memory_bytes))
        return timeout_s or math.inf

    @property
    def allows_post_copy(self) -> bool:
        """Return whether permit_post_copy is set."""
        return self.permit_post_copy

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        slowed = self.permit_auto_converge and not self.permit_post_copy
        return _NovaController(
            self.downtime_schedule(memory_bytes),
            AutoConverge(memory_bytes) if slowed else None,
            self.completion_timeout_s(memory_bytes),
            self._at_timeout,
        )

    @property
    def _at_timeout(self) -> MigrationAction:
        if self.timeout_action == "abort":
            return MigrationAction.ABORT
        return MigrationAction.POST_COPY if self.permit_post_copy else MigrationAction.STOP

    def _data_gib(self, memory_bytes: float) -> float:
        return max(memory_bytes / GIB, self.least_data_gib)


class _NovaController(QemuController):
    def __init__(
        self,
        schedule: Schedule,
        throttle: Throttle | None,
        timeout_s: float,
        at_timeout: MigrationAction,
    ) -> None:
        (_, first_limit_s), *self._steps_left = schedule
        super().__init__(first_limit_s, throttle, timeout_s=timeout_s, at_timeout=at_timeout)

    def next_check_s(self) -> float:
        """Return the time of the next step, or of the timeout if that comes first."""
        next_step_s = self._steps_left[0][0] if self._steps_left else math.inf
        return min(next_step_s, super().next_check_s())

    def check(self, status: MigrationStatus) -> ControllerDecision:
        """Raise the limit by the steps that are due, then act if the timeout has passed."""
        now_s = max(status.elapsed_s, self.next_check_s())
        while self._steps_left and self._steps_left[0][0] <= now_s:
            _, downtime_limit_s = self._steps_left.pop(0)
            self.set_downtime_limit(downtime_limit_s)
        if super().next_check_s() <= now_s:
            return super().check(status)
        return CONTINUE
