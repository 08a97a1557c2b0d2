"""Lets VMs arrive, places them or lets them wait, and ends them, at exact times.

All of it happens in events of the loop. They are passive: they need no tick of their own, so a run
skips ticks in which VMs only come and go.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.faults import HostFaults, Restarts
from cluster_emu.lifecycle.choosing import HostChooser
from cluster_emu.lifecycle.population import Population
from cluster_emu.lifecycle.records import (
    BOOTING,
    ENDED,
    REJECTED,
    RUNNING,
    TO_COME,
    WAITING,
    LifecycleRecords,
)
from cluster_emu.lifecycle.waiting import WaitingVMs
from cluster_emu.network import FluidLoop
from cluster_emu.network.timers import Timer
from cluster_emu.scenario import Arrivals
from cluster_emu.scheduling.scheduler import MigrationScheduler

GAVE_UP = "its patience was over"
QUEUE_FULL = "the queue was full"
CRASHED = "its host crashed while it booted, and "


class VMLifecycle:
    """The lives of all VMs of a run.

    Args:
        settings: what happens to VMs that arrive.
        population: all VMs.
        state: the columns.
        loop: keeps the time.
        scheduler: its migrations end with a VM.
        restarts: restarts VMs that crashed, those that ended excepted.
        host_faults: says which hosts crash.
        chooser: chooses hosts.
        demand: returns the share of its CPU capacity that one VM wants at a time.
        started: called with the VM and the time when it begins to run.
        ended: called likewise when it has ended.

    Attributes:
        records: what happened to every VM.
        booting: the VMs that boot, by number, each with the timer of its boot; None while its host
            boots.
    """

    def __init__(
        self,
        settings: Arrivals,
        population: Population,
        state: ClusterState,
        loop: FluidLoop,
        scheduler: MigrationScheduler,
        restarts: Restarts,
        host_faults: HostFaults,
        chooser: HostChooser,
        demand: Callable[[int, float], float],
        started: Callable[[int, float], None],
        ended: Callable[[int, float], None],
    ) -> None:
        self.records = LifecycleRecords(population)
        self.booting: dict[int, Timer | None] = {}
        self._settings = settings
        self._population = population
        self._state = state
        self._loop = loop
        self._scheduler = scheduler
        self._restarts = restarts
        self._chooser = chooser
        self._demand = demand
        self._started = started
        self._ended = ended
        self._waiting = WaitingVMs(self._kind_of)
        self._waits_since_s: dict[int, float] = {}
        self._patience: dict[int, Timer] = {}
        self._next = population.initial_count
        self._retry_is_due = False
        self._in_system, self._in_system_s, self._counted_until_s = 0, 0.0, 0.0
        self._on_hosts_s = 0.0
        self._lost = 0
        state.notify_room(self._room_may_grow)
        scheduler.switching.notify(self._host_booted)
        host_faults.notify(self._hosts_crashed)
        self._begin()

    def _begin(self) -> None:
        """Let the VMs of the start run, and wait for the first arrival."""
        population, records = self._population, self.records
        first = slice(0, population.initial_count)
        records.status[first] = RUNNING
        records.placed_s[first] = records.started_s[first] = 0.0
        records.first_host[first] = self._state.vms.host[first]
        self._in_system = population.initial_count
        for vm in range(population.initial_count):
            self._end_at(vm, float(population.lifetime_s[vm]))
        self._await_arrival()

    # --- what others ask for ----------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether every VM has arrived, and none waits or boots."""
        return self._next == len(self._population) and not self._waiting and not self.booting

    @property
    def waiting_count(self) -> int:
        """VMs that wait for a host."""
        return len(self._waiting)

    def figures(self, now_s: float) -> dict[str, float]:
        """Return counts and means over the run so far, by the names of their metrics."""
        self._count(now_s, 0)
        records, population = self.records, self._population
        arrived = np.flatnonzero(records.status != TO_COME)
        arrived = arrived[arrived >= population.initial_count]
        status, placed = records.status[arrived], ~np.isnan(records.placed_s[arrived])
        waited_s = records.waited_s[arrived[placed]]
        share = 1.0 / now_s if now_s > 0 else math.nan
        return {
            "vms_arrived": len(arrived),
            "vms_placed": int(placed.sum()),
            "vms_rejected": int((status == REJECTED).sum()),
            "rejected_share": float((status == REJECTED).mean()) if len(arrived) else 0.0,
            "vms_waiting": len(self._waiting),
            "vms_ended": int((records.status == ENDED).sum()),
            "mean_placement_wait_s": float(waited_s.mean()) if len(waited_s) else math.nan,
            "mean_vms_in_system": self._in_system_s * share,
            "mean_vms_on_hosts": self._on_hosts_s * share,
            "vm_resizes": int(records.resizes.sum()),
            "vm_resizes_refused": int(records.resizes_refused.sum()),
        }

    def rejected_by_reason(self) -> Counter[str]:
        """Return how many VMs were rejected, by reason."""
        records = self.records
        rejected = np.flatnonzero(records.status == REJECTED).tolist()
        return Counter(records.reason[vm] for vm in rejected)

    # --- arrivals ---------------------------------------------------------------------------------

    def _await_arrival(self) -> None:
        if self._next < len(self._population):
            arrives_s = float(self._population.arrives_s[self._next])
            self._loop.call_at(arrives_s, self._arrive, passive=True)

    def _arrive(self, now_s: float) -> None:
        """Let every VM arrive that arrives at this instant."""
        arrives_s = self._population.arrives_s
        time_s = arrives_s[self._next]
        while self._next < len(arrives_s) and arrives_s[self._next] == time_s:
            vm = self._next
            self._next += 1
            self._count(now_s, 1)
            self.records.status[vm] = WAITING
            if self._settings.lifetime_from == "arrival":
                self._end_at(vm, now_s + float(self._population.lifetime_s[vm]))
            self._waits_since_s[vm] = now_s
            self._seek_host(vm, "", now_s)
        self._await_arrival()

    def _seek_host(self, vm: int, since: str, now_s: float) -> None:
        """Place a VM, or let it wait, or reject it; `since` is what made it look for a host."""
        if not self._waiting.has_kind_of(vm) and self._place(vm, now_s):
            return
        settings = self._settings
        if not settings.queue:
            self._reject(vm, since + self._chooser.obstacle(vm, now_s), now_s)
        elif settings.max_waiting is not None and len(self._waiting) >= settings.max_waiting:
            self._reject(vm, since + QUEUE_FULL, now_s)
        else:
            self._waiting.join(vm)
            if settings.patience_s is not None and vm not in self._patience:
                give_up_s = now_s + settings.patience_s
                give_up = partial(self._give_up, vm)
                self._patience[vm] = self._loop.call_at(give_up_s, give_up, passive=True)

    def _place(self, vm: int, now_s: float) -> bool:
        """Put a VM on a host, where it boots; return whether there is one for it."""
        host = self._chooser.host_for(vm, self._demand(vm, now_s), now_s)
        if host < 0:
            return False
        self._count(now_s, 0)
        self._scheduler.switching.wake(host, now_s)
        self._state.place_vm(vm, host, now_s)
        self._chooser.arrived(vm, host)
        records = self.records
        records.status[vm] = BOOTING
        records.waited_s[vm] += now_s - self._waits_since_s.pop(vm)
        if math.isnan(records.placed_s[vm]):
            records.placed_s[vm] = now_s
            records.first_host[vm] = host
        self._stop_patience(vm)
        self.booting[vm] = None
        if not self._state.hosts.booting[host]:
            self._boot(vm, now_s)
        return True

    def _boot(self, vm: int, now_s: float) -> None:
        if self._settings.boot_s == 0:
            self._start(vm, now_s)
            return
        started = partial(self._start, vm)
        boot_over_s = now_s + self._settings.boot_s
        self.booting[vm] = self._loop.call_at(boot_over_s, started, passive=True)

    def _host_booted(self, host: int, now_s: float) -> None:
        """Let the VMs boot that have waited for the boot of their host."""
        if self.booting:
            there = self._state.vms.host
            for vm in [vm for vm, timer in self.booting.items() if timer is None]:
                if there[vm] == host:
                    self._boot(vm, now_s)

    def _start(self, vm: int, now_s: float) -> None:
        del self.booting[vm]
        self._state.start_vm(vm, self._demand(vm, now_s), now_s)
        records = self.records
        records.status[vm] = RUNNING
        records.started_s[vm] = now_s
        if self._settings.lifetime_from == "start":
            self._end_at(vm, now_s + float(self._population.lifetime_s[vm]))
        self._started(vm, now_s)

    # --- waiting ----------------------------------------------------------------------------------

    def _kind_of(self, vm: int) -> tuple[int, float, int]:
        vms = self._state.vms
        flavour = int(self._population.flavour[vm])
        return flavour, float(vms.cpu_capacity[vm]), int(vms.memory_bytes[vm])

    def _room_may_grow(self) -> None:
        """Try the VMs that wait once all else at this instant has changed."""
        if self._waiting and not self._retry_is_due:
            self._retry_is_due = True
            self._loop.call_at(self._loop.now_s, self._try_waiting, passive=True)

    def _try_waiting(self, now_s: float) -> None:
        self._retry_is_due = False
        self._waiting.try_all(lambda vm: self._place(vm, now_s))

    def _give_up(self, vm: int, now_s: float) -> None:
        self._waiting.leave(vm)
        self._reject(vm, GAVE_UP, now_s)

    def _reject(self, vm: int, reason: str, now_s: float) -> None:
        self._count(now_s, -1)
        self._stop_patience(vm)
        self.records.waited_s[vm] += now_s - self._waits_since_s.pop(vm)
        self.records.reject(vm, reason, now_s)

    def _stop_patience(self, vm: int) -> None:
        timer = self._patience.pop(vm, None)
        if timer is not None:
            self._loop.cancel(timer)

    def _hosts_crashed(self, hosts: Sequence[int], now_s: float) -> None:
        """Let VMs that boot on hosts that crash look for another host; count lost VMs."""
        there = self._state.vms.host
        lost = int(self._state.vms.lost.sum())
        self._count(now_s, self._lost - lost)
        self._lost = lost
        for vm in [vm for vm in self.booting if there[vm] in hosts]:
            self._leave_boot(vm, now_s)
            self.records.status[vm] = WAITING
            self._waits_since_s[vm] = now_s
            self._seek_host(vm, CRASHED, now_s)

    def _leave_boot(self, vm: int, now_s: float) -> None:
        timer = self.booting.pop(vm)
        if timer is not None:
            self._loop.cancel(timer)
        self._count(now_s, 0)
        self._state.end_vm(vm, now_s)
        self._chooser.left(vm)

    def resize_waiting(self, vm: int, resize: Callable[[float], None], now_s: float) -> None:
        """Give a VM that waits another size, by `resize`, and try to place it."""
        self._waiting.leave(vm)
        resize(now_s)
        self._waiting.join(vm)
        self._room_may_grow()

    # --- ends -------------------------------------------------------------------------------------

    def _end_at(self, vm: int, time_s: float) -> None:
        if math.isfinite(time_s):
            self._loop.call_at(time_s, partial(self._end, vm), passive=True)

    def _end(self, vm: int, now_s: float) -> None:
        """End a VM, whatever it does; one that is lost or was rejected has ended before."""
        records, vms = self.records, self._state.vms
        status = records.status[vm]
        if status == REJECTED or vms.lost[vm]:
            return
        host = int(vms.host[vm])
        if status == WAITING:
            self._waiting.leave(vm)
            self._stop_patience(vm)
            records.waited_s[vm] += now_s - self._waits_since_s.pop(vm)
            records.reason[vm] = "ended while it waited"
        elif status == BOOTING:
            self._leave_boot(vm, now_s)
            records.reason[vm] = "ended while it booted"
        else:
            self._end_running(vm, now_s)
        self._count(now_s, -1)
        records.status[vm] = ENDED
        records.ended_s[vm] = now_s
        if host >= 0:
            self._scheduler.switch_off_if_empty(host, now_s)
        self._ended(vm, now_s)

    def _end_running(self, vm: int, now_s: float) -> None:
        vms, scheduler = self._state.vms, self._scheduler
        if not vms.running[vm]:
            self.records.reason[vm] = "ended while it was down"
            self._restarts.forget(vm)
        phase = scheduler.phase_of(vm)
        if phase is not None:
            self.records.reason[vm] = f"ended in phase {phase.reported} of a migration"
        self._count(now_s, 0)
        scheduler.end_of_vm(vm, now_s)
        self._state.end_vm(vm, now_s)
        self._chooser.left(vm)
        if phase is not None:
            scheduler.admit(now_s)

    # --- how many there are -----------------------------------------------------------------------

    def _count(self, now_s: float, change: int) -> None:
        """Count the time up to now, and a VM that enters or leaves; before it is placed or ends."""
        duration_s = now_s - self._counted_until_s
        if duration_s > 0:
            self._in_system_s += self._in_system * duration_s
            on_hosts = self._in_system - len(self._waiting)
            self._on_hosts_s += on_hosts * duration_s
            self._counted_until_s = now_s
        self._in_system += change
