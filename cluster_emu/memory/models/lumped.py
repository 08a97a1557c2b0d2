"""The models "lumped" and "mean-field": they count interchangeable pages."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from cluster_emu.encoding.zero_page import PAYLOAD_BYTES, ZeroPage
from cluster_emu.memory.base import (
    MemoryEngine,
    MemoryModel,
    MigratingMemory,
    VMMemory,
    memory_models,
)
from cluster_emu.memory.dirtying.description import (
    PlacedPages,
    SequentialSweep,
    WriteDescription,
)
from cluster_emu.memory.dirtying.processes import SweepWrites
from cluster_emu.memory.dirtying.sources import layout_generator
from cluster_emu.memory.lumped.classes import HotSet, PageClasses
from cluster_emu.strategies.contract import Decision, Strategy

if TYPE_CHECKING:
    from cluster_emu.memory.lumped.zero_pages import ZeroContent

ROUNDS_CHECKED = 40
"""Rounds whose tables are checked; no usual stop rule lets a migration have more."""
MOST_PAGES = 10**9
"""Pages above which numpy's hypergeometric draws are not possible."""


@memory_models.register("lumped")
@dataclass(frozen=True)
class LumpedModel(MemoryModel):
    """Count pages of equal state and write class; the cost does not depend on the VM's size."""

    name: ClassVar[str] = "lumped"
    summary: ClassVar[str] = "counts of interchangeable pages, drawn at random"
    source: ClassVar[str] = "Kemeny and Snell, Finite Markov Chains, 1960 (exact lumping)"

    def supports(self, memory: VMMemory) -> str | None:
        """Return why its pages are not exchangeable within write classes."""
        if memory.track_versions:
            return "run.track_versions keeps a version number per page"
        if len(memory.encoders) > 1 or any(not isinstance(e, ZeroPage) for e in memory.encoders):
            return "encoders but zero-page (transfer.encoders) look at each page's own content"
        if memory.encoders and memory.writes.sweep is not None:
            return "the encoder zero-page asks which pages a sweep has not written yet"
        if memory.page_count >= MOST_PAGES:
            return f"a VM of {memory.page_count} pages is too large"
        if memory.writes.page_by_page:
            return memory.writes.page_by_page
        writes = memory.writes
        if memory.unused_pages and (writes.moving or writes.sweep or writes.per_round):
            return (
                "memory_used_bytes scatters the pages of moving sets, sweeps and samples per round"
            )
        if memory.writes.sweep is not None and (why := _why_not_swept(memory)):
            return why
        if memory.writes.recorded is not None:
            return "its sets of dirty pages are given page by page"
        return _why_clearing_separates_pages(memory.strategy)

    def create(self, migrating: MigratingMemory) -> MemoryEngine:
        """Return an engine that counts pages."""
        return _engine(migrating, mean_field=False)


@memory_models.register("mean-field")
@dataclass(frozen=True)
class MeanFieldModel(MemoryModel):
    """The lumped model with every draw at its mean."""

    name: ClassVar[str] = "mean-field"
    summary: ClassVar[str] = "lumped with every draw at its mean; counts need not be whole"
    source: ClassVar[str] = "Kurtz, J. Appl. Prob. 1970 (the limit of many similar pages)"

    def supports(self, memory: VMMemory) -> str | None:
        """Return why its pages are not exchangeable within write classes."""
        return LumpedModel().supports(memory)

    def create(self, migrating: MigratingMemory) -> MemoryEngine:
        """Return an engine that keeps mean counts."""
        return _engine(migrating, mean_field=True)


def _engine(migrating: MigratingMemory, *, mean_field: bool) -> MemoryEngine:
    # Imported here, as numba and its kernels are slow to load and few runs need them.
    from cluster_emu.memory.lumped.engine import LumpedEngine
    from cluster_emu.memory.lumped.mixed import MixedEngine
    from cluster_emu.memory.lumped.swept import SweptEngine

    memory = migrating.memory
    if memory.writes.sweep is not None and _writes_beside(memory.writes):
        return MixedEngine(
            page_classes(memory.writes),
            _sweep_of(migrating, memory.writes.sweep),
            memory.strategy,
            migrating.encoding,
            migrating.generator(),
            mean_field=mean_field,
        )
    if memory.writes.sweep is not None:
        return SweptEngine(migrating.writer(), memory.strategy, migrating.encoding)
    return LumpedEngine(
        page_classes(memory.writes),
        memory.strategy,
        migrating.encoding,
        migrating.generator(),
        absent_pages=memory.ballooned_pages,
        mean_field=mean_field,
        zero_content=_zero_content(memory),
        layout=_layout(memory),
    )


def _layout(memory: VMMemory) -> tuple[PlacedPages, ...]:
    """Return where the pages lie; nothing where draws scatter some of them."""
    drawn = memory.unused_pages or memory.ballooned_pages or memory.writes.moving is not None
    shares = [one.share for one in memory.encoders if isinstance(one, ZeroPage)]
    return () if drawn or any(shares) else memory.writes.layout


def _zero_content(memory: VMMemory) -> ZeroContent | None:
    """Return which pages are zero if an encoder asks for them; the first one of the chain does."""
    from cluster_emu.memory.lumped.zero_pages import ZeroContent

    for encoder in memory.encoders:
        if isinstance(encoder, ZeroPage):
            in_ranges = sum(last - first for first, last in memory.writes.zero_ranges)
            return ZeroContent(encoder.share, PAYLOAD_BYTES, memory.unused_pages + in_ranges)
    return None


@lru_cache(maxsize=256)  # VMs of one kind share one description
def page_classes(writes: WriteDescription) -> PageClasses:
    """Return the write classes of a VM, those of one rate joined, and its moving working set."""
    hot = None
    if writes.moving is not None and writes.moving.writes_per_page_s > 0:
        moving = writes.moving
        hot = HotSet(moving.pages, moving.writes_per_page_s, moving.period_s)
    class_pages, rates = writes.class_pages, writes.class_writes_per_page_s
    if writes.unused_pages:
        class_pages, rates = np.append(class_pages, writes.unused_pages), np.append(rates, 0.0)
    return PageClasses.of(
        class_pages,
        rates,
        writes.round_dirty_probability or 0.0,
        hot,
    )


def _writes_beside(writes: WriteDescription) -> bool:
    """Return whether anything writes pages besides the sweep."""
    is_written = np.any(writes.class_writes_per_page_s[writes.class_pages > 0] > 0)
    return bool(is_written) or (writes.moving is not None and writes.moving.writes_per_page_s > 0)


def _sweep_of(migrating: MigratingMemory, sweep: SequentialSweep) -> SweepWrites:
    """Place a sweep by the VM's own stream: the same in every migration and strategy."""
    own = layout_generator(migrating.streams, migrating.vm)
    first = int(own.integers(0, migrating.memory.page_count - sweep.pages + 1))
    return SweepWrites(
        first, sweep.pages, sweep.sweeps_per_s * sweep.pages, own.random() * sweep.pages
    )


def _why_not_swept(memory: VMMemory) -> str | None:
    """Return why memory with a sweep does not divide into segments, if so."""
    writes = memory.writes
    if writes.recorded is not None or writes.per_round:
        return "the profile has a sequential sweep beside sets of dirty pages that are given"
    if memory.ballooned_pages:
        return "the profile has a sequential sweep, and ballooned pages are scattered over it"
    return None


def _why_clearing_separates_pages(strategy: Strategy) -> str | None:
    """Return why a strategy that clears dirty bits in mid-round cannot be lumped, if so."""
    if strategy.clear_granularity == "round":
        return None
    rounds = range(1, ROUNDS_CHECKED + 1)
    sends_all = all(np.all(strategy.table(number)[1] == Decision.SEND) for number in rounds)
    if strategy.peek_batch_pages == 0 and sends_all:
        return None
    return f"{strategy.name} clears dirty bits in mid-round and does not send every due page"
