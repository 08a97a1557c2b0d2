"""Who has had its turn when: the sequential scan of a round, solved without a loop over pages.

The pages that are due take their turn in scan order. A page's turn comes when the pages sent
before it are on the wire; whether it is sent may depend on whether it was written before its turn
(or before the peek its batch shares), which depends on what was sent before it. Only pages
written at all in the round can make a difference, and the recursion is solved for those alone by
iterating from the assumption that nobody is skipped: each pass fixes at least one more page for
good, and errors shrink factorially, so a handful of passes suffice.

What is sent is counted in units of bytes, and where batches need it also in pages. Where all pages
have the same size on the wire, the unit is that size and the two are one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.pages.cumulative import Counts, Positions, Sends, Tally

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
    """Maps what was sent in the round to operational time, linear while rate and intensity last.

    Args:
        round_start: operational time at which the round began.
        now: operational time at `bytes_done`.
        bytes_done: bytes of the round already on the wire.
        unit_bytes: bytes of one unit.
        time_per_byte: intensity / rate.
        batch_start_pages: sent pages at which the batch under way began.
        batch_peek: operational time of that batch's look at the log.
    """

    round_start: float
    now: float
    bytes_done: float
    unit_bytes: float
    time_per_byte: float
    batch_start_pages: int
    batch_peek: float

    def at_units(self, sent_units: Counts) -> NDArray[np.float64]:
        """Return the operational time at which so many units of the round have been sent."""
        bytes_ahead = np.maximum(sent_units * self.unit_bytes - self.bytes_done, 0.0)
        times: NDArray[np.float64] = self.now + bytes_ahead * self.time_per_byte
        return times

    def units_until(self, time: NDArray[np.float64]) -> Counts:
        """Return the smallest number of units sent at or after each operational time."""
        if self.time_per_byte <= 0:
            return np.where(time <= self.now, 0, NEVER_REACHED)
        units = time - self.now
        past = units <= 0
        units /= self.time_per_byte
        units += self.bytes_done
        units /= self.unit_bytes
        np.minimum(np.ceil(units, out=units), NEVER_REACHED, out=units)
        units[past] = 0
        return units.astype(np.int64)

    def noticed_at(self, first_write: NDArray[np.float64], peeks: Peeks) -> NDArray[np.float64]:
        """Return from what operational time on a look at the log finds each first write."""
        if peeks.fraction == 1.0:
            return first_write
        return self.round_start + (first_write - self.round_start) / peeks.fraction


@dataclass(frozen=True, slots=True)
class Turns:
    """The outcome of a scan.

    Args:
        pages: pages sent before a position.
        units: units sent before it; the same object where every page has the same size.
        end: number of positions, those behind the first ones included.
    """

    pages: Tally
    units: Tally
    end: int

    @property
    def dirty(self) -> Positions:
        """Positions of the pages seen dirty at their turn, ascending."""
        return self.pages.dirty

    def position_after(self, sent_units: float, first: int) -> int:
        """Return the position behind the last page, from `first`, whose turn has come by then."""
        return bisect_right(range(self.end), sent_units, lo=first, key=self.units.before_one)

    def units_of_pages(self, sent_pages: int) -> int:
        """Return the units of the first so many pages sent."""
        if self.units is self.pages:
            return sent_pages
        positions = range(self.end + 1)
        return self.units.before_one(bisect_left(positions, sent_pages, key=self.pages.before_one))


def take_turns(
    written: Positions,
    first_write: NDArray[np.float64],
    pages: Sends,
    units: Sends,
    end: int,
    peeks: Peeks,
    clock: Clock,
) -> Turns:
    """Find which of the written pages are seen dirty at their turn, at the clock's constant rate.

    Args:
        written: positions of the pages written in the round that wait for their turn, ascending.
        first_write: operational time of the first write to each, [written].
        pages: what is sent before a position, in pages.
        units: the same in units; the same object where every page has the same size.
        end: number of positions.
        peeks: how the log is looked at.
        clock: when how many units have been sent.
    """
    noticed = clock.noticed_at(first_write, peeks)
    if peeks.batch_pages <= 1:
        seen = _seen_dirty(clock.units_until(noticed), units.before(written), units.change)
    elif units is pages:
        seen = _seen_dirty(_next_look(noticed, peeks, clock), pages.before(written), pages.change)
    else:
        seen = _seen_dirty_in_batches(written, noticed, pages, units, peeks, clock)
    sent_pages = Tally.of(pages, written, seen)
    sent_units = sent_pages if units is pages else Tally.of(units, written, seen)
    return Turns(sent_pages, sent_units, end)


def _next_look(noticed: NDArray[np.float64], peeks: Peeks, clock: Clock) -> Counts:
    """Return after how many sent pages, all of one unit, a look finds each first write."""
    pages = clock.units_until(noticed)
    batches = -(-pages // peeks.batch_pages) * peeks.batch_pages
    next_batch = clock.batch_start_pages + peeks.batch_pages
    return np.where(noticed <= clock.batch_peek, 0, np.maximum(batches, next_batch))


def _seen_dirty(seen_from: Counts, if_clean: Counts, change: Counts) -> NDArray[np.bool_]:
    """Find which written pages are seen dirty, where each has a look of its own.

    Args:
        seen_from: what has been sent when a look finds the first write, [written].
        if_clean: what is sent before each page if none is seen dirty, [written].
        change: what more (or less) is sent if the page is seen dirty, [written].
    """
    seen = np.empty(len(seen_from), dtype=np.bool_)
    slack = if_clean - seen_from
    shift = 0
    # piece by piece, because the number of passes grows with the writes per page within one
    for begin in range(0, len(seen), PIECE_PAGES):
        piece = slice(begin, begin + PIECE_PAGES)
        seen[piece] = _solve(slack[piece] + shift, change[piece])
        shift += int(change[piece][seen[piece]].sum())
    return seen


def _solve(slack: Counts, change: Counts) -> NDArray[np.bool_]:
    """Solve ``dirty[i] = slack[i] + sum(change[j] for dirty j < i) >= 0``."""
    dirty = slack >= 0
    shift = np.zeros(len(slack), dtype=np.int64)
    for _ in range(MAX_PASSES):
        np.cumsum((change * dirty)[:-1], out=shift[1:])
        found = slack + shift >= 0
        if np.array_equal(found, dirty):
            return found
        dirty = found
    return _solve_one_by_one(slack, change)


def _solve_one_by_one(slack: Counts, change: Counts) -> NDArray[np.bool_]:
    """Solve the same recursion in order, for writes that follow the scan closely (a sweep)."""
    shift = 0
    dirty = []
    for spare, more in zip(slack.tolist(), change.tolist(), strict=True):
        is_dirty = spare + shift >= 0
        dirty.append(is_dirty)
        if is_dirty:
            shift += more
    return np.array(dirty, dtype=np.bool_)


def _seen_dirty_in_batches(
    written: Positions,
    noticed: NDArray[np.float64],
    pages: Sends,
    units: Sends,
    peeks: Peeks,
    clock: Clock,
) -> NDArray[np.bool_]:
    """Find which written pages are seen dirty, where batches of pages of several sizes look.

    A batch begins at a number of pages, its look at the number of units these took. Both depend on
    who was sent before, so the pages are gone through in order.
    """
    batch_start, look_units = clock.batch_start_pages, -1
    page_shift = unit_shift = 0
    seen = []
    for sent, seen_from, is_known, more_pages, more_units in zip(
        pages.before(written).tolist(),
        clock.units_until(noticed).tolist(),
        (noticed <= clock.batch_peek).tolist(),
        pages.change.tolist(),
        units.change.tolist(),
        strict=True,
    ):
        if sent + page_shift >= batch_start + peeks.batch_pages:
            batch_start = (sent + page_shift) // peeks.batch_pages * peeks.batch_pages
            start = pages.prefix.reached(batch_start - page_shift - pages.offset)
            look_units = units.prefix.before_one(start) + units.offset + unit_shift
        is_dirty = is_known or seen_from <= look_units
        seen.append(is_dirty)
        if is_dirty:
            page_shift += more_pages
            unit_shift += more_units
    return np.array(seen, dtype=np.bool_)
