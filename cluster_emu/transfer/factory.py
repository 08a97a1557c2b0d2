"""Makes migrations from what all migrations of a run share."""

from __future__ import annotations

from collections.abc import MutableSequence
from dataclasses import dataclass, field

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.encoding import Content, Encoding, Stage
from cluster_emu.memory.base import (
    FaultCosts,
    MemoryEngine,
    MemoryModel,
    MigratingMemory,
    PostCopyMemory,
    VMMemory,
)
from cluster_emu.memory.in_use import MemoryInUse
from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.links import LinkTable
from cluster_emu.network.routing import Router
from cluster_emu.rng import RandomStreams
from cluster_emu.strategies.contract import Strategy
from cluster_emu.transfer.flow import MigrationFlowGroup
from cluster_emu.transfer.interfaces import MigrationListener, MigrationPolicy
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import LimitRecorder, MigrationRecord, RoundRecord
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.workload.intensity import IntensityPath

QUEUED_PAGES_WITHOUT_PREEMPT = 64
"""Without a second channel, a requested page waits for so many pushed pages (256 KiB buffer)."""

SAMPLE_PAGES = 256
"""Number of pages of a VM from which the encoding rate of a core is estimated."""


@dataclass(slots=True)
class MigrationFactory:
    """Makes migrations, and holds what all of them share.

    Args:
        strategy: what is sent when.
        policy: the manager's policy; makes the controller of every migration.
        settings: costs and limits.
        memory: the memory of each VM over time.
        models: the memory model of each VM, by VM.
        intensity: write intensity of every VM over time.
        streams: random streams.
        state: the columns (memory sizes and page sizes are read from it).
        links: the network's links.
        router: finds routes.
        loop: the fluid network.
        rounds: where rows of the table `rounds` go.
    """

    strategy: Strategy
    policy: MigrationPolicy
    settings: TransferSettings
    memory: MemoryInUse
    models: MutableSequence[MemoryModel]
    intensity: IntensityPath
    streams: RandomStreams
    state: ClusterState
    links: LinkTable
    router: Router
    loop: FluidLoop
    rounds: list[RoundRecord] = field(default_factory=list)
    flow_group: MigrationFlowGroup = field(init=False)
    limits: LimitRecorder = field(init=False)
    _attempts: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Notify all migrations of their rates together, and name their limits alike."""
        self.flow_group = MigrationFlowGroup(self.loop)
        self.limits = LimitRecorder(self.links, self.settings, self.policy.name)

    def make(self, record: MigrationRecord, listener: MigrationListener) -> Migration:
        """Make the migration that fills in `record`; it takes its route now.

        One that is made again, for another target, draws the same random numbers.
        """
        vm = record.vm
        attempts = self._attempts.setdefault(vm, [])
        if not attempts or attempts[-1] != record.migration:
            attempts.append(record.migration)
        number = len(attempts) - 1
        record.fidelity = self.models[vm].name
        route = self.router.take(record.source, record.target, record.migration)
        record.route = " ".join(map(str, route))
        return Migration(
            record,
            self.rounds,
            self.strategy,
            self.policy.create_controller(float(self.state.vms.memory_bytes[vm])),
            self.settings,
            MigrationMemory(
                self.models[vm],
                self._migrating(vm, number),
                self.settings,
                round_trip_s=2 * self.links.route_latency_s(route),
            ),
            _VMIntensity(self.intensity, vm),
            route,
            self.flow_group,
            listener,
        )

    def usual_cap_bytes_per_s(self, vm: int) -> float:
        """Return the cap on the rate of a migration of this VM, as in its first round.

        The encoding rate of its cores is estimated from some pages with the same content model.
        """
        encoding = self._encoding(self.memory.at(vm, self.loop.now_s), vm, 0, SAMPLE_PAGES)
        if encoding.is_raw:
            return self.settings.network_cap_bytes_per_s(encoding.raw_bytes, stopped=False)
        sizes = encoding.sizes(np.arange(SAMPLE_PAGES), Stage.LIVE, 1)
        return self.settings.cap_bytes_per_s(encoding.raw_bytes, sizes, stopped=False)

    def _migrating(self, vm: int, number: int) -> MigratingMemory:
        memory = self.memory.at(vm, self.loop.now_s)
        encoding = self._encoding(memory, vm, number, memory.page_count)
        return MigratingMemory(memory, encoding, self.streams, vm, number)

    def _encoding(self, memory: VMMemory, vm: int, number: int, page_count: int) -> Encoding:
        """Return what the VM's pages take on the wire during one migration."""
        page_bytes = int(self.state.vms.page_bytes[vm])
        if not memory.encoders:
            return Encoding(page_bytes, self.settings.page_header_bytes)
        unused = round(memory.unused_pages * (page_count / memory.page_count))
        # a few pages stand for all: where the zero ones are makes no difference to these
        zero_ranges = memory.writes.zero_ranges if page_count == memory.page_count else ()
        content = Content(page_count, page_bytes, self.streams, vm, number, unused, zero_ranges)
        coders = [encoder.coder(content) for encoder in memory.encoders]
        return Encoding(page_bytes, self.settings.page_header_bytes, coders)


@dataclass(frozen=True, slots=True)
class MigrationMemory:
    """Makes the memory engines of one migration.

    Args:
        model: the memory model of the VM.
        migrating: the VM's memory as the migration begins.
        settings: costs and limits.
        round_trip_s: time for a request to reach the source and its answer to come back.
    """

    model: MemoryModel
    migrating: MigratingMemory
    settings: TransferSettings
    round_trip_s: float

    def engine(self, intensity: float) -> MemoryEngine:
        """Return the memory at the start, histories warmed at that write intensity."""
        engine = self.model.create(self.migrating)
        engine.warm(self.settings.warm_intervals, self.settings.warm_interval_s * intensity)
        return engine

    def post_copy(self, engine: MemoryEngine) -> PostCopyMemory:
        """Return the memory of the VM resumed at the target without its stale pages."""
        memory = self.migrating.memory
        strategy = memory.strategy
        costs = FaultCosts(
            round_trip_s=self.round_trip_s,
            queued_pages=0 if strategy.preempt else QUEUED_PAGES_WITHOUT_PREEMPT,
            touches_per_write=strategy.touches_per_write,
            processors=memory.processors,
        )
        return engine.post_copy(costs, bubbling=strategy.bubbling, pivots=strategy.pivots)


@dataclass(slots=True)
class _VMIntensity:
    """The write intensity and the CPU demand of one VM."""

    path: IntensityPath
    vm: int

    def level(self, now_s: float) -> float:
        return self.path.level(self.vm, now_s)

    def demand(self, now_s: float) -> float:
        return self.path.demand(self.vm, now_s)

    def next_change(self, now_s: float) -> float:
        return self.path.next_change(self.vm, now_s)
