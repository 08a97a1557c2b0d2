"""High availability: VMs that crashed with their host are restarted on another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.placement.targets import restart_host
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.view import Watts
from cluster_emu.network import FluidLoop
from cluster_emu.scenario import HighAvailability
from cluster_emu.scheduling.switching import HostSwitching


class Restarts:
    """Stops VMs and restarts them from their disks; their memory is lost.

    A VM may be restarted on any host that is up, not drained and has memory for it, on its old one
    too if that has been repaired; the largest VM goes first, to the host left with the most free
    CPU. Its memory stays reserved where it was until then. A VM that fits nowhere is tried again
    every `retry_s`, and whenever a host is repaired. If its host has to boot first, the VM starts
    after that.

    Args:
        settings: whether, and after what time.
        state: the columns.
        loop: keeps the time.
        switching: wakes hosts.
        watts: power of every host if switched on, for the plan.
        wanted: returns the share of its CPU capacity that each VM would want at a time.
        update_workload: called with the time after VMs have been restarted.
    """

    def __init__(
        self,
        settings: HighAvailability,
        state: ClusterState,
        loop: FluidLoop,
        switching: HostSwitching,
        watts: Watts,
        wanted: Callable[[float], FloatColumn],
        update_workload: Callable[[float], None],
    ) -> None:
        self._settings = settings
        self._state = state
        self._loop = loop
        self._switching = switching
        self._watts = watts
        self._wanted = wanted
        self._update_workload = update_workload
        self._waiting: set[int] = set()
        self._retry_is_scheduled = False
        self._delayed: set[int] = set()
        self._listeners: list[Callable[[int, float], None]] = []
        self._listeners_to_delays: list[Callable[[float], None]] = []
        switching.notify(lambda _, now_s: self.try_all(now_s))

    def notify(self, restarted: Callable[[int, float], None]) -> None:
        """Call `restarted` with the VM and the time whenever one was restarted."""
        self._listeners.append(restarted)

    def notify_delay_over(self, listener: Callable[[float], None]) -> None:
        """Call `listener` with the time when a delay is over and restarts have been tried."""
        self._listeners_to_delays.append(listener)

    def is_delayed(self, vm: int) -> bool:
        """Return whether a VM is down whose restart has not been tried yet."""
        return vm in self._delayed

    def forget(self, vm: int) -> None:
        """Do not restart a VM that has ended."""
        self._waiting.discard(vm)

    @property
    def waiting(self) -> tuple[int, ...]:
        """The VMs that ought to run again and fit on no host so far, ascending."""
        return tuple(sorted(self._waiting))

    def take_down(self, vms: Sequence[int], now_s: float) -> None:
        """Stop VMs that crash with their hosts; restart them after a delay, if at all."""
        self._state.take_down(vms, now_s)
        if self._settings.restart and len(vms):
            self._delayed.update(vms)
            delay_over_s = now_s + self._settings.restart_delay_s
            self._loop.call_at(delay_over_s, partial(self._delay_over, vms))

    def try_all(self, now_s: float) -> None:
        """Restart every VM that waits for it and fits somewhere."""
        if not self._waiting:
            return
        self._state.accrue(now_s)  # the plan reads the shares of CPU up to now
        vms = self._state.vms
        wanted = self._wanted(now_s) * vms.cpu_capacity
        plan = Plan.of(self._state, self._watts, vm_cpu_demand=wanted)
        restarted: list[int] = []
        for vm in self._largest_first():
            target = restart_host(plan, vm)
            if target is None:
                continue
            plan.restart(vm, target)
            self._switching.wake(target, now_s)
            if not self._state.hosts.booting[target]:
                self._state.restart_vm(vm, target, now_s)
                self._waiting.discard(vm)
                restarted.append(vm)
        self._update_workload(now_s)
        self._schedule_retry(now_s)
        for vm in restarted:
            for listener in self._listeners:
                listener(vm, now_s)

    def _delay_over(self, vms: Sequence[int], now_s: float) -> None:
        self._delayed.difference_update(vms)
        self._waiting.update(vm for vm in vms if self._state.vms.host[vm] >= 0)
        self.try_all(now_s)
        for listener in self._listeners_to_delays:
            listener(now_s)

    def _largest_first(self) -> list[int]:
        waiting = np.array(sorted(self._waiting), dtype=np.int64)
        order = np.argsort(-self._state.vms.memory_bytes[waiting], kind="stable")
        largest_first: list[int] = waiting[order].tolist()
        return largest_first

    def _schedule_retry(self, now_s: float) -> None:
        if self._waiting and not self._retry_is_scheduled:
            self._retry_is_scheduled = True
            self._loop.call_at(now_s + self._settings.retry_s, self._retry)

    def _retry(self, now_s: float) -> None:
        self._retry_is_scheduled = False
        self.try_all(now_s)
