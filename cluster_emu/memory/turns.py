"""Who has had its turn when: the sequential scan of a round, solved without a loop over pages.

The pages that are due take their turn in scan order. A page's turn comes when the pages sent
before it are on the wire; whether it is sent may depend on whether it was written before its turn
(or before the peek its batch shares), which depends on how many were sent before it. Only pages
written at all in the round can make a difference, and the recursion is solved for those alone by
iterating from the assumption that nobody is skipped: each pass fixes at least one more page for
good, and errors shrink factorially, so a handful of passes suffice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Counts = NDArray[np.int64]

PIECE_PAGES = 4096
"""Written pages solved together; the passes needed grow with the writes per page in a piece."""
MAX_PASSES = 12
"""Passes over a piece after which going through it page by page is cheaper."""
NEVER_REACHED = np.iinfo(np.int64).max // 2


@dataclass(slots=True)
class Peeks:
    """How the dirty log is looked at.

    Args:
        batch_pages: sent pages that share one look; 0 for a scan that never looks.
        fraction: share of the time between the start of the round and the page's turn after which
            a write goes unnoticed (1 for a single peek at the turn).
    """

    batch_pages: int
    fraction: float


@dataclass(slots=True)
class Clock:
    """Maps pages sent in the round to operational time, linear while rate and intensity last.

    Args:
        round_start: operational time at which the round began.
        now: operational time at `bytes_done`.
        bytes_done: bytes of the round already on the wire.
        page_bytes: bytes of one page on the wire.
        time_per_byte: intensity / rate.
        batch_start_pages: sent pages at which the batch under way began.
        batch_peek: operational time of that batch's look at the log.
    """

    round_start: float
    now: float
    bytes_done: float
    page_bytes: float
    time_per_byte: float
    batch_start_pages: int
    batch_peek: float

    def at_pages(self, sent_pages: Counts) -> NDArray[np.float64]:
        """Return the operational time at which so many pages of the round have been sent."""
        bytes_ahead = np.maximum(sent_pages * self.page_bytes - self.bytes_done, 0.0)
        times: NDArray[np.float64] = self.now + bytes_ahead * self.time_per_byte
        return times

    def pages_until(self, time: NDArray[np.float64]) -> Counts:
        """Return the smallest number of pages sent at or after each operational time."""
        if self.time_per_byte <= 0:
            return np.where(time <= self.now, 0, NEVER_REACHED)
        pages = time - self.now
        past = pages <= 0
        pages /= self.time_per_byte
        pages += self.bytes_done
        pages /= self.page_bytes
        np.minimum(np.ceil(pages, out=pages), NEVER_REACHED, out=pages)
        pages[past] = 0
        return pages.astype(np.int64)

    def seen_from(self, first_write: NDArray[np.float64], peeks: Peeks) -> Counts:
        """Return after how many sent pages a look at the log finds each first write.

        A page is seen dirty at its turn if at least so many pages were sent before it.
        """
        noticed = first_write
        if peeks.fraction < 1.0:
            noticed = self.round_start + (first_write - self.round_start) / peeks.fraction
        pages = self.pages_until(noticed)
        if peeks.batch_pages == 1:
            return pages
        batches = -(-pages // peeks.batch_pages) * peeks.batch_pages
        next_batch = self.batch_start_pages + peeks.batch_pages
        return np.where(noticed <= self.batch_peek, 0, np.maximum(batches, next_batch))


@dataclass(frozen=True, slots=True)
class Turns:
    """The outcome of a scan, kept as what differs from "every page is seen clean".

    Args:
        sent_if_clean: how many pages are sent before a position if all are seen clean.
        dirty: positions of the pages seen dirty at their turn, ascending.
        change: pages sent more (1) or fewer (-1) because of each of them, [dirty], summed up.
        end: number of positions, those behind the first ones included.
    """

    sent_if_clean: Callable[[Positions], Counts]
    dirty: Positions
    change: Counts
    end: int

    def sent_before(self, positions: Positions) -> Counts:
        """Return how many pages of the round are sent before the turns at these positions."""
        sent = self.sent_if_clean(positions)
        if not len(self.dirty):
            return sent
        passed = np.searchsorted(self.dirty, positions)
        sums: Counts = np.concatenate([[0], self.change])
        more: Counts = sums[passed]
        return sent + more

    def sent_before_one(self, position: int) -> int:
        """Return the same for one position (`end` gives the pages of the whole round)."""
        return int(self.sent_before(np.array([position]))[0])

    def position_after(self, sent_pages: float, first: int) -> int:
        """Return the position behind the last page, from `first`, whose turn has come by then."""
        return bisect_right(
            range(self.end), sent_pages, lo=first, key=lambda at: self.sent_before_one(at)
        )


def take_turns(
    written: Positions,
    first_write: NDArray[np.float64],
    sent_if_clean: Callable[[Positions], Counts],
    change: Counts,
    end: int,
    peeks: Peeks,
    clock: Clock,
) -> Turns:
    """Find which of the written pages are seen dirty at their turn, at the clock's constant rate.

    Args:
        written: positions of the pages written in the round that wait for their turn, ascending.
        first_write: operational time of the first write to each, [written].
        sent_if_clean: how many pages are sent before a position if no waiting page is seen dirty.
        change: pages sent more (1) or fewer (-1) if the page is seen dirty, [written].
        end: number of positions.
        peeks: how the log is looked at.
        clock: when how many pages have been sent.
    """
    clean_counts = sent_if_clean(written)
    seen_from = clock.seen_from(first_write, peeks)
    seen = np.empty(len(written), dtype=np.bool_)
    shift = 0
    # piece by piece, because the number of passes grows with the writes per page within one
    for begin in range(0, len(written), PIECE_PAGES):
        piece = slice(begin, begin + PIECE_PAGES)
        seen[piece] = _seen_dirty(seen_from[piece] - shift, clean_counts[piece], change[piece])
        shift += int(change[piece][seen[piece]].sum())
    return Turns(sent_if_clean, written[seen], np.cumsum(change[seen]), end)


def _seen_dirty(seen_from: Counts, clean_counts: Counts, change: Counts) -> NDArray[np.bool_]:
    """Solve ``dirty[i] = clean_counts[i] + sum(change[j] for dirty j < i) >= seen_from[i]``."""
    slack = clean_counts - seen_from
    dirty = slack >= 0
    shift = np.zeros(len(slack), dtype=np.int64)
    for _ in range(MAX_PASSES):
        np.cumsum((change * dirty)[:-1], out=shift[1:])
        found = slack + shift >= 0
        if np.array_equal(found, dirty):
            return found
        dirty = found
    return _seen_dirty_one_by_one(slack, change)


def _seen_dirty_one_by_one(slack: Counts, change: Counts) -> NDArray[np.bool_]:
    """Solve the same recursion in order, for writes that follow the scan closely (a sweep)."""
    shift = 0
    dirty = []
    for spare, more in zip(slack.tolist(), change.tolist(), strict=True):
        is_dirty = spare + shift >= 0
        dirty.append(is_dirty)
        if is_dirty:
            shift += more
    return np.array(dirty, dtype=np.bool_)
