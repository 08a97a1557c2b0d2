"""One migration from its first byte to its end: the fourth step of a VM migration.

A `Migration` takes its phases one after the other; its `Sending` carries them over the network and
says when one has come to its end.
"""

from __future__ import annotations

import math

from cluster_emu.memory.base import MemoryEngine
from cluster_emu.network.timers import Timer
from cluster_emu.strategies.contract import Mode, Strategy
from cluster_emu.transfer.controller import (
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
    Progress,
)
from cluster_emu.transfer.flow import Sending
from cluster_emu.transfer.flow_group import MigrationFlowGroup
from cluster_emu.transfer.interfaces import Intensity, Memory, MigrationListener
from cluster_emu.transfer.phases import (
    NO_PAGES,
    LiveRound,
    PostCopyPush,
    SendingPhase,
    StoppedCopy,
    WaitingRound,
)
from cluster_emu.transfer.recorder import MigrationRecorder
from cluster_emu.transfer.records import MigrationRecord, Phase, RoundRecord
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.transfer.stop_rules import stop

MAX_EMPTY_ROUNDS = 100
"""Rounds in a row that send nothing after which the VM is stopped: it would go on for ever."""


class Migration:
    """A running migration.

    Args:
        record: its row of results, filled in as it goes.
        rounds: where its rows of the table `rounds` go.
        strategy: what is sent when.
        controller: when live rounds end, and what else is done about it.
        settings: costs and limits.
        memory: the VM's page state.
        intensity: the VM's write intensity over time.
        route: link numbers from source to target.
        flow_group: all that migrate in its network.
        watcher: who is told of its resume and end.

    Attributes:
        state: where it stands; before the first byte and after the last its watcher says so.
    """

    def __init__(
        self,
        record: MigrationRecord,
        rounds: list[RoundRecord],
        strategy: Strategy,
        controller: MigrationController,
        settings: TransferSettings,
        memory: Memory,
        intensity: Intensity,
        route: tuple[int, ...],
        flow_group: MigrationFlowGroup,
        watcher: MigrationListener,
    ) -> None:
        self.record = record
        self.state = Phase.QUEUED
        self.route = route
        self._recorder = MigrationRecorder(record, rounds)
        self._sending = Sending(
            route,
            settings.weight,
            flow_group,
            intensity,
            self._find_cap,
            self._recorder.guest_lost,
            self._phase_ended,
        )
        self._guest = self._sending.guest
        self._strategy = strategy
        self._resumes_early = strategy.mode in (Mode.POST_COPY, Mode.HYBRID)
        self._controller = controller
        self._settings = settings
        self._memory = memory
        self._loop = flow_group.loop
        self._watcher = watcher
        self._engine: MemoryEngine | None = None
        self._measured_bytes_per_s = 0.0
        self._told_speed = 1.0
        self._all_has_arrived = False
        self._last_step: ControllerDecision | None = None
        self._check: Timer | None = None
        self._timer: Timer | None = None
        self._cap_of_raw_pages: dict[bool, float] = {}

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far, as of the last event."""
        return self.record.bytes + self._sending.bytes_sent

    @property
    def needs_source(self) -> bool:
        """Whether the target still lacks something that only the source has."""
        return not self._all_has_arrived

    @property
    def has_started(self) -> bool:
        """Whether its first byte has been sent."""
        return self._engine is not None

    # --- the course of a migration ---------------------------------------------------------------

    def start(self, now_s: float) -> None:
        """Begin to move the VM."""
        self.record.start_s = now_s
        self._guest.follow(now_s)
        self._engine = self._memory.engine(self._guest.intensity)
        if self._strategy.mode in (Mode.PRE_COPY, Mode.HYBRID):
            self.state = Phase.PRE_COPY
            self._guest.tracking_slowdown = self._settings.tracking_slowdown
            self._leave_guest(1.0 - self._guest.lost_share, now_s)
            self._sending.join(self._next_round(now_s), now_s)
            self._await_check()
        else:
            self._pause(now_s, self._strategy.mode.value)

    def _next_round(self, now_s: float) -> LiveRound:
        return LiveRound(self._pages, self._controller, now_s)

    def _phase_ended(self, now_s: float) -> bool:
        """Close the phase that has come to its end; return whether a live round follows."""
        phase = self._sending.phase
        if isinstance(phase, LiveRound):
            return self._round_ended(phase, now_s)
        self._sending.account(now_s)
        if isinstance(phase, StoppedCopy):
            self._stopped_sent(phase, now_s)
        elif isinstance(phase, PostCopyPush):
            self._push_ended(phase, now_s)
        return False

    def _round_ended(self, live: LiveRound, now_s: float) -> bool:
        """Close the live round; return whether another one follows."""
        counts = live.end(self._sending.elapse(now_s), self._guest.intensity)
        self._sending.phase = None
        self._recorder.round_ended(counts, live.start_s, now_s)
        duration_s = now_s - live.start_s
        if duration_s > 0:
            self._measured_bytes_per_s = counts.bytes_sent / duration_s
        bytes_per_s = self._measured_bytes_per_s or self._sending.bytes_per_s
        progress = self._recorder.progress(counts, self._pages, bytes_per_s, now_s)
        step, reason = self._judge(progress, now_s)
        if step is MigrationAction.ABORT:
            self._finish(now_s, Phase.NOT_CONVERGED, reason)
        elif step in (MigrationAction.STOP, MigrationAction.POST_COPY):
            self._resumes_early |= step is MigrationAction.POST_COPY
            self._pause(now_s, reason)
        elif self._pages.nothing_due or self._watcher.may_go_on(self.record, now_s):
            # one without pages takes no time, so it needs no turn
            self._sending.go_on_with(self._next_round(now_s))
        else:
            self._await_turn(now_s)
        return step in (MigrationAction.CONTINUE, MigrationAction.LAST_ROUND)

    def _await_turn(self, now_s: float) -> None:
        """Send nothing until `go_on`; what the VM writes meanwhile is due in the next round.

        The controller's clock stands still: to wait is no lack of progress.
        """
        self._cancel(self._check)
        self._sending.go_on_with(WaitingRound(self._pages, now_s))

    def go_on(self, now_s: float) -> None:
        """Begin the live round that has waited for its turn."""
        waiting = self._sending.phase
        assert isinstance(waiting, WaitingRound)
        self._sending.account(now_s)
        self._recorder.waited(waiting, now_s)
        self._sending.go_on_with(self._next_round(now_s))
        # it is told no rate if it lost and got back the turn within one instant
        self._sending.reschedule(now_s)
        self._await_check()

    def _judge(self, progress: Progress, now_s: float) -> ControllerDecision:
        if self._last_step is not None:
            return self._last_step
        if (
            self._strategy.mode is Mode.HYBRID
            and progress.round_number >= self._strategy.live_rounds
        ):
            return stop(f"live rounds before post-copy: {self._strategy.live_rounds}")
        step, reason = self._controller.round_ended(progress)
        self._apply_throttle(now_s)
        if step is MigrationAction.LAST_ROUND:
            self._last_step = stop(reason)
        if step is MigrationAction.CONTINUE and self._recorder.empty_rounds >= MAX_EMPTY_ROUNDS:
            return stop("nothing left to send live")
        return ControllerDecision(step, reason)

    def _pause(self, now_s: float, why: str) -> None:
        """Stop the VM and, after the time that takes, send what may only be sent now."""
        self._guest.run_freely()
        self.record.pause_s = now_s
        self.record.why = why
        self.state = Phase.STOP_AND_COPY
        self._leave_guest(0.0, now_s)
        self._sending.phase = StoppedCopy(now_s)
        self._timer = self._loop.call_at(now_s + self._settings.suspend_s, self._send_stopped)

    def _send_stopped(self, now_s: float) -> None:
        sizes = NO_PAGES
        if not self._resumes_early:
            sizes = self._pages.stop_sizes()
            self.record.pages_rescued = self._pages.lost_update_pages()
            self._pages.hand_over()
        stopped = self._stopped_copy
        stopped.load(sizes, self._settings.device_state_bytes)
        if stopped.total_bytes <= 0:
            self._stopped_sent(stopped, now_s)
            return
        self._sending.join(stopped, now_s)

    def _stopped_sent(self, stopped: StoppedCopy, now_s: float) -> None:
        stopped.finish()
        self._all_has_arrived = not self._resumes_early
        self._timer = self._loop.call_at(now_s + self._settings.resume_s, self._resume)

    def _resume(self, now_s: float) -> None:
        self.record.resume_s = now_s
        self._recorder.stop_ended(self._stopped_copy, now_s)
        self._sending.phase = None
        if not self._resumes_early:
            self._recorder.check_memory(self._pages)
            self._watcher.resumed(self.record, now_s)
            self._finish(now_s, Phase.COMPLETED, "")
            return
        self.state = Phase.POST_COPY
        self._leave_guest(1.0, now_s)
        self._watcher.resumed(self.record, now_s)
        push = PostCopyPush(self._memory.post_copy(self._pages), now_s)
        self._sending.join(push, now_s)

    def _push_ended(self, push: PostCopyPush, now_s: float) -> None:
        push.finish()
        self._all_has_arrived = True
        self._recorder.check_memory(self._pages)
        self._recorder.push_ended(push, now_s)
        self._sending.phase = None
        self._finish(now_s, Phase.COMPLETED, "")

    def _await_check(self) -> None:
        """Set the timer for the controller's next look at the migration."""
        next_s = self.record.start_s + self.record.waited_s + self._controller.next_check_s()
        if math.isfinite(next_s):
            self._check = self._loop.call_at(max(next_s, self._loop.now_s), self._look)

    def _look(self, now_s: float) -> None:
        """Let the controller look, and do what it says."""
        if self.state is not Phase.PRE_COPY or self._live_round.is_cut:
            return
        self._sending.account(now_s)
        step, reason = self._controller.check(self._status(now_s))
        self._apply_throttle(now_s)
        if step is MigrationAction.ABORT:
            self._leave(now_s)
            self._finish(now_s, Phase.NOT_CONVERGED, reason)
            return
        if step is not MigrationAction.CONTINUE:
            self._last_step = (
                stop(reason)
                if step is MigrationAction.LAST_ROUND
                else ControllerDecision(step, reason)
            )
        if step in (MigrationAction.STOP, MigrationAction.POST_COPY):
            self._live_round.cut_short()
        self._sending.reschedule(now_s)
        self._await_check()

    def _status(self, now_s: float) -> MigrationStatus:
        return MigrationStatus(
            elapsed_s=self._recorder.elapsed_s(now_s),
            round_number=self.record.rounds + 1,
            memory_bytes=self.record.memory_pages * self._pages.encoding.raw_bytes,
            bytes_left=self._live_round.bytes_waiting,
            bytes_sent=self.bytes_sent,
            bytes_per_s=self._sending.bytes_per_s,
        )

    def give_up(self, now_s: float) -> None:
        """Stop copying at once, wherever it stands; the watcher is not told."""
        self._leave(now_s)
        self._stop(now_s)

    def _leave(self, now_s: float) -> None:
        """Take the unfinished phase off the network and keep count of what it sent."""
        phase = self._sending.leave(now_s)
        if isinstance(phase, LiveRound):
            counts = phase.abandon()
            self._recorder.round_ended(counts, phase.start_s, now_s)
        elif isinstance(phase, PostCopyPush):
            self._recorder.push_ended(phase, now_s)
        elif isinstance(phase, StoppedCopy):
            self._recorder.stop_ended(phase, now_s)
        elif isinstance(phase, WaitingRound):
            self._recorder.waited(phase, now_s)

    def _finish(self, now_s: float, outcome: Phase, why: str) -> None:
        self._stop(now_s)
        self._watcher.ended(self.record, outcome, why, now_s)

    def _stop(self, now_s: float) -> None:
        self._guest.leave()
        self._leave_guest(1.0, now_s)
        self._cancel(self._check)
        self._cancel(self._timer)
        self._engine = None

    def _cancel(self, timer: Timer | None) -> None:
        if timer is not None:
            self._loop.cancel(timer)

    # --- what it is made of -----------------------------------------------------------------------

    def _find_cap(self, phase: SendingPhase) -> float:
        if isinstance(phase, WaitingRound):
            return 0.0
        stopped = not isinstance(phase, LiveRound)
        if stopped in self._cap_of_raw_pages:
            return self._cap_of_raw_pages[stopped]
        encoding = self._pages.encoding
        if encoding.is_raw:
            cap = self._settings.network_cap_bytes_per_s(encoding.raw_bytes, stopped=stopped)
            return self._cap_of_raw_pages.setdefault(stopped, cap)
        return self._settings.cap_bytes_per_s(encoding.raw_bytes, phase.sizes, stopped=stopped)

    @property
    def _pages(self) -> MemoryEngine:
        assert self._engine is not None, "the migration has no page state before its start"
        return self._engine

    @property
    def _live_round(self) -> LiveRound:
        phase = self._sending.phase
        assert isinstance(phase, LiveRound)
        return phase

    @property
    def _stopped_copy(self) -> StoppedCopy:
        phase = self._sending.phase
        assert isinstance(phase, StoppedCopy)
        return phase

    def _apply_throttle(self, now_s: float) -> None:
        """Slow the guest down as the controller says; the past must be accounted for already."""
        throttle = self._controller.throttle()
        if throttle == self._guest.throttle:
            return
        self._guest.throttle = throttle
        self.record.throttle_max = max(self.record.throttle_max, self._guest.throttle)
        self._leave_guest(1.0 - self._guest.lost_share, now_s)

    def _leave_guest(self, speed: float, now_s: float) -> None:
        """Tell which share of the CPU time it wants the guest can use, if that has changed."""
        if speed != self._told_speed:
            self._told_speed = speed
            self._watcher.slowed(self.record, speed, now_s)
