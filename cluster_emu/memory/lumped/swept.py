"""Memory that only a sequential sweep writes, in segments; exact.

A sweep is a moving boundary: what it has passed since the dirty log was read is dirty, the rest is
not. So memory falls into few segments of pages with the same status and history, and a live round
is solved segment by segment, of any size. Nothing is drawn, and the outcome is that of the
pages engine, page by page.

In a segment that is due, page i is visited when s_i pages of the round are sent. The sweep passes
it when U_i pages are sent, a number that rises evenly with i, and its peek sees it dirty if
``s_i >= U_i``. If pages are sent only if clean, ``s_(i+1) = s_i + [s_i < U_i]`` has three parts:

    the scan skips what the sweep has passed already     s_i = s
    it sends, as long as it is ahead of the sweep        s_i = s + i
    once the sweep has overtaken it, it follows it       s_(i+1) = max(s_i, U_i)

The third part exists if the sweep is the faster one, so that U_i rises by at most 1 per page.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.encoding.contract import Stage
from cluster_emu.memory.base import (
    FaultCosts,
    PostCopyMemory,
    RateDependence,
    RoundAhead,
    RoundCounts,
    RoundsAhead,
)
from cluster_emu.memory.dirtying.processes import PageWriter, SweepWrites
from cluster_emu.memory.lumped._kernels import OUTCOME_OF_STATUS, Outcome, PageStatus
from cluster_emu.memory.lumped.strategy_rules import StrategyRules, rules_of
from cluster_emu.memory.pages.post_copy import PostCopyEngine
from cluster_emu.memory.versions import PageVersions
from cluster_emu.strategies.contract import Decision, Strategy

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NEVER = 1 << 62
"""Pages sent when a peek sees a page dirty that no write reaches."""


# --- memory in segments ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Segments:
    """The whole memory in address order, in segments of pages of one status and history.

    Args:
        edges: first page of each segment, and the end of the memory, [segments + 1].
        status: `PageStatus`, [segments].
        history: dirty bits of past rounds, the newest in the lowest bit, [segments].
    """

    edges: Integers
    status: Integers
    history: Integers

    @property
    def pages(self) -> Integers:
        """Pages of each segment, [segments]."""
        return np.diff(self.edges)

    def count(self, status: PageStatus) -> int:
        """Return how many pages have a status."""
        return int(self.pages[self.status == status].sum())

    def cut(self, at: list[int]) -> Segments:
        """Return the same memory with more edges."""
        end = int(self.edges[-1])
        edges = np.union1d(self.edges, np.array([each for each in at if 0 < each < end], np.int64))
        row = np.searchsorted(self.edges, edges[:-1], side="right") - 1
        return Segments(edges, self.status[row], self.history[row])

    def joined(self) -> Segments:
        """Return the same memory with adjacent segments of one state joined."""
        differs = (np.diff(self.status) != 0) | (np.diff(self.history) != 0)
        first = np.flatnonzero(np.concatenate([[True], differs]))
        edges = np.append(self.edges[first], self.edges[-1])
        return Segments(edges, self.status[first], self.history[first])

    def inside(self, spans: list[tuple[int, int]]) -> NDArray[np.bool_]:
        """Return which segments lie in one of several spans, whose ends are edges, [segments]."""
        found = np.zeros(len(self.status), dtype=np.bool_)
        for begin, end in spans:
            first, last = np.searchsorted(self.edges, (begin, end))
            found[first:last] = True
        return found


def _passed(sweep: SweepWrites, start: float, end: float) -> list[tuple[int, int]]:
    """Return the spans of pages that a sweep passes in operational time (start, end]."""
    first, region = sweep.first_page, sweep.region_pages
    begin, stop = sweep.steps(start, end)
    if stop - begin >= region:
        return [(first, first + region)]
    if stop <= begin:
        return []
    low, high = begin % region, begin % region + stop - begin
    spans = [(first + low, first + min(high, region))]
    return spans if high <= region else [*spans, (first, first + high - region)]


# --- one live round -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """Maps pages sent in a round to operational time, at a constant rate from now on.

    Args:
        round_start: operational time at which the round began.
        now: operational time at `bytes_done`.
        bytes_done: bytes of the round on the wire.
        page_bytes: bytes of a page on the wire.
        time_per_byte: operational seconds per byte from now on.
    """

    round_start: float
    now: float
    bytes_done: float
    page_bytes: float
    time_per_byte: float = 0.0

    def time_at(self, sent: int) -> float:
        """Return the operational time at which so many pages of the round are sent."""
        ahead = max(sent * self.page_bytes - self.bytes_done, 0.0)
        return self.now + ahead * self.time_per_byte

    def sent_at(self, time_s: float) -> int:
        """Return how many pages at least are sent at a time or later."""
        if time_s <= self.now:
            return 0
        if self.time_per_byte <= 0:
            return NEVER
        sent = ((time_s - self.now) / self.time_per_byte + self.bytes_done) / self.page_bytes
        return math.ceil(sent) if sent < NEVER else NEVER


@dataclass(frozen=True, slots=True)
class Due:
    """Adjacent pages that are due, with the same decisions.

    Args:
        page: the first one.
        pages: how many.
        if_clean: `Decision` for a page that the peek sees clean.
        if_dirty: `Decision` for a page that the peek sees dirty.
        step: the step at which the sweep passes the first one in this round, None if it never does.
    """

    page: int
    pages: int
    if_clean: int
    if_dirty: int
    step: int | None


@dataclass(frozen=True, slots=True)
class Writes:
    """When peeks see the pages of a due segment dirty.

    Args:
        sweep: what writes them.
        step: the step at which it passes the first page.
        fraction: share of the time until a visit at which the decisive peek comes.
        clock: when how many pages are sent.
        batch_pages: sent pages that share a peek.
        next_batch: pages sent when the next batch begins.
        batch_peek_s: operational time of the peek of the present batch.
    """

    sweep: SweepWrites
    step: int
    fraction: float
    clock: Clock
    batch_pages: int
    next_batch: int
    batch_peek_s: float

    def seen_after(self, i: int) -> int:
        """Return after how many pages sent a visit to page i finds it dirty: U_i."""
        start = self.clock.round_start
        time_s = max(self.sweep.time_of(self.step + i), start)
        if self.fraction != 1.0:
            time_s = start + (time_s - start) / self.fraction
        sent = self.clock.sent_at(time_s)
        if self.batch_pages <= 1:
            return sent
        if time_s <= self.batch_peek_s:
            return 0
        return max(-(-sent // self.batch_pages) * self.batch_pages, self.next_batch)

    def first_seen_later(self, sent: int, begin: int, end: int) -> int:
        """Return the first page, from one seen dirty after so many sent on, that is so later."""
        if self.seen_after(end - 1) <= sent:
            return end
        start = self.clock.round_start
        time_s = self.clock.time_at(sent) if sent > 0 else self.batch_peek_s
        time_s = start + (time_s - start) * self.fraction
        i = min(max(self.sweep.steps(time_s, time_s)[0] - self.step, begin + 1), end - 1)
        while i > begin + 1 and self.seen_after(i - 1) > sent:  # rounding moves it by one or two
            i -= 1
        while self.seen_after(i) <= sent:
            i += 1
        return i

    @property
    def sent_per_page(self) -> float:
        """Pages sent while the sweep passes one page, as peeks see it."""
        page_s = self.clock.time_per_byte * self.clock.page_bytes
        return 1.0 / (self.sweep.speed * self.fraction * page_s) if page_s > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Run:
    """Adjacent visits that are alike.

    Args:
        page: the first page.
        pages: how many.
        sent_before: pages of the round sent before.
        clock: when how many pages are sent.
        decision: what is decided about all of them; about those seen dirty if the scan follows the
            sweep.
        follows: when peeks see the pages dirty, if the scan follows the sweep; else None.
        first: place of the first page among those of `follows`.
    """

    page: int
    pages: int
    sent_before: int
    clock: Clock
    decision: int
    follows: Writes | None = None
    first: int = 0

    def sent_until(self, visits: int) -> int:
        """Return how many pages of the round are sent before visit number `visits` of the run."""
        if self.follows is not None:
            if visits == 0:
                return self.sent_before
            return max(self.sent_before, self.follows.seen_after(self.first + visits - 1))
        return self.sent_before + (visits if self.decision == Decision.SEND else 0)

    @property
    def sent(self) -> int:
        """Pages that it sends."""
        return self.sent_until(self.pages) - self.sent_before

    def until(self, visits: int) -> Run:
        """Return the first visits."""
        return replace(self, pages=visits)

    def since(self, visits: int) -> Run:
        """Return the visits after the first ones."""
        return replace(
            self,
            page=self.page + visits,
            pages=self.pages - visits,
            sent_before=self.sent_until(visits),
            first=self.first + visits,
        )

    def sends(self) -> NDArray[np.bool_]:
        """Return which pages are sent, [pages]."""
        sent = [self.sent_until(i) for i in range(self.pages + 1)]
        return np.diff(sent) > 0


def _visits(due: Due, sent: int, clock: Clock, writes: Writes | None) -> list[Run]:
    """Return the runs of visits to a due segment, given the pages sent before.

    Args:
        due: the segment.
        sent: pages of the round sent before.
        clock: when how many pages are sent.
        writes: when peeks see its pages dirty; None if that makes no difference or never happens.
    """
    if writes is None:
        return [Run(due.page, due.pages, sent, clock, due.if_clean)]
    runs: list[Run] = []
    done = 0

    def visit(until: int, decision: int, follows: Writes | None = None) -> None:
        nonlocal sent, done
        if until > done:
            run = Run(due.page + done, until - done, sent, clock, decision, follows, done)
            runs.append(run)
            sent, done = sent + run.sent, until

    if writes.batch_pages > 1:
        # peeks see the same from one batch to the next: U_i is a staircase
        while done < due.pages:
            seen = writes.seen_after(done)
            stair = writes.first_seen_later(seen, done, due.pages)
            if sent < seen:
                clean = seen - sent if due.if_clean == Decision.SEND else stair - done
                visit(min(done + clean, stair), due.if_clean)
            visit(stair, due.if_dirty)
        return runs

    def ahead(i: int) -> int:
        return sent + i - done - writes.seen_after(i)

    if due.if_dirty == Decision.SEND:
        # the scan sends what the sweep has passed, and once it is ahead it sends no more
        if writes.seen_after(0) <= sent:
            past = bisect_right(range(due.pages), 0, key=writes.seen_after)
            if writes.sent_per_page <= 1.0:
                past = due.pages
            behind = bisect_left(range(due.pages), True, lo=past, key=lambda i: ahead(i) < 0)
            visit(behind, due.if_dirty)
        visit(due.pages, due.if_clean)
        return runs
    visit(bisect_right(range(due.pages), sent, key=writes.seen_after), due.if_dirty)
    if due.if_clean != Decision.SEND or writes.sent_per_page >= 1.0:
        visit(due.pages, due.if_clean)
        return runs
    visit(bisect_left(range(due.pages), 0, lo=done, key=ahead), due.if_clean)
    visit(due.pages, due.if_dirty, writes)
    return runs


class SweptRound:
    """A live round, in runs of visits.

    Args:
        due: the segments that are due, in scan order.
        rules: what the strategy decides.
        sweep: what writes the pages.
        page_bytes: bytes of a page on the wire.
        now: operational time at which the round begins.
    """

    def __init__(
        self,
        due: list[Due],
        rules: StrategyRules,
        sweep: SweepWrites,
        page_bytes: float,
        now: float,
    ) -> None:
        self.due_pages = sum(each.pages for each in due)
        self.visited: list[Run] = []
        self.position = 0
        self.is_planned = False
        self._waiting = due
        self._rules = rules
        self._sweep = sweep
        self._clock = Clock(now, now, 0.0, page_bytes)
        self._sent = 0
        self._batch_begin, self._batch_peek_s = 0, now
        self._planned: list[Run] = []
        self._end_position = 0

    @property
    def bytes_sent(self) -> float:
        """Bytes of the round on the wire."""
        return self._clock.bytes_done

    @property
    def pages_sent(self) -> int:
        """Pages sent so far, the one in transit included."""
        return self._sent

    @property
    def bytes_left(self) -> float:
        """Bytes until the round ends as planned."""
        end_bytes = self._sent_before(self._end_position) * self._clock.page_bytes
        return max(end_bytes - self._clock.bytes_done, 0.0)

    def plan(self, time_per_byte: float, may_wait: int) -> float:
        """Find all visits at a constant rate; return the bytes the rest of the round takes.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            may_wait: number of unvisited pages at which the round ends.
        """
        self._clock = clock = replace(self._clock, time_per_byte=time_per_byte)
        self.is_planned = True
        sent, self._planned = self._sent, []
        for due in self._waiting:
            self._planned += _visits(due, sent, clock, self._writes(due))
            sent = self._planned[-1].sent_until(self._planned[-1].pages)
        self._end_position = max(self.due_pages - may_wait, self.position)
        return self.bytes_left

    def _writes(self, due: Due) -> Writes | None:
        peeks = self._rules.peeks
        if due.step is None or due.if_clean == due.if_dirty or peeks.batch_pages == 0:
            return None
        return Writes(
            self._sweep,
            due.step,
            peeks.fraction,
            self._clock,
            peeks.batch_pages,
            self._batch_begin + peeks.batch_pages,
            self._batch_peek_s,
        )

    def _sent_before(self, position: int) -> int:
        """Return how many pages are sent before a position that is not visited yet."""
        begin = self.position
        for run in self._planned:
            if position <= begin + run.pages:
                return run.sent_until(position - begin)
            begin += run.pages
        return self._sent

    def advance(self, sent_bytes: float, now: float) -> None:
        """Let bytes go over the wire until operational time `now`, within the round."""
        if sent_bytes > 0:
            bytes_done = self._clock.bytes_done + sent_bytes
            position = self._position_after(bytes_done / self._clock.page_bytes)
            self._visit_up_to(min(position, self._end_position))
            self._keep_batch_peek(bytes_done)
            self._clock = replace(self._clock, bytes_done=bytes_done)
        self._clock = replace(self._clock, now=now)

    def _position_after(self, sent: float) -> int:
        """Return the position after the last visit that comes by the time so much is sent."""
        position = self.position
        for run in self._planned:
            if run.sent_until(run.pages - 1) > sent:
                return position + bisect_right(range(run.pages), sent, key=run.sent_until)
            position += run.pages
        return position

    def _visit_up_to(self, position: int) -> None:
        """Make the planned visits before a position definite: no later plan changes them."""
        row = 0
        while self.position < position:
            run, visits = self._planned[row], position - self.position
            if run.pages > visits:
                self._planned[row] = run.since(visits)
                run = run.until(visits)
            else:
                row += 1
            self.visited.append(run)
            self.position += run.pages
            self._sent += run.sent
            self._drop_waiting(run.pages)
        self._planned = self._planned[row:]

    def _drop_waiting(self, pages: int) -> None:
        """Take visited pages off the first segments that wait; a run lies in one of them."""
        due = self._waiting[0]
        if due.pages == pages:
            self._waiting = self._waiting[1:]
            return
        step = None if due.step is None else due.step + pages
        rest = replace(due, page=due.page + pages, pages=due.pages - pages, step=step)
        self._waiting = [rest, *self._waiting[1:]]

    def _keep_batch_peek(self, bytes_done: float) -> None:
        """Keep the time of the peek of the present batch."""
        batch = self._rules.peeks.batch_pages
        if batch < 2:
            return
        begin = self._sent - self._sent % batch
        if begin * self._clock.page_bytes > bytes_done:
            begin -= batch  # the last page before it is still in transit
        if begin > self._batch_begin:
            self._batch_begin, self._batch_peek_s = begin, self._clock.time_at(begin)

    def cut_short(self) -> float:
        """Plan to end the round after the page in transit; return the bytes that it still takes."""
        if not self.is_planned:
            self.plan(0.0, 0)
        self._end_position = self.position
        return self.bytes_left

    def end(self) -> None:
        """Make every planned visit."""
        end_bytes = self._clock.bytes_done + self.bytes_left
        self._visit_up_to(self._end_position)
        self._clock = replace(self._clock, bytes_done=end_bytes)

    @property
    def first_unvisited(self) -> int | None:
        """The first page that was not visited, None if there is none."""
        return self._waiting[0].page if self._waiting else None


# --- the engine -----------------------------------------------------------------------------------


class SweptEngine:
    """Page state of one VM that a sweep alone writes, while it migrates.

    Args:
        writer: what dirties the pages: a sweep and nothing else.
        strategy: what is sent when.
        encoding: what pages take on the wire; all the same.

    Raises:
        ValueError: if the writer is not a sweep alone.
    """

    rate_dependence = RateDependence.UNKNOWN
    end_is_known = True

    def __init__(self, writer: PageWriter, strategy: Strategy, encoding: Encoding) -> None:
        self.page_count = writer.page_count
        self.encoding = encoding
        self.round_number = 0
        self.now = 0.0
        self.versions: PageVersions | None = None
        self._writer = writer
        self._sweep = writer.only_sweep
        self._chunk_pages = strategy.chunk_pages
        # Of a single chunk, too: a stall may lie between the begin of a round and its first page.
        self._clear_granularity = strategy.clear_granularity
        self._rules = rules_of(strategy, self.page_count)
        self._segments = Segments(
            np.array([0, self.page_count]), np.array([PageStatus.DUE]), np.zeros(1, np.int64)
        )
        self._scan_from = 0

    # --- before and between rounds ---------------------------------------------------------------

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins."""
        for number in range(1 - intervals, 1):
            found, is_dirty = self._written((number - 1) * interval, number * interval)
            history = self._shifted(found.history, is_dirty)
            self._segments = replace(found, history=history).joined()

    def wait(self, elapsed: float) -> None:
        """Let operational time pass between two rounds; pages written in it are due in the next."""
        since, self.now = self.now, self.now + elapsed
        found, is_dirty = self._written(since, self.now)
        status = self._rules.status_after[OUTCOME_OF_STATUS[found.status], 1]
        newest = is_dirty & (self._rules.history_bits > 0)
        self._segments = Segments(
            found.edges, np.where(is_dirty, status, found.status), found.history | newest
        ).joined()

    def _written(self, start: float, end: float) -> tuple[Segments, NDArray[np.bool_]]:
        """Return the memory, cut where the sweep starts and ends, and which segments it passes."""
        spans = _passed(self._sweep, start, end)
        found = self._segments.cut([edge for span in spans for edge in span])
        return found, found.inside(spans)

    def _shifted(self, history: Integers, is_dirty: NDArray[np.bool_]) -> Integers:
        """Return the histories with one more dirty bit each."""
        mask = (1 << self._rules.history_bits) - 1
        return ((history << 1) | is_dirty) & mask

    @property
    def stale_pages(self) -> int:
        """Number of pages stop-and-copy would send if it began now."""
        return self.page_count - self._segments.count(PageStatus.CURRENT)

    @property
    def nothing_to_send(self) -> bool:
        """Whether the next live round has no page to visit."""
        return self._segments.count(PageStatus.DUE) == 0

    def stop_sizes(self) -> PageSizes:
        """Return what the stale pages take on the wire."""
        return PageSizes(self.stale_pages, self.encoding.raw_bytes)

    @property
    def stale_bytes(self) -> float:
        """Bytes stop-and-copy would send if it began now."""
        return self.stale_pages * self.encoding.raw_bytes

    @property
    def stale_memory_bytes(self) -> float:
        """Bytes of memory that the stale pages hold."""
        return self.stale_pages * self.encoding.page_bytes

    def lost_update_pages(self) -> int:
        """Number of stale pages that neither to_send nor the deferred set holds."""
        return self._segments.count(PageStatus.LOST_UPDATE)

    def hand_over(self) -> None:
        """Let every stale page arrive at the target while the VM does not write at the source."""
        current = np.full_like(self._segments.status, PageStatus.CURRENT)
        self._segments = replace(self._segments, status=current).joined()

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> PostCopyMemory:
        """Return the state in which the VM resumes at the target; it keeps every missing page."""
        is_stale = self._segments.status != PageStatus.CURRENT
        missing = np.flatnonzero(np.repeat(is_stale, self._segments.pages))
        return PostCopyEngine(
            missing,
            self._writer,
            self.encoding.sizes(missing, Stage.POST_COPY, self.round_number + 1),
            costs,
            bubbling=bubbling,
            pivots=pivots,
            now=self.now,
            next_round=self.round_number + 1,
            versions=None,
        )

    # --- one live round --------------------------------------------------------------------------

    def run_ahead(self, ahead: RoundsAhead) -> Sequence[RoundAhead]:
        """Return none: its rounds are worked out one by one."""
        return ()

    def begin_round(self) -> None:
        """Start the next live round with every page that is due."""
        self.round_number += 1
        rules, sweep = self._rules, self._sweep
        decisions = rules.first_decisions if self.round_number == 1 else rules.later_decisions
        first, region = sweep.first_page, sweep.region_pages
        next_step = sweep.steps(self.now, self.now)[0]
        self._round_began = self.now
        found = self._segments.cut(
            [first, first + region, first + next_step % region, self._scan_from]
        )
        due: list[Due] = []
        for row in np.flatnonzero(found.status == PageStatus.DUE).tolist():
            page, end = found.edges[row : row + 2].tolist()
            step = None
            if sweep.speed > 0 and first <= page < first + region:
                step = next_step + (page - first - next_step) % region
            if_clean, if_dirty = decisions[found.history[row]].tolist()
            due.append(Due(page, end - page, if_clean, if_dirty, step))
        due.sort(key=lambda each: (each.page < self._scan_from, each.page))
        self._round = SweptRound(due, rules, sweep, self.encoding.raw_bytes, self.now)

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        """Return the bytes the round still takes if rate and intensity stay as they are."""
        return self._round.plan(time_per_byte, self.encoding.pages_within(sync_threshold_bytes))

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass, within the round as planned."""
        self.now += elapsed
        self._round.advance(sent_bytes, self.now)

    def cut_short(self) -> float:
        """End the round now; return the bytes that the page in transit still takes."""
        return self._round.cut_short()

    @property
    def bytes_sent_in_round(self) -> float:
        """Bytes sent so far in the round under way."""
        return self._round.bytes_sent

    @property
    def bytes_waiting(self) -> float:
        """Bytes of memory in the pages that the present round has not visited."""
        return (self._round.due_pages - self._round.position) * self.encoding.page_bytes

    @property
    def round_sizes(self) -> PageSizes:
        """What the pages due in the present round take on the wire."""
        return PageSizes(self._round.due_pages, self.encoding.raw_bytes)

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round as planned, read and clear the dirty log, and return what happened.

        Args:
            elapsed: operational time since the last call of `advance` (or the start).
        """
        self.now += elapsed
        scan, rules = self._round, self._rules
        found, outcome, is_dirty = self.outcomes_now()
        self._segments = Segments(
            found.edges,
            rules.status_after[outcome, is_dirty.astype(np.int64)],
            self._shifted(found.history, is_dirty),
        ).joined()
        unvisited = scan.first_unvisited
        self._scan_from = unvisited if rules.is_cyclic and unvisited is not None else 0
        deferred = sum(
            run.pages - run.sent for run in scan.visited if run.decision == Decision.DEFER
        )
        return RoundCounts(
            due=scan.due_pages,
            sent=scan.pages_sent,
            skipped=scan.position - scan.pages_sent - deferred,
            deferred=deferred,
            unvisited=scan.due_pages - scan.position,
            dirtied=int(found.pages[is_dirty].sum()),
            bytes_sent=scan.bytes_sent,
        )

    def outcomes_now(self) -> tuple[Segments, Integers, NDArray[np.bool_]]:
        """Make every planned visit; return the `Outcome` of each segment and its dirty bit now.

        Returns:
            The memory before the round, cut where they change, and both, [segments].
        """
        scan = self._round
        scan.end()
        outcomes = [each for run in scan.visited for each in self._outcomes(run)]
        dirty = _passed(self._sweep, self._round_began, self.now)
        clean: list[tuple[int, int]] = []
        if self._clear_granularity != "round":
            clean = [span for run in self._cleared_runs() for span in self._clean_since(*run)]
        edges = {edge for span in [*dirty, *clean] for edge in span}
        edges |= {edge for begin, end, _ in outcomes for edge in (begin, end)}
        found = self._segments.cut(list(edges))
        outcome = OUTCOME_OF_STATUS[found.status]
        for begin, end, each in outcomes:
            first, last = np.searchsorted(found.edges, (begin, end))
            outcome[first:last] = each
        return found, outcome, found.inside(dirty) & ~found.inside(clean)

    def _outcomes(self, run: Run) -> list[tuple[int, int, Outcome]]:
        """Return spans of visited pages and what happened to them.

        Where the scan follows the sweep, the sweep passes every page but possibly the last one
        before the rate changes. So if pages that are sent have the same status after it as others,
        only the last one need be told apart.
        """
        outcome = _OUTCOME[run.decision]
        begin, end = run.page, run.page + run.pages
        if run.follows is None:
            return [(begin, end, outcome)]
        after = self._rules.status_after
        if after[outcome, 1] == after[Outcome.SENT, 1]:
            is_sent = run.sent > run.sent_until(run.pages - 1) - run.sent_before
            return [(begin, end - 1, outcome), (end - 1, end, Outcome.SENT if is_sent else outcome)]
        sends = run.sends()
        edges = [0, *(np.flatnonzero(np.diff(sends)) + 1).tolist(), run.pages]
        return [
            (begin + low, begin + high, Outcome.SENT if sends[low] else outcome)
            for low, high in pairwise(edges)
        ]

    # --- bits cleared in mid-round: every due page is sent ----------------------------------------

    def _cleared_runs(self) -> list[tuple[Run, float | None]]:
        """Return runs and when their bits are cleared: None for each page at its own visit."""
        if self._clear_granularity == "page":
            return [(run, None) for run in self._round.visited]
        pieces: list[Run] = []
        for run in self._round.visited:
            while run.page // self._chunk_pages != (run.page + run.pages - 1) // self._chunk_pages:
                visits = self._chunk_pages - run.page % self._chunk_pages
                pieces.append(run.until(visits))
                run = run.since(visits)
            pieces.append(run)
        first: dict[int, float] = {}
        for run in pieces:
            chunk, visit_s = run.page // self._chunk_pages, run.clock.time_at(run.sent_before)
            first[chunk] = min(first.get(chunk, math.inf), visit_s)
        return [(run, first[run.page // self._chunk_pages]) for run in pieces]

    def _clean_since(self, run: Run, cleared_s: float | None) -> list[tuple[int, int]]:
        """Return the spans of a run that the sweep does not pass after their bits are cleared.

        The last step of the sweep at a page and the time at which its bit is cleared both change
        evenly along a run, except where the sweep is now, so they are equal once at most.
        """
        sweep, last = self._sweep, self._sweep.steps(self.now, self.now)[0] - 1
        first, region = sweep.first_page, sweep.region_pages

        def is_clean(page: int) -> bool:
            if sweep.speed <= 0 or not first <= page < first + region:
                return True
            passed_s = sweep.time_of(last - (first + last - page) % region)
            at_s = cleared_s
            if at_s is None:
                at_s = run.clock.time_at(run.sent_before + page - run.page)
            return passed_s <= at_s

        end = run.page + run.pages
        cuts = {first, first + region, first + (last + 1) % region}
        edges = [run.page, *sorted(each for each in cuts if run.page < each < end), end]
        spans = []
        for begin, stop in pairwise(edges):
            at_begin, at_end = is_clean(begin), is_clean(stop - 1)
            change = stop
            if at_begin != at_end:
                change = bisect_left(
                    range(stop), True, lo=begin, key=lambda page: is_clean(page) != at_begin
                )
            if at_begin:
                spans.append((begin, change))
            if at_end and change < stop:
                spans.append((change, stop))
        return spans


_OUTCOME = {
    int(Decision.SEND): Outcome.SENT,
    int(Decision.SKIP): Outcome.SKIPPED,
    int(Decision.DEFER): Outcome.DEFERRED,
    int(Decision.NOT_DUE): Outcome.SKIPPED,
}
