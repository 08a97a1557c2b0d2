"""Queues migrations, starts them when they may, and moves the VM in the columns at its resume."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.migration.admission import Admission, Limits
from cluster_emu.migration.job import Migration
from cluster_emu.migration.kit import MigrationKit
from cluster_emu.migration.records import MigrationRecord, Phase
from cluster_emu.state import ClusterState


class Dispatcher:
    """Runs the fourth step of a migration for everyone who asks for one.

    Memory is reserved at the target when a migration is asked for, and given back at the source
    when it has ended, so a queued migration can always be carried out.

    Args:
        kit: what migrations are made from.
        limits: how many may run at once.
        before_change: called with the time before any host column that costs energy changes.
        switch_off_empty_hosts: whether a host is switched off once no VM runs there or is expected.
    """

    def __init__(
        self,
        kit: MigrationKit,
        limits: Limits,
        before_change: Callable[[float], None],
        *,
        switch_off_empty_hosts: bool,
    ) -> None:
        self.records: list[MigrationRecord] = []
        self.active: dict[int, Migration] = {}
        self.ended_count = 0
        self._retries_waiting = 0
        self._kit = kit
        self._state: ClusterState = kit.state
        self._admission: Admission[Migration] = Admission(limits, kit.state.hosts)
        self._before_change = before_change
        self._switch_off_empty_hosts = switch_off_empty_hosts

    @property
    def queue_length(self) -> int:
        """Number of migrations that wait for their turn."""
        return len(self._admission)

    @property
    def idle(self) -> bool:
        """Whether no migration waits or runs."""
        return not self.active and not len(self._admission) and not self._retries_waiting

    def request(self, move: Move, now_s: float, *, attempt: int = 1) -> MigrationRecord:
        """Reserve memory at the target and queue the migration."""
        vms, hosts = self._state.vms, self._state.hosts
        self._before_change(now_s)
        record = MigrationRecord(
            migration=len(self.records),
            vm=move.vm,
            source=move.source,
            target=move.target,
            reason=move.reason,
            strategy=self._kit.strategy.name,
            memory_pages=int(vms.page_count[move.vm]),
            priority=int(move.priority),
            queued_s=now_s,
            attempt=attempt,
        )
        self.records.append(record)
        hosts.memory_reserved_bytes[move.target] += vms.memory_bytes[move.vm]
        hosts.switched_on[move.target] = True
        vms.queued[move.vm] = True
        vms.target[move.vm] = move.target
        migration = self._kit.make(record, self)
        self._admission.put(migration, move.source, move.target, int(move.priority))
        return record

    def admit(self, now_s: float) -> None:
        """Start every queued migration that the limits allow."""
        for migration in self._admission.admit():
            self.active[migration.record.migration] = migration
            migration.start(now_s)

    def switch_off_empty(self) -> None:
        """Switch off every host that has no VM and expects none."""
        if self._switch_off_empty_hosts:
            hosts = self._state.hosts
            hosts.switched_on &= hosts.memory_reserved_bytes > 0

    def end_run(self, now_s: float) -> None:
        """Close what is still under way when the run ends."""
        for migration in self._admission.drop_all():
            migration.record.outcome = Phase.UNFINISHED.value
            migration.record.why = "still queued when the run ended"
            self._release(migration.record)
        for migration in list(self.active.values()):
            why = f"{migration.state.value} when the run ended"
            migration.give_up(now_s, Phase.UNFINISHED, why)

    # --- what a migration reports ----------------------------------------------------------------

    def resumed(self, record: MigrationRecord, now_s: float) -> None:
        """Move the VM to its target."""
        vms, hosts = self._state.vms, self._state.hosts
        self._before_change(now_s)
        vms.host[record.vm] = record.target
        hosts.vm_count[record.source] -= 1
        hosts.vm_count[record.target] += 1

    def ended(self, record: MigrationRecord, now_s: float) -> None:
        """Give back the memory the VM does not need any more and let others start."""
        self._before_change(now_s)
        self._release(record)
        del self.active[record.migration]
        self.switch_off_empty()
        self._admission.release(record.source, record.target)
        if record.outcome == Phase.UNFINISHED.value:
            return
        if record.outcome == Phase.NOT_CONVERGED.value:
            self._try_again_later(record, now_s)
        self.admit(now_s)

    def _try_again_later(self, record: MigrationRecord, now_s: float) -> None:
        """Ask for an aborted migration again after the policy's back-off, if it allows more."""
        policy = self._kit.policy
        if record.attempt > policy.retries:
            return
        self._retries_waiting += 1
        wait_s = policy.retry_backoff_s * 2 ** (record.attempt - 1)
        self._kit.loop.call_at(now_s + wait_s, partial(self._try_again, record))

    def _try_again(self, record: MigrationRecord, now_s: float) -> None:
        self._retries_waiting -= 1
        vms, hosts = self._state.vms, self._state.hosts
        fits = hosts.memory_free_bytes[record.target] >= vms.memory_bytes[record.vm]
        if vms.queued[record.vm] or hosts.drained[record.target] or not fits:
            record.why += "; not tried again, its target is not free any more"
            return
        move = Move(
            record.vm, record.source, record.target, record.reason, Priority(record.priority)
        )
        self.request(move, now_s, attempt=record.attempt + 1)
        self.admit(now_s)

    def _release(self, record: MigrationRecord) -> None:
        """Give back the memory on the side where the VM does not run, and let the VM go."""
        vms, hosts = self._state.vms, self._state.hosts
        left = record.source if vms.host[record.vm] == record.target else record.target
        hosts.memory_reserved_bytes[left] -= vms.memory_bytes[record.vm]
        vms.queued[record.vm] = False
        vms.target[record.vm] = -1
        self.ended_count += 1
