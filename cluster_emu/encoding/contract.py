"""What an encoder is: a way to put a page on the wire in fewer bytes.

An encoder knows nothing of strategies, links or time. It gives sizes when a round, or
stop-and-copy, or the post-copy phase begins, and is notified at the end of each round of what was
sent and what was written. Several make a chain; `cluster_emu.encoding.chain` says how they combine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.plugins import Registry
from cluster_emu.rng import RandomStreams, Stream

PageIds = NDArray[np.int64]
ByteCounts = NDArray[np.int64]


class Stage(Enum):
    """The part of a migration in which pages are to be sent."""

    LIVE = "live"
    STOPPED = "stopped"
    POST_COPY = "post-copy"


@dataclass(frozen=True, slots=True)
class Content:
    """The memory of one VM at the start of one migration, as encoders see it.

    Args:
        page_count: pages of the VM.
        page_bytes: bytes of a page in memory.
        streams: the random streams of the run.
        vm: the VM.
        migration: which of its migrations, from 0.
        unused_pages: pages that hold zeros and are never written.
        zero_ranges: (first page, page after the last) of further pages that hold zeros.
    """

    page_count: int
    page_bytes: int
    streams: RandomStreams
    vm: int
    migration: int
    unused_pages: int = 0
    zero_ranges: tuple[tuple[int, int], ...] = ()

    @property
    def used(self) -> PageIds:
        """The pages in use, ascending, the same in every migration of the VM."""
        return used_page_ids(self.page_count, self.unused_pages, self.streams, self.vm)

    def generator(self, stream: Stream, *keys: int) -> np.random.Generator:
        """Return random numbers of this migration, the same for all strategies.

        Args:
            stream: the encoder's entry; `Stream.PLUG_IN` for those of other distributions.
            keys: further keys, for `PLUG_IN` a number of the encoder's own first.
        """
        return self.streams.generator(stream, self.vm, self.migration, *keys)


def used_page_ids(page_count: int, unused_pages: int, streams: RandomStreams, vm: int) -> PageIds:
    """Return which pages of a VM are in use, ascending: all others, drawn at random, are zero."""
    if not unused_pages:
        return np.arange(page_count)
    is_used = np.ones(page_count, dtype=np.bool_)
    rng = streams.generator(Stream.USED_PAGES, vm)
    is_used[rng.choice(page_count, unused_pages, replace=False, shuffle=False)] = False
    return np.flatnonzero(is_used)


class Coder(Protocol):
    """An encoder at work on the pages of one migration."""

    @property
    def cpu_s_per_page(self) -> float:
        """Processor time, in seconds of one core, that encoding a page takes."""
        ...

    def payload_bytes(self, pages: PageIds, stage: Stage, round_number: int) -> ByteCounts:
        """Return the whole bytes that follow each page's header, 0 for a page it does not take.

        Args:
            pages: page numbers, [pages].
            stage: when they are to be sent.
            round_number: the live round, from 1; the one that would come next, if not live.
        """
        ...

    def were_sent(self, pages: PageIds, round_number: int) -> None:
        """Take note, at the end of a live round, of the pages sent in it, in their order."""
        ...

    def were_written(self, pages: PageIds) -> None:
        """Take note of pages written since the last time, in any order."""
        ...


class Encoder(ABC):
    """A way to encode pages. Subclasses are frozen pydantic dataclasses."""

    name: ClassVar[str]
    """The registered kebab-case name."""
    summary: ClassVar[str]
    """One line saying what it does."""
    source: ClassVar[str]
    """Where it comes from: paper and section, or source file."""
    takes_every_page: ClassVar[bool] = False
    """Whether it leaves no page to the next encoder, so that a chain may not continue after it."""

    @abstractmethod
    def coder(self, content: Content) -> Coder:
        """Return the encoder at work on one migration."""


encoders: Registry[Encoder] = Registry(
    "encoder",
    "cluster_emu.encoders",
    package="cluster_emu.encoding",
    summary="how many bytes a page takes on the wire",
)
