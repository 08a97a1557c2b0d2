"""KubeVirt: a timeout by memory size ends a migration, unless a stall detector acts before it.

One preset for each set of defaults that operators meet: KubeVirt's own, those of the HyperConverged
Cluster Operator, and KubeVirt's with either of two feature gates.
"""

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
    forced,
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
    """Few migrations at once; each has 150 s per GiB of memory, then it is ended.

    These are KubeVirt's own defaults. Its stall detector and its downtime tuning are behind feature
    gates that are off. With `stall_detection` neither `progress_timeout_s` nor the downtime tuning
    is used; without it the detector's own knobs are not.

    Args:
        per_cluster: migrations at once in the cluster (parallelMigrationsPerCluster).
        outbound_per_host: migrations at once away from a host (parallelOutboundMigrationsPerNode).
        completion_timeout_s_per_gib: time per GiB of memory until the migration is ended
            (completionTimeoutPerGiB; KubeVirt itself had 800 in old versions).
        progress_timeout_s: abort if nothing was sent for so long (progressTimeout).
        allow_workload_disruption: pause the VM, or use post-copy, rather than abort; None for what
            `allow_post_copy` says, as in KubeVirt (allowWorkloadDisruption).
        allow_post_copy: where disruption is allowed, prefer post-copy (allowPostCopy).
        auto_converge: slow the guest down (allowAutoConverge).
        stall_detection: use the stall detector (feature gate MigrationStallDetection).
        max_downtime_s: downtime that may be allowed at a stall, or by downtime tuning in the end
            (maxDowntimeMs).
        tolerated_factor: a stall is worth waiting for up to so many times that downtime.
        stall_window_s: a migration without progress for so long stalls.
        stall_margin: share of the bytes left by which they have to shrink.
        patience_factor: by which patience for a better moment shrinks.
        bandwidth_alpha: weight of the newest sample in the smoothed bandwidth.
        completion_factor: no action that would take beyond so many completion timeouts.
        switchover_timeout_s: time in which an action must have stopped the VM.
        downtime_tuning: raise the downtime limit with time (feature gate MigrationDowntimeTuning).
        initial_downtime_s: limit of downtime tuning from the first poll on (initialMs).
        downtime_steps: equal steps from there to `max_downtime_s` (steps).
        tuning_first_round: the round from which the limit is raised (startAfterIteration).
        tuning_cooldown_s: least time between two steps (cooldownSeconds).
        poll_s: time between two polls.
        retries: assumption; a drain in KubeVirt retries without a limit.
        retry_backoff_s: wait after the first failure.
    """

    name: ClassVar[str] = "kubevirt"
    summary: ClassVar[str] = "5 per cluster, 2 per host; timeout of 150 s per GiB"
    source: ClassVar[str] = "KubeVirt 1.9 (d923fdb), virt-config and virt-launcher/virtwrap"
    lifts_cap_when_stopped: ClassVar[bool] = True

    per_cluster: CountLimit | None = 5
    outbound_per_host: CountLimit | None = 2
    completion_timeout_s_per_gib: PositiveSeconds = 150.0
    progress_timeout_s: PositiveSeconds = 150.0
    allow_workload_disruption: bool | None = None
    allow_post_copy: bool = False
    auto_converge: bool = False
    stall_detection: bool = False
    max_downtime_s: PositiveSeconds = 0.9
    tolerated_factor: Factor = 1.5
    stall_window_s: PositiveSeconds = 40.0
    stall_margin: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.04
    patience_factor: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.5
    bandwidth_alpha: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.4
    completion_factor: Factor = 2.0
    switchover_timeout_s: PositiveSeconds = 60.0
    downtime_tuning: bool = False
    initial_downtime_s: PositiveSeconds = 0.15
    downtime_steps: Annotated[int, Field(ge=1)] = 7
    tuning_first_round: Annotated[int, Field(ge=1)] = 3
    tuning_cooldown_s: PositiveSeconds = 10.0
    poll_s: PollSeconds = 0.4
    retries: Annotated[int, Field(ge=0, le=1000)] = 5
    retry_backoff_s: Seconds = 20.0

    @property
    def may_disrupt(self) -> bool:
        """Whether the VM may be paused or switched to post-copy rather than stay."""
        if self.allow_workload_disruption is None:
            return self.allow_post_copy
        return self.allow_workload_disruption

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
        if self.may_disrupt:
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


@policies.register("kubevirt-hco")
@dataclass(frozen=True, kw_only=True)
class HyperConvergedPolicy(KubeVirtPolicy):
    """KubeVirt as the HyperConverged Cluster Operator sets it up since July 2026.

    Each migration has 20 s per GiB, and one at a time leaves a host. Before that the operator had
    the defaults of `kubevirt`.
    """

    name: ClassVar[str] = "kubevirt-hco"
    summary: ClassVar[str] = "5 per cluster, 1 per host; timeout of 20 s per GiB"
    source: ClassVar[str] = (
        "HyperConverged Cluster Operator since its pull request 4426 (2026), on KubeVirt 1.9"
    )

    outbound_per_host: CountLimit | None = 1
    completion_timeout_s_per_gib: PositiveSeconds = 20.0


@policies.register("kubevirt-stall-detection")
@dataclass(frozen=True, kw_only=True)
class StallDetectionPolicy(KubeVirtPolicy):
    """KubeVirt with its stall detector, which ends a stalled migration at its best moment."""

    name: ClassVar[str] = "kubevirt-stall-detection"
    summary: ClassVar[str] = "kubevirt with its stall detector: acts after 40 s without progress"
    source: ClassVar[str] = (
        "KubeVirt 1.9 (d923fdb), alpha feature gate MigrationStallDetection, "
        "virt-launcher/virtwrap/stall-detector.go"
    )

    stall_detection: bool = True


@policies.register("kubevirt-downtime-tuning")
@dataclass(frozen=True, kw_only=True)
class DowntimeTuningPolicy(KubeVirtPolicy):
    """KubeVirt with its downtime ramp: from 150 ms to 900 ms in seven steps, 10 s apart."""

    name: ClassVar[str] = "kubevirt-downtime-tuning"
    summary: ClassVar[str] = "kubevirt with its downtime ramp, 150 to 900 ms from round 3 on"
    source: ClassVar[str] = (
        "KubeVirt 1.9, alpha feature gate MigrationDowntimeTuning, "
        "virt-launcher/virtwrap/migration-monitor.go"
    )

    downtime_tuning: bool = True


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
        # at this timeout KubeVirt asks for post-copy alone, whether it may disrupt otherwise or not
        disrupts = self._policy.may_disrupt or self._policy.allow_post_copy
        if disrupts and in_time and not self._switching:
            return forced(_disrupt(self._policy), reason)
        return forced(MigrationAction.ABORT, reason)

    def act_on_round(self, progress: Progress) -> ControllerDecision:
        """Give the round to the detector, once the bandwidth is known."""
        self._left_bytes = progress.memory_bytes_left
        now_s = progress.elapsed_s
        if self._switching or self._bandwidth.bytes_per_s == 0:
            return CONTINUE
        if not self._detector.good_moment(now_s, progress.memory_bytes_left):
            return CONTINUE
        return self._act(self._downtime_s(), now_s)

    def round_ended(self, progress: Progress) -> ControllerDecision:
        """Say in the reason if the VM stops because the limit was raised at a stall."""
        decision = super().round_ended(progress)
        if self._switching and decision.action is MigrationAction.STOP:
            raised = f"stalled, limit raised to {self.downtime_limit_s:g} s: "
            return ControllerDecision(MigrationAction.STOP, raised + decision.reason)
        return decision

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
            return forced(MigrationAction.ABORT, reason)
        return forced(_disrupt(self._policy), reason)

    def _downtime_s(self) -> float:
        """Return what sending the bytes left at the last round's end would take."""
        bytes_per_s = self._bandwidth.bytes_per_s
        return self._left_bytes / bytes_per_s if bytes_per_s > 0 else math.inf


class _TimeoutController(PollingController):
    """KubeVirt without the stall detector: two timeouts, and downtime tuning if it is on."""

    def __init__(self, policy: KubeVirtPolicy, throttle: Throttle | None, timeout_s: float) -> None:
        super().__init__(QEMU_DOWNTIME_LIMIT_S, throttle, policy.poll_s)
        self._policy = policy
        self._timeout_s = timeout_s
        self._last_left_bytes = math.inf
        self._last_progress_s = 0.0
        self._last_raise_s: float | None = None

    def poll(self, now_s: float, status: MigrationStatus) -> ControllerDecision:
        """Act after either timeout; fewer bytes left than at the last poll are progress."""
        policy = self._policy
        if policy.downtime_tuning:
            self._tune_downtime(now_s, status.round_number)
        if status.bytes_left < self._last_left_bytes:
            self._last_progress_s = now_s
        self._last_left_bytes = status.bytes_left
        late = now_s > self._timeout_s
        reason = f"not completed after {self._timeout_s:g} s"
        if late and policy.may_disrupt:
            return forced(_disrupt(policy), reason)
        if now_s - self._last_progress_s > policy.progress_timeout_s:
            return forced(MigrationAction.ABORT, f"no progress for {policy.progress_timeout_s:g} s")
        return forced(MigrationAction.ABORT, reason) if late else CONTINUE

    def _tune_downtime(self, now_s: float, round_number: int) -> None:
        """Set the first limit at the first poll; raise it by steps of whole milliseconds."""
        policy = self._policy
        most_ms = round(1000 * policy.max_downtime_s)
        first_ms = min(round(1000 * policy.initial_downtime_s), most_ms)
        if self._last_raise_s is None:
            limit_ms = first_ms
        elif (
            round_number < policy.tuning_first_round
            or now_s - self._last_raise_s < policy.tuning_cooldown_s
        ):
            return
        else:
            step_ms = max((most_ms - first_ms) // policy.downtime_steps, 1)
            limit_ms = min(round(1000 * self.downtime_limit_s) + step_ms, most_ms)
        self._last_raise_s = now_s
        self.set_downtime_limit(limit_ms / 1000)


def _disrupt(policy: KubeVirtPolicy) -> MigrationAction:
    return MigrationAction.POST_COPY if policy.allow_post_copy else MigrationAction.STOP
