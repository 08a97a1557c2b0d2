"""KubeVirt: a stall detector chooses the moment to act; a timeout by memory size ends the rest."""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import ManagerPolicy, PollSeconds, policies
from cluster_emu.managers.qemu_controller import QEMU_DOWNTIME_LIMIT_S, PollingController
from cluster_emu.managers.stall_detection import SmoothedRate, StallDetector
from cluster_emu.managers.throttling import AutoConverge, Throttle
from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
    Progress,
)
from cluster_emu.units import GIB, CountLimit, PositiveSeconds, Seconds

Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class StallAction(Enum):
    """What a stalled migration does at a good moment."""

    WAIT = "wait"
    POST_COPY = "post-copy"
    HARD_STOP = "hard stop"
    SOFT_STOP = "soft stop"
    """Raise the downtime limit to the full downtime, which the rest may fit soon."""
    ABORT = "abort"


@policies.register("kubevirt")
@dataclass(frozen=True, kw_only=True)
class KubeVirtPolicy(ManagerPolicy):
    """Few migrations at once; stalled ones are ended at their best moment, the others by timeout.

    With `stall_detection` (behind a feature gate in KubeVirt 1.9) `progress_timeout_s` is not used;
    without it the detector's own knobs are not.

    Args:
        per_cluster: migrations at once in the cluster (parallelMigrationsPerCluster).
        outbound_per_host: migrations at once away from a host (parallelOutboundMigrationsPerNode).
        completion_timeout_s_per_gib: time per GiB of memory until the migration is ended
            (completionTimeoutPerGiB).
        progress_timeout_s: abort if nothing was sent for so long (progressTimeout).
        allow_workload_disruption: pause the VM, or use post-copy, rather than abort
            (allowWorkloadDisruption).
        allow_post_copy: where disruption is allowed, prefer post-copy (allowPostCopy).
        auto_converge: slow the guest down (allowAutoConverge).
        stall_detection: use the stall detector.
        max_downtime_s: downtime that may be allowed at a stall (maxDowntimeMs).
        tolerated_factor: a stall is worth waiting for up to so many times that downtime.
        stall_window_s: a migration without progress for so long stalls.
        stall_margin: share of the bytes left by which they have to shrink.
        patience_factor: by which patience for a better moment shrinks.
        bandwidth_alpha: weight of the newest sample in the smoothed bandwidth.
        completion_factor: no action that would take beyond so many completion timeouts.
        switchover_timeout_s: time in which an action must have stopped the VM.
        poll_s: time between two polls.
        retries: assumption; a drain in KubeVirt retries without a limit.
        retry_backoff_s: wait after the first failure.
    """

    name: ClassVar[str] = "kubevirt"
    summary: ClassVar[str] = "5 per cluster, 2 per host; stall detector; timeout of 150 s per GiB"
    source: ClassVar[str] = "KubeVirt d923fdb, virt-config and virt-launcher/virtwrap"
    lifts_cap_when_stopped: ClassVar[bool] = True

    per_cluster: CountLimit | None = 5
    outbound_per_host: CountLimit | None = 2
    completion_timeout_s_per_gib: PositiveSeconds = 150.0
    progress_timeout_s: PositiveSeconds = 150.0
    allow_workload_disruption: bool = False
    allow_post_copy: bool = False
    auto_converge: bool = False
    stall_detection: bool = True
    max_downtime_s: PositiveSeconds = 0.9
    tolerated_factor: Factor = 1.5
    stall_window_s: PositiveSeconds = 40.0
    stall_margin: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.04
    patience_factor: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.5
    bandwidth_alpha: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.4
    completion_factor: Factor = 2.0
    switchover_timeout_s: PositiveSeconds = 60.0
    poll_s: PollSeconds = 0.4
    retries: Annotated[int, Field(ge=0)] = 5
    retry_backoff_s: Seconds = 20.0

    def completion_timeout_s(self, memory_bytes: float) -> float:
        """Return the timeout for a VM."""
        return self.completion_timeout_s_per_gib * memory_bytes / GIB

    def stall_action(self, downtime_s: float, budget_s: float) -> StallAction:
        """Return what a stalled migration does.

        Args:
            downtime_s: what stopping the VM now would take.
            budget_s: time until `completion_factor` completion timeouts have passed.
        """
        if downtime_s > budget_s:
            return StallAction.WAIT
        if self.allow_workload_disruption:
            return StallAction.POST_COPY if self.allow_post_copy else StallAction.HARD_STOP
        if downtime_s <= self.tolerated_factor * self.max_downtime_s:
            return StallAction.SOFT_STOP
        return StallAction.ABORT

    @property
    def allows_post_copy(self) -> bool:
        """Return whether allowPostCopy is set."""
        return self.allow_post_copy

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        throttle = AutoConverge(memory_bytes) if self.auto_converge else None
        timeout_s = self.completion_timeout_s(memory_bytes)
        if self.stall_detection:
            return _DetectorController(self, throttle, timeout_s)
        return _TimeoutController(self, throttle, timeout_s)


class _DetectorController(PollingController):
    """KubeVirt with its stall detector."""

    def __init__(self, policy: KubeVirtPolicy, throttle: Throttle | None, timeout_s: float) -> None:
        initial_limit_s = min(policy.max_downtime_s, QEMU_DOWNTIME_LIMIT_S)
        super().__init__(initial_limit_s, throttle, policy.poll_s)
        self._policy = policy
        self._detector = StallDetector(
            policy.stall_window_s, policy.stall_margin, policy.patience_factor
        )
        self._bandwidth = SmoothedRate(policy.bandwidth_alpha)
        self._switching = False
        self._deadline_s = timeout_s
        self._last_end_s = policy.completion_factor * timeout_s
        self._left_bytes = 0.0

    def poll(self, now_s: float, status: MigrationStatus) -> ControllerDecision:
        """Take a sample of the bandwidth; act after the deadline."""
        self._bandwidth.add(status.bytes_per_s)
        if now_s <= self._deadline_s:
            return CONTINUE
        reason = f"not completed after {self._deadline_s:g} s"
        in_time = self._downtime_s() <= self._last_end_s - now_s
        if self._policy.allow_workload_disruption and in_time and not self._switching:
            return ControllerDecision(_disrupt(self._policy), reason)
        return ControllerDecision(MigrationAction.ABORT, reason)

    def act_on_round(self, progress: Progress) -> ControllerDecision:
        """Give the round to the detector, once the bandwidth is known."""
        self._left_bytes = progress.memory_bytes_left
        now_s = progress.elapsed_s
        if self._switching or self._bandwidth.bytes_per_s == 0:
            return CONTINUE
        if not self._detector.good_moment(now_s, progress.memory_bytes_left):
            return CONTINUE
        return self._act(self._downtime_s(), now_s)

    def _act(self, downtime_s: float, now_s: float) -> ControllerDecision:
        action = self._policy.stall_action(downtime_s, self._last_end_s - now_s)
        if action is StallAction.WAIT:
            return CONTINUE
        if action is StallAction.SOFT_STOP:
            self._switching = True
            self._deadline_s = now_s + self._policy.switchover_timeout_s
            self.set_downtime_limit(self._policy.max_downtime_s)
            return CONTINUE
        reason = f"stalled, downtime would be {downtime_s:.3g} s"
        if action is StallAction.ABORT:
            return ControllerDecision(MigrationAction.ABORT, reason)
        return ControllerDecision(_disrupt(self._policy), reason)

    def _downtime_s(self) -> float:
        """Return what sending the bytes left at the last round's end would take."""
        bytes_per_s = self._bandwidth.bytes_per_s
        return self._left_bytes / bytes_per_s if bytes_per_s > 0 else math.inf


class _TimeoutController(PollingController):
    """KubeVirt without the stall detector: two timeouts."""

    def __init__(self, policy: KubeVirtPolicy, throttle: Throttle | None, timeout_s: float) -> None:
        super().__init__(QEMU_DOWNTIME_LIMIT_S, throttle, policy.poll_s)
        self._policy = policy
        self._timeout_s = timeout_s
        self._last_left_bytes = math.inf
        self._last_progress_s = 0.0

    def poll(self, now_s: float, status: MigrationStatus) -> ControllerDecision:
        """Act after either timeout; fewer bytes left than at the last poll are progress."""
        if status.bytes_left < self._last_left_bytes:
            self._last_progress_s = now_s
        self._last_left_bytes = status.bytes_left
        late = now_s > self._timeout_s
        reason = f"not completed after {self._timeout_s:g} s"
        if late and self._policy.allow_workload_disruption:
            return ControllerDecision(_disrupt(self._policy), reason)
        if now_s - self._last_progress_s > self._policy.progress_timeout_s:
            reason = f"no progress for {self._policy.progress_timeout_s:g} s"
            return ControllerDecision(MigrationAction.ABORT, reason)
        return ControllerDecision(MigrationAction.ABORT, reason) if late else CONTINUE


def _disrupt(policy: KubeVirtPolicy) -> MigrationAction:
    return MigrationAction.POST_COPY if policy.allow_post_copy else MigrationAction.STOP
