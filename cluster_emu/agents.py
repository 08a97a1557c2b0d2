"""The agents: physical machines, VMs, and the manager that decides which VM goes where.

Machines and VMs are thin: their numbers live in the model's columns, an attribute reads its row.
The manager takes the decisions of a control instant and runs the queue of migrations.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from mesa import Agent, Model
from mesa.discrete_space import FixedAgent

from cluster_emu.cluster.admission import refusal
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.contract import Trigger
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.planner import Planner
from cluster_emu.consolidation.report import TriggerReport, TriggerTotals
from cluster_emu.errors import RequestRefusedError
from cluster_emu.scheduling.scheduler import MigrationScheduler
from cluster_emu.transfer.records import MigrationRecord
from cluster_emu.wording import counted


def _attribute(name: str, agent: Agent) -> Any:
    return getattr(agent, name, None)


AGENT_REPORTERS = {
    name: partial(_attribute, name)
    for name in (
        "kind",
        "index",
        "host",
        "running",
        "migrating",
        "demand",
        "dirty_pages_per_s",
        "migrations_completed",
        "downtime_s",
        "bytes_sent",
        "vm_count",
        "utilisation",
        "memory_free_bytes",
        "switched_on",
    )
}
"""What the data collector can keep per tick: attributes of agents, None for kinds without it."""


class PhysicalMachine(FixedAgent):
    """A physical machine, the row `index` of the host columns."""

    kind = "machine"

    def __init__(self, model: Model, index: int, state: ClusterState) -> None:
        super().__init__(model)
        self.index = index
        self._state = state

    @property
    def utilisation(self) -> float:
        """Share of its CPU capacity in use."""
        return float(self._state.hosts.utilisation[self.index])

    @property
    def memory_free_bytes(self) -> int:
        """Memory neither in use nor reserved."""
        return int(self._state.hosts.memory_free_bytes[self.index])

    @property
    def switched_on(self) -> bool:
        """Whether it draws power."""
        return bool(self._state.hosts.switched_on[self.index])

    @property
    def booting(self) -> bool:
        """Whether it was switched on and cannot run VMs yet."""
        return bool(self._state.hosts.booting[self.index])

    @property
    def shutting_down(self) -> bool:
        """Whether it was switched off and still draws the power of its shutdown."""
        return bool(self._state.hosts.shutting_down[self.index])

    @property
    def failed(self) -> bool:
        """Whether it has crashed and is not repaired yet."""
        return bool(self._state.hosts.failed[self.index])

    @property
    def vm_count(self) -> int:
        """How many VMs are on it, those that are down too."""
        return int(self._state.hosts.vm_count[self.index])

    @property
    def vm_numbers(self) -> list[int]:
        """Numbers of the VMs on it, those that are down too."""
        return [int(vm) for vm in self._state.vms_on(self.index)]

    def __repr__(self) -> str:
        state = "failed" if self.failed else "on" if self.switched_on else "off"
        return (
            f"<PhysicalMachine {self.index}: {state}, {counted(self.vm_count, 'VM')}, utilisation "
            f"{self.utilisation:.2f}>"
        )


class VirtualMachine(Agent):
    """A VM, the row `index` of the VM columns."""

    kind = "VM"

    def __init__(self, model: Model, index: int, state: ClusterState, profile: str) -> None:
        super().__init__(model)
        self.index = index
        self.profile = profile
        self._state = state

    @property
    def host(self) -> int:
        """Number of the machine it runs on, or ran on before it went down."""
        return int(self._state.vms.host[self.index])

    @property
    def running(self) -> bool:
        """Whether it runs; one that crashed waits to be restarted, or is lost."""
        return bool(self._state.vms.running[self.index])

    @property
    def lost(self) -> bool:
        """Whether it is lost: one of its hosts crashed during post-copy."""
        return bool(self._state.vms.lost[self.index])

    @property
    def demand(self) -> float:
        """CPU it wants, as a share of its capacity."""
        return float(self._state.vms.demand[self.index])

    @property
    def intensity(self) -> float:
        """Write intensity."""
        return float(self._state.vms.intensity[self.index])

    @property
    def dirty_pages_per_s(self) -> float:
        """Distinct pages it dirties per second."""
        return float(self._state.vms.dirty_pages_per_s[self.index])

    @property
    def migrating(self) -> bool:
        """Whether a migration of it is queued or running."""
        return bool(self._state.vms.queued[self.index])

    @property
    def migrations_completed(self) -> int:
        """How many of its migrations have completed."""
        return int(self.model.tally.completed_of(self.index))

    @property
    def downtime_s(self) -> float:
        """Its downtime over its migrations that have ended."""
        return float(self.model.tally.downtime_s_of(self.index))

    @property
    def bytes_sent(self) -> float:
        """Bytes that its migrations have sent which have ended."""
        return float(self.model.tally.bytes_of(self.index))

    def __repr__(self) -> str:
        state = "lost" if self.lost else "running" if self.running else "down"
        then = ", migrating" if self.migrating else ""
        return f"<VirtualMachine {self.index} ({self.profile}): {state} on host {self.host}{then}>"


class MigrationManager(Agent):
    """Decides at control instants which VM goes where, and runs the queue of migrations.

    Args:
        model: the model it belongs to.
        state: the columns.
        planner: holds what may ask for migrations, and what it needs for that.
        scheduler: queues and runs migrations.
        keep_reports: whether to keep the report of every trigger at every control instant, not
            only their sums.

    Attributes:
        reports: the reports that were kept, each with its time in seconds.
        totals: for each trigger that has planned its name and the sums of its reports.
        planned: by trigger, the numbers of the migrations it asked for.
        planned_s: time of the last report, None where there is none.
    """

    kind = "manager"

    def __init__(
        self,
        model: Model,
        state: ClusterState,
        planner: Planner,
        scheduler: MigrationScheduler,
        *,
        keep_reports: bool = True,
    ) -> None:
        super().__init__(model)
        self.scheduler = scheduler
        self.reports: list[tuple[float, TriggerReport]] = []
        self.totals: dict[int, tuple[str, TriggerTotals]] = {}
        self.planned: dict[int, list[int]] = {}
        self.planned_s: float | None = None
        self._keep_reports = keep_reports
        self._state = state
        self._planner = planner

    def __repr__(self) -> str:
        return (
            f"<MigrationManager: {counted(self.scheduler.queue_length, 'migration')} queued, "
            f"{len(self.scheduler.active)} running, {self.scheduler.ended_count} ended>"
        )

    def plan(self, now_s: float) -> None:
        """Ask every trigger for moves, queue them, and switch off what is empty.

        First of all, what any of them drains is marked as drained, and queued migrations to it get
        other targets.
        """
        if self._planner.triggers:
            before = self._state.hosts.drained.copy()
            self._state.set_drained(before | self._planner.drained_hosts())
            drained_now = self._state.hosts.drained & ~before
            if drained_now.any():
                self.scheduler.leave_drained(drained_now, now_s)
            plan = self._planner.begin()
            for number, trigger in enumerate(self._planner.triggers):
                moves, report = trigger.moves(plan, self._planner.generator(number))
                self._note(number, report, now_s)
                asked = self.planned.setdefault(number, [])
                for move in moves:
                    asked.append(self.scheduler.request(move, now_s).migration)
        self.scheduler.switch_off_empty()
        self.scheduler.admit(now_s)

    def _note(self, trigger: int, report: TriggerReport, now_s: float) -> None:
        self.planned_s = now_s
        self.totals.setdefault(trigger, (report.trigger, TriggerTotals()))[1].add(report)
        if self._keep_reports:
            self.reports.append((now_s, report))

    def add_trigger(self, trigger: Trigger, now_s: float) -> TriggerReport:
        """Add a trigger to those of the scenario; its first moves are asked for at once.

        The other triggers plan at the next control instant, as if nothing had been added.
        """
        before = self._state.hosts.drained.copy()
        number, plan, rng = self._planner.add(trigger)
        self._state.set_drained(before | trigger.drained_hosts(self._state))
        drained_now = self._state.hosts.drained & ~before
        if drained_now.any():
            self.scheduler.leave_drained(drained_now, now_s)
        moves, report = trigger.moves(plan, rng)
        self._note(number, report, now_s)
        asked = self.planned.setdefault(number, [])
        asked += [self.scheduler.request(move, now_s).migration for move in moves]
        self.scheduler.admit(now_s)
        return report

    def ends(self) -> dict[int, Counter[str]]:
        """Return the outcomes of the moves of each trigger; of retries the last one counts."""
        trigger_of = {
            number: trigger for trigger, asked in self.planned.items() for number in asked
        }
        last: dict[int, int] = {}  # by the first attempt of a migration, its last one
        first_of_vm: dict[int, int] = {}
        for record in self.scheduler.records:
            if record.attempt == 1:
                first_of_vm[record.vm] = record.migration
            last[first_of_vm.get(record.vm, record.migration)] = record.migration
        found: dict[int, Counter[str]] = {trigger: Counter() for trigger in self.planned}
        for number, trigger in trigger_of.items():
            found[trigger][self.scheduler.records[last[number]].outcome] += 1
        return found

    def migrate(self, vm: int, target: int, now_s: float) -> MigrationRecord:
        """Queue the migration of one VM, as a user would, and return its record.

        Raises:
            RequestRefusedError: if the VM migrates already, is there already, may not migrate or is
                down, or if the target has failed, is drained, has too little memory, or has a VM
                of the same anti-affinity group; the message says which.
        """
        reason = refusal(self._state, vm, target)
        if reason is not None:
            raise RequestRefusedError(reason)
        source = int(self._state.vms.host[vm])
        move = Move(vm, source, target, "request", Priority.USER)
        record = self.scheduler.request(move, now_s)
        self.scheduler.admit(now_s)
        return record
