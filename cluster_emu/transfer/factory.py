"""Everything a migration is made from, and the making of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.encoding import Content, Encoder, Encoding, Stage
from cluster_emu.memory.base import MemoryEngine, PostCopyMemory
from cluster_emu.memory.dirtying.sources import WriteSource
from cluster_emu.memory.lumped import LumpableSource, PageClasses
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.memory.pages.post_copy import FaultCosts
from cluster_emu.memory.scalar.engine import ScalarEngine
from cluster_emu.memory.scalar.writes import ScalarSource, ScalarWrites
from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.links import LinkTable
from cluster_emu.network.routing import Router
from cluster_emu.rng import Purpose, RandomStreams
from cluster_emu.strategies.contract import Strategy
from cluster_emu.strategies.demand_paging import DemandPaging
from cluster_emu.strategies.post_copy import PostCopy
from cluster_emu.transfer.flow_group import MigrationFlowGroup
from cluster_emu.transfer.interfaces import MigrationListener, MigrationPolicy
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import MigrationRecord, RoundRecord
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.workload.intensity import IntensityPath

Fidelity = Literal["pages", "lumped", "mean-field", "scalar"]
"""How closely memory is looked at: page by page, in counts of pages alike, or as bytes."""

QUEUED_PAGES_WITHOUT_PREEMPT = 64
"""Pushed pages (256 KiB of socket buffer) an urgent page waits behind without a second channel."""

SAMPLE_PAGES = 256
"""Pages of a VM by which it is judged how fast its cores encode."""


@dataclass(slots=True)
class MigrationFactory:
    """The parts all migrations of a run share.

    Args:
        strategy: what is sent when.
        policy: the manager's policy; makes the controller of every migration.
        settings: costs and limits.
        encoders: who makes pages smaller on the wire, in the order in which they are asked.
        sources: what writes the pages of each VM, by VM.
        fidelities: how closely the memory of each VM is looked at, by VM.
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
    encoders: Sequence[Encoder]
    sources: Sequence[WriteSource]
    fidelities: Sequence[Fidelity]
    intensity: IntensityPath
    streams: RandomStreams
    state: ClusterState
    links: LinkTable
    router: Router
    loop: FluidLoop
    rounds: list[RoundRecord] = field(default_factory=list)
    flow_group: MigrationFlowGroup = field(init=False)
    _started: dict[int, int] = field(default_factory=dict)
    _writes: dict[tuple[int, int], ScalarWrites] = field(default_factory=dict)
    _classes: dict[tuple[int, int], PageClasses] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let all migrations be told their rates together."""
        self.flow_group = MigrationFlowGroup(self.loop)

    def make(self, record: MigrationRecord, watcher: MigrationListener) -> Migration:
        """Make the migration that fills in `record`; its route is found now."""
        number = self._started.get(record.vm, 0)
        self._started[record.vm] = number + 1
        record.fidelity = self.fidelities[record.vm]
        route = self.router.route(record.source, record.target, record.migration)
        return Migration(
            record,
            self.rounds,
            self.strategy,
            self.policy.create_controller(float(self.state.vms.memory_bytes[record.vm])),
            self.settings,
            _VMMemory(self, record.vm, number, route),
            _VMIntensity(self.intensity, record.vm),
            route,
            self.flow_group,
            watcher,
        )

    def usual_cap_bytes_per_s(self, vm: int) -> float:
        """Return the cap on the rate of a migration of this VM, as in its first round.

        What its cores encode is judged by some pages like those of the VM.
        """
        encoding = _VMMemory(self, vm, 0, ()).encoding(SAMPLE_PAGES)
        if encoding.is_raw:
            return self.settings.network_cap_bytes_per_s(encoding.raw_bytes, stopped=False)
        sizes = encoding.sizes(np.arange(SAMPLE_PAGES), Stage.LIVE, 1)
        return self.settings.cap_bytes_per_s(encoding.raw_bytes, sizes, stopped=False)

    def page_classes(self, vm: int, page_count: int) -> PageClasses:
        """Return a VM's write classes, found once for all VMs of one kind."""
        source = self.sources[vm]
        kind = id(source), page_count
        if kind not in self._classes:
            assert isinstance(source, LumpableSource), "checked when the scenario was built"
            self._classes[kind] = source.page_classes(page_count)
        return self._classes[kind]

    def scalar_writes(self, vm: int, page_count: int) -> ScalarWrites:
        """Return a VM's writes in two numbers, found once for all VMs of one kind."""
        source = self.sources[vm]
        kind = id(source), page_count
        if kind not in self._writes:
            assert isinstance(source, ScalarSource), "checked when the scenario was built"
            self._writes[kind] = source.scalar_writes(page_count)
        return self._writes[kind]


@dataclass(slots=True)
class _VMIntensity:
    """The write intensity of one VM."""

    path: IntensityPath
    vm: int

    def level(self, now_s: float) -> float:
        return self.path.level(self.vm, now_s)

    def next_change(self, now_s: float) -> float:
        return self.path.next_change(self.vm, now_s)


@dataclass(slots=True)
class _VMMemory:
    """The page state of one VM for one migration."""

    factory: MigrationFactory
    vm: int
    number: int
    route: tuple[int, ...]

    def engine(self, intensity: float) -> MemoryEngine:
        settings = self.factory.settings
        page_count = int(self.factory.state.vms.page_count[self.vm])
        kinds: dict[Fidelity, Callable[[int], MemoryEngine]] = {
            "pages": self._pages,
            "lumped": self._lumped,
            "mean-field": partial(self._lumped, mean_field=True),
            "scalar": self._scalar,
        }
        engine = kinds[self.factory.fidelities[self.vm]](page_count)
        engine.warm(settings.warm_intervals, settings.warm_interval_s * intensity)
        return engine

    def _pages(self, page_count: int) -> MemoryEngine:
        factory = self.factory
        return PagesEngine(
            factory.sources[self.vm].writer(page_count, factory.streams, self.vm, self.number),
            factory.strategy,
            self.encoding(page_count),
            absent=self._ballooned(page_count),
            track_versions=factory.settings.track_versions,
        )

    def _lumped(self, page_count: int, *, mean_field: bool = False) -> MemoryEngine:
        from cluster_emu.memory.lumped.engine import LumpedEngine  # slow; few runs need it

        factory = self.factory
        return LumpedEngine(
            factory.page_classes(self.vm, page_count),
            factory.strategy,
            self.encoding(page_count),
            factory.streams.generator(Purpose.LUMPED, self.vm, self.number),
            absent_pages=self._ballooned_count(page_count),
            mean_field=mean_field,
        )

    def _scalar(self, page_count: int) -> MemoryEngine:
        """Return so many bytes; headers are part of them, as nothing keeps pages apart."""
        wire_bytes = self.encoding(page_count).raw_bytes
        writes = self.factory.scalar_writes(self.vm, page_count)
        return ScalarEngine(
            (page_count - self._ballooned_count(page_count)) * wire_bytes,
            wire_bytes,
            writes.pages_per_s * wire_bytes,
            writes.working_set_pages * wire_bytes,
        )

    def post_copy(self, engine: MemoryEngine) -> PostCopyMemory:
        paging = self._paging
        costs = FaultCosts(
            round_trip_s=2 * self.factory.links.route_latency_s(self.route),
            queued_pages=0 if paging.preempt else QUEUED_PAGES_WITHOUT_PREEMPT,
            touches_per_write=paging.touches_per_write,
        )
        return engine.post_copy(costs, bubbling=paging.bubbling, pivots=paging.pivots)

    def encoding(self, page_count: int) -> Encoding:
        """Put the encoders to work on the VM's pages."""
        factory = self.factory
        page_bytes = int(factory.state.vms.page_bytes[self.vm])
        if not factory.encoders:
            return Encoding(page_bytes, factory.settings.page_header_bytes)
        stream_of = partial(factory.streams.generator, Purpose.CONTENT, self.vm, self.number)
        content = Content(page_count, page_bytes, stream_of)
        coders = [encoder.coder(content) for encoder in factory.encoders]
        return Encoding(page_bytes, factory.settings.page_header_bytes, coders)

    @property
    def _paging(self) -> DemandPaging:
        """The strategy's way of fetching pages, or the usual one where a policy wants post-copy."""
        strategy = self.factory.strategy
        return strategy if isinstance(strategy, DemandPaging) else PostCopy()

    def _ballooned(self, page_count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        """Choose the free pages the guest has handed back, at random from the VM's own stream."""
        count = self._ballooned_count(page_count)
        if not count:
            return None
        rng = self.factory.streams.generator(Purpose.PROFILE, self.vm, 3)
        return np.sort(rng.choice(page_count, count, replace=False))

    def _ballooned_count(self, page_count: int) -> int:
        strategy = self.factory.strategy
        share = strategy.ballooned_share if isinstance(strategy, DemandPaging) else 0.0
        return int(share * page_count)
