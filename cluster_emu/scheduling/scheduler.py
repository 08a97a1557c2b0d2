"""Queues migrations, starts them when slots are free, and moves each VM at its resume."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from cluster_emu.cluster.admission import refusal
from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.errors import RequestRefusedError
from cluster_emu.network.timers import Timer
from cluster_emu.scheduling.orders import Candidate
from cluster_emu.scheduling.overhead import MigrationOverhead
from cluster_emu.scheduling.round_robin import RoundRobin
from cluster_emu.scheduling.slots import ConcurrencySlots, QueueRules, SlotCounts
from cluster_emu.scheduling.switching import HostSwitching
from cluster_emu.scheduling.timers import PhaseTimers
from cluster_emu.transfer.factory import MigrationFactory
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import COPYING, NOTHING_SENT, Limit, MigrationRecord, Phase


class MigrationScheduler:
    """Carries out requested migrations.

    Memory is reserved at the target when a migration is requested, and released at the source when
    it has ended, so a queued migration can always be carried out. It stays queued while its target
    boots, and gets another target where that is drained. A migration is queued, preparing,
    ready (where preparing has slots of its own, or those that copy take turns), copying (in one of
    the phases in `COPYING`) and finishing; its `state` says which. Phases that last no time are
    passed over.

    Args:
        factory: makes the migrations.
        rules: limits on migrations at the same time, and their order.
        overhead: counts the CPU and the time that copying costs hosts and guests.
        choose_target: returns another target for a migration whose target cannot take its VM any
            more, or None if there is none.
        switch_off_empty_hosts: whether a host is switched off once no VM runs there or is expected.

    Attributes:
        records: every migration ever requested, by number.
        live: every migration that has not ended, by number.
        ended_count: how many have ended.
        switching: switches hosts on and off.
    """

    def __init__(
        self,
        factory: MigrationFactory,
        rules: QueueRules,
        overhead: MigrationOverhead,
        choose_target: Callable[[int], int | None],
        *,
        switch_off_empty_hosts: bool,
    ) -> None:
        self.records: list[MigrationRecord] = []
        self.live: dict[int, Migration] = {}
        self.ended_count = 0
        self._retries_waiting: dict[int, Timer] = {}
        self._retried_as: dict[int, int] = {}
        self._waits_since_s: dict[int, float] = {}  # for a slot or the first turn
        self._listeners: list[Callable[[int, float], None]] = []
        self._factory = factory
        self._state: ClusterState = factory.state
        self.switching = HostSwitching(factory.state, factory.loop)
        self.switching.notify(self._host_booted)
        self._overhead = overhead
        self._choose_target = choose_target
        self._switch_off_empty_hosts = switch_off_empty_hosts
        self._timers = PhaseTimers(factory.loop)
        # without turns, all that copy send at the same time and share the links
        self._turns = RoundRobin(self._start) if rules.interleave else None
        vms, capacity = factory.state.vms, factory.links.capacity_bytes_per_s
        counts = SlotCounts.of_copying(factory.state)
        booting = factory.state.hosts.booting
        names = factory.state.names
        self._copying = ConcurrencySlots(
            rules.copying, counts, rules.order, vms, capacity, booting, names
        )
        self._preparing = self._copying
        if rules.preparing is not None:
            counts = SlotCounts.empty(factory.state.host_count)
            unused = np.full_like(capacity, np.inf)  # migrations that prepare share no link
            self._preparing = ConcurrencySlots(
                rules.preparing, counts, rules.order, vms, unused, booting, names
            )

    @property
    def queue_length(self) -> int:
        """Number of migrations that wait for a slot."""
        return sum(len(stage.waiting) for stage in self._stages)

    @property
    def active(self) -> dict[int, Migration]:
        """The migrations that hold a slot, by number: preparing, copying or finishing."""
        return {number: self.live[number] for stage in self._stages for number in stage.holders}

    @property
    def idle(self) -> bool:
        """Whether no migration waits or runs."""
        return not self.live and not self._retries_waiting

    def notify(self, ended: Callable[[int, float], None]) -> None:
        """Call `ended` with the VM and the time whenever a migration has ended."""
        self._listeners.append(ended)

    def request(
        self, move: Move, now_s: float, *, attempt: int = 1, faults_before: int = 0
    ) -> MigrationRecord:
        """Reserve memory at the target and queue the migration.

        Args:
            move: the VM, its target and the reason.
            now_s: the time.
            attempt: 1, or more for a retry.
            faults_before: how many of the attempts before were ended by faults.
        """
        number = len(self.records)
        record = MigrationRecord(
            migration=number,
            vm=move.vm,
            source=move.source,
            target=move.target,
            reason=move.reason,
            strategy=self._factory.strategy.name,
            memory_pages=int(self._state.vms.page_count[move.vm]),
            priority=int(move.priority),
            queued_s=now_s,
            attempt=attempt,
            faults_before=faults_before,
        )
        self.records.append(record)
        self.switching.wake(move.target, now_s)
        self._state.reserve_move(move.vm, move.target, now_s)
        self.live[number] = self._factory.make(record, self)
        self._wait_for_slot(self._preparing, number, now_s)
        return record

    def admit(self, now_s: float) -> None:
        """Give a slot to every migration that waits for one, as far as the limits allow."""
        if self._has_preparing_slots:
            # a migration whose target needs no preparation returns its slot at once
            while admitted := self._preparing.admit():
                for number in admitted:
                    self._count_wait_for_slot(self._preparing, number, now_s)
                    self._prepare(number, now_s)
        for number in self._copying.admit():
            self._count_wait_for_slot(self._copying, number, now_s)
            if self._has_preparing_slots:
                self._copy(number, now_s)
            else:
                self._prepare(number, now_s)
        self._give_turn(now_s)

    def cancel(self, number: int, outcome: Phase, why: str, now_s: float) -> None:
        """End a migration in any phase and release its slots and its reservation.

        The VM stays where it runs. No other migration is started, and this one is not retried. Call
        `admit` after the last migration is cancelled.

        Args:
            number: a migration in `live`.
            outcome: a final phase, `Phase.FAILED` for a fault.
            why: the reason in words.
            now_s: the time.
        """
        migration = self.live[number]
        if migration.state in COPYING:
            record = migration.record
            migration.abort(now_s)
            self._overhead.end(record.vm, record.source, record.target, now_s)
        self._end(number, outcome, why, now_s)

    def cancel_request(self, number: int, why: str, now_s: float) -> None:
        """Cancel a migration as its user asks, or its last attempt if it was tried again.

        One that waits to be tried again is not.

        Args:
            number: of the migration that was requested, or of an attempt.
            why: the reason in words.
            now_s: the time.

        Raises:
            RequestRefusedError: if it has ended, or its VM cannot stay at the source any more.
        """
        while number in self._retried_as:
            number = self._retried_as[number]
        record = self.records[number]
        if number in self._retries_waiting:
            self._factory.loop.cancel(self._retries_waiting.pop(number))
            record.why += f"; not tried again, {why}"
            return
        what = f"migration {number} of {self._state.names.vm(record.vm)}"
        if number not in self.live:
            raise RequestRefusedError(f"{what} has ended at {record.end_s:g} s: {record.outcome}")
        too_late = self.live[number].too_late_to_cancel
        if too_late is not None:
            raise RequestRefusedError(f"{what} cannot be cancelled any more: {too_late}")
        self.cancel(number, Phase.CANCELLED, why, now_s)
        self.admit(now_s)

    def cancel_of_vm(self, vm: int, why: str, now_s: float) -> None:
        """Cancel the migration of a VM, or its next attempt, as its user asks.

        Raises:
            RequestRefusedError: if it has none, or the VM cannot stay at the source any more.
        """
        under_way = (*self.live, *self._retries_waiting)
        numbers = [number for number in under_way if self.records[number].vm == vm]
        if not numbers:
            raise RequestRefusedError(f"{self._state.names.vm(vm)} has no migration")
        for number in numbers:
            self.cancel_request(number, why, now_s)

    def end_of_vm(self, vm: int, now_s: float) -> None:
        """End the migration of a VM that ends now, in any phase, and its next attempts.

        One that is finishing has completed: the VM has all of its memory at the target.
        """
        for number in [each for each in self._retries_waiting if self.records[each].vm == vm]:
            self._factory.loop.cancel(self._retries_waiting.pop(number))
            self.records[number].why += "; not tried again, the VM has ended"
        if not self._state.vms.queued[vm]:
            return
        number = self._number_of(vm)
        phase = self.live[number].state
        if phase is Phase.FINISHING:
            self.cancel(number, Phase.COMPLETED, "", now_s)
        else:
            self.cancel(number, Phase.CANCELLED, f"VM ended in phase {phase.reported}", now_s)

    def will_retry(self, vm: int) -> bool:
        """Return whether a migration of a VM has ended and will be tried again."""
        return any(self.records[number].vm == vm for number in self._retries_waiting)

    def last_end_of(self, vm: int) -> str:
        """Return in words how the last migration of a VM ended; empty if it had none."""
        for record in reversed(self.records):
            if record.vm == vm:
                return f"{record.outcome}: {record.why}" if record.why else record.outcome
        return ""

    def phase_of(self, vm: int) -> Phase | None:
        """Return the phase of the migration of a VM, None if it has none."""
        return self.live[self._number_of(vm)].state if self._state.vms.queued[vm] else None

    def timed_since_s(self, number: int) -> float | None:
        """Return when a migration began to prepare or to finish; None if it does neither now."""
        return self._timers.since_s(number)

    def resized(self, vm: int, now_s: float) -> None:
        """Begin the migration of a VM again that was resized before its first byte was sent.

        It keeps its place in the queue.
        """
        number = self._number_of(vm)
        self._change_target(number, self.records[number].target, now_s)
        self.records[number].memory_pages = int(self._state.vms.page_count[vm])

    def cancel_for(self, vm: int, why: str, now_s: float) -> None:
        """Cancel the migration of a VM for a reason other than its user's wish."""
        self.cancel(self._number_of(vm), Phase.CANCELLED, why, now_s)

    def _number_of(self, vm: int) -> int:
        return next(number for number in self.live if self.records[number].vm == vm)

    def leave_drained(self, drained: BoolColumn, now_s: float) -> None:
        """Give migrations to drained hosts that have sent nothing yet another target.

        They keep their places in the queue; those that were preparing or ready are queued again.
        One for which no other host is free is cancelled. Those that copy go on: their VMs leave
        the host later.

        Args:
            drained: mask of the hosts that are drained from now on, [hosts].
            now_s: the time.
        """
        for number, migration in list(self.live.items()):
            record = migration.record
            if migration.state not in NOTHING_SENT or not drained[record.target]:
                continue
            target = self._choose_target(record.vm)
            if target is None:
                host = self._state.names.host(record.target)
                why = f"{host} is drained, and no other host is free for the VM"
                self.cancel(number, Phase.CANCELLED, why, now_s)
            else:
                self._change_target(number, target, now_s)

    def _change_target(self, number: int, target: int, now_s: float) -> None:
        migration, record = self.live[number], self.records[number]
        limits = migration.flow.limits
        if number in self._waits_since_s:
            self._end_wait(number, now_s)
        if migration.state is Phase.PREPARING:
            limits.add(Limit.PREPARING, self._timers.stop(number, now_s))
        if migration.state is not Phase.QUEUED:
            for stage in self._stages:
                stage.leave(number)
            self._leave_turns(migration)
            record.prepare_s = 0.0
        self.switching.wake(target, now_s)
        self._state.release_move(record.vm, record.target)
        self._state.reserve_move(record.vm, target, now_s)
        record.target = target
        self._release_route(migration)
        self.live[number] = self._factory.make(record, self)
        self.live[number].flow.limits = limits
        self._wait_for_slot(self._preparing, number, now_s)

    def _host_booted(self, host: int, now_s: float) -> None:
        for stage in self._stages:
            stage.host_booted(host)
        self.admit(now_s)

    def switch_off_if_empty(self, host: int, now_s: float) -> None:
        """Switch off one host if it has no VM, expects none, and is not booting."""
        hosts = self._state.hosts
        empty = hosts.memory_reserved_bytes[host] == 0 and not hosts.booting[host]
        if self._switch_off_empty_hosts and empty and hosts.switched_on[host]:
            self.switching.switch_off([host], now_s)

    def switch_off_empty(self) -> None:
        """Switch off every host that has no VM and expects none, unless it is booting."""
        if self._switch_off_empty_hosts:
            hosts = self._state.hosts
            in_use = hosts.booting | (hosts.memory_reserved_bytes > 0)
            empty = np.flatnonzero(hosts.switched_on & ~in_use)
            if len(empty):
                self.switching.switch_off(empty.tolist(), self._factory.loop.now_s)

    def end_run(self, now_s: float) -> None:
        """End the migrations that still wait or run when the run ends."""
        numbers = [n for stage in self._stages for n in (*stage.waiting, *stage.holders)]
        for number in numbers:
            state = self.live[number].state
            still = "still " if state is Phase.QUEUED else ""
            why = f"{still}{state.reported} when the run ended"
            self.cancel(number, Phase.UNFINISHED, why, now_s)
            if state is Phase.QUEUED:
                self.records[number].end_s = math.nan  # the migration never began

    # --- the course of a migration ---------------------------------------------------------------

    def _prepare(self, number: int, now_s: float) -> None:
        """Set up the target; a slot has been taken."""
        duration_s = self._factory.settings.prepare_s
        if duration_s > 0:
            self.live[number].transition(Phase.PREPARING)
            self._timers.begin(number, duration_s, now_s, self._prepared_in_time)
        else:
            self._prepared(number, now_s)

    def _prepared_in_time(self, number: int, now_s: float) -> None:
        self.records[number].prepare_s = self._timers.stop(number, now_s)
        self._prepared(number, now_s)
        self.admit(now_s)

    def _prepared(self, number: int, now_s: float) -> None:
        self.live[number].transition(Phase.READY)
        if not self._has_preparing_slots:
            self._copy(number, now_s)
            return
        self._preparing.leave(number)
        self._wait_for_slot(self._copying, number, now_s)

    def _copy(self, number: int, now_s: float) -> None:
        if self._turns is None:
            self._start(self.live[number], now_s)
        else:
            self._waits_since_s[number] = now_s
            self._turns.join(self.live[number], now_s)

    def _start(self, migration: Migration, now_s: float) -> None:
        if self._turns is not None:
            self._count_wait_for_turn(migration.record.migration, now_s)
        record = migration.record
        self._overhead.begin(record.vm, record.source, record.target, now_s)
        record.stay_s = now_s - float(self._state.vms.on_host_since_s[record.vm])
        migration.start(now_s)

    def offer_turn(self, record: MigrationRecord, now_s: float) -> bool:
        """Offer the turn after a live round; return whether the migration keeps it."""
        turns = self._turns
        return turns is None or turns.offer_turn(self.live[record.migration], now_s)

    def slowed(self, record: MigrationRecord, speed: float, now_s: float) -> None:
        """Let the VM use this share of the CPU time it wants; called by the migration."""
        self._state.set_guest_speed(record.vm, speed, now_s)

    def stalled(self, record: MigrationRecord, stall_s: float, demand: float) -> None:
        """Count the CPU that the VM lost as it waited for pages; called by the migration."""
        self._overhead.count_stall(record.vm, stall_s, demand)

    def resumed(self, record: MigrationRecord, now_s: float) -> None:
        """Move the VM to its target; called by the migration."""
        self._state.move_vm(record.vm, record.target, now_s)

    def ended(self, record: MigrationRecord, outcome: Phase, why: str, now_s: float) -> None:
        """Finish or end a migration whose copy has ended; called by the migration."""
        number, finish_s = record.migration, self._factory.settings.finish_s
        self._overhead.end(record.vm, record.source, record.target, now_s)
        if outcome is Phase.COMPLETED and finish_s > 0:
            self.live[number].transition(Phase.FINISHING)
            self._timers.begin(number, finish_s, now_s, self._finished)
            self._leave_turns(self.live[number])
            self._give_turn(now_s)
            return
        self._end(number, outcome, why, now_s)
        policy = self._factory.policy
        if outcome is Phase.NOT_CONVERGED:
            self.retry_later(record, policy.retries, policy.retry_backoff_s, now_s)
        self.admit(now_s)

    def _finished(self, number: int, now_s: float) -> None:
        self._end(number, Phase.COMPLETED, "", now_s)
        self.admit(now_s)

    def _end(self, number: int, outcome: Phase, why: str, now_s: float) -> None:
        """Close the record and release the slot and the memory that the VM does not need."""
        if number in self._waits_since_s:
            self._end_wait(number, now_s)
        migration, record = self.live.pop(number), self.records[number]
        if migration.state is Phase.PREPARING:
            record.prepare_s = self._timers.stop(number, now_s)
        elif migration.state is Phase.FINISHING:
            record.finish_s = self._timers.stop(number, now_s)
        limits = migration.flow.limits
        limits.add(Limit.PREPARING, record.prepare_s)
        limits.add(Limit.FINISHING, record.finish_s)
        self._factory.limits.enter(record, limits)
        record.close(now_s, outcome, why)
        migration.transition(outcome)
        self._release_route(migration)
        self._release(record)
        self.switch_off_empty()
        for stage in self._stages:
            stage.leave(number)
        self._leave_turns(migration)
        for ended in self._listeners:
            ended(record.vm, now_s)

    def _release_route(self, migration: Migration) -> None:
        """Let others have the route of a migration that no longer uses it."""
        router = self._factory.router
        if router.counts_flows:
            router.release(migration.route)

    def _leave_turns(self, migration: Migration) -> None:
        if self._turns is not None:
            self._turns.leave(migration)

    def _give_turn(self, now_s: float) -> None:
        if self._turns is not None:
            self._turns.give_turn(now_s)

    def _release(self, record: MigrationRecord) -> None:
        """Release the memory at the host where the VM does not run."""
        has_moved = self._state.vms.host[record.vm] == record.target
        self._state.release_move(record.vm, record.source if has_moved else record.target)
        self.ended_count += 1

    # --- retries ----------------------------------------------------------------------------------

    def retry_later(
        self, record: MigrationRecord, retries: int, backoff_s: float, now_s: float
    ) -> None:
        """Retry a migration that has not completed, unless it was retried often enough.

        Retries after faults and after the policy's aborts are counted separately.

        Args:
            record: of the migration that has ended.
            retries: how often it may be retried for this kind of reason.
            backoff_s: the wait before the first of these retries; doubles with each of them.
            now_s: the time.
        """
        if record.retries_of_its_kind >= retries:
            return
        wait_s = math.ldexp(backoff_s, min(record.retries_of_its_kind, 100))
        self._retries_waiting[record.migration] = self._factory.loop.call_at(
            now_s + wait_s, partial(self._retry, record)
        )

    def _retry(self, record: MigrationRecord, now_s: float) -> None:
        del self._retries_waiting[record.migration]
        vms = self._state.vms
        stays = vms.running[record.vm] and vms.host[record.vm] == record.source
        if vms.queued[record.vm] or not stays:
            record.why += f"; not tried again, the VM {self._why_not_here(record.vm)}"
            return
        free = refusal(self._state, record.vm, record.target) is None
        target = record.target if free else self._choose_target(record.vm)
        if target is None:
            record.why += "; not tried again, no host is free for the VM"
            return
        priority = Priority(record.priority)
        move = Move(record.vm, record.source, target, record.reason, priority)
        faults_before = record.faults_before + record.ended_by_fault
        again = self.request(move, now_s, attempt=record.attempt + 1, faults_before=faults_before)
        self._retried_as[record.migration] = again.migration
        self.admit(now_s)

    def _why_not_here(self, vm: int) -> str:
        """Return in words why a VM cannot leave the host where its last migration began."""
        vms = self._state.vms
        if vms.host[vm] < 0:
            return "has ended"
        if not vms.running[vm]:
            return "is down"
        return (
            "migrates already"
            if vms.queued[vm]
            else f"is on {self._state.names.host(vms.host[vm])} now"
        )

    # --- what they wait for -----------------------------------------------------------------------

    def _wait_for_slot(self, stage: ConcurrencySlots, number: int, now_s: float) -> None:
        stage.put(self._candidate(number))
        self._waits_since_s[number] = now_s

    def _count_wait_for_slot(self, stage: ConcurrencySlots, number: int, now_s: float) -> None:
        wait_s = now_s - self._waits_since_s.pop(number)
        if wait_s > 0:
            record = self.records[number]
            scarcest = stage.scarcest(record.source, record.target)
            self.live[number].flow.limits.add(Limit.SLOT, wait_s, scarcest)

    def _count_wait_for_turn(self, number: int, now_s: float) -> None:
        wait_s = now_s - self._waits_since_s.pop(number)
        self.live[number].flow.limits.add(Limit.TURN, wait_s)

    def _end_wait(self, number: int, now_s: float) -> None:
        """Count the wait of a migration that ends while it waits."""
        for stage in self._stages:
            if number in stage.waiting:
                self._count_wait_for_slot(stage, number, now_s)
                return
        self._count_wait_for_turn(number, now_s)

    # --- stages -----------------------------------------------------------------------------------

    @property
    def _has_preparing_slots(self) -> bool:
        return self._preparing is not self._copying

    @property
    def _stages(self) -> tuple[ConcurrencySlots, ...]:
        return (self._preparing, self._copying) if self._has_preparing_slots else (self._copying,)

    def _candidate(self, number: int) -> Candidate:
        record = self.records[number]
        return Candidate(
            number=number,
            vm=record.vm,
            source=record.source,
            target=record.target,
            priority=record.priority,
            route=self.live[number].route,
            cap_bytes_per_s=self._factory.usual_cap_bytes_per_s(record.vm),
        )
