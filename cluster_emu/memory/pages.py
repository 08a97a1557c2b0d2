"""The pages engine: every page of a migrating VM has its own bits.

It knows no time but operational time and bytes: whoever drives it says how many bytes went over the
wire and how much operational time passed. What is sent when is the strategy's truth table and nothing
else (design: the transfer protocol and the truth table).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.log import DirtyLog, PageIds, Times
from cluster_emu.memory.turns import Clock, Peeks, Turns, take_turns
from cluster_emu.memory.versions import PageVersions
from cluster_emu.memory.writer import PageWriter
from cluster_emu.strategies.contract import Decision, Strategy


@dataclass(frozen=True, slots=True)
class RoundCounts:
    """What happened to the pages in one live round.

    Args:
        due: pages with to_send set when the round began.
        sent: of these, pages sent.
        skipped: of these, pages not sent because the filter said "skip".
        deferred: of these, pages put off until stop-and-copy.
        unvisited: of these, pages whose turn did not come before the round was cut short.
        dirtied: pages in the dirty log at the end of the round.
        bytes_sent: bytes on the wire.
    """

    due: int
    sent: int
    skipped: int
    deferred: int
    unvisited: int
    dirtied: int
    bytes_sent: float


class PagesEngine:
    """Page state of one VM while it migrates.

    Args:
        writer: what dirties the pages.
        strategy: what is sent when.
        page_wire_bytes: bytes of one page on the wire, header included.
        absent: pages that need no transfer at all (ballooned out), or None.
        track_versions: whether to keep a version number per page, for proofs.
    """

    def __init__(
        self,
        writer: PageWriter,
        strategy: Strategy,
        page_wire_bytes: float,
        *,
        absent: PageIds | None = None,
        track_versions: bool = False,
    ) -> None:
        self.page_count = writer.page_count
        self.page_wire_bytes = page_wire_bytes
        self.round_number = 0
        self.now = 0.0
        self.versions = PageVersions(self.page_count) if track_versions else None
        self._writer = writer
        self._strategy = strategy
        self._log = DirtyLog(self.page_count)
        self._peeks = Peeks(strategy.peek_batch_pages, _peek_fraction(strategy))
        self._keeps_history = strategy.table(2).shape[1] > 2 and strategy.peeks == 1
        self._codes = np.zeros(self.page_count if self._keeps_history else 0, dtype=np.uint16)
        self._stale = np.ones(self.page_count, dtype=np.bool_)
        self._deferred: NDArray[np.bool_] | None = None
        self._present = np.ones(self.page_count, dtype=np.bool_)
        if absent is not None:
            self._stale[absent] = False
            self._present[absent] = False
            if self.versions is not None:
                self.versions.arrived(absent)
        self._to_send = np.flatnonzero(self._stale)
        self._scan_from = 0

    # --- before and between rounds ---------------------------------------------------------------

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins."""
        for number in range(1 - intervals, 1):
            start, end = (number - 1) * interval, number * interval
            self._log.clear(start)
            self._writer.begin_round(self._log, number, start)
            self._writer.write(self._log, end)
            self._shift_history(self._log.dirty_pages(end))
        self._log.clear(0.0)

    @property
    def stale_pages(self) -> int:
        """Number of pages stop-and-copy would send if it began now."""
        return int(np.count_nonzero(self._stale))

    @property
    def idle_rounds_matter(self) -> bool:
        """Whether a round that takes no time can still change anything."""
        return self._writer.rounds_matter

    def stop_set(self) -> PageIds:
        """Return the pages stop-and-copy has to send: every stale page."""
        return np.flatnonzero(self._stale)

    def rescued_pages(self) -> int:
        """Number of stale pages that neither to_send nor the deferred set holds.

        Only a strategy that forgets unsent pages (carry "log") has any: taken literally it would
        lose their updates.
        """
        due = np.zeros(self.page_count, dtype=np.bool_)
        due[self._to_send] = True
        if self._deferred is not None:
            due |= self._deferred
        return int(np.count_nonzero(self._stale & ~due))

    def arrive(self, pages: PageIds) -> None:
        """Mark pages as up to date at the target while the VM does not write at the source."""
        self._stale[pages] = False
        if self.versions is not None:
            self.versions.arrived(pages)

    # --- one live round --------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Start the next live round with every page that is due."""
        self.round_number += 1
        self._due = self._scan_order()
        self._position = 0
        self._pages_done = 0
        self._clock = Clock(self.now, self.now, 0.0, 0.0, 0, self.now)
        self._seen_dirty = np.zeros(len(self._due), dtype=np.bool_)
        self._needs_turn_times = self._strategy.clear != "round" or self.versions is not None
        self._turn_time = np.empty(len(self._due) if self._needs_turn_times else 0)
        self._turns: Turns | None = None
        self._turns_to_take = 0
        self._look_up_decisions()
        self._writer.begin_round(self._log, self.round_number, self.now)

    def plan(self, time_per_byte: float, undrained_bytes: float = 0.0) -> float:
        """Return the bytes the round still takes if rate and intensity stay as they are.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            undrained_bytes: the round ends as soon as fewer bytes than this wait for their turn.
        """
        rest = slice(self._position, None)
        may_send = self._send_clean[rest] | self._send_dirty[rest]
        most_bytes = (self._pages_done + np.count_nonzero(may_send)) * self.page_wire_bytes
        self._clock.time_per_byte = time_per_byte
        if self._peeks.batch_pages:
            self._writer.write(self._log, float(self._clock.at_bytes(np.float64(most_bytes))))
        self._turns = take_turns(
            self._log.first_write[self._due[rest]],
            self._send_clean[rest],
            self._send_dirty[rest],
            self.page_wire_bytes,
            self._pages_done,
            self._peeks,
            self._clock,
        )
        self._turns_to_take = self._turns_before_cut(undrained_bytes)
        return max(self._sent_after(self._turns_to_take) - self._clock.bytes_done, 0.0)

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass, within the round as planned."""
        if sent_bytes > 0:
            bytes_done = self._clock.bytes_done + sent_bytes
            turns = int(np.searchsorted(self._plan.sent_bytes, bytes_done, side="right"))
            self._take(min(turns, self._turns_to_take))
            self._clock.bytes_done = bytes_done
        self.now += elapsed
        self._clock.now = self.now

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round as planned, read and clear the dirty log, and return what happened.

        Args:
            elapsed: operational time since the last call of `advance` (or the start).
        """
        end_bytes = max(self._sent_after(self._turns_to_take), self._clock.bytes_done)
        self._take(self._turns_to_take)
        self.now += elapsed
        self._writer.write(self._log, self.now)
        visited = self._due[: self._position]
        decision = np.where(
            self._seen_dirty[: self._position],
            self._if_dirty[: self._position],
            self._if_clean[: self._position],
        )
        sent = decision == Decision.SEND
        dirty = self._dirty_after(visited[sent], sent)
        deferred = visited[decision == Decision.DEFER]
        self._settle(visited[sent], dirty, deferred)
        counts = RoundCounts(
            due=len(self._due),
            sent=int(np.count_nonzero(sent)),
            skipped=int(np.count_nonzero(decision == Decision.SKIP)),
            deferred=len(deferred),
            unvisited=len(self._due) - self._position,
            dirtied=len(dirty),
            bytes_sent=end_bytes,
        )
        self._scan_from = self._next_scan_start()
        self._log.clear(self.now)
        return counts

    def cut_short(self) -> float:
        """Let the round end where it stands; pages whose turn has not come stay due.

        Returns:
            The bytes still to go until the page in transit is on the wire.
        """
        if self._turns is None:
            self.plan(0.0)
        self._turns_to_take = 0
        return max(self._sent_after(0) - self._clock.bytes_done, 0.0)

    @property
    def sent_in_round(self) -> tuple[int, float]:
        """Pages (the one in transit included) and bytes sent so far in the round under way."""
        return self._pages_done, self._clock.bytes_done

    # --- how it is done --------------------------------------------------------------------------

    @property
    def _plan(self) -> Turns:
        if self._turns is None:
            raise RuntimeError("the round has not been planned yet")
        return self._turns

    def _scan_order(self) -> PageIds:
        split = int(np.searchsorted(self._to_send, self._scan_from))
        if split == 0:
            return self._to_send
        return np.concatenate([self._to_send[split:], self._to_send[:split]])

    def _next_scan_start(self) -> int:
        if not self._strategy.cyclic or self._position == len(self._due):
            return 0
        return int(self._due[self._position])

    def _look_up_decisions(self) -> None:
        row = self._strategy.table(self.round_number)[1]
        if self._keeps_history:
            clean_code = (self._codes[self._due] << 1) & (len(row) - 1)
            self._if_clean, self._if_dirty = row[clean_code], row[clean_code | 1]
        else:
            self._if_clean = np.full(len(self._due), row[0])
            self._if_dirty = np.full(len(self._due), row[-1])
        self._send_clean = self._if_clean == Decision.SEND
        self._send_dirty = self._if_dirty == Decision.SEND

    def _turns_before_cut(self, undrained_bytes: float) -> int:
        """Return how many of the planned turns are taken before the log is read early."""
        waiting = len(self._due) - self._position
        if undrained_bytes <= 0:
            return waiting
        may_wait = int(np.ceil(undrained_bytes / self.page_wire_bytes)) - 1
        return max(waiting - max(may_wait, 0), 0)

    def _sent_after(self, turns: int) -> float:
        """Bytes of the round sent when so many of the planned turns are over."""
        plan = self._plan
        return float(plan.sent_bytes[turns]) if turns < len(plan.sent_bytes) else plan.end_bytes

    def _take(self, turns: int) -> None:
        """Make the first planned turns history and drop them from the plan."""
        if turns <= 0:
            return
        plan = self._plan
        taken = slice(self._position, self._position + turns)
        self._seen_dirty[taken] = plan.seen_dirty[:turns]
        if self._needs_turn_times:
            self._turn_time[taken] = self._clock.at_bytes(plan.sent_bytes[:turns])
        self._pages_done = round(self._sent_after(turns) / self.page_wire_bytes)
        self._remember_peek()
        self._position += turns
        self._turns = Turns(plan.seen_dirty[turns:], plan.sent_bytes[turns:], plan.end_bytes)
        self._turns_to_take -= turns

    def _remember_peek(self) -> None:
        """Keep the time of the look at the log that the batch under way shares."""
        batch = self._peeks.batch_pages
        if batch < 2:
            return
        start = self._pages_done - self._pages_done % batch
        if start > self._clock.batch_start_pages:
            peek = self._clock.at_bytes(np.float64(start * self.page_wire_bytes))
            self._clock.batch_start_pages = start
            self._clock.batch_peek = float(peek)

    def _dirty_after(self, sent_pages: PageIds, sent: NDArray[np.bool_]) -> PageIds:
        """Return the pages whose dirty bit is set after the round."""
        dirty = self._log.dirty_pages(self.now)
        if self.versions is not None:
            self._count_versions(sent_pages, self._turn_time[: self._position][sent], dirty)
        if self._strategy.clear == "round":
            return dirty
        cleared_at = self._clearing_times(sent_pages, self._turn_time[: self._position][sent])
        forgiven = self._log.first_write[sent_pages] <= cleared_at
        forgiven_pages = sent_pages[forgiven]
        again = self._writer.rewritten(forgiven_pages, cleared_at[forgiven], self.now)
        if self.versions is not None:
            self.versions.written(forgiven_pages[again])
        keep = np.ones(self.page_count, dtype=np.bool_)
        keep[forgiven_pages[~again]] = False
        return dirty[keep[dirty]]

    def _clearing_times(self, pages: PageIds, turn_time: Times) -> Times:
        if self._strategy.clear == "page":
            return turn_time
        chunk = pages // self._strategy.chunk_pages
        first = np.full(int(chunk.max(initial=-1)) + 1, np.inf)
        np.minimum.at(first, chunk, turn_time)
        return first[chunk]

    def _count_versions(self, sent: PageIds, turn_time: Times, dirty: PageIds) -> None:
        """Count a write before the turn, hand the page over, and count one after it.

        Where the log is cleared by whole rounds, a page written before its turn is taken to be
        written again after it: the log cannot tell, and must therefore keep it dirty.
        """
        assert self.versions is not None
        first = self._log.first_write[sent]
        before = sent[first <= turn_time]
        unsent = np.ones(self.page_count, dtype=np.bool_)
        unsent[sent] = False
        self.versions.written(dirty[unsent[dirty]])
        self.versions.written(before)
        self.versions.arrived(sent)
        self.versions.written(sent[(first > turn_time) & (first <= self.now)])
        if self._strategy.clear == "round":
            self.versions.written(before)

    def _settle(self, sent: PageIds, dirty: PageIds, deferred: PageIds) -> None:
        self._stale[sent] = False
        self._stale[dirty] = True
        if not self._present.all():
            self._stale &= self._present
        if len(deferred):
            if self._deferred is None:
                self._deferred = np.zeros(self.page_count, dtype=np.bool_)
            self._deferred[deferred] = True
        if self._strategy.carry == "due":
            due = self._stale
        else:
            due = np.zeros(self.page_count, dtype=np.bool_)
            due[dirty] = self._stale[dirty]
        if self._deferred is not None:
            due = due & ~self._deferred
        self._to_send = np.flatnonzero(due)
        self._shift_history(dirty)

    def _shift_history(self, dirty: PageIds) -> None:
        if self._keeps_history:
            np.add(self._codes, self._codes, out=self._codes)
            self._codes[dirty] |= 1


def _peek_fraction(strategy: Strategy) -> float:
    """Return how much of the way to a page's turn its decisive peek lies.

    With s evenly spaced peeks of a log that is not cleared in between, a page first written after
    peek j is seen dirty by s - j of them; the table says how many it tolerates.
    """
    if strategy.peeks == 1:
        return 1.0
    row = strategy.table(2)[1]
    tolerated = max(
        (seen for seen in range(strategy.peeks) if row[(1 << seen) - 1] == Decision.SEND),
        default=0,
    )
    return (strategy.peeks - tolerated) / strategy.peeks
