"""What writes a VM's pages, described once for every memory model.

A write source gives one description; each memory model decides from it whether it can represent
such writes. Rates are per second of operational time, that is at full write intensity.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MovingWorkingSet:
    """A working set that moves: its pages are drawn again at random at the end of every period.

    Args:
        pages: pages in the set at any time.
        writes_per_page_s: Poisson writes per page of the set, in addition to those of its class.
        period_s: operational time for which a set lasts.
    """

    pages: int
    writes_per_page_s: float
    period_s: float


@dataclass(frozen=True, slots=True)
class SequentialSweep:
    """One writer that passes through a contiguous region again and again.

    Args:
        pages: pages of the region.
        sweeps_per_s: passes per second of operational time.
        first_page: where the region begins; None for a place drawn at random.
        at_page: where in the region the writer stands when a migration begins; None likewise.
    """

    pages: int
    sweeps_per_s: float
    first_page: int | None = None
    at_page: float | None = None


@dataclass(frozen=True, slots=True)
class RecordedWrites:
    """Dirty pages listed by number, per interval of operational time or per live round.

    Args:
        pages_per_s: mean pages listed per second of operational time.
        distinct_pages: pages that are listed at all.
        per_round: whether a list belongs to a live round, however long the round is.
    """

    pages_per_s: float
    distinct_pages: int
    per_round: bool


def _no_rates() -> NDArray[np.float64]:
    return np.zeros(0)


def _no_pages() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


class PlacedPages(NamedTuple):
    """Pages that follow each other in address.

    Args:
        pages: how many.
        writes_per_page_s: writes to each of them, without those of a moving set or a sweep.
        is_zero: whether they hold zeros when a migration begins, and are never written.
    """

    pages: int
    writes_per_page_s: float
    is_zero: bool


@dataclass(frozen=True, slots=True, eq=False)
class WriteDescription:
    """The writes to the pages of one VM; all parts add up.

    Args:
        page_count: pages of the VM.
        class_pages: pages of each write class, [classes], scattered over the memory at random
            unless `layout` says where they are.
        class_writes_per_page_s: Poisson writes per page of each class, [classes].
        moving: a working set that moves over pages of all classes.
        sweep: a sequential writer.
        recorded: lists of dirty pages.
        round_dirty_probability: probability that a page is dirty in a live round from its start on,
            however long the round is, independent of all else (the reference paper's samples per
            iteration); None where writes happen in time.
        layout: where the pages of the classes lie, in address order; empty where they are
            scattered.
        unused_pages: pages that nothing ever writes, in addition to those of the classes; all parts
            above describe the others alone.
        page_by_page: why nothing less than single pages represents these writes, in words; empty
            where the other fields describe them completely.
    """

    page_count: int
    class_pages: NDArray[np.int64] = field(default_factory=_no_pages)
    class_writes_per_page_s: NDArray[np.float64] = field(default_factory=_no_rates)
    moving: MovingWorkingSet | None = None
    sweep: SequentialSweep | None = None
    recorded: RecordedWrites | None = None
    round_dirty_probability: float | None = None
    layout: tuple[PlacedPages, ...] = ()
    unused_pages: int = 0
    page_by_page: str = ""

    def among(self, page_count: int) -> WriteDescription:
        """Return the same writes in a VM of so many pages, of which nothing writes the others."""
        return replace(self, page_count=page_count, unused_pages=page_count - self.page_count)

    @property
    def zero_ranges(self) -> tuple[tuple[int, int], ...]:
        """Return (first page, page after the last) of pages that the layout says are zero."""
        ends = [0, *accumulate(part.pages for part in self.layout)]
        return tuple(
            ends_of
            for ends_of, part in zip(pairwise(ends), self.layout, strict=True)
            if part.is_zero
        )

    @property
    def per_round(self) -> bool:
        """Whether dirty sets belong to live rounds, so that writes have no rate in time."""
        recorded_per_round = self.recorded is not None and self.recorded.per_round
        return recorded_per_round or self.round_dirty_probability is not None
