"""The course of a campaign: which hosts are emptied when, which reboot, which are blocked."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.network import MigrationNetwork
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.view import Watts
from cluster_emu.errors import ScenarioError
from cluster_emu.faults import HostFaults, Restarts
from cluster_emu.maintenance.targets import NEVER, Targets
from cluster_emu.network import FluidLoop
from cluster_emu.scenario import Maintenance
from cluster_emu.scenario.names import Names
from cluster_emu.scheduling.scheduler import MigrationScheduler

REASON = "maintenance"
"""The reason of the campaign's migrations."""
TRIES = 2
"""How often a host is tried that VMs block."""


class HostPhase(StrEnum):
    """Where a host is in a campaign."""

    WAITING = "waiting"
    DRAINING = "draining"
    REBOOTING = "rebooting"
    DONE = "done"
    NOT_BACK = "not back"
    BLOCKED = "blocked"


@dataclass(slots=True)
class HostRecord:
    """One host of a campaign, one row of the table `maintenance`; NaN for what did not happen.

    `drain_s` and `reboot_s` are the instants at which the last drain and the reboot begin,
    `back_s` is the instant at which it is over, and `blocked_s` the last one at which a drain was
    given up.
    """

    host: int
    wave: int
    phase: HostPhase = HostPhase.WAITING
    drain_s: float = math.nan
    reboot_s: float = math.nan
    back_s: float = math.nan
    blocked_s: float = math.nan
    tries: int = 0
    out_s: float = 0.0
    why: str = ""


class Campaign:
    """Empties and reboots hosts in waves; each is an event of the loop, at its exact time.

    Args:
        settings: what is asked for.
        state: the columns.
        loop: keeps the time.
        scheduler: runs the migrations.
        faults: takes hosts out of service and brings them back.
        restarts: restarts the VMs of a host that crashes.
        watts: power of hosts if switched on.
        network: links and routes.
        targets: chooses where VMs go.
        names: what hosts and VMs are called.
        rng: draws which hosts do not come back.

    Raises:
        ScenarioError: if a host or rack does not exist.
    """

    def __init__(
        self,
        settings: Maintenance,
        state: ClusterState,
        loop: FluidLoop,
        scheduler: MigrationScheduler,
        faults: HostFaults,
        restarts: Restarts,
        watts: Watts,
        network: MigrationNetwork,
        targets: Targets,
        names: Names,
        rng: np.random.Generator,
    ) -> None:
        self._settings = settings
        self._state = state
        self._loop = loop
        self._scheduler = scheduler
        self._faults = faults
        self._restarts = restarts
        self._watts = watts
        self._network = network
        self._targets = targets
        self._names = names
        waves = waves_of(settings, state.hosts.rack)
        self.records = {
            host: HostRecord(host, number) for number, wave in enumerate(waves) for host in wave
        }
        self._returns = dict(
            zip(
                self.records,
                rng.random(len(self.records)) >= settings.reboot_failure_share,
                strict=True,
            )
        )
        self._closed = state.hosts.drained.copy()  # not schedulable, whatever the campaign does
        self._waves = deque(waves)
        self._to_try_again: list[int] = []
        self._attempts: Counter[int] = Counter()
        self._is_due = self._has_begun = False
        scheduler.notify(self._migration_ended)
        faults.notify(self._hosts_changed, self._hosts_changed)
        restarts.notify(self._restarted)
        restarts.notify_delay_over(self.changed)
        loop.call_at(settings.start_s, self._begin)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return not self._waves and not self._to_try_again and not self._out()

    def changed(self, now_s: float) -> None:
        """Look at the hosts again, at this instant, but after what happens now."""
        if self._has_begun and not self._is_due:
            self._is_due = True
            self._loop.call_at(now_s, self._advance)

    def _begin(self, now_s: float) -> None:
        self._has_begun = True
        self._advance(now_s)

    def _migration_ended(self, vm: int, now_s: float) -> None:
        record = self.records.get(int(self._state.vms.host[vm]))
        if record is None or record.phase is not HostPhase.DRAINING:
            self._attempts.pop(vm, None)  # it got away
        self.changed(now_s)

    def _hosts_changed(self, hosts: Sequence[int], now_s: float) -> None:
        self.changed(now_s)

    def _restarted(self, vm: int, now_s: float) -> None:
        self.changed(now_s)

    def _advance(self, now_s: float) -> None:
        """Reboot what is empty, begin with what may be, and move what can be moved."""
        self._is_due = False
        while True:
            for record in self._in(HostPhase.DRAINING):
                if self._is_empty(record.host):
                    self._reboot(record, now_s)
            self._begin_drains(now_s)
            draining = self._in(HostPhase.DRAINING)
            if any(self._is_empty(record.host) for record in draining):
                continue
            stuck = self._request_moves([record.host for record in draining], now_s)
            if not draining or self._may_change(draining):
                return
            for record in draining:
                self._block(record, stuck[record.host], now_s)

    # --- hosts ------------------------------------------------------------------------------------

    def _in(self, *phases: HostPhase) -> list[HostRecord]:
        return [record for record in self.records.values() if record.phase in phases]

    def _out(self) -> list[HostRecord]:
        return self._in(HostPhase.DRAINING, HostPhase.REBOOTING)

    def _is_empty(self, host: int) -> bool:
        """Return whether no VM is there, comes or keeps memory there."""
        hosts = self._state.hosts
        return bool(hosts.vm_count[host] == 0 and hosts.memory_reserved_bytes[host] == 0)

    def _begin_drains(self, now_s: float) -> None:
        """Begin to empty the hosts whose turn it is."""
        at_once = self._settings.at_once
        if not self._waves and self._to_try_again and not self._out():
            again, self._to_try_again = self._to_try_again, []
            together = [again] if at_once is None else [[host] for host in again]
            self._waves.extend(together)
        begun: list[int] = []
        while self._waves and len(self._out()) < (at_once or 1):
            for host in self._waves.popleft():
                record = self.records[host]
                record.phase, record.drain_s, record.tries = (
                    HostPhase.DRAINING,
                    now_s,
                    record.tries + 1,
                )
                begun.append(host)
        if begun:
            self._set_drained(begun, drained=True)
            mask = np.zeros(self._state.host_count, dtype=np.bool_)
            mask[begun] = True
            self._scheduler.leave_drained(mask, now_s)

    def _set_drained(self, hosts: Sequence[int], *, drained: bool) -> None:
        mask, numbers = self._state.hosts.drained.copy(), list(hosts)
        mask[numbers] = drained | self._closed[numbers]
        self._state.set_drained(mask)

    def _reboot(self, record: HostRecord, now_s: float) -> None:
        record.phase, record.reboot_s = HostPhase.REBOOTING, now_s
        self._faults.begin([record.host], now_s)
        self._loop.call_at(now_s + self._settings.reboot_s, partial(self._rebooted, record))

    def _rebooted(self, record: HostRecord, now_s: float) -> None:
        if not self._returns[record.host]:
            record.phase, record.why = HostPhase.NOT_BACK, "it does not come back from its reboot"
            self.changed(now_s)
            return
        record.phase, record.back_s, record.why = HostPhase.DONE, now_s, ""
        record.out_s += now_s - record.drain_s
        self._set_drained([record.host], drained=False)
        self._faults.end([record.host], now_s)
        self._scheduler.admit(now_s)
        self.changed(now_s)

    def _block(self, record: HostRecord, why: str, now_s: float) -> None:
        """Let a host serve again that cannot be emptied; it is tried once more at the end."""
        record.phase, record.blocked_s, record.why = HostPhase.BLOCKED, now_s, why
        record.out_s += now_s - record.drain_s
        self._set_drained([record.host], drained=False)
        if record.tries < TRIES:
            self._to_try_again.append(record.host)

    # --- VMs --------------------------------------------------------------------------------------

    def _request_moves(self, hosts: Sequence[int], now_s: float) -> dict[int, str]:
        """Request the moves that are possible; return why each host keeps a VM, if it does."""
        stuck = dict.fromkeys(hosts, "")
        if not hosts:
            return stuck
        self._state.refresh()
        plan = Plan.of(self._state, self._watts, network=self._network)
        turn = self._turns()
        moves: list[Move] = []
        for host in hosts:
            for vm in self._targets.order(plan, self._ready(plan, host)):
                target = self._targets.target(plan, vm, turn)
                if target < 0:
                    stuck[host] = stuck[host] or self._targets.why_none(plan, vm)
                    continue
                move = Move(vm, host, target, REASON, Priority.DRAIN)
                plan.apply(move)
                moves.append(move)
            stuck[host] = stuck[host] or self._why_not_ready(host)
        for move in moves:
            self._attempts[move.vm] += 1
            self._scheduler.request(move, now_s)
        self._scheduler.admit(now_s)
        return stuck

    def _ready(self, plan: Plan, host: int) -> NDArray[np.intp]:
        """Return the VMs of a host whose migration may be requested now."""
        vms = plan.movable_on(host)
        most = self._settings.attempts
        ready = [
            vm
            for vm in vms.tolist()
            if self._attempts[vm] < most * self.records[host].tries
            and not self._scheduler.will_retry(vm)
        ]
        return np.array(ready, dtype=np.intp)

    def _why_not_ready(self, host: int) -> str:
        """Return why a VM of a host cannot be moved, where none is about to."""
        vms = self._state.vms
        for vm in self._state.vms_on(host).tolist():
            if not vms.migratable[vm]:
                return f"{self._names.vm(vm)} may not migrate"
            if not vms.running[vm]:
                return f"{self._names.vm(vm)} is down, and no host is free for its restart"
            if self._attempts[vm] >= self._settings.attempts:
                why = self._scheduler.last_end_of(vm)
                attempts = self._settings.attempts
                return f"{self._names.vm(vm)} did not get away in {attempts} attempts: {why}"
        return ""

    def _may_change(self, draining: Sequence[HostRecord]) -> bool:
        """Return whether something is under way after which more may be possible."""
        if self._in(HostPhase.REBOOTING):
            return True
        vms = self._state.vms
        leaving = np.zeros(self._state.host_count, dtype=np.bool_)
        leaving[[record.host for record in draining]] = True
        there = (vms.host >= 0) & leaving[vms.host]
        coming = (vms.target >= 0) & leaving[vms.target]
        if (vms.queued & (there | coming)).any() or vms.booting[there].any():
            return True
        return any(
            self._scheduler.will_retry(vm) or self._restarts.is_delayed(vm)
            for vm in np.flatnonzero(there).tolist()
        )

    def _turns(self) -> NDArray[np.int64]:
        """Return when each host is emptied, [hosts]: its wave, or `NEVER`."""
        turn = np.full(self._state.host_count, NEVER)
        to_come = (*self._waves, self._to_try_again)
        for number, wave in enumerate(to_come):
            turn[wave] = number
        return turn


def waves_of(settings: Maintenance, rack: NDArray[np.int64]) -> list[list[int]]:
    """Return which hosts are emptied together, in the order of the campaign.

    Args:
        settings: what is asked for.
        rack: number of each host's rack, [hosts].

    Raises:
        ScenarioError: if a host or rack does not exist.
    """
    chosen = np.zeros(len(rack), dtype=np.bool_)
    for field, numbers, known in (
        ("hosts", settings.hosts, np.arange(len(rack))),
        ("racks", settings.racks, np.unique(rack)),
    ):
        for number in numbers:
            if number not in known:
                allowed = f"one of {known.min()} to {known.max()}"
                raise ScenarioError(f"maintenance.{field}", number, allowed)
        chosen |= np.isin(np.arange(len(rack)) if field == "hosts" else rack, numbers)
    if not settings.hosts and not settings.racks:
        chosen[:] = True
    return list(_in_order(settings, np.flatnonzero(chosen), rack))


def _in_order(
    settings: Maintenance, hosts: NDArray[np.intp], rack: NDArray[np.int64]
) -> Iterator[list[int]]:
    if settings.at_once is None:
        for number in np.unique(rack[hosts]):
            yield hosts[rack[hosts] == number].tolist()
    else:
        for host in hosts.tolist():
            yield [host]
