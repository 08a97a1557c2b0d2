"""VMware vMotion: a guest that outruns the copy is slowed down during page send."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import ManagerPolicy, policies
from cluster_emu.managers.qemu_controller import QemuController
from cluster_emu.managers.throttling import SlowDown
from cluster_emu.transfer.controller import MigrationController
from cluster_emu.transfer.stop_rules import DeadlineStopRule, DowntimeLimit
from cluster_emu.units import CountLimit, PositiveSeconds, TimeLimit


@policies.register("vmotion")
@dataclass(frozen=True, kw_only=True)
class VmotionPolicy(ManagerPolicy):
    """Stop once the rest fits the switchover goal; slow the guest down just enough to get there.

    Args:
        outbound_per_host: migrations at once away from one host; 8 on 10 GbE, 4 on 1 GbE.
        inbound_per_host: migrations at once onto one host; likewise.
        switchover_goal_s: time the last pass may take with the VM stopped.
        dirtied_per_sent: bytes a guest may dirty per byte sent, beyond which it is slowed down
            (assumption: the constants of slow-down during page send are not public).
        timeout_s: when a migration is aborted (assumption).
    """

    name: ClassVar[str] = "vmotion"
    summary: ClassVar[str] = "stop when the rest fits 1 s; slow-down during page send"
    source: ClassVar[str] = "VMware vSphere 5 to 8, documentation and talks; constants not public"

    outbound_per_host: CountLimit | None = 8
    inbound_per_host: CountLimit | None = 8
    switchover_goal_s: PositiveSeconds = 1.0
    dirtied_per_sent: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.8
    timeout_s: TimeLimit = 3600.0

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        slow_down = SlowDown(memory_bytes, self.dirtied_per_sent)
        return _VmotionController(self.switchover_goal_s, slow_down, timeout_s=self.timeout_s)


class _VmotionController(QemuController):
    """Complete passes: the log is read only after every page that is due was visited."""

    def rule(self, downtime_limit_s: float) -> DeadlineStopRule:
        """Return the rule that compares what a pass left with what its rate sends in that time."""
        return DowntimeLimit(downtime_limit_s=downtime_limit_s)
