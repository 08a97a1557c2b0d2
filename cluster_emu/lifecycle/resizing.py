"""Gives VMs another size while they run, wait or migrate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.lifecycle.lifecycle import VMLifecycle
from cluster_emu.lifecycle.records import Status
from cluster_emu.memory.base import MemoryModel, VMMemory
from cluster_emu.network import FluidLoop
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.scenario import RandomResizes, Resize
from cluster_emu.scheduling.scheduler import MigrationScheduler
from cluster_emu.transfer.records import NOTHING_SENT

MemoryOfSize = Callable[[int, float, int], tuple[VMMemory, MemoryModel] | str]
"""Returns the memory of a VM with some CPU and memory, and its model, or why there is none."""

Size = tuple[float, int]
"""CPU capacity and memory in bytes."""


class Resizing:
    """Resizes VMs, at once or when their migration has ended, or refuses to.

    Args:
        state: the columns.
        loop: keeps the time.
        scheduler: runs migrations.
        lifecycle: the lives of the VMs.
        memory_of: describes the memory of a VM of another size.
        resized: called with the VM, its memory and its model before its next migration.
    """

    def __init__(
        self,
        state: ClusterState,
        loop: FluidLoop,
        scheduler: MigrationScheduler,
        lifecycle: VMLifecycle,
        memory_of: MemoryOfSize,
        resized: Callable[[int, VMMemory, MemoryModel], None],
    ) -> None:
        self._state = state
        self._loop = loop
        self._scheduler = scheduler
        self._lifecycle = lifecycle
        self._memory_of = memory_of
        self._resized = resized
        self._postponed: dict[int, Size] = {}
        self._random: RandomResizes | None = None
        self._sizes: dict[int, Size] = {}
        self._generators: dict[int, np.random.Generator] = {}
        self._streams: RandomStreams | None = None
        scheduler.notify(self._may_be_possible)

    def schedule(self, resize: Resize) -> None:
        """Resize one VM at the time that the scenario gives."""

        def change(now_s: float) -> None:
            vms = self._state.vms
            cpu, memory = resize.cpu_capacity, resize.memory_bytes
            size = (
                float(vms.cpu_capacity[resize.vm]) if cpu is None else cpu,
                int(vms.memory_bytes[resize.vm]) if memory is None else memory,
            )
            self.resize(resize.vm, size, now_s)

        self._loop.call_at(resize.at_s, change, passive=True)

    def resize_at_random(self, settings: RandomResizes, streams: RandomStreams) -> None:
        """Resize every VM at random from its start on."""
        self._random, self._streams = settings, streams

    def started(self, vm: int, now_s: float) -> None:
        """Draw when a VM that begins to run is resized, if VMs are at random."""
        if self._random is not None and vm not in self._generators:
            assert self._streams is not None
            vms = self._state.vms
            self._sizes[vm] = float(vms.cpu_capacity[vm]), int(vms.memory_bytes[vm])
            self._generators[vm] = self._streams.generator(Stream.RESIZES, vm)
            self._await_random(vm, now_s)

    def ended(self, vm: int) -> None:
        """Forget a VM that has ended."""
        self._postponed.pop(vm, None)
        self._generators.pop(vm, None)
        self._sizes.pop(vm, None)

    def restarted(self, vm: int, now_s: float) -> None:
        """Resize a VM that was down, if that was asked for meanwhile."""
        self._may_be_possible(vm, now_s)

    def resize(self, vm: int, size: Size, now_s: float) -> None:
        """Give a VM another size now, or as soon as its migration has ended, or refuse it."""
        lifecycle, vms = self._lifecycle, self._state.vms
        status = lifecycle.records.status[vm]
        if status == Status.WAITING:
            memory = self._memory_of(vm, *size)
            if isinstance(memory, str):
                self._refuse(vm)
            else:
                lifecycle.resize_waiting(vm, partial(self._set_size, vm, size, memory), now_s)
        elif status not in (Status.BOOTING, Status.RUNNING) or vms.lost[vm]:
            self._refuse(vm)
        elif self._must_wait(vm):
            self._postponed[vm] = size
        else:
            self._resize_on_host(vm, size, now_s)

    # --- how --------------------------------------------------------------------------------------

    def _must_wait(self, vm: int) -> bool:
        """Return whether a VM keeps its size for now: its memory is copied, or it is down."""
        vms = self._state.vms
        phase = self._scheduler.phase_of(vm)
        is_down = not (vms.running[vm] or vms.booting[vm])
        return is_down or (phase is not None and phase not in NOTHING_SENT)

    def _resize_on_host(self, vm: int, size: Size, now_s: float) -> None:
        vms, hosts = self._state.vms, self._state.hosts
        memory = self._memory_of(vm, *size)
        more = size[1] - int(vms.memory_bytes[vm])
        if isinstance(memory, str) or hosts.memory_free_bytes[vms.host[vm]] < more:
            self._refuse(vm)
            return
        target = int(vms.target[vm])
        if target >= 0 and hosts.memory_free_bytes[target] < more:
            why = f"VM {vm} was resized, and host {target} has no memory for that"
            self._scheduler.cancel_for(vm, why, now_s)
            target = -1
        self._set_size(vm, size, memory, now_s)
        if target >= 0:
            self._scheduler.resized(vm, now_s)
        self._scheduler.admit(now_s)

    def _set_size(
        self, vm: int, size: Size, memory: tuple[VMMemory, MemoryModel], now_s: float
    ) -> None:
        self._state.resize_vm(vm, *size, memory[0].page_count, now_s)
        self._resized(vm, *memory)
        self._lifecycle.records.resizes[vm] += 1

    def _refuse(self, vm: int) -> None:
        self._lifecycle.records.resizes_refused[vm] += 1

    def _may_be_possible(self, vm: int, now_s: float) -> None:
        """Look at a postponed resize again, once all else at this instant is done."""
        if vm in self._postponed:
            self._loop.call_at(now_s, partial(self._do_postponed, vm), passive=True)

    def _do_postponed(self, vm: int, now_s: float) -> None:
        if vm in self._postponed:
            self.resize(vm, self._postponed.pop(vm), now_s)

    # --- at random --------------------------------------------------------------------------------

    def _await_random(self, vm: int, now_s: float) -> None:
        assert self._random is not None
        wait_s = float(self._generators[vm].exponential(self._random.mean_s))
        self._loop.call_at(now_s + wait_s, partial(self._resize_randomly, vm), passive=True)

    def _resize_randomly(self, vm: int, now_s: float) -> None:
        if vm not in self._generators or self._random is None:
            return  # it has ended
        factor = float(self._generators[vm].choice(self._random.factors))
        cpu, memory = self._sizes[vm]
        page_bytes = int(self._state.vms.page_bytes[vm])
        self.resize(vm, (cpu * factor, max(round(memory * factor), page_bytes)), now_s)
        self._await_random(vm, now_s)
