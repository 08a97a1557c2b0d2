"""One live round: the sequential scan over to_send, solved without a loop over pages.

The scan visits the pages of to_send in address order. The visit of page i comes when the pages sent
before it are on the wire, so with s_j = 1 for a page that is sent and 0 for one that is not

    visit_i = start + time_per_byte * sum(s_j * size_j for j < i).

Whether page i is sent is a lookup in the strategy's table, which may depend on whether the peek at
the visit (or the peek its batch shares) finds the page dirty, that is on first_write_i <= visit_i.
So s_i depends on all s_j before it. Only pages that are written at all in the round can make a
difference, and the recursion is solved for those alone, by iteration from the assumption that every
page is found clean: each pass finds the final decision of at least one more page, and errors shrink
factorially, so a handful of passes suffice.

Amounts are whole numbers of units, so that sums are exact however a round is divided into parts.
Where all pages have the same size on the wire, a unit is that size; otherwise it is a byte, and
batches, which are counted in pages, need a second sum.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.memory.pages.dirty_log import NEVER, Decisions, DirtyLog, PageIds, Times
from cluster_emu.strategies.contract import Decision, PeekSchedule

Positions = NDArray[np.int64]
Counts = NDArray[np.int64]

PIECE_PAGES = 4096
"""Written pages solved together; the passes needed grow with the writes per page in a piece."""
MAX_PASSES = 12
"""Passes over a piece after which solving it page by page is cheaper."""
NEVER_REACHED = np.iinfo(np.int64).max // 2


class RoundScan:
    """The pages of to_send in one round, in scan order, and how far the scan has come.

    Args:
        to_send: page numbers in scan order, [to_send].
        if_clean: decision for each page if the peek finds it clean, [to_send].
        if_dirty: decision for each page if the peek finds it dirty, [to_send].
        peeks: when the scan peeks at the dirty log.
        sizes: what each page takes on the wire if it is sent, [to_send].
        now: operational time at which the round begins.
        keep_visit_times: whether to remember when each page was visited.
    """

    def __init__(
        self,
        to_send: PageIds,
        if_clean: Decisions,
        if_dirty: Decisions,
        peeks: PeekSchedule,
        sizes: PageSizes,
        now: float,
        *,
        keep_visit_times: bool,
    ) -> None:
        self.to_send = to_send
        self.sizes = sizes
        self.position = 0
        self.pages_sent = 0
        self._units_sent = 0
        self._if_clean = if_clean
        self._if_dirty = if_dirty
        self._peeks = peeks
        self._clock = RoundClock(now, now, 0.0, sizes.unit_bytes, 0.0, 0, now)
        self._found_dirty: list[Positions] = []
        self._visit_times: list[Times] | None = [] if keep_visit_times else None
        self._visits: Visits | None = None
        self._end_position = 0
        sends = if_clean == Decision.SEND
        self._pages = PrefixSums(None if sends.all() else sends)
        self._units, self._unvisited_units = self._pages, PrefixSums(sizes.units)
        if sizes.units is not None:
            self._units = PrefixSums(sends * sizes.units)
        # Only where the two decisions differ does it matter what the peek finds.
        self._undecided = if_clean != if_dirty
        self._needs_peeks = peeks.batch_pages > 0 and bool(self._undecided.any())

    @property
    def is_planned(self) -> bool:
        """Whether `plan` has been called in this round."""
        return self._visits is not None

    @property
    def bytes_sent(self) -> float:
        """Bytes of the round on the wire."""
        return self._clock.bytes_done

    @property
    def pages_waiting(self) -> int:
        """Number of pages that have not been visited."""
        return len(self.to_send) - self.position

    @property
    def bytes_left(self) -> float:
        """Bytes still to be sent before the round ends as planned."""
        sent = self._plan.units.before_one(self._end_position) * self._clock.unit_bytes
        return max(sent - self._clock.bytes_done, 0.0)

    def plan(
        self,
        time_per_byte: float,
        may_wait: int,
        log_until: Callable[[float], DirtyLog],
    ) -> float:
        """Find all visits at a constant rate; return the bytes the rest of the round takes.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            may_wait: the round ends once no more pages than this are unvisited.
            log_until: gives the dirty log with every write up to an operational time.
        """
        self._clock.time_per_byte = time_per_byte
        written, first_write = self._written_unvisited(log_until)
        pages, units = self._sends_if_clean(written)
        self._visits = find_visits(
            written,
            first_write,
            pages,
            units,
            len(self.to_send),
            self._peeks,
            self._clock,
        )
        self._end_position = max(len(self.to_send) - may_wait, self.position)
        return self.bytes_left

    def advance(self, sent_bytes: float, now: float) -> None:
        """Let bytes go over the wire until operational time `now`, within the round."""
        if sent_bytes > 0:
            bytes_done = self._clock.bytes_done + sent_bytes
            position = self._plan.position_after(bytes_done / self._clock.unit_bytes, self.position)
            self._visit_up_to(min(position, self._end_position))
            self._remember_peek(bytes_done)
            self._clock.bytes_done = bytes_done
        self._clock.now = now

    def cut_short(self) -> None:
        """Plan to end the round after the page in transit."""
        self._end_position = self.position

    def end(self) -> None:
        """Visit every page that the plan visits."""
        end_bytes = self._clock.bytes_done + self.bytes_left
        self._visit_up_to(self._end_position)
        self._clock.bytes_done = end_bytes

    def decisions(self) -> Decisions:
        """Return what was decided at each visit, [position]."""
        decision = self._if_clean[: self.position].copy()
        dirty = self.found_dirty()
        decision[dirty] = self._if_dirty[dirty]
        return decision

    def found_dirty(self) -> Positions:
        """Return the positions of the pages that a peek found dirty, where that could matter."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self._found_dirty])

    def rows_visited(self) -> tuple[Decisions, Decisions]:
        """Return what the table says of each page visited, if clean and if dirty, [position]."""
        return self._if_clean[: self.position], self._if_dirty[: self.position]

    def time_left(self) -> float:
        """Return the operational time until the round ends as planned."""
        return self.bytes_left * self._clock.time_per_byte if self.is_planned else 0.0

    def visit_times(self) -> Times:
        """Return the operational time of each visit, [position]."""
        assert self._visit_times is not None, "visit times were not to be kept"
        return np.concatenate([np.empty(0), *self._visit_times])

    @property
    def _plan(self) -> Visits:
        assert self._visits is not None, "the round has not been planned yet"
        return self._visits

    @property
    def _units_waiting(self) -> int:
        units = self._unvisited_units
        return units.before_one(len(self.to_send)) - units.before_one(self.position)

    def _sends_if_clean(self, written: Positions) -> tuple[SendsIfClean, SendsIfClean]:
        """Return what is sent before a position, in pages and in units, given the written pages."""
        change = (self._if_dirty[written] == Decision.SEND).astype(np.int64)
        change -= self._if_clean[written] == Decision.SEND
        offset = self.pages_sent - self._pages.before_one(self.position)
        pages = SendsIfClean(self._pages, offset, change)
        if self.sizes.units is None:
            return pages, pages
        offset = self._units_sent - self._units.before_one(self.position)
        return pages, SendsIfClean(self._units, offset, change * self.sizes.units[written])

    def _written_unvisited(
        self, log_until: Callable[[float], DirtyLog]
    ) -> tuple[Positions, NDArray[np.float64]]:
        """Return the undecided, unvisited pages written before the round can end, and when."""
        if not self._needs_peeks:
            return np.empty(0, dtype=np.int64), np.empty(0)
        # The round is longest if every unvisited page is sent.
        latest = self._clock.time_at_units(np.array([self._units_sent + self._units_waiting]))
        first_write = log_until(float(latest[0])).first_write
        if len(self.to_send) == len(first_write) and self.to_send[0] == 0:
            # Every page is in to_send, in address order: a slice is cheaper than an index array.
            first_write = first_write[self.position :]
        else:
            first_write = first_write[self.to_send[self.position :]]
        written = np.flatnonzero((first_write < NEVER) & self._undecided[self.position :])
        return self.position + written, first_write[written]

    def _visit_up_to(self, position: int) -> None:
        """Make the planned visits before `position` definite: no later plan changes them."""
        if position <= self.position:
            return
        plan = self._plan
        begin, end = np.searchsorted(plan.dirty, (self.position, position))
        self._found_dirty.append(plan.dirty[begin:end])
        if self._visit_times is not None:
            units = plan.units.before(np.arange(self.position, position))
            self._visit_times.append(self._clock.time_at_units(units))
        self.pages_sent = plan.pages.before_one(position)
        self._units_sent = plan.units.before_one(position)
        self.position = position

    def _remember_peek(self, bytes_done: float) -> None:
        """Keep the time of the peek that the batch under way shares.

        The next plan may have another rate, from which the time of a past peek does not follow.
        """
        batch = self._peeks.batch_pages
        if batch < 2:
            return
        start = self.pages_sent - self.pages_sent % batch
        if self._plan.units_of_pages(start) * self._clock.unit_bytes > bytes_done:
            start -= batch  # the last page before it is still in transit
        if start > self._clock.batch_start_pages:
            units = np.array([self._plan.units_of_pages(start)])
            self._clock.batch_peek = float(self._clock.time_at_units(units)[0])
            self._clock.batch_start_pages = start


@dataclass(slots=True)
class RoundClock:
    """Maps what was sent in the round to operational time, linear while rate and intensity last.

    Args:
        round_start: operational time at which the round began.
        now: operational time at `bytes_done`.
        bytes_done: bytes of the round already on the wire.
        unit_bytes: bytes of one unit.
        time_per_byte: intensity / rate.
        batch_start_pages: sent pages at which the batch under way began.
        batch_peek: operational time of that batch's peek at the log.
    """

    round_start: float
    now: float
    bytes_done: float
    unit_bytes: float
    time_per_byte: float
    batch_start_pages: int
    batch_peek: float

    def time_at_units(self, sent_units: Counts) -> NDArray[np.float64]:
        """Return the operational time at which so many units of the round have been sent."""
        bytes_ahead = np.maximum(sent_units * self.unit_bytes - self.bytes_done, 0.0)
        times: NDArray[np.float64] = self.now + bytes_ahead * self.time_per_byte
        return times

    def units_at_time(self, time: NDArray[np.float64]) -> Counts:
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

    def visible_from(
        self, first_write: NDArray[np.float64], peeks: PeekSchedule
    ) -> NDArray[np.float64]:
        """Return the earliest visit whose peek finds each first write, as operational times.

        The decisive peek of a visit at v lies at start + fraction * (v - start), so a write at w is
        found from v = start + (w - start) / fraction on.
        """
        if peeks.fraction == 1.0:
            return first_write
        return self.round_start + (first_write - self.round_start) / peeks.fraction


class PrefixSums:
    """Sums of a whole number per position over all positions before a given one.

    Args:
        summands: the numbers, all 0 or more, [positions]; None where each is 1.
    """

    def __init__(self, summands: NDArray[np.generic] | None) -> None:
        self._sums: Counts | None = None
        if summands is not None:
            self._sums = np.zeros(len(summands) + 1, dtype=np.int64)
            np.cumsum(summands, out=self._sums[1:])

    def before(self, positions: Positions) -> Counts:
        """Return the sum before each position."""
        return positions if self._sums is None else self._sums[positions]

    def before_one(self, position: int) -> int:
        """Return the sum before one position."""
        return position if self._sums is None else int(self._sums[position])

    def reached(self, amount: int) -> int:
        """Return the first position before which the sum is at least `amount`."""
        return amount if self._sums is None else int(np.searchsorted(self._sums, amount))


@dataclass(frozen=True, slots=True)
class SendsIfClean:
    """What is sent before a position if every page is found clean, and what a dirty page changes.

    Args:
        sums: what is sent before a position if all pages are found clean, from the start of the
            round on.
        offset: what has really been sent so far, less what `sums` says.
        change: what more (or less) is sent if a written page is found dirty, [written].
    """

    sums: PrefixSums
    offset: int
    change: Counts

    def before(self, positions: Positions) -> Counts:
        """Return what is sent before each position if no unvisited page is found dirty."""
        return self.sums.before(positions) + self.offset


@dataclass(frozen=True, slots=True)
class CumulativeSends:
    """What is sent before a position: the sums of clean pages, corrected for the dirty ones.

    Args:
        clean: what is sent if no unvisited page is found dirty.
        dirty: positions of the pages found dirty at their visit, ascending.
        more: what is sent more because of the first 0, 1, 2 ... of them, [dirty + 1].
    """

    clean: SendsIfClean
    dirty: Positions
    more: Counts

    @classmethod
    def of(
        cls, clean: SendsIfClean, written: Positions, found_dirty: NDArray[np.bool_]
    ) -> CumulativeSends:
        """Sum up a scan from which written pages are found dirty, [written]."""
        more = np.zeros(np.count_nonzero(found_dirty) + 1, dtype=np.int64)
        np.cumsum(clean.change[found_dirty], out=more[1:])
        return cls(clean, written[found_dirty], more)

    def before(self, positions: Positions) -> Counts:
        """Return how much of the round is sent before the visits at these positions."""
        sent = self.clean.before(positions)
        if not len(self.dirty):
            return sent
        more: Counts = self.more[np.searchsorted(self.dirty, positions)]
        return sent + more

    def before_one(self, position: int) -> int:
        """Return the same for one position (the end of the last one gives the whole round)."""
        sent = self.clean.sums.before_one(position) + self.clean.offset
        return sent + int(self.more[np.searchsorted(self.dirty, position)])


@dataclass(frozen=True, slots=True)
class Visits:
    """The planned course of a scan: what is sent before each visit.

    Args:
        pages: pages sent before a position.
        units: units sent before it; the same object where every page has the same size.
        end: number of positions, those visited already included.
    """

    pages: CumulativeSends
    units: CumulativeSends
    end: int

    @property
    def dirty(self) -> Positions:
        """Positions of the pages found dirty at their visit, ascending."""
        return self.pages.dirty

    def position_after(self, sent_units: float, first: int) -> int:
        """Return the position after the last page, from `first` on, that is visited by then."""
        return bisect_right(range(self.end), sent_units, lo=first, key=self.units.before_one)

    def units_of_pages(self, sent_pages: int) -> int:
        """Return the units that the first `sent_pages` pages of the round took."""
        if self.units is self.pages:
            return sent_pages
        positions = range(self.end + 1)
        return self.units.before_one(bisect_left(positions, sent_pages, key=self.pages.before_one))


def find_visits(
    written: Positions,
    first_write: NDArray[np.float64],
    pages: SendsIfClean,
    units: SendsIfClean,
    end: int,
    peeks: PeekSchedule,
    clock: RoundClock,
) -> Visits:
    """Find which of the written pages the peeks find dirty, at the clock's constant rate.

    Args:
        written: positions of the unvisited pages that are written in the round, ascending.
        first_write: operational time of the first write to each, [written].
        pages: what is sent before a position, in pages.
        units: the same in units; the same object where every page has the same size.
        end: number of positions.
        peeks: when the scan peeks at the log.
        clock: when how many units have been sent.
    """
    visible = clock.visible_from(first_write, peeks)
    if peeks.batch_pages <= 1:
        found = _find_dirty(clock.units_at_time(visible), units.before(written), units.change)
    elif units is pages:
        found = _find_dirty(_next_peek(visible, peeks, clock), pages.before(written), pages.change)
    else:
        found = _find_dirty_in_batches(written, visible, pages, units, peeks, clock)
    sent_pages = CumulativeSends.of(pages, written, found)
    sent_units = sent_pages if units is pages else CumulativeSends.of(units, written, found)
    return Visits(sent_pages, sent_units, end)


def _next_peek(visible: NDArray[np.float64], peeks: PeekSchedule, clock: RoundClock) -> Counts:
    """Return after how many sent pages, all of one unit, a peek finds each first write.

    Peeks come at multiples of the batch. A write that the peek of the batch under way found is
    visible at once; any other waits for the next batch at least.
    """
    pages = clock.units_at_time(visible)
    batches = -(-pages // peeks.batch_pages) * peeks.batch_pages
    next_batch = clock.batch_start_pages + peeks.batch_pages
    return np.where(visible <= clock.batch_peek, 0, np.maximum(batches, next_batch))


def _find_dirty(visible_from: Counts, if_clean: Counts, change: Counts) -> NDArray[np.bool_]:
    """Find which written pages are dirty at their visit, where each has a peek of its own.

    Page i is dirty iff what is sent before its visit has reached the amount from which its write is
    visible: if_clean[i] + sum(change[j] for dirty j < i) >= visible_from[i].

    Args:
        visible_from: what has been sent when a peek can find the first write, [written].
        if_clean: what is sent before each page if none is found dirty, [written].
        change: what more (or less) is sent if the page is found dirty, [written].
    """
    found = np.empty(len(visible_from), dtype=np.bool_)
    slack = if_clean - visible_from
    shift = 0
    # Piece by piece, because the number of passes grows with the writes per page within one.
    for begin in range(0, len(found), PIECE_PAGES):
        piece = slice(begin, begin + PIECE_PAGES)
        found[piece] = _solve(slack[piece] + shift, change[piece])
        shift += int(change[piece][found[piece]].sum())
    return found


def _solve(slack: Counts, change: Counts) -> NDArray[np.bool_]:
    """Solve ``dirty[i] = slack[i] + sum(change[j] for dirty j < i) >= 0`` by iteration."""
    dirty = slack >= 0
    shift = np.zeros(len(slack), dtype=np.int64)
    for _ in range(MAX_PASSES):
        np.cumsum((change * dirty)[:-1], out=shift[1:])
        found = slack + shift >= 0
        if np.array_equal(found, dirty):
            return found
        dirty = found
    return _solve_in_order(slack, change)


def _solve_in_order(slack: Counts, change: Counts) -> NDArray[np.bool_]:
    """Solve the same recursion in order, for writes that follow the scan closely (a sweep)."""
    shift = 0
    dirty = []
    for spare, more in zip(slack.tolist(), change.tolist(), strict=True):
        is_dirty = spare + shift >= 0
        dirty.append(is_dirty)
        if is_dirty:
            shift += more
    return np.array(dirty, dtype=np.bool_)


def _find_dirty_in_batches(
    written: Positions,
    visible: NDArray[np.float64],
    pages: SendsIfClean,
    units: SendsIfClean,
    peeks: PeekSchedule,
    clock: RoundClock,
) -> NDArray[np.bool_]:
    """Find which written pages are dirty, where batches of pages of several sizes share a peek.

    A batch begins at a number of pages, its peek at the number of units these took. Both depend on
    what was sent before, so the pages are solved in order.
    """
    batch_start, peek_units = clock.batch_start_pages, -1
    page_shift = unit_shift = 0
    found = []
    for sent, visible_from, is_known, more_pages, more_units in zip(
        pages.before(written).tolist(),
        clock.units_at_time(visible).tolist(),
        (visible <= clock.batch_peek).tolist(),
        pages.change.tolist(),
        units.change.tolist(),
        strict=True,
    ):
        if sent + page_shift >= batch_start + peeks.batch_pages:
            batch_start = (sent + page_shift) // peeks.batch_pages * peeks.batch_pages
            start = pages.sums.reached(batch_start - page_shift - pages.offset)
            peek_units = units.sums.before_one(start) + units.offset + unit_shift
        is_dirty = is_known or visible_from <= peek_units
        found.append(is_dirty)
        if is_dirty:
            page_shift += more_pages
            unit_shift += more_units
    return np.array(found, dtype=np.bool_)
