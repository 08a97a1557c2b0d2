"""The course of one migration: a state machine from its request to its end.

`TRANSITIONS` says which phase may follow which. The scheduler moves a migration through the phases
before the first byte and after the last one. Between them the migration moves by itself, through
phases of which each has a class here: it enters, predicts its next event for the flow that carries
it (`transfer.flow`), advances, handles the event, and aborts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar, NamedTuple

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.errors import ClusterEmuError
from cluster_emu.memory.base import (
    MemoryEngine,
    PostCopyMemory,
    RateDependence,
    RoundCounts,
    RoundsAhead,
)
from cluster_emu.network.timers import Timer
from cluster_emu.strategies.contract import Mode, Strategy
from cluster_emu.transfer.controller import (
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
    Progress,
)
from cluster_emu.transfer.flow import MigrationFlow, MigrationFlowGroup, Prediction
from cluster_emu.transfer.guest import Guest
from cluster_emu.transfer.interfaces import Intensity, Memory, MigrationListener
from cluster_emu.transfer.migration_thread import MigrationThread
from cluster_emu.transfer.records import (
    Limit,
    MigrationRecord,
    MigrationRecorder,
    Phase,
    RoundRecord,
)
from cluster_emu.transfer.settings import TransferSettings

MAX_EMPTY_ROUNDS = 100
"""Rounds in a row that send nothing after which the VM is stopped.

Such rounds take no time. Without a limit, infinitely many could follow at one instant.
"""

LEAST_ROUNDS_AHEAD = 32
"""Rounds are worked out ahead if so many fit: to load the machine code takes longer than fewer."""

MOST_ROUNDS_AHEAD = 512
"""Rounds worked out in one call at most: a signal waits for the end of the call."""

SHORT_ROUNDS = 10_000
"""So many rounds in a row within `SHORT_ROUNDS_S` are refused."""

SHORT_ROUNDS_S = 0.1
"""Simulated time that as many rounds as `SHORT_ROUNDS` have to take at least.

A round of a real migration takes a round trip at least. Rounds of less than 10 us come from a rate
or a limit in a wrong unit, and a run with them would seem to hang.
"""

NO_PAGES = PageSizes(0, 1.0)

_ENDED = frozenset({Phase.FAILED, Phase.UNFINISHED})
"""A fault and the end of the run end a migration in any phase."""

_CANCELLED = _ENDED | {Phase.CANCELLED}
"""So does its cancellation, as long as the VM can stay at the source."""

TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.QUEUED: frozenset({Phase.PREPARING, Phase.READY}) | _CANCELLED,
    Phase.PREPARING: frozenset({Phase.READY}) | _CANCELLED,
    Phase.READY: frozenset({Phase.PRE_COPY, Phase.STOP_AND_COPY}) | _CANCELLED,
    Phase.PRE_COPY: frozenset(
        {
            Phase.PRE_COPY,  # the next live round
            Phase.WAITING_FOR_TURN,
            Phase.STOP_AND_COPY,
            Phase.NOT_CONVERGED,
        }
    )
    | _CANCELLED,
    Phase.WAITING_FOR_TURN: frozenset({Phase.PRE_COPY}) | _CANCELLED,
    Phase.STOP_AND_COPY: frozenset({Phase.POST_COPY, Phase.FINISHING, Phase.COMPLETED})
    | _CANCELLED,
    # cancelled only because its VM has ended
    Phase.POST_COPY: frozenset({Phase.FINISHING, Phase.COMPLETED}) | _CANCELLED,
    Phase.FINISHING: frozenset({Phase.COMPLETED}) | _ENDED,
    Phase.COMPLETED: frozenset(),
    Phase.NOT_CONVERGED: frozenset(),
    Phase.CANCELLED: frozenset(),
    Phase.FAILED: frozenset(),
    Phase.UNFINISHED: frozenset(),
}
"""The phases that may follow each phase."""


class IllegalTransitionError(RuntimeError):
    """A migration cannot move to a phase that may not follow its present one."""

    def __init__(self, migration: int, before: Phase, after: Phase) -> None:
        allowed = ", ".join(sorted(TRANSITIONS[before])) or "none, it has ended"
        super().__init__(f"migration {migration}: {before} -> {after}; allowed is {allowed}")


class Migration:
    """One migration.

    Args:
        record: its row of results, updated during the migration.
        rounds: where its rows of the table `rounds` go.
        strategy: what is sent when.
        controller: decides when live rounds end, and on other actions.
        settings: costs and limits.
        memory: makes the VM's page state.
        intensity: the VM's write intensity over time.
        route: link numbers from source to target.
        flow_group: the flows of all migrations in its network.
        listener: is notified of its resume and end.

    Attributes:
        engine: the VM's page state, from the start to the end of the copy.
        running_cap_bytes_per_s: cap on the rate while the VM runs at the source, without that of
            encoding; set at the start.
        stopped_cap_bytes_per_s: the same from the pause on.
        flow: carries its phases over the network.
        guest: the VM while it migrates.
        recorder: enters its phases into the records.
        resumes_early: whether the VM resumes before its memory is at the target (post-copy).
        all_arrived: whether the target has everything it needs from the source.
        live_round, reading_log, waiting, stop_and_copy, push: its phases.
    """

    engine: MemoryEngine
    running_cap_bytes_per_s: float
    stopped_cap_bytes_per_s: float

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
        listener: MigrationListener,
    ) -> None:
        self.record = record
        self.strategy = strategy
        self.controller = controller
        self.settings = settings
        self.memory = memory
        self.route = route
        self.listener = listener
        self.loop = flow_group.loop
        self.recorder = MigrationRecorder(record, rounds)
        self.flow = MigrationFlow(flow_group, route, settings.weight)
        self.guest = self.flow.guest = Guest(
            record,
            intensity,
            self.loop,
            listener,
            before_change=self.flow.account,
            after_change=self.flow.intensity_changed,
        )
        self.resumes_early = strategy.mode in (Mode.POST_COPY, Mode.HYBRID)
        self.all_arrived = False
        self.live_round = LiveRound(self)
        self.reading_log = ReadingLog(self)
        self.waiting = WaitingForTurn(self)
        self.stop_and_copy = StopAndCopy(self)
        self.push = PostCopyPush(self)
        self._state = Phase.QUEUED
        self._phase: CopyPhase | None = None

    @property
    def state(self) -> Phase:
        """Its present phase; only `transition` changes it."""
        return self._state

    @property
    def copy_phase(self) -> CopyPhase | None:
        """Its phase between the first and the last byte; None before, after and between."""
        return self._phase

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far, as of the last event or change of the rate."""
        self.flow.advance_over_kept()
        return self.accounted_bytes

    @property
    def accounted_bytes(self) -> float:
        """Bytes on the wire without those over which the present phase has not advanced yet."""
        return self.record.bytes + (self._phase.bytes_sent if self._phase else 0.0)

    @property
    def needs_source(self) -> bool:
        """Whether the target still lacks something that only the source has."""
        return not self.all_arrived

    @property
    def has_started(self) -> bool:
        """Whether its first byte has been sent."""
        return not math.isnan(self.record.start_s)

    @property
    def too_late_to_cancel(self) -> str | None:
        """Why it can no longer be cancelled, in words; None if it can.

        As in hypervisors, the VM may stay at the source until the target has all of its memory, or
        post-copy begins: from then on the source's copy is out of date.
        """
        if self._state is Phase.POST_COPY:
            return "the VM has been switched over to post-copy"
        if self._state is Phase.FINISHING:
            return "the VM runs at the target"
        if self._state is Phase.STOP_AND_COPY and self.resumes_early:
            return "the switchover to post-copy has begun"
        if self.all_arrived:
            return "the VM resumes at the target, which has all of its memory"
        return None

    def transition(self, to: Phase) -> None:
        """Move to another phase.

        Raises:
            IllegalTransitionError: if that phase may not follow the present one.
        """
        if to not in TRANSITIONS[self._state]:
            raise IllegalTransitionError(self.record.migration, self._state, to)
        self._state = to

    def start(self, now_s: float) -> None:
        """Send the first byte."""
        self.record.start_s = now_s
        self.guest.follow(now_s)
        self.engine = self.memory.engine(self.guest.intensity)
        cap_of, raw_bytes = self.settings.network_cap_bytes_per_s, self.engine.encoding.raw_bytes
        self.running_cap_bytes_per_s = cap_of(raw_bytes, stopped=False)
        self.stopped_cap_bytes_per_s = cap_of(raw_bytes, stopped=True)
        if self.strategy.mode in (Mode.PRE_COPY, Mode.HYBRID):
            self.guest.track(self.settings.tracking_slowdown, now_s)
            self.enter(self.live_round, now_s)
            self.live_round.start_checks()
        else:
            self.record.why = self.strategy.mode.value
            self.enter(self.stop_and_copy, now_s)

    def take_turn(self, now_s: float) -> None:
        """Begin the live round that has waited for its turn on the network."""
        self.waiting.end(now_s)

    def abort(self, now_s: float) -> None:
        """Stop copying at once, in any phase; the listener is not notified."""
        self.flow.leave(now_s)
        if self._phase is not None:
            self._phase.abort(now_s)
        self._stop(now_s)

    # --- for its phases ---------------------------------------------------------------------------

    def enter(self, phase: CopyPhase, now_s: float) -> None:
        """Move to a phase and begin it."""
        self.transition(phase.phase)
        self._phase = phase
        phase.enter(now_s)

    def check(self, now_s: float) -> None:
        """Let the controller check the migration, if a live round is under way."""
        if self._phase is self.live_round:
            self.live_round.check(now_s)

    def leave_phase(self) -> None:
        """Leave the present phase, which has ended and recorded what it sent."""
        self._phase = None

    def end(self, outcome: Phase, why: str, now_s: float) -> None:
        """End the copy and notify the listener, which moves the migration to its next phase."""
        self._stop(now_s)
        self.listener.ended(self.record, outcome, why, now_s)

    def _stop(self, now_s: float) -> None:
        self.guest.leave(now_s)
        self.flow.count_limits()
        self.live_round.stop_checks()
        self._phase = None
        del self.engine


class CopyPhase(ABC):
    """A phase of a migration between its first and its last byte.

    Args:
        migration: whose phase it is; it enters live rounds and waits several times, the other
            phases once.

    Attributes:
        phase: its name in the table of transitions.
        guest_writes: whether its next event depends on the guest's write intensity.
        runs_at_source: whether the VM runs at the source.
        end_is_known: whether the event predicted last is its own, not a time to predict again.
        start_s: when it was entered.
    """

    phase: ClassVar[Phase]
    guest_writes: bool = True
    runs_at_source: ClassVar[bool] = True

    def __init__(self, migration: Migration) -> None:
        self.start_s = math.nan
        self._migration = migration

    @abstractmethod
    def enter(self, now_s: float) -> None:
        """Begin."""

    @property
    def end_is_known(self) -> bool:
        """Whether the event predicted last is its own, not a time to predict again."""
        return True

    @abstractmethod
    def predict(self, bytes_per_s: float, intensity: float) -> Prediction:
        """Predict the next event at a constant rate and write intensity."""

    @abstractmethod
    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let time pass at a constant rate and write intensity, short of the next event."""

    @abstractmethod
    def advance_memory(
        self, engine: MemoryEngine, duration_s: float, bytes_per_s: float, intensity: float
    ) -> None:
        """Let time pass for an engine, or for a copy of it that is only looked at."""

    @abstractmethod
    def on_event(self, now_s: float) -> bool:
        """Handle the event that was predicted; return whether the flow continues to send."""

    @abstractmethod
    def abort(self, now_s: float) -> None:
        """End early and record what was done."""

    @property
    def in_live_round(self) -> bool:
        """Whether the engine is within a live round."""
        return False

    @property
    def is_worked_out(self) -> bool:
        """Whether the engine is already where the next event finds it."""
        return False

    @property
    def pushed_pages(self) -> PostCopyMemory | None:
        """The pages that are pushed after the resume; None in other phases."""
        return None

    @property
    @abstractmethod
    def bytes_sent(self) -> float:
        """Bytes on the wire that are not in the record yet."""

    @property
    @abstractmethod
    def sizes(self) -> PageSizes:
        """Sizes on the wire of the pages that the phase sends."""

    def rate_cap(self) -> float:
        """Return the rate the phase may not exceed, byte/s.

        It is the minimum of the configured cap, the rate of the streams and the encoding rate of
        the cores.
        """
        migration = self._migration
        cap = migration.running_cap_bytes_per_s
        if not self.runs_at_source:
            cap = migration.stopped_cap_bytes_per_s
        if migration.engine.encoding.is_raw:
            return cap
        return min(cap, self.sizes.encoded_bytes_per_s(migration.settings.channels))

    def lowest_cap(self) -> Limit:
        """Return which of the caps on its rate is the lowest."""
        migration = self._migration
        settings, raw_bytes = migration.settings, migration.engine.encoding.raw_bytes
        cap = settings.network_cap_bytes_per_s(raw_bytes, stopped=not self.runs_at_source)
        if self.rate_cap() < cap:
            return Limit.ENCODING
        if settings.channels * settings.channel_bytes_per_s <= cap:
            return Limit.CHANNELS
        return Limit.PAGE_TIME if settings.page_time_s > 0 else Limit.BANDWIDTH


class LiveRound(CopyPhase):
    """Live rounds, one after the other: each one sends the pages due while the VM writes others."""

    phase = Phase.PRE_COPY

    def __init__(self, migration: Migration) -> None:
        super().__init__(migration)
        self._is_cut = False
        self._worked_out: RoundCounts | None = None
        self._decided: ControllerDecision | None = None
        self._measured_bytes_per_s = 0.0
        self._bandwidth_is_known = migration.controller.bandwidth_known_s <= 0
        self._check_timer: Timer | None = None
        self._paced_from_s = -math.inf
        self._thread: MigrationThread | None = None
        self._ends_iteration = False
        self._ahead_bytes = self._sent_before = 0.0
        self._pause: Pause | None = None

    def enter(self, now_s: float) -> None:
        """Begin a round with every page that is due."""
        self.start_s = now_s
        if self._paced_from_s < 0:
            self._paced_from_s = now_s
        migration = self._migration
        migration.engine.begin_round()
        if migration.settings.thread.in_iterations and self._thread is None:
            raw_bytes = migration.engine.encoding.raw_bytes
            self._thread = MigrationThread(migration.settings.thread, raw_bytes)
            self._thread.begin(now_s)
            self._bandwidth_is_known = True  # the thread measures it
            self._ahead_bytes = migration.settings.thread.socket_buffer_bytes
            migration.engine.advance(
                0.0, migration.settings.thread.setup_written_s * migration.guest.intensity
            )
        migration.flow.carry(self, now_s)

    @property
    def end_is_known(self) -> bool:
        """Whether the round's end is planned, not only a time to plan again."""
        known = self._ends_iteration or self._worked_out is not None
        return known or self._migration.engine.end_is_known

    def rate_cap(self) -> float:
        """Return the rate the round may not exceed; 0 while the thread does not send."""
        return 0.0 if self._pause is not None else super().rate_cap()

    def lowest_cap(self) -> Limit:
        """Return which of the caps is the lowest."""
        return super().lowest_cap() if self._pause is None else self._pause.limit

    def predict(self, bytes_per_s: float, intensity: float) -> Prediction:
        """Plan the rest of the round."""
        engine = self._migration.engine
        if self._pause is not None:
            return Prediction(math.inf)
        if self._worked_out is not None:
            return Prediction(self._worked_out.bytes_sent)
        if self._is_cut:
            return Prediction(engine.cut_short())
        if self._thread is not None:
            return self._predict_iteration(self._thread, bytes_per_s, intensity)
        threshold = 0.0
        if self._bandwidth_is_known:
            threshold = self._migration.controller.sync_threshold_bytes(bytes_per_s)
        left = engine.plan(intensity / bytes_per_s, threshold)
        # With a threshold the moment at which the round is cut short depends on the rate.
        dependence = engine.rate_dependence if threshold == 0 else RateDependence.UNKNOWN
        if dependence is RateDependence.UNKNOWN:
            return Prediction(left)
        sent = self.bytes_sent
        return Prediction(left, dependence, sent, sent + left)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Send pages and let the VM write others."""
        if self._thread is not None:
            self._thread.sent(bytes_per_s * duration_s)
        self.advance_memory(self._migration.engine, duration_s, bytes_per_s, intensity)

    def advance_memory(
        self, engine: MemoryEngine, duration_s: float, bytes_per_s: float, intensity: float
    ) -> None:
        """Send pages and let the VM write others, in the engine alone."""
        if self._pause is not None:
            intensity *= self._pause.written_share
        engine.advance(bytes_per_s * duration_s, intensity * duration_s)

    @property
    def in_live_round(self) -> bool:
        """Whether the engine is within the round, not at its end already."""
        return self._worked_out is None

    @property
    def is_worked_out(self) -> bool:
        """Whether the engine is already at the end of the round."""
        return self._worked_out is not None

    # --- iterations of the migration thread -------------------------------------------------------

    def _predict_iteration(
        self, thread: MigrationThread, bytes_per_s: float, intensity: float
    ) -> Prediction:
        """Plan the rest of the iteration, or of the round if that ends sooner."""
        engine = self._migration.engine
        left = engine.plan(intensity / bytes_per_s)
        if self._ahead_bytes:  # at first the socket's buffers take pages at once
            ahead, self._ahead_bytes = min(self._ahead_bytes, left), 0.0
            engine.advance(ahead, 0.0)
            thread.sent(ahead)
            left = engine.plan(intensity / bytes_per_s)
        of_iteration = thread.bytes_left(self._migration.loop.now_s, bytes_per_s)
        self._ends_iteration = of_iteration < left
        return Prediction(min(left, of_iteration))

    def _end_iteration(self, thread: MigrationThread, now_s: float) -> None:
        """Begin the next iteration, after a pause if the budget is used up."""
        migration = self._migration
        migration.flow.account(now_s)
        self._ends_iteration = False
        if thread.is_used_up and now_s < thread.window_end_s:
            self._pause_until(thread.window_end_s, Limit.BANDWIDTH, now_s)
            return
        thread.end_iteration(now_s)
        self._look(thread)

    def _look(self, thread: MigrationThread) -> None:
        """End the round if what is left fits."""
        migration = self._migration
        bandwidth = thread.bandwidth_bytes_per_s
        threshold = migration.controller.sync_threshold_bytes(bandwidth) if bandwidth else 0.0
        if migration.engine.bytes_waiting < threshold:
            self._is_cut = True

    def _pause_until(
        self, until_s: float, limit: Limit, now_s: float, written_share: float = 1.0
    ) -> None:
        """Send nothing until then."""
        migration = self._migration
        timer = migration.loop.call_at(until_s, self._wake)
        self._pause = Pause(timer, limit, written_share)
        migration.flow.carry(self, now_s)

    def _wake(self, now_s: float) -> None:
        """Send again."""
        migration, thread, pause = self._migration, self._thread, self._pause
        assert thread is not None, "only a thread pauses"
        assert pause is not None, "the timer of a pause belongs to it"
        migration.flow.account(now_s)
        self._pause = None
        if pause.limit is Limit.BANDWIDTH:
            thread.end_iteration(now_s)
            self._look(thread)
        migration.flow.carry(self, now_s)
        migration.flow.reschedule(now_s)

    def _read_log(self, counts: RoundCounts, now_s: float) -> None:
        """Let the log that ended a round be read before the next round sends."""
        thread, settings = self._thread, self._migration.settings.thread
        if thread is None:
            return
        sync_s = self._sync_s(counts)
        thread.begin_iteration(now_s + sync_s)
        idle_s = self._idle_s(sync_s)
        if idle_s > 0:
            written_s = max(settings.written_s(sync_s) - (sync_s - idle_s), 0.0)
            self._pause_until(now_s + idle_s, Limit.SYNC, now_s, written_s / idle_s)

    def _sync_s(self, counts: RoundCounts) -> float:
        """Return how long the log that ended a round is read."""
        migration = self._migration
        if self._thread is None:
            return 0.0
        return migration.settings.thread.sync_s(counts.dirtied, migration.controller.throttle())

    def _idle_s(self, sync_s: float) -> float:
        """Return how long the network idles: what the socket's buffers hold keeps it busy."""
        buffered_bytes = self._migration.settings.thread.socket_buffer_bytes
        bytes_per_s = self._migration.flow.bytes_per_s
        if sync_s <= 0 or bytes_per_s <= 0:
            return sync_s
        return max(sync_s - buffered_bytes / bytes_per_s, 0.0)

    def thread_waited(self, duration_s: float) -> None:
        """Let the thread's clock stand still for a time in which it waited for its turn."""
        if self._thread is not None:
            self._thread.shift(duration_s)

    # --- the end of a round -----------------------------------------------------------------------

    def on_event(self, now_s: float) -> bool:
        """End the round and do what the controller decides; return whether a round follows."""
        migration = self._migration
        if self._ends_iteration and self._thread is not None:
            self._end_iteration(self._thread, now_s)
            return True
        if self._thread is not None and self._bandwidth_comes_later(self._thread, now_s):
            return True
        duration_s = migration.flow.elapse(now_s)
        counts = self._worked_out
        self._sent_before = migration.engine.bytes_sent_in_round if counts is None else 0.0
        if counts is None:
            counts = migration.engine.end_round(migration.guest.intensity * duration_s)
        self._worked_out = None
        if self._thread is not None:
            self._thread.sent(counts.bytes_sent - self._sent_before)
            if self._decided is None:
                self._is_cut = False
        progress = self._record(counts, now_s)
        action, reason = self._decide(progress, now_s)
        if action is MigrationAction.ABORT:
            migration.end(Phase.NOT_CONVERGED, reason, now_s)
            return False
        if action in (MigrationAction.STOP, MigrationAction.POST_COPY):
            migration.resumes_early |= action is MigrationAction.POST_COPY
            migration.record.why = reason
            return self._switch_over(counts, now_s)
        self._check_pace(now_s)
        # A round without pages takes no time, so it needs no turn.
        engine, listener = migration.engine, migration.listener
        if engine.nothing_to_send or listener.offer_turn(migration.record, now_s):
            if not self._run_ahead(progress, now_s):
                migration.enter(self, now_s)
                self._read_log(counts, now_s)
        else:
            migration.enter(migration.waiting, now_s)
        return True

    def _bandwidth_comes_later(self, thread: MigrationThread, now_s: float) -> bool:
        """Pause if all pages are sent before the first window is over; return whether it does.

        QEMU reads the log again only once it knows the bandwidth.
        """
        if thread.bandwidth_bytes_per_s or self._is_cut or self._decided is not None:
            return False
        if self._migration.controller.bandwidth_known_s <= 0 or now_s >= thread.window_end_s:
            return False
        self._migration.flow.account(now_s)
        self._pause_until(thread.window_end_s, Limit.BANDWIDTH, now_s)
        return True

    def _switch_over(self, counts: RoundCounts, now_s: float) -> bool:
        """Stop the VM, after the log has been read; return whether the flow continues."""
        migration = self._migration
        settings = migration.settings.thread
        bytes_per_s, sync_s = migration.flow.bytes_per_s, self._sync_s(counts)
        stop = migration.stop_and_copy
        stop.buffered_bytes = settings.socket_buffer_bytes if self._thread is not None else 0.0
        if sync_s > 0:
            stop.buffered_bytes = max(stop.buffered_bytes - bytes_per_s * sync_s, 0.0)
        if self._decided is not None:
            # the switch was not QEMU's own: it reads the log with the VM stopped
            stop.sync_s = sync_s
        elif sync_s > 0:
            migration.reading_log.sync_s = sync_s
            migration.enter(migration.reading_log, now_s)
            return True
        migration.enter(stop, now_s)
        return False

    def _run_ahead(self, progress: Progress, now_s: float) -> bool:
        """Work out many rounds at once, if nothing else can happen in them; return whether it did.

        Nothing can: the controller continues after each of them, no timer and no event of another
        flow comes, and the network's present run does not end. All but the last are recorded now.
        The last one ends at the next event of the flow, like any other round.
        """
        migration, flow = self._migration, self._migration.flow
        controller, strategy = migration.controller, migration.strategy
        bytes_per_s, longest_s = flow.bytes_per_s, now_s - self.start_s
        if self._decided is not None or self._is_cut or bytes_per_s <= 0 or longest_s <= 0:
            return False
        rounds, least_left = controller.sure_rounds(progress)
        if strategy.mode is Mode.HYBRID:
            rounds = min(rounds, strategy.live_rounds - 1 - progress.round_number)
        if rounds < LEAST_ROUNDS_AHEAD or controller.sync_threshold_bytes(bytes_per_s) > 0:
            return False
        until_s = flow.quiet_until_s
        if until_s - now_s < LEAST_ROUNDS_AHEAD * longest_s:
            return False
        until_check = SHORT_ROUNDS - progress.round_number % SHORT_ROUNDS
        most = min(rounds, MOST_ROUNDS_AHEAD, until_check)
        intensity = migration.guest.intensity
        ahead = RoundsAhead(now_s, until_s, bytes_per_s, intensity, most, max(least_left, 1))
        found = migration.engine.run_ahead(ahead)
        if not found:
            return False
        self.start_s = now_s
        for end_s, counts, pages_left in found[:-1]:
            flow.elapse(end_s)
            migration.recorder.round_ended(counts, self.start_s, end_s)
            migration.recorder.left_after_round(pages_left)
            self.start_s = end_s
        self._worked_out = found[-1].counts
        return True

    def _check_pace(self, now_s: float) -> None:
        """Refuse to go on if rounds follow each other faster than any network could send them.

        Raises:
            ClusterEmuError: if the last `SHORT_ROUNDS` rounds took less than `SHORT_ROUNDS_S`.
        """
        number = self._migration.engine.round_number
        if number % SHORT_ROUNDS:
            return
        if now_s - self._paced_from_s < SHORT_ROUNDS_S:
            vm = self._migration.record.vm
            raise ClusterEmuError(
                f"VM {vm}: {SHORT_ROUNDS:,} live rounds within {now_s - self._paced_from_s:g} s "
                "and no end: allowed is a stop rule that ends them, or a bandwidth or page size "
                "with which a round takes 10 us or more"
            )
        self._paced_from_s = now_s

    def _record(self, counts: RoundCounts, now_s: float) -> Progress:
        """Record the round that has ended; return what is known after it."""
        migration = self._migration
        migration.recorder.round_ended(counts, self.start_s, now_s)
        if now_s > self.start_s:
            self._measured_bytes_per_s = counts.bytes_sent / (now_s - self.start_s)
        bytes_per_s = self._measured_bytes_per_s or migration.flow.bytes_per_s
        if self._thread is not None:
            bytes_per_s = self._thread.bandwidth_bytes_per_s
        return migration.recorder.progress(counts, migration.engine, bytes_per_s, now_s)

    def _decide(self, progress: Progress, now_s: float) -> ControllerDecision:
        migration = self._migration
        if self._decided is not None:
            return self._decided
        strategy = migration.strategy
        if strategy.mode is Mode.HYBRID and progress.round_number >= strategy.live_rounds:
            reason = f"live rounds before post-copy: {strategy.live_rounds}"
            return ControllerDecision(MigrationAction.STOP, reason)
        decision = migration.controller.round_ended(progress)
        self._throttle_guest(now_s)
        if decision.action is MigrationAction.LAST_ROUND:
            self._decided = ControllerDecision(MigrationAction.STOP, decision.reason)
        endless = migration.recorder.empty_rounds >= MAX_EMPTY_ROUNDS
        if decision.action is MigrationAction.CONTINUE and endless:
            reason = f"{MAX_EMPTY_ROUNDS} rounds that sent nothing"
            return ControllerDecision(MigrationAction.STOP, reason)
        return decision

    def _throttle_guest(self, now_s: float) -> None:
        controller = self._migration.controller
        self._migration.guest.throttle(
            controller.throttle(), now_s, idle_first=controller.throttle_takes_idle_time
        )

    def start_checks(self) -> None:
        """Set the timer for the next check, or for the time at which the bandwidth is known."""
        migration = self._migration
        record, loop, controller = migration.record, migration.loop, migration.controller
        next_s = controller.next_check_s()
        if not self._bandwidth_is_known:
            next_s = min(next_s, controller.bandwidth_known_s)
        next_s += record.start_s + record.waited_s
        if math.isfinite(next_s):
            self._check_timer = loop.call_at(max(next_s, loop.now_s), migration.check)

    def stop_checks(self) -> None:
        """Cancel the timer for the next check."""
        if self._check_timer is not None:
            self._migration.loop.cancel(self._check_timer)

    def check(self, now_s: float) -> None:
        """Apply what the controller decides in mid-round, unless the round is already cut short."""
        if self._is_cut:
            return
        migration = self._migration
        migration.flow.account(now_s)
        controller = migration.controller
        if not self._bandwidth_is_known and (
            controller.bandwidth_known_s < controller.next_check_s()
        ):
            self._bandwidth_is_known = True
            migration.flow.reschedule(now_s)
            self.start_checks()
            return
        action, reason = controller.check(self._status(now_s))
        self._throttle_guest(now_s)
        if action is MigrationAction.ABORT:
            migration.flow.leave(now_s)
            self.abort(now_s)
            migration.end(Phase.NOT_CONVERGED, reason, now_s)
            return
        if action is MigrationAction.LAST_ROUND:
            self._decided = ControllerDecision(MigrationAction.STOP, reason)
        elif action is not MigrationAction.CONTINUE:
            self._decided = ControllerDecision(action, reason)
            self._is_cut = True
        migration.flow.reschedule(now_s)
        self.start_checks()

    def _status(self, now_s: float) -> MigrationStatus:
        migration = self._migration
        return MigrationStatus(
            elapsed_s=migration.recorder.elapsed_s(now_s),
            round_number=migration.record.rounds + 1,
            memory_bytes=migration.record.memory_pages * migration.engine.encoding.page_bytes,
            bytes_left=migration.engine.bytes_waiting,
            bytes_sent=migration.bytes_sent,
            bytes_per_s=migration.flow.bytes_per_s,
        )

    def abort(self, now_s: float) -> None:
        """End the round at once; the page in transit counts as sent, with the bytes it has sent."""
        if self._pause is not None:
            self._migration.loop.cancel(self._pause.timer)
            self._pause = None
        sent_bytes = self.bytes_sent
        self._migration.engine.cut_short()
        counts = replace(self._migration.engine.end_round(0.0), bytes_sent=sent_bytes)
        self._migration.recorder.round_ended(counts, self.start_s, now_s)

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire in the round under way."""
        return self._migration.engine.bytes_sent_in_round

    @property
    def sizes(self) -> PageSizes:
        """Sizes on the wire of the pages due in the round under way."""
        return self._migration.engine.round_sizes


class Pause(NamedTuple):
    """A time in which the migration thread does not send.

    Args:
        timer: its end.
        limit: why.
        written_share: how much of the time the VM writes.
    """

    timer: Timer
    limit: Limit
    written_share: float


class ReadingLog(CopyPhase):
    """The last reading of the dirty log before QEMU stops the VM by itself."""

    phase = Phase.PRE_COPY
    bytes_sent = 0.0
    sizes = NO_PAGES
    sync_s = 0.0
    """How long it takes; set before the phase is entered."""

    def enter(self, now_s: float) -> None:
        """Send nothing until it is read."""
        self.start_s = now_s
        migration = self._migration
        migration.live_round.stop_checks()
        self._timer = migration.loop.call_at(now_s + self.sync_s, self._end)
        migration.flow.carry(self, now_s)

    def _end(self, now_s: float) -> None:
        migration = self._migration
        migration.flow.leave(now_s)
        migration.enter(migration.stop_and_copy, now_s)

    def rate_cap(self) -> float:
        """Return 0: nothing is sent."""
        return 0.0

    def lowest_cap(self) -> Limit:
        """Return the reading of the log."""
        return Limit.SYNC

    def predict(self, bytes_per_s: float, intensity: float) -> Prediction:
        """Return an infinite number of bytes: no number of bytes ends the reading."""
        return Prediction(math.inf)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let the VM write, unless it stands still."""
        self.advance_memory(self._migration.engine, duration_s, bytes_per_s, intensity)

    def advance_memory(
        self, engine: MemoryEngine, duration_s: float, bytes_per_s: float, intensity: float
    ) -> None:
        """Let the VM write, unless it stands still, in the engine alone."""
        if not self._migration.settings.thread.sync_stops_vm:
            engine.wait(intensity * duration_s)

    def on_event(self, now_s: float) -> bool:
        """Continue to wait: only the timer ends the reading."""
        return True

    def abort(self, now_s: float) -> None:
        """Read no further."""
        self._migration.loop.cancel(self._timer)


class WaitingForTurn(CopyPhase):
    """Between two live rounds, while another migration has the turn on the network.

    The flow keeps its place in the network, at rate 0. What the VM writes meanwhile is due in the
    next round. The controller's clock stands still, because a waiting migration cannot make
    progress.
    """

    phase = Phase.WAITING_FOR_TURN
    bytes_sent = 0.0
    sizes = NO_PAGES

    def enter(self, now_s: float) -> None:
        """Stop sending."""
        self.start_s = now_s
        self._migration.live_round.stop_checks()
        self._migration.flow.carry(self, now_s)

    def end(self, now_s: float) -> None:
        """Begin the next live round."""
        migration = self._migration
        migration.flow.account(now_s)
        migration.recorder.waited(self.start_s, now_s)
        migration.enter(migration.live_round, now_s)
        migration.live_round.thread_waited(now_s - self.start_s)
        # The network notifies no rate if the turn was lost and regained within one instant.
        migration.flow.reschedule(now_s)
        migration.live_round.start_checks()

    def rate_cap(self) -> float:
        """Return 0: nothing is sent."""
        return 0.0

    def lowest_cap(self) -> Limit:
        """Return the turn: nothing is sent without it."""
        return Limit.TURN

    def predict(self, bytes_per_s: float, intensity: float) -> Prediction:
        """Return an infinite number of bytes: no number of bytes ends the wait."""
        return Prediction(math.inf)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let the VM write."""
        self.advance_memory(self._migration.engine, duration_s, bytes_per_s, intensity)

    def advance_memory(
        self, engine: MemoryEngine, duration_s: float, bytes_per_s: float, intensity: float
    ) -> None:
        """Let the VM write, in the engine alone."""
        engine.wait(intensity * duration_s)

    def on_event(self, now_s: float) -> bool:
        """Continue to wait: only the turn ends the wait."""
        return True

    def abort(self, now_s: float) -> None:
        """Record the wait."""
        self._migration.recorder.waited(self.start_s, now_s)


class StopAndCopy(CopyPhase):
    """From the pause to the resume: suspend, send what the VM needs to resume, resume.

    That is the device state, and the stale pages unless the VM resumes early.
    """

    phase = Phase.STOP_AND_COPY
    guest_writes = False
    runs_at_source = False
    sizes = NO_PAGES

    def __init__(self, migration: Migration) -> None:
        super().__init__(migration)
        self._sent_bytes = 0.0
        self._total_bytes = 0.0
        self._idle_since_s = math.nan
        self._timer: Timer | None = None
        self.sync_s = self.buffered_bytes = 0.0

    def enter(self, now_s: float) -> None:
        """Pause the VM; the remaining pages are sent after the time that suspending takes."""
        migration = self._migration
        self.start_s = self._idle_since_s = now_s
        migration.record.pause_s = now_s
        migration.guest.pause(now_s)
        send_s = now_s + migration.settings.suspend_s + self.sync_s
        self._timer = migration.loop.call_at(send_s, self._send)

    def _send(self, now_s: float) -> None:
        migration = self._migration
        self._count_idle(now_s)
        if not migration.resumes_early:
            self.sizes = migration.engine.stop_sizes()
            migration.record.pages_lost_update = migration.engine.lost_update_pages()
            migration.engine.hand_over()
        self._total_bytes = migration.settings.device_state_bytes + self.sizes.total_bytes
        self._total_bytes += self.buffered_bytes
        if self._total_bytes > 0:
            migration.flow.carry(self, now_s)
        else:
            self._resume_soon(now_s)

    def predict(self, bytes_per_s: float, intensity: float) -> Prediction:
        """Predict the last byte; nothing depends on the rate."""
        left = max(self._total_bytes - self._sent_bytes, 0.0)
        return Prediction(left, RateDependence.NONE, self._sent_bytes, self._total_bytes)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Send at the given rate."""
        self._sent_bytes += bytes_per_s * duration_s

    def advance_memory(
        self, engine: MemoryEngine, duration_s: float, bytes_per_s: float, intensity: float
    ) -> None:
        """Leave the engine as it is: the VM is stopped."""

    def on_event(self, now_s: float) -> bool:
        """Note that the last byte has arrived."""
        self._migration.flow.account(now_s)
        self._resume_soon(now_s)
        return False

    def _resume_soon(self, now_s: float) -> None:
        migration = self._migration
        self._sent_bytes = self._total_bytes
        self._idle_since_s = now_s
        migration.all_arrived = not migration.resumes_early
        self._timer = migration.loop.call_at(now_s + migration.settings.resume_s, self._resume)

    def _resume(self, now_s: float) -> None:
        """Let the VM run at the target."""
        migration = self._migration
        migration.record.resume_s = now_s
        self._count_idle(now_s)
        self._record(now_s)
        migration.leave_phase()
        if migration.resumes_early:
            migration.enter(migration.push, now_s)
            return
        _check_memory(migration)
        migration.listener.resumed(migration.record, now_s)
        migration.end(Phase.COMPLETED, "", now_s)

    def abort(self, now_s: float) -> None:
        """Record what was sent."""
        if self._timer is not None:
            self._migration.loop.cancel(self._timer)
        self._count_idle(now_s)
        self._record(now_s)

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far, but for those that a live round has counted."""
        return max(self._sent_bytes - self.buffered_bytes, 0.0)

    def _count_idle(self, now_s: float) -> None:
        """Count the time spent on suspending or resuming, if that is under way."""
        self._migration.flow.limits.add(Limit.PAUSING, now_s - self._idle_since_s)
        self._idle_since_s = math.nan

    def _record(self, now_s: float) -> None:
        sizes, migration = self.sizes, self._migration
        pages, encode_cpu_s = sizes.count, sizes.total_cpu_s
        if self._sent_bytes < self._total_bytes:
            own_bytes = max(self._sent_bytes - self.buffered_bytes, 0.0)
            pages = sizes.whole_pages_in(own_bytes)
            encode_cpu_s = sizes.cpu_s_until(own_bytes)
        migration.record.pages_sent_stop = pages
        # what the socket's buffers held at the stop was counted in a live round
        sent_bytes = max(self._sent_bytes - self.buffered_bytes, 0.0)
        migration.recorder.sent_once(
            self.phase, self.start_s, now_s, pages, sent_bytes, encode_cpu_s
        )


class PostCopyPush(CopyPhase):
    """The push of missing pages, with demand faults, while the VM runs at the target."""

    phase = Phase.POST_COPY
    runs_at_source = False

    pages: PostCopyMemory
    """The missing pages; set when the phase is entered."""

    def __init__(self, migration: Migration) -> None:
        super().__init__(migration)
        self._total_bytes = 0.0
        self._is_complete = False

    def enter(self, now_s: float) -> None:
        """Resume the VM at the target and begin to push what it lacks."""
        migration = self._migration
        self.start_s = now_s
        migration.guest.resume(now_s)
        migration.listener.resumed(migration.record, now_s)
        self.pages = migration.memory.post_copy(migration.engine)
        self._total_bytes = self.pages.bytes_left
        migration.flow.carry(self, now_s)

    def predict(self, bytes_per_s: float, intensity: float) -> Prediction:
        """Predict the last byte; faults change the order of pages, not their number."""
        pages = self.pages
        left = max(pages.bytes_left, 0.0)
        return Prediction(left, pages.rate_dependence, pages.bytes_sent, self._total_bytes)

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Push pages and serve faults."""
        before_s = self.pages.stall_s
        self.pages.advance(duration_s, bytes_per_s, intensity)
        migration = self._migration
        stall_s = self.pages.stall_s - before_s
        migration.listener.stalled(migration.record, stall_s, migration.guest.demand)

    def advance_memory(
        self, engine: MemoryEngine, duration_s: float, bytes_per_s: float, intensity: float
    ) -> None:
        """Leave the engine as it is: `pages` alone change."""

    def on_event(self, now_s: float) -> bool:
        """Complete the migration: the last page has arrived."""
        migration = self._migration
        migration.flow.account(now_s)
        self.pages.finish()
        self._is_complete = migration.all_arrived = True
        _check_memory(migration)
        self._record(now_s)
        migration.leave_phase()
        migration.end(Phase.COMPLETED, "", now_s)
        return False

    def abort(self, now_s: float) -> None:
        """Record what was pushed."""
        self._record(now_s)

    def _record(self, now_s: float) -> None:
        pages, record = self.pages, self._migration.record
        record.demand_faults = pages.faults
        record.fault_stall_s = pages.stall_s
        record.pages_sent_postcopy = pages.pages_arrived
        encode_cpu_s = self.sizes.cpu_s_until(self.bytes_sent)
        if self._is_complete:
            encode_cpu_s = self.sizes.total_cpu_s
        self._migration.recorder.sent_once(
            self.phase, self.start_s, now_s, pages.pages_arrived, self.bytes_sent, encode_cpu_s
        )

    @property
    def pushed_pages(self) -> PostCopyMemory:
        """The pages that are pushed."""
        return self.pages

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self._total_bytes if self._is_complete else self.pages.bytes_sent

    @property
    def sizes(self) -> PageSizes:
        """Sizes on the wire of the pages that were missing at the resume."""
        return self.pages.sizes


def _check_memory(migration: Migration) -> None:
    """Check, where versions are kept, that the target's memory is the source's.

    Raises:
        RuntimeError: if it is not.
    """
    versions, record = migration.engine.versions, migration.record
    if versions is not None and len(versions.stale()):
        raise RuntimeError(
            f"migration {record.migration}: {len(versions.stale())} pages of VM {record.vm} are "
            "stale at the target"
        )
