"""Memory that a sweep writes beside other sources, in counts per segment of the address space.

The lumped engine assumes that pages are spread evenly over a few ranges of the address space. A
sweep breaks this: what it has passed is dirty. So the memory falls into many segments, of which the
sweep passes each as a whole or not at all between two readings of the dirty log: a fixed grid, cut
further where the sweep stands when a log is read. Within a segment, pages of one write class,
status and history are exchangeable, as in the lumped engine, which does all the rest.

A live round scans segment after segment (`_kernels.scan_segments`) and draws what the peeks see, so
that what one segment sends delays the next one. Within a segment, the scan and the sweep advance
evenly, and all peeks of one write class have the chance of the middle one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.memory.base import FaultCosts, PostCopyMemory, RateDependence
from cluster_emu.memory.dirtying.processes import (
    ClassWrites,
    PageWriter,
    SweepWrites,
    WriteProcess,
)
from cluster_emu.memory.lumped._kernels import (
    ADDRESS_RANGE,
    GROUP,
    OUTCOME_GROUP,
    OUTCOME_OF_DECISION,
    OUTCOME_OF_STATUS,
    SCAN_START,
    SEEN,
    SEND,
    SWEPT_SEGMENT,
    Outcome,
    PageStatus,
    Records,
    find_due,
    sample_hypergeometric,
    scan_segments,
    write_between_rounds,
)
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.draws import Draws
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.lumped.membership import READY_FACTOR
from cluster_emu.memory.lumped.page_groups import DuePages, PageGroups, StateIndex, state_index
from cluster_emu.memory.lumped.round_setup import RoundSetup
from cluster_emu.memory.pages.post_copy import PostCopyEngine
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.strategies.contract import Strategy

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GRID_SEGMENTS = 512
"""Segments of the grid; the error of one segment is about its share of the memory, squared."""
LEAST_SEGMENT_PAGES = 16
MOST_CUTS = 32
"""Further edges where the sweep stood at a reading of the log; above it, the oldest go again."""
_ROUNDING = 1e-6


class SweptSegments:
    """The address space in segments, in address order.

    Attributes:
        edges: first page of each segment, and the end of the memory, [segments + 1].
        cuts: edges that are not of the grid, the oldest first.

    Args:
        page_count: pages of the VM.
        sweep: what passes through part of them.
        chunk_pages: pages whose dirty bits are cleared together.
    """

    def __init__(self, page_count: int, sweep: SweepWrites, chunk_pages: int) -> None:
        count = max(1, min(GRID_SEGMENTS, page_count // LEAST_SEGMENT_PAGES))
        grid = np.rint(np.linspace(0, page_count, count + 1)).astype(np.int64)
        region = [sweep.first_page, sweep.first_page + sweep.region_pages]
        if chunk_pages >= page_count / count:
            region += range(chunk_pages, page_count, chunk_pages)
        self.edges = np.union1d(grid, np.array(region, dtype=np.int64))
        self.cuts: list[int] = []

    @property
    def pages(self) -> Integers:
        """Pages of each segment, [segments]."""
        return np.diff(self.edges)

    def cut(self, page: int, records: Records, draws: Draws) -> Records:
        """Let a segment begin at a page; return the groups or outcomes by segment.

        How many pages of each row lie before the cut is multivariate hypergeometric.

        Args:
            page: the page.
            records: a table with the columns `address_range` and `pages`, which sum to the pages
                of each segment or, with ballooned pages, to less.
            draws: the stream to draw from, or the mean field.
        """
        place = int(np.searchsorted(self.edges, page))
        if place >= len(self.edges) or self.edges[place] == page:
            return records
        label, size = place - 1, int(self.edges[place] - self.edges[place - 1])
        before_pages = float(page - self.edges[label])
        self.edges = np.insert(self.edges, place, page)
        self.cuts.append(page)
        records = records.copy()
        inside = np.flatnonzero(records["address_range"] == label)
        records["address_range"] += records["address_range"] > label
        later = records[inside]
        later["address_range"] += 1
        normals = draws.normals(len(inside))
        among, marked = float(size), before_pages
        for n, row in enumerate(inside.tolist()):
            pages = float(records["pages"][row])
            if len(normals):
                before = sample_hypergeometric(pages, marked, among, float(normals[n]))
            else:
                before = pages * before_pages / size
            among, marked = among - pages, marked - before
            records["pages"][row] = before
            later["pages"][n] = pages - before
        return np.concatenate([records, later])

    def forget(self, records: Records) -> Records:
        """Join segments at the oldest cuts if there are too many; return the groups."""
        if len(self.cuts) <= MOST_CUTS:
            return records
        records = records.copy()
        while len(self.cuts) > MOST_CUTS:
            place = int(np.searchsorted(self.edges, self.cuts.pop(0)))
            self.edges = np.delete(self.edges, place)
            records["address_range"] -= records["address_range"] >= place
        return records

    def passed(self, sweep: SweepWrites, start: float, end: float) -> NDArray[np.bool_]:
        """Return which segments the sweep passes in (start, end]; both ends must be edges."""
        first, region = sweep.first_page, sweep.region_pages
        begin, stop = sweep.steps(start, end)
        place = self.edges[:-1] - first
        inside: NDArray[np.bool_] = (place >= 0) & (place < region)
        return inside & ((place - begin) % region < stop - begin)


def standing_at(sweep: SweepWrites, now: float) -> int:
    """Return the page that a sweep passes next."""
    return sweep.first_page + sweep.steps(now, now)[0] % sweep.region_pages


@dataclass(frozen=True, slots=True)
class _Truncation:
    """Where a round ends that does not visit every page: within the segment of this rank."""

    rank: int
    seen: Records
    sent: float


class SegmentRound:
    """A live round, scanned segment by segment.

    Args:
        setup: what the round starts from.
        segments: `_kernels.SWEPT_SEGMENT` in scan order, [ranks].
        read_log: enters the sweep's writes into `_kernels.OUTCOME_GROUP` at the end.
    """

    rate_dependence = RateDependence.UNKNOWN
    end_is_known = True

    def __init__(
        self,
        setup: RoundSetup,
        segments: Records,
        read_log: Callable[[SegmentRound, Records], Records],
    ) -> None:
        self._setup = setup
        self._read_log = read_log
        self._due = setup.due.groups
        self.segments = segments
        self._page_bytes = setup.wire.page_bytes
        self.time_s = 0.0
        self.bytes_sent = 0.0
        self.seen: Records = np.zeros(len(self._due), dtype=SEEN)
        self._normals = setup.draws.normals(2 * len(self._due))
        self._start = np.zeros(1, dtype=SCAN_START)
        self._is_planned = False
        self._total = 0.0
        self._stop: _Truncation | None = None

    @property
    def _begun(self) -> float:
        """Pages on the wire, the one in transit included."""
        return float(math.ceil(self.bytes_sent / self._page_bytes - _ROUNDING))

    def plan(self, time_per_byte: float, may_wait: int) -> float:
        """Scan the segments that are not reached yet; return the bytes the round still takes."""
        first, sent = 0, 0.0
        if self._is_planned and self.bytes_sent > 0:
            first = 1 + int(np.searchsorted(self.segments["sent_until"], self._begun - 0.5))
            first = min(first, len(self.segments))
            sent = float(self.segments["sent_until"][first - 1])
        self._is_planned = True
        rates, peeks = self._setup.rates, self._setup.rules.peeks
        start = self._start
        start["time_s"], start["bytes_sent"] = self.time_s, self.bytes_sent
        start["page_bytes"], start["time_per_byte"] = self._page_bytes, time_per_byte
        start["batch_pages"] = peeks.batch_pages
        self._total = scan_segments(
            self._due,
            self.segments,
            first,
            sent,
            start,
            rates.per_page_s,
            rates.law,
            peeks.fraction,
            self._normals,
            self.seen,
        )
        self._stop = None
        if may_wait:
            self._stop_with(may_wait)
        return self._bytes_left

    @property
    def _due_pages(self) -> Floats:
        """Pages that are due in each segment, [ranks]."""
        pages = np.bincount(self._due["rank"], self._due["pages"], minlength=len(self.segments))
        return pages.astype(np.float64)

    def _stop_with(self, may_wait: int) -> None:
        """End the round where so many pages are not visited."""
        visits = self._setup.due.total - may_wait
        pages = self._due_pages
        rank = int(np.searchsorted(np.cumsum(pages), max(visits, 0.0)))
        if rank >= len(pages):
            return
        share = (visits - float(pages[:rank].sum())) / max(float(pages[rank]), 1.0)
        row = self.segments[rank]
        sends = float(row["sent_until"] - row["sent_before"])
        sent = float(row["sent_before"]) + round(min(max(share, 0.0), 1.0) * sends)
        if sent < self._begun:
            self._stop_after(self._begun)
        else:
            self._stop = self._truncated(rank, min(max(share, 0.0), 1.0), sent)

    def _stop_after(self, sent: float) -> None:
        """End the round once so many pages are sent."""
        rank = int(np.searchsorted(self.segments["sent_until"], sent - 0.5))
        if rank >= len(self.segments):
            self._stop = None
            return
        row = self.segments[rank]
        sends = float(row["sent_until"] - row["sent_before"])
        share = (sent - float(row["sent_before"])) / max(sends, 1.0)
        self._stop = self._truncated(rank, share, sent)

    def _truncated(self, rank: int, share: float, sent: float) -> _Truncation:
        """Draw which pages of a segment are visited before the round ends in it.

        Args:
            rank: the segment.
            share: share of its pages that are visited.
            sent: pages of the round that are sent then, those of earlier segments included.
        """
        draws, due = self._setup.draws, self._due
        seen = self.seen.copy()
        seen["waiting"] = np.where(due["rank"] > rank, due["pages"], 0.0)
        seen["clean"][due["rank"] > rank] = seen["dirty"][due["rank"] > rank] = 0.0
        inside = np.flatnonzero(due["rank"] == rank)
        pages = np.concatenate([seen["clean"][inside], seen["dirty"][inside]])
        decision = np.concatenate([due["if_clean"][inside], due["if_dirty"][inside]])
        is_sent = decision == SEND
        visited = draws.binomial(pages, np.full(len(pages), share))
        wanted = sent - float(self.segments["sent_before"][rank])
        visited[is_sent] = draws.without_replacement(pages[is_sent], wanted)
        seen["clean"][inside], seen["dirty"][inside] = np.split(visited, 2)
        seen["waiting"][inside] = due["pages"][inside] - seen["clean"][inside]
        seen["waiting"][inside] -= seen["dirty"][inside]
        return _Truncation(rank, seen, sent)

    @property
    def _end_pages(self) -> float:
        """Whole pages on the wire at the end; the mean field carries parts over to later rounds."""
        total = self._total if self._stop is None else self._stop.sent
        return math.floor(total + self._setup.unsent_pages + 0.5)

    @property
    def _bytes_left(self) -> float:
        return max(self._end_pages * self._page_bytes - self.bytes_sent, 0.0)

    def advance(self, sent_bytes: float, elapsed_s: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        self.bytes_sent += sent_bytes
        self.time_s += elapsed_s

    def cut_short(self) -> float:
        """End the round after the page in transit; return the bytes that it still takes."""
        if not self._is_planned:
            self.plan(0.0, 0)
        if self._end_pages > self._begun:
            self._stop_after(self._begun)
        return self._bytes_left

    @property
    def pages_waiting(self) -> float:
        """Number of pages in segments that the scan has not reached; an estimate."""
        if not self._is_planned:
            return self._setup.due.total
        is_ahead = self.segments["sent_before"] >= self.bytes_sent / self._page_bytes
        return float(self._due_pages[is_ahead].sum())

    @property
    def unvisited(self) -> float:
        """Pages that the round does not visit."""
        return 0.0 if self._stop is None else float(self._stop.seen["waiting"].sum())

    @property
    def last_rank(self) -> int:
        """The segment in which the round ends before it has visited every page."""
        assert self._stop is not None, "the round visits every page"
        return self._stop.rank

    def end(self, elapsed_s: float) -> Records:
        """Finish the round as planned; return `_kernels.OUTCOME_GROUP` of all pages."""
        self.bytes_sent += self._bytes_left
        self.time_s += elapsed_s
        setup, due, end_s = self._setup, self._due, self.time_s
        groups, rates = setup.groups.records, setup.rates
        seen = self.seen if self._stop is None else self._stop.seen
        peek_s = np.minimum(self.segments["peek_s"], end_s)
        stays_clean = np.exp(-rates.hazard_since(peek_s, end_s))[due["rank"], due["write_class"]]
        unwritten = rates.clean_chance(end_s)
        undue = np.flatnonzero(groups["status"] != PageStatus.DUE)
        parts = [
            (undue, OUTCOME_OF_STATUS[groups["status"][undue]], groups["pages"][undue], None),
            (due["group"], OUTCOME_OF_DECISION[due["if_clean"]], seen["clean"], stays_clean),
            (due["group"], OUTCOME_OF_DECISION[due["if_dirty"]], seen["dirty"], 0.0),
            (due["group"], Outcome.UNVISITED, seen["waiting"], None),
        ]
        tables = []
        for group, outcome, pages, chance in parts:
            table = np.empty(len(group), dtype=OUTCOME_GROUP)
            table["group"], table["outcome"], table["pages"] = group, outcome, pages
            table["address_range"] = groups["address_range"][group]
            known = unwritten[groups["write_class"][group]] if chance is None else chance
            table["clean_chance"] = known
            tables.append(table[table["pages"] > 0])
        return self._read_log(self, np.concatenate(tables))


class MixedEngine(LumpedEngine):
    """The lumped engine for memory with a sweep beside other writes.

    Args:
        classes: how many pages are written how often, besides the sweep.
        sweep: the sweep.
        strategy: what is sent when.
        encoding: what pages take on the wire; all the same.
        rng: the stream to draw from.
        mean_field: whether every draw takes its mean.
    """

    def __init__(
        self,
        classes: PageClasses,
        sweep: SweepWrites,
        strategy: Strategy,
        encoding: Encoding,
        rng: np.random.Generator,
        *,
        mean_field: bool = False,
    ) -> None:
        self._sweep = sweep
        self._segments = SweptSegments(classes.page_count, sweep, strategy.chunk_pages)
        self._scan_from = 0
        self._chunk_pages = strategy.chunk_pages
        super().__init__(classes, strategy, encoding, rng, mean_field=mean_field)
        self._is_plain = False

    def _scattered(self, absent_pages: int) -> PageGroups:
        """Scatter the classes over the segments, each of which is full; all pages are due."""
        left = self._segments.pages.astype(np.float64)
        classes = self._classes.pages
        placed = np.zeros((len(classes), len(left)))
        largest = int(np.argmax(classes))
        for number in range(len(classes)):
            if number != largest:
                placed[number] = self._draws.without_replacement(left, int(classes[number]))
                left = left - placed[number]
        placed[largest] = left
        write_class, segment = np.nonzero(placed)
        records = np.zeros(len(segment), dtype=GROUP)
        records["address_range"], records["write_class"] = segment, write_class
        records["status"], records["pages"] = PageStatus.DUE, placed[write_class, segment]
        return PageGroups(self._index_of(len(classes)), records)

    def _index_of(self, write_classes: int) -> StateIndex:
        """Return the numbering of states for as many segments as there may be."""
        most = len(self._segments.edges) + 2 * MOST_CUTS
        return state_index(write_classes, most, self._rules.history_bits)

    def _cut_where_it_stands(self, now: float) -> None:
        """Let a segment begin where the sweep stands."""
        groups, page = self._groups, standing_at(self._sweep, now)
        self._groups = PageGroups(
            groups.index, self._segments.cut(page, groups.records, self._draws)
        )

    # --- before and between rounds ---------------------------------------------------------------

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins."""
        for number in range(-intervals, 0):
            self._between = number * interval, (number + 1) * interval
            super().warm(1, interval)

    def wait(self, elapsed: float) -> None:
        """Let operational time pass between two rounds; pages written in it are due in the next."""
        self._between = self.now, self.now + elapsed
        super().wait(elapsed)

    def _write(
        self, clean_chance: Floats, status_if_dirty: Integers, elapsed: float, *, new: bool
    ) -> None:
        """Draw which pages are written outside live rounds; the sweep writes what it passes."""
        start, end = self._between
        self._cut_where_it_stands(start)
        self._cut_where_it_stands(end)
        groups, history_bits = self._groups, self._groups.index.history_bits
        is_passed = self._segments.passed(self._sweep, start, end)
        swept = is_passed[groups.records["address_range"]]
        parts, dirty = [], []
        for rows, chance in (
            (groups.records[~swept], clean_chance),
            (groups.records[swept], np.zeros_like(clean_chance)),
        ):
            count = len(rows)
            written = write_between_rounds(
                rows, chance, status_if_dirty, new, history_bits, self._draws.normals(count)
            )
            parts.append(written)
            dirty.append(np.repeat([0, 1], count))
        records = self._segments.forget(np.concatenate(parts))
        self._groups = self._with_members(records, np.concatenate(dirty), elapsed)

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> PostCopyMemory:
        """Return the state in which the VM resumes at the target; it keeps every page.

        The push goes by address around the last fault, and so does the sweep, which is often the
        one that faults: pages of one segment do not stay exchangeable. So each page gets a random
        place in its segment. The mean field takes one sample, the same for every seed.
        """
        rng = self._rng
        if not self._draws.is_random:
            rng = RandomStreams(0).generator(Stream.MEAN_FIELD_PLACES)
        records, classes = self._groups.records, len(self._classes.pages)
        records = records[np.lexsort((records["status"], records["address_range"]))]
        # whole pages, for the mean field without bias: each segment keeps its number of them
        offset = rng.random(len(self._segments.pages))[records["address_range"]]
        ends = np.floor(np.round(np.cumsum(records["pages"]), 6) + offset).astype(np.int64)
        row = np.repeat(np.arange(len(records)), np.diff(ends, prepend=0))
        segment = records["address_range"][row]
        row = row[np.argsort(segment + rng.random(len(row)))]
        missing = np.flatnonzero(records["status"][row] != PageStatus.CURRENT)
        is_member, write_class = np.divmod(records["write_class"][row], classes)
        groups = [
            (np.flatnonzero(write_class == number), float(rate))
            for number, rate in enumerate(self._classes.writes_per_page_s)
            if rate > 0
        ]
        processes: list[WriteProcess] = [ClassWrites(groups, self.page_count, rng), self._sweep]
        if self._membership is not None:
            members = np.flatnonzero(is_member)
            processes.append(self._membership.moving_writes(members, self.now, rng))
        return PostCopyEngine(
            missing,
            PageWriter(self.page_count, processes),
            PageSizes(len(missing), self.encoding.raw_bytes),
            costs,
            bubbling=bubbling,
            pivots=pivots,
            now=self.now,
            next_round=self.round_number + 1,
        )

    # --- one live round --------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Start the next live round with every page that is due."""
        self._cut_where_it_stands(self.now)
        records = self._segments.forget(self._groups.records)
        if records is not self._groups.records:
            self._groups = PageGroups.merged(self._groups.index, records)
        self._round_began = self.now
        super().begin_round()

    def _open(self, time_per_byte: float) -> Any:
        """Return a `SegmentRound`: segments in scan order, and when the sweep passes each first."""
        longest = self._due_pages * time_per_byte * self.encoding.raw_bytes
        self._get_ready_for(longest, READY_FACTOR * longest)
        sweep, edges, pages = self._sweep, self._segments.edges, self._segments.pages
        count = len(pages)
        first = int(np.searchsorted(edges, self._scan_from, side="right")) - 1
        order = (np.arange(count) + first) % count
        ranges = np.zeros(count, dtype=ADDRESS_RANGE)
        ranges["rank"][order] = np.arange(count)
        found = find_due(
            self._groups.records, ranges, count, self._groups.index.write_classes, self._decisions
        )
        due = DuePages(*found, self._groups.totals.due, ranges[order])
        self._due_pages = due.total
        segments = np.zeros(count, dtype=SWEPT_SEGMENT)
        segments["pages"] = pages[order]
        segments["first_pass_s"] = np.inf
        place = edges[:-1][order] - sweep.first_page
        inside = (place >= 0) & (place < sweep.region_pages) & (sweep.speed > 0)
        if sweep.speed > 0:
            next_step = sweep.steps(self._round_began, self._round_began)[0]
            step = next_step + (place - next_step) % sweep.region_pages
            passes_s = sweep.time_of(1) - sweep.time_of(0)
            first_pass_s = sweep.time_of(0) + step * passes_s - self._round_began
            segments["first_pass_s"][inside] = first_pass_s[inside]
            segments["passes_s"][inside] = segments["pages"][inside] * passes_s
        self._scan_order = order
        setup = RoundSetup(
            self._groups,
            due,
            self._rates,
            self._rules,
            self._wire,
            False,
            self._draws,
            self._unsent_pages,
        )
        opened = SegmentRound(setup, segments, self._read_log)
        if self._stalled:
            opened.advance(0.0, self._stalled)
        return opened

    def _read_log(self, live_round: SegmentRound, outcomes: Records) -> Records:
        """Return the outcomes of a round with the sweep's writes, cut where the sweep stands."""
        end_s, now = live_round.time_s, self._round_began + live_round.time_s
        self._scan_from = 0
        if live_round.unvisited > 0 and self._rules.is_cyclic:
            self._scan_from = int(self._segments.edges[self._scan_order[live_round.last_rank]])
        clears = self._rules.clearing.is_in_mid_round
        is_sent = outcomes["outcome"] == Outcome.SENT
        begins, ends = self._cleared_s(live_round.segments, end_s)
        if clears:
            segment = outcomes["address_range"][is_sent]
            write_class = self._groups.records["write_class"][outcomes["group"][is_sent]]
            hazard = self._rates.hazard_since((begins + ends) / 2, end_s)
            outcomes["clean_chance"][is_sent] = np.exp(-hazard[segment, write_class])
        old_edges = self._segments.edges
        outcomes = self._segments.cut(standing_at(self._sweep, now), outcomes, self._draws)
        swept = self._segments.passed(self._sweep, self._round_began, now).astype(np.float64)
        share = swept[outcomes["address_range"]]
        if clears:
            at = np.searchsorted(old_edges, self._segments.edges[:-1], side="right") - 1
            after = swept * self._swept_since(begins[at], ends[at], now)
            is_sent = outcomes["outcome"] == Outcome.SENT
            share[is_sent] = after[outcomes["address_range"][is_sent]]
        outcomes["clean_chance"] *= 1.0 - share
        return outcomes

    def _cleared_s(self, segments: Records, end_s: float) -> tuple[Floats, Floats]:
        """Return when the bits of the first and the last page of each segment are cleared.

        Times are since the round began, [segments] in address order.
        """
        order = self._scan_order
        begins, ends = np.empty(len(order)), np.empty(len(order))
        begins[order] = np.minimum(segments["visit_s"], end_s)
        ends[order] = np.minimum(np.append(segments["visit_s"][1:], end_s), end_s)
        if self._rules.clearing.granularity == "chunk":
            chunk = self._segments.edges[:-1] // self._chunk_pages
            first = np.full(int(chunk[-1]) + 1, np.inf)
            np.minimum.at(first, chunk, begins)
            if len(first) <= len(self._segments.edges):
                begins = ends = first[chunk]
        return begins, ends

    def _swept_since(self, begins: Floats, ends: Floats, now: float) -> Floats:
        """Return the share of each segment that the sweep passes after its bits are cleared.

        The sweep's last pass, ``a + d x``, and the clearing, ``b + (e - b) x``, advance evenly.
        """
        sweep = self._sweep
        if sweep.speed <= 0:
            return np.zeros(len(begins))
        last = sweep.steps(now, now)[0] - 1
        passes_s = sweep.time_of(1) - sweep.time_of(0)
        place = self._segments.edges[:-1] - sweep.first_page
        step = last - (last - place) % sweep.region_pages
        at_first = sweep.time_of(0) + step * passes_s - self._round_began - begins
        slope = self._segments.pages * passes_s - (ends - begins)
        crossing = np.clip(-at_first / np.where(slope == 0, 1.0, slope), 0.0, 1.0)
        share: Floats = np.where(at_first > 0, crossing, 1.0 - crossing)
        at_last = at_first + slope
        share = np.where((at_first > 0) & (at_last > 0), 1.0, share)
        return np.where((at_first <= 0) & (at_last <= 0), 0.0, share)

    def _split_range(self, outcomes: Records) -> Records:
        """Return the outcomes as they are: the next scan begins with a whole segment."""
        return outcomes
