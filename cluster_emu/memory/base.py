"""The contract of memory models: what a migration needs to know of the memory of its VM.

A memory model says how closely the memory of a VM is represented while it migrates: page by page,
as counts of interchangeable pages, or as bytes. It makes a `MemoryEngine` for each migration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from cluster_emu.encoding import Encoder, used_page_ids
from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.memory.dirtying.description import WriteDescription
from cluster_emu.memory.dirtying.processes import PageWriter
from cluster_emu.memory.dirtying.sources import WriteSource
from cluster_emu.memory.pages.dirty_log import PageIds
from cluster_emu.memory.versions import PageVersions
from cluster_emu.plugins import Registry
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.strategies.contract import Strategy


@dataclass(frozen=True, slots=True)
class RoundCounts:
    """What happened to the pages in one live round.

    Args:
        due: pages in to_send when the round began.
        sent: of these, pages sent.
        skipped: of these, pages not sent because the strategy's table said "skip".
        deferred: of these, pages deferred until stop-and-copy.
        unvisited: of these, pages not visited before the round was cut short.
        dirtied: pages in the dirty log at the end of the round.
        bytes_sent: bytes on the wire.
        encode_cpu_s: processor time that encoding the pages sent took, in seconds of one core.
    """

    due: int
    sent: int
    skipped: int
    deferred: int
    unvisited: int
    dirtied: int
    bytes_sent: float
    encode_cpu_s: float = 0.0


class RoundsAhead(NamedTuple):
    """Up to where live rounds may be worked out in one call, because nothing else happens before.

    Args:
        now_s: time at which the first of them begins.
        until_s: all of them end before this time.
        bytes_per_s: the rate in all of them.
        intensity: the write intensity in all of them.
        rounds: at most so many.
        least_left: a round that leaves fewer pages than this is the last one; so is one that sends
            nothing.
    """

    now_s: float
    until_s: float
    bytes_per_s: float
    intensity: float
    rounds: int
    least_left: int


class RoundAhead(NamedTuple):
    """A live round that was worked out ahead.

    Args:
        end_s: when it ends.
        counts: what happens in it.
        pages_left: pages stop-and-copy would send after it.
    """

    end_s: float
    counts: RoundCounts
    pages_left: int


@dataclass(frozen=True, slots=True)
class FaultCosts:
    """What a demand fault costs and how often pages are touched.

    Args:
        round_trip_s: time for the request to reach the source and the first byte to come back.
        queued_pages: pushed pages, of the mean size of those missing, an urgent page waits for.
        touches_per_write: page touches, reads included, per write of the VM's profile.
        processors: virtual processors of the VM, each of which waits for its own page while the
            others run on.
    """

    round_trip_s: float
    queued_pages: int
    touches_per_write: float
    processors: int = 1


class RateDependence(IntEnum):
    """How the bytes that are planned until the next event depend on the rate.

    It says what can be predicted without a new plan at each change of the rate.
    """

    NONE = 0
    """They stay the same."""
    BOUNDED = 1
    """If they were L at a rate, they are at least min(1, s) L at s times that rate, and at least 0
    after a stall. `plan` finds the exact number.

    This holds where pages are sent if the peek finds them clean: sent more slowly, by the time s L
    bytes are sent no more of the round has passed than at the old rate, and sent faster, more pages
    are clean. It does not hold where pages are sent because the peek finds them dirty.
    """
    UNKNOWN = 2
    """Unknown: `plan` must be called again."""


class PostCopyMemory(Protocol):
    """The pages a VM still lacks at the target, and the faults it suffers because of them.

    Attributes:
        sizes: what the pages take that were missing at resume.
        faults: demand faults so far.
        stall_s: time that the VM's processors have waited for requested pages, the mean of them.
        bytes_sent: bytes on the wire so far.
    """

    sizes: PageSizes
    faults: int
    stall_s: float
    bytes_sent: float

    @property
    def bytes_left(self) -> float:
        """Bytes that still have to cross the wire."""
        ...

    @property
    def rate_dependence(self) -> RateDependence:
        """How `bytes_left` depends on the rate; `UNKNOWN` asks to be notified of each change."""
        ...

    @property
    def pages_arrived(self) -> int:
        """Pages that have reached the target since the VM resumed."""
        ...

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let wall time pass at a constant link rate and write intensity."""
        ...

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        ...


class MemoryEngine(Protocol):
    """Memory of one VM while it migrates; it knows operational time and bytes.

    Attributes:
        page_count: pages of the VM.
        round_number: the live round under way or over, 0 before the first.
        now: operational time since the migration began.
        versions: version numbers for proofs, or None.
    """

    page_count: int
    round_number: int
    now: float
    versions: PageVersions | None

    @property
    def encoding(self) -> Encoding:
        """What pages take on the wire."""
        ...

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins."""
        ...

    @property
    def stale_pages(self) -> int:
        """Number of pages stop-and-copy would send if it began now."""
        ...

    @property
    def stale_bytes(self) -> float:
        """Bytes stop-and-copy would send if it began now."""
        ...

    @property
    def stale_memory_bytes(self) -> float:
        """Bytes of memory that `stale_pages` hold, before any encoding and without headers."""
        ...

    @property
    def nothing_to_send(self) -> bool:
        """Whether to_send of the next live round is empty."""
        ...

    def stop_sizes(self) -> PageSizes:
        """Return what the stale pages take on the wire while the VM is stopped."""
        ...

    def lost_update_pages(self) -> int:
        """Number of stale pages that neither to_send nor the deferred set holds."""
        ...

    def hand_over(self) -> None:
        """Let every stale page arrive at the target while the VM does not write at the source."""
        ...

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> PostCopyMemory:
        """Return the state in which the VM resumes at the target without the stale pages."""
        ...

    def wait(self, elapsed: float) -> None:
        """Let operational time pass between two rounds; what it dirties joins to_send."""
        ...

    def run_ahead(self, ahead: RoundsAhead) -> Sequence[RoundAhead]:
        """Work out whole live rounds between two rounds; the engine is then after the last of them.

        None where the engine cannot, or not faster than round by round.
        """
        ...

    def begin_round(self) -> None:
        """Start the next live round with every page of to_send."""
        ...

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        """Return the bytes until the round ends, or until its end can be known.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            sync_threshold_bytes: the round ends once the unvisited pages have fewer bytes in
                memory; what they take on the wire does not count.
        """
        ...

    @property
    def rate_dependence(self) -> RateDependence:
        """How what `plan` returned last, with no sync threshold, depends on the rate.

        Unless it is `UNKNOWN`, `advance` may be called several times before the next `plan`, with
        parts of different rates.
        """
        ...

    @property
    def end_is_known(self) -> bool:
        """Whether what `plan` returned last is the end of the round, not a time to plan again."""
        ...

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass, within the round as planned."""
        ...

    def cut_short(self) -> float:
        """Let the round end where it stands; return what the page in transit still takes."""
        ...

    @property
    def bytes_sent_in_round(self) -> float:
        """Bytes sent so far in the round under way."""
        ...

    @property
    def bytes_waiting(self) -> float:
        """Bytes of memory in the unvisited pages of the round under way."""
        ...

    @property
    def round_sizes(self) -> PageSizes:
        """What to_send of the round under way takes on the wire."""
        ...

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round as planned, read and clear the dirty log, and return what happened."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class VMMemory:
    """The memory of VMs of one kind, and what happens to it when one of them migrates.

    Args:
        page_count: pages of the VM.
        source: makes the writes, page by page.
        writes: the same writes described as a whole.
        strategy: what is sent when.
        encoders: what makes pages smaller on the wire, in the order of the chain.
        track_versions: whether a version number per page is kept, for proofs.
        processors: virtual processors of the VM, which touch its pages.
        unused_pages: pages that are zero and never written; `writes` counts them, `source` does
            not know of them.
    """

    page_count: int
    source: WriteSource
    writes: WriteDescription
    strategy: Strategy
    encoders: Sequence[Encoder] = ()
    track_versions: bool = False
    processors: int = 1
    unused_pages: int = 0

    @property
    def used_pages(self) -> int:
        """Pages that the source may write."""
        return self.page_count - self.unused_pages

    def with_used(self, used_pages: int) -> VMMemory:
        """Return this memory with another number of pages in use."""
        if used_pages == self.used_pages:
            return self
        writes = self.source.describe_writes(used_pages).among(self.page_count)
        return replace(self, writes=writes, unused_pages=self.page_count - used_pages)

    @property
    def ballooned_pages(self) -> int:
        """Free pages that the guest returns to the hypervisor first, so that nothing sends them."""
        return int(self.strategy.ballooned_share * self.page_count)


@dataclass(frozen=True, slots=True)
class MigratingMemory:
    """The memory of one VM at the start of one migration, from which an engine is made.

    Args:
        memory: the memory and what happens to it.
        encoding: what its pages take on the wire.
        streams: the random streams of the run.
        vm: the VM's number.
        number: migrations of this VM that began before this one.
    """

    memory: VMMemory
    encoding: Encoding
    streams: RandomStreams
    vm: int
    number: int

    def writer(self) -> PageWriter:
        """Return what writes the VM's pages, one by one, during this migration."""
        memory = self.memory
        writer = memory.source.writer(memory.used_pages, self.streams, self.vm, self.number)
        if not memory.unused_pages:
            return writer
        used = used_page_ids(memory.page_count, memory.unused_pages, self.streams, self.vm)
        return writer.scattered(memory.page_count, used)

    def generator(self) -> np.random.Generator:
        """Return this migration's own stream, for a model that draws counts instead of pages."""
        return self.streams.generator(Stream.MEMORY_MODEL, self.vm, self.number)

    def choose_ballooned(self) -> PageIds | None:
        """Choose the ballooned pages from the VM's own stream, ascending; None if there are none.

        The same pages are chosen in every migration of the VM.
        """
        count = self.memory.ballooned_pages
        if not count:
            return None
        rng = self.streams.generator(Stream.BALLOONED_PAGES, self.vm)
        return np.sort(rng.choice(self.memory.page_count, count, replace=False))


class MemoryModel(ABC):
    """How closely the memory of a VM is represented. Subclasses are frozen pydantic dataclasses."""

    name: ClassVar[str]
    """The registered kebab-case name."""
    summary: ClassVar[str]
    """One line saying what it keeps of a VM's memory."""
    source: ClassVar[str]
    """Where the model comes from: a paper, another simulator, or "definition"."""

    @abstractmethod
    def supports(self, memory: VMMemory) -> str | None:
        """Return in words why this model cannot represent the memory, None if it can."""

    @abstractmethod
    def create(self, migrating: MigratingMemory) -> MemoryEngine:
        """Return the engine of one migration; called only for memory that is supported."""

    def state_bytes(self, memory: VMMemory) -> int:
        """Return the memory of this machine that an engine takes, about, by its number of pages.

        0 stands for an engine that does not grow with the number of pages.
        """
        return 0

    def model_for(self, memory: VMMemory) -> MemoryModel:
        """Return the model that represents the memory: this one, unless it selects among others."""
        return self


memory_models: Registry[MemoryModel] = Registry(
    "memory model",
    "cluster_emu.memory_models",
    package="cluster_emu.memory.models",
    summary="how closely the memory of a migrating VM is represented (`run.fidelity`)",
)
