"""QEMU without a manager: someone starts a migration and, if need be, cancels it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import BytesPerSecond, Count, ManagerPolicy, policies
from cluster_emu.managers.qemu_controller import (
    QEMU_DOWNTIME_LIMIT_S,
    PostCopyOnRequest,
    QemuController,
)
from cluster_emu.managers.throttling import AutoConverge, DirtyLimit, Throttle
from cluster_emu.transfer.controller import MigrationController
from cluster_emu.units import MIB, PositiveSeconds, TimeLimit

Percent = Annotated[int, Field(ge=1, le=99)]


@policies.register("qemu")
@dataclass(frozen=True, kw_only=True)
class QemuPolicy(ManagerPolicy):
    """Stop once the rest fits the downtime limit; two capabilities slow the guest down.

    Args:
        downtime_limit_s: downtime that is allowed (downtime-limit).
        bandwidth_bytes_per_s: cap while the VM runs (max-bandwidth).
        auto_converge: take CPU time from a guest that writes too fast, in steps.
        throttle_initial_percent: first step (cpu-throttle-initial).
        throttle_increment_percent: every further step (cpu-throttle-increment).
        max_throttle_percent: most that is taken (max-cpu-throttle).
        trigger_percent: bytes dirtied per 100 bytes sent above which a guest writes too fast
            (throttle-trigger-threshold).
        dirty_limit: hold a guest that writes too fast to a quota; not along with auto_converge.
        vcpu_dirty_limit_bytes_per_s: quota of one vCPU (vcpu-dirty-limit).
        vcpus: vCPUs of a VM (assumption: the same for all).
        post_copy_after_s: when someone asks for post-copy (migrate-start-postcopy), seconds after
            the first byte; "none" for never.
        timeout_s: when someone cancels (assumption: QEMU itself never gives up).
    """

    name: ClassVar[str] = "qemu"
    summary: ClassVar[str] = (
        "stop when the rest fits 300 ms; auto-converge or dirty-limit if wanted"
    )
    source: ClassVar[str] = "QEMU 8.2, migration/{migration,ram,options}.c"
    lifts_cap_when_stopped: ClassVar[bool] = True

    downtime_limit_s: PositiveSeconds = QEMU_DOWNTIME_LIMIT_S
    bandwidth_bytes_per_s: BytesPerSecond = 128.0 * MIB
    auto_converge: bool = False
    throttle_initial_percent: Percent = 20
    throttle_increment_percent: Percent = 10
    max_throttle_percent: Percent = 99
    trigger_percent: Annotated[int, Field(ge=1, le=100)] = 50
    dirty_limit: bool = False
    vcpu_dirty_limit_bytes_per_s: BytesPerSecond = 1.0 * MIB
    vcpus: Count = 1
    post_copy_after_s: PositiveSeconds | None = None
    timeout_s: TimeLimit = 3600.0

    @field_validator("dirty_limit")
    @classmethod
    def _one_throttle(cls, dirty_limit: bool, info: ValidationInfo) -> bool:
        if dirty_limit and info.data.get("auto_converge"):
            raise ValueError("False where auto_converge is True: QEMU takes one of the two")
        return dirty_limit

    @property
    def allows_post_copy(self) -> bool:
        """Return true: QEMU has it, and someone can start it."""
        return True

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        throttle = self._throttle(memory_bytes)
        if self.post_copy_after_s is not None and self.post_copy_after_s < self.timeout_s:
            return PostCopyOnRequest(
                self.downtime_limit_s,
                throttle,
                post_copy_after_s=self.post_copy_after_s,
                timeout_s=self.timeout_s,
            )
        return QemuController(self.downtime_limit_s, throttle, timeout_s=self.timeout_s)

    def _throttle(self, memory_bytes: float) -> Throttle | None:
        if self.auto_converge:
            return AutoConverge(
                memory_bytes,
                initial_percent=self.throttle_initial_percent,
                increment_percent=self.throttle_increment_percent,
                max_percent=self.max_throttle_percent,
                trigger_percent=self.trigger_percent,
            )
        if self.dirty_limit:
            return DirtyLimit(
                memory_bytes,
                self.vcpus * self.vcpu_dirty_limit_bytes_per_s,
                trigger_percent=self.trigger_percent,
            )
        return None
