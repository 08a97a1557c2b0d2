"""The pages engine: every page of a migrating VM has its own bits.

It knows operational time and bytes only: its caller says how many bytes went over the wire and how
much operational time passed. The strategy's truth table alone decides what is sent when.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.encoding.contract import Stage
from cluster_emu.memory.base import (
    FaultCosts,
    RateDependence,
    RoundAhead,
    RoundCounts,
    RoundsAhead,
)
from cluster_emu.memory.dirtying.processes import PageWriter
from cluster_emu.memory.pages.dirty_log import DirtyLog, PageHistory, PageIds, Times
from cluster_emu.memory.pages.post_copy import PostCopyEngine
from cluster_emu.memory.pages.scan import RoundScan
from cluster_emu.memory.versions import PageVersions
from cluster_emu.strategies.contract import Decision, Strategy

MOST_PAGES_AHEAD = 65_536
"""Up to so many pages, rounds are worked out ahead; those of larger VMs seldom are that short."""

MOST_VISITS_AHEAD = 2**22
"""Pages times rounds that one call works out: some 0.1 s, for which a signal waits."""


class PagesEngine:
    """Page state of one VM while it migrates.

    Args:
        writer: what dirties the pages.
        strategy: what is sent when.
        encoding: what pages take on the wire.
        absent: pages that need no transfer at all (ballooned out), or None.
        track_versions: whether to keep a version number per page, for proofs.

    Attributes:
        handed_over: the pages that stop-and-copy sends, once it has begun to; None before.
    """

    rate_dependence = RateDependence.UNKNOWN
    end_is_known = True

    def __init__(
        self,
        writer: PageWriter,
        strategy: Strategy,
        encoding: Encoding,
        *,
        absent: PageIds | None = None,
        track_versions: bool = False,
    ) -> None:
        self.page_count = writer.page_count
        self.encoding = encoding
        self.round_number = 0
        self.now = 0.0
        self.versions = PageVersions(self.page_count) if track_versions else None
        self.writer = writer
        self._strategy = strategy
        self._first_row, self._later_row = strategy.table(1)[1], strategy.table(2)[1]
        self._is_cyclic = strategy.cyclic
        self._log = DirtyLog(self.page_count)
        self._peeks = strategy.peek_schedule
        self._clear_granularity = strategy.clear_granularity
        self._needs_visit_times = self._clear_granularity != "round" or track_versions
        self._history = PageHistory(self.page_count) if strategy.past_bits else None
        self._stale = np.ones(self.page_count, dtype=np.bool_)
        self._deferred = np.zeros(self.page_count, dtype=np.bool_)
        self._has_deferred = False
        self._absent = absent
        self.handed_over: PageIds | None = None
        if absent is not None:
            self._stale[absent] = False
            if self.versions is not None:
                self.versions.arrived(absent)
        self._to_send = np.flatnonzero(self._stale)
        self._scan_from = 0
        self._may_run_ahead = (
            not self._needs_visit_times
            and absent is None
            and encoding.is_raw
            and self.page_count <= MOST_PAGES_AHEAD
        )

    # --- before and between rounds ---------------------------------------------------------------

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins.

        Args:
            intervals: how many.
            interval: length of each in operational time.
        """
        # Rounds before the migration have the numbers 1 - intervals to 0 and negative times.
        for number in range(1 - intervals, 1):
            start, end = (number - 1) * interval, number * interval
            self._log.clear(start)
            self.writer.begin_round(self._log, number, start)
            self.writer.write(self._log, end)
            if self._history is not None:
                self._history.shift(self._log.dirty_pages(end))
        self._log.clear(0.0)

    @property
    def stale_pages(self) -> int:
        """Number of pages stop-and-copy would send if it began now."""
        return int(np.count_nonzero(self._stale))

    @property
    def nothing_to_send(self) -> bool:
        """Whether the next live round has no page to visit."""
        return len(self._to_send) == 0

    def stop_set(self) -> PageIds:
        """Return the pages stop-and-copy has to send: every stale page."""
        return np.flatnonzero(self._stale)

    def stop_sizes(self) -> PageSizes:
        """Return what the pages of `stop_set` take on the wire."""
        return self.encoding.sizes(self.stop_set(), Stage.STOPPED, self.round_number + 1)

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> PostCopyEngine:
        """Return the state in which the VM resumes at the target without the stale pages."""
        missing = self.stop_set()
        return PostCopyEngine(
            missing,
            self.writer,
            self.encoding.sizes(missing, Stage.POST_COPY, self.round_number + 1),
            costs,
            bubbling=bubbling,
            pivots=pivots,
            now=self.now,
            next_round=self.round_number + 1,
            versions=self.versions,
        )

    @property
    def stale_bytes(self) -> float:
        """Bytes stop-and-copy would send if it began now."""
        if self.encoding.is_raw:
            return self.stale_pages * self.encoding.raw_bytes
        return self.stop_sizes().total_bytes

    @property
    def stale_memory_bytes(self) -> float:
        """Bytes of memory that the stale pages hold."""
        return self.stale_pages * self.encoding.page_bytes

    def lost_update_pages(self) -> int:
        """Number of stale pages that neither to_send nor the deferred set holds.

        Only a strategy that recomputes to_send (`to_send` "literal") has any: taken literally it
        would lose their updates.
        """
        lost = self._stale & ~self._deferred
        lost[self._to_send] = False
        return int(np.count_nonzero(lost))

    def arrive(self, pages: PageIds) -> None:
        """Mark pages as up to date at the target while the VM does not write at the source."""
        self._stale[pages] = False
        if self.versions is not None:
            self.versions.arrived(pages)

    def hand_over(self) -> None:
        """Let every stale page arrive at the target while the VM does not write at the source."""
        self.handed_over = self.stop_set()
        self.arrive(self.handed_over)

    def wait(self, elapsed: float) -> None:
        """Let operational time pass between two rounds; what it dirties joins to_send.

        The log is read and cleared as if it had been read only now: for the histories, a page
        written in the round before or in this wait was written once.
        """
        self.now += elapsed
        dirty = self._present(self._log_until(self.now).dirty_pages(self.now))
        self._log.clear(self.now)
        self.encoding.were_written(dirty)
        self._stale[dirty] = True
        to_send = _sorted_union([self._to_send, dirty], self.page_count)
        self._to_send = to_send[~self._deferred[to_send]]
        if self._history is not None:
            self._history.merge(dirty)
        if self.versions is not None:
            self.versions.written(dirty)

    # --- many live rounds ------------------------------------------------------------------------

    def run_ahead(self, ahead: RoundsAhead) -> Sequence[RoundAhead]:
        """Work out whole live rounds in one call of a kernel, which draws as one by one."""
        writes = self.writer.class_writes() if self._may_run_ahead else None
        if writes is None or self._scan_from or ahead.intensity <= 0:
            return ()
        from cluster_emu.memory.pages import _round_kernels as kernels

        pages, ends, rates, rng = writes
        peeks, history = self._peeks, self._history
        due = np.empty(self.page_count, dtype=np.int64)
        due[: len(self._to_send)] = self._to_send
        state = np.array([(len(self._to_send), self.now, ahead.now_s)], dtype=kernels.STATE)
        settings = (
            peeks.batch_pages,
            peeks.fraction,
            self._scan.sizes.unit_bytes,
            ahead.bytes_per_s,
            ahead.intensity,
            ahead.until_s,
            ahead.least_left,
            self._strategy.to_send == "sticky",
            history is not None,
        )
        most = MOST_VISITS_AHEAD // max(self.page_count, 1)
        rounds = np.empty(min(ahead.rounds, most), dtype=kernels.ROUND)
        done = kernels.run_rounds(
            state,
            np.array([settings], dtype=kernels.SETTINGS),
            self._later_row.copy(),
            np.empty(0, dtype=np.uint16) if history is None else history.codes,
            self._stale,
            self._deferred,
            due,
            self._log.first_write,
            pages,
            ends,
            rates,
            rng,
            rounds,
        )
        due_count, self.now, _ = state[0].item()
        self._to_send = due[:due_count].copy()
        self._has_deferred |= bool(rounds["deferred"][:done].any())
        self.round_number += done
        self._log.clear(self.now)
        return [
            RoundAhead(
                end_s,
                RoundCounts(due_pages, sent, skipped, deferred, 0, dirtied, bytes_sent),
                left,
            )
            for end_s, bytes_sent, due_pages, sent, skipped, deferred, dirtied, left in rounds[
                :done
            ].tolist()
        ]

    # --- one live round --------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Start the next live round with every page of to_send."""
        self.round_number += 1
        to_send = self._scan_order()
        row = self._first_row if self.round_number == 1 else self._later_row
        if self._history is None:
            # The last column is "every peek found the page dirty", whether the code holds one or
            # several; the peek schedule accounts for the dirty peeks that the table tolerates.
            if_clean = np.broadcast_to(row[0], len(to_send))
            if_dirty = np.broadcast_to(row[-1], len(to_send))
        else:
            if_clean, if_dirty = self._history.decisions(row, to_send)
        self._scan = RoundScan(
            to_send,
            if_clean,
            if_dirty,
            self._peeks,
            self.encoding.sizes(to_send, Stage.LIVE, self.round_number),
            self.now,
            keep_visit_times=self._needs_visit_times,
        )
        self.writer.begin_round(self._log, self.round_number, self.now)

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        """Return the bytes the round still takes if rate and intensity stay as they are.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            sync_threshold_bytes: the round ends once the unvisited pages have fewer bytes in
                memory.
        """
        may_wait = self.encoding.pages_within(sync_threshold_bytes)
        return self._scan.plan(time_per_byte, may_wait, self._log_until)

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass, within the round as planned."""
        self.now += elapsed
        self._scan.advance(sent_bytes, self.now)

    def cut_short(self) -> float:
        """Let the round end where it stands; unvisited pages stay in to_send.

        Returns:
            The bytes still to go until the page in transit is on the wire.
        """
        if not self._scan.is_planned:
            self.plan(0.0)
        self._scan.cut_short()
        return self._scan.bytes_left

    @property
    def bytes_sent_in_round(self) -> float:
        """Bytes sent so far in the round under way."""
        return self._scan.bytes_sent

    @property
    def bytes_waiting(self) -> float:
        """Bytes of memory in the unvisited pages of the round under way."""
        return self._scan.pages_waiting * self.encoding.page_bytes

    @property
    def round_sizes(self) -> PageSizes:
        """What to_send of the round under way takes on the wire, as of its start."""
        return self._scan.sizes

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round as planned, read and clear the dirty log, and return what happened.

        Args:
            elapsed: operational time since the last call of `advance` (or the start).
        """
        scan = self._scan
        scan.end()
        self.now += elapsed
        self._log_until(self.now)
        decision = scan.decisions()
        is_sent = decision == Decision.SEND
        unsent = np.flatnonzero(~is_sent)
        deferred = scan.to_send[unsent[decision[unsent] == Decision.DEFER]]
        if not self.encoding.is_raw:
            # Before bits cleared in mid-round are left out: those pages have changed all the same.
            self.encoding.were_sent(scan.to_send[: scan.position][is_sent], self.round_number)
            self.encoding.were_written(self._log.dirty_pages(self.now))
        dirty = self._dirty_after(is_sent)
        self._apply_round(scan.to_send[unsent], deferred, dirty)
        self._scan_from = self._next_scan_start()
        self._log.clear(self.now)
        return RoundCounts(
            due=len(scan.to_send),
            sent=scan.position - len(unsent),
            skipped=len(unsent) - len(deferred),
            deferred=len(deferred),
            unvisited=len(scan.to_send) - scan.position,
            dirtied=len(dirty),
            bytes_sent=scan.bytes_sent,
            encode_cpu_s=scan.sizes.cpu_s_of(is_sent),
        )

    def _log_until(self, until: float) -> DirtyLog:
        """Return the log with every write up to an operational time."""
        self.writer.write(self._log, until)
        return self._log

    def _scan_order(self) -> PageIds:
        split = int(np.searchsorted(self._to_send, self._scan_from))
        if split in (0, len(self._to_send)):
            return self._to_send
        return np.concatenate([self._to_send[split:], self._to_send[:split]])

    def _next_scan_start(self) -> int:
        scan = self._scan
        if not self._is_cyclic or scan.position == len(scan.to_send):
            return 0
        return int(scan.to_send[scan.position])

    # --- after the scan --------------------------------------------------------------------------

    def _dirty_after(self, sent: NDArray[np.bool_]) -> PageIds:
        """Return the pages whose dirty bit is set after the round."""
        dirty = self._present(self._log.dirty_pages(self.now))
        if not self._needs_visit_times:
            return dirty
        sent_pages = self._scan.to_send[: self._scan.position][sent]
        visited_at = self._scan.visit_times()[sent]
        if self.versions is not None:
            self._count_versions(sent_pages, visited_at, dirty)
        if self._clear_granularity == "round":
            return dirty
        return self._without_cleared(sent_pages, visited_at, dirty)

    def _present(self, pages: PageIds) -> PageIds:
        return pages if self._absent is None else np.setdiff1d(pages, self._absent)

    def _without_cleared(self, sent: PageIds, visited_at: Times, dirty: PageIds) -> PageIds:
        """Leave out pages written only before their dirty bit was cleared in mid-round."""
        cleared_at = visited_at
        if self._clear_granularity == "chunk":
            cleared_at = self.chunks_cleared_at(sent, visited_at)
        # The log holds first writes only. A page first written before its bit was cleared may be
        # written once more afterwards; the write process says which pages are.
        early = self._log.first_write[sent] <= cleared_at
        pages = sent[early]
        again = self.writer.rewritten(pages, cleared_at[early], self.now)
        if self.versions is not None:
            self.versions.written(pages[again])
        keep = np.ones(self.page_count, dtype=np.bool_)
        keep[pages[~again]] = False
        return dirty[keep[dirty]]

    def chunks_cleared_at(self, sent: PageIds, visited_at: Times) -> Times:
        """Return when the chunk of each page sent was cleared: with the first page sent of it."""
        chunk = sent // self._strategy.chunk_pages
        first = np.full(int(chunk.max(initial=-1)) + 1, np.inf)
        np.minimum.at(first, chunk, visited_at)
        cleared_at: Times = first[chunk]
        return cleared_at

    def _count_versions(self, sent: PageIds, visited_at: Times, dirty: PageIds) -> None:
        """Count a write before the visit, hand the page over, and count one after it.

        Where the log is cleared by whole rounds, a page written before its visit is taken to be
        written again after it: the log cannot tell, and must therefore keep it dirty.
        """
        assert self.versions is not None
        first = self._log.first_write[sent]
        before = sent[first <= visited_at]
        unsent = np.ones(self.page_count, dtype=np.bool_)
        unsent[sent] = False
        self.versions.written(dirty[unsent[dirty]])
        self.versions.written(before)
        self.versions.arrived(sent)
        self.versions.written(sent[(first > visited_at) & (first <= self.now)])
        if self._clear_granularity == "round":
            self.versions.written(before)

    def _apply_round(self, unsent: PageIds, deferred: PageIds, dirty: PageIds) -> None:
        """Update staleness, the deferred set, to_send and the histories after a round."""
        visited, unvisited = np.split(self._scan.to_send, [self._scan.position])
        # Every visited page is first taken as sent, then those that were not are set again.
        if len(visited) == self.page_count:
            self._stale.fill(False)  # faster than an index array of all pages
        else:
            self._stale[visited] = False
        self._stale[unsent] = True
        self._stale[dirty] = True
        # Most strategies never defer a page; then the mask of all pages is not evaluated.
        self._deferred[deferred] = True
        self._has_deferred |= len(deferred) > 0
        parts = [dirty]
        if self._strategy.to_send == "sticky":
            parts += [unsent, unvisited]
        to_send = _sorted_union(parts, self.page_count)
        if self._has_deferred:
            to_send = to_send[~self._deferred[to_send]]
        self._to_send = to_send
        if self._history is not None:
            self._history.shift(dirty)


def _sorted_union(parts: Sequence[PageIds], page_count: int) -> PageIds:
    """Return the distinct page numbers of all parts, ascending."""
    # Sorting few pages is cheaper than a pass over a mask of all.
    if sum(map(len, parts)) < page_count // 32:
        return np.unique(np.concatenate(parts))
    mask = np.zeros(page_count, dtype=np.bool_)
    for part in parts:
        mask[part] = True
    return np.flatnonzero(mask)
