"""A live round with few pages due: they get first-write times of their own and are scanned."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.base import RateEffect
from cluster_emu.memory.lumped.cells import Cells, Labels
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.due import Clearing, Due
from cluster_emu.memory.lumped.lots import FATE_OF_DECISION, FATE_OF_FLAG, Fate, Lots, add_undue
from cluster_emu.memory.lumped.writing import Writing
from cluster_emu.strategies.contract import Decision, PeekSchedule

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEW_PAGES = 768
"""Pages due up to which a scan of them all costs no more than drawing how many fare how."""
_SEND = int(Decision.SEND)
_UNVISITED = int(Fate.UNVISITED)
_FATES = len(Fate)


class FewPages:
    """A round in which every page that is due is a page again; exact.

    Which of the pages of one kind comes first makes no difference, so they are dealt out anew.

    Args:
        cells: all pages.
        due: what is due of them.
        writing: how often pages are written.
        peeks: how the log is looked at.
        clearing: when the dirty bit of a page that is sent is cleared.
        unit_bytes: bytes of a page on the wire.
        rng: the stream to draw from.
    """

    end_is_known = True
    rate_effect = RateEffect.ANY

    def __init__(
        self,
        cells: Cells,
        due: Due,
        writing: Writing,
        peeks: PeekSchedule,
        clearing: Clearing,
        unit_bytes: float,
        rng: np.random.Generator,
    ) -> None:
        self._cells = cells
        self._due = due
        self._writing = writing
        self._clearing = clearing
        self._rng = rng
        self._unit_bytes = unit_bytes
        self._peeks = peeks
        self.time = 0.0
        self.bytes_sent = 0.0
        count = int(due.total)
        # for each page its row of what is due, write class, and decision if seen clean or dirty
        self._page, self._place = _dealt_out(due.kind, due.pages, rng.random(count))
        self._row, self._if_clean, self._if_dirty = self._page[0], self._page[2], self._page[3]
        self._first_write = self._draw_first_writes()
        self._noticed = self._first_write / peeks.fraction
        # planned for those whose turn has not come, history for the others
        self._sees_dirty = np.zeros(count, dtype=np.bool_)
        self._turn_time = np.zeros(count)
        self._sent_before = np.zeros(count + 1, dtype=np.int64)
        self._position = 0
        self._stop_at = count
        self._pace: float | None = None
        self._batch_start = 0
        self._batch_look = 0.0

    def _draw_first_writes(self) -> Floats:
        count = len(self._row)
        level = self._rng.standard_exponential(count)
        first = self._writing.first_writes(self._page[1], level)
        if self._writing.given_share > 0:
            first[self._rng.random(count) < self._writing.given_share] = 0.0
        return first

    def plan(self, time_per_byte: float, sync_threshold_bytes: float) -> float:
        """Return the bytes the round still takes."""
        self._pace = time_per_byte
        _scan_on(
            self._position,
            self._noticed,
            self._if_clean,
            self._if_dirty,
            self._peeks.batch_pages,
            self._batch_start,
            self._batch_look,
            self.time,
            self.bytes_sent,
            self._unit_bytes,
            time_per_byte,
            self._sees_dirty,
            self._turn_time,
            self._sent_before,
        )
        may_wait = 0
        if sync_threshold_bytes > 0:
            may_wait = max(math.ceil(sync_threshold_bytes / self._unit_bytes) - 1, 0)
        self._stop_at = max(len(self._row) - may_wait, self._position)
        return self._bytes_left

    @property
    def _bytes_left(self) -> float:
        end_bytes = int(self._sent_before[self._stop_at]) * self._unit_bytes
        return max(end_bytes - self.bytes_sent, 0.0)

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        if sent_bytes > 0:
            bytes_sent = self.bytes_sent + sent_bytes
            sent = bytes_sent / self._unit_bytes
            turns = int(np.searchsorted(self._sent_before[:-1], sent, side="right"))
            self._position = max(min(turns, self._stop_at), self._position)
            self._remember_look(bytes_sent)
            self.bytes_sent = bytes_sent
        self.time += elapsed

    def _remember_look(self, bytes_sent: float) -> None:
        """Keep the time of the look at the log that the batch under way shares."""
        batch = self._peeks.batch_pages
        if batch < 2:
            return
        start = self.pages_sent - self.pages_sent % batch
        if start * self._unit_bytes > bytes_sent:
            start -= batch  # its last page is still in transit
        if start > self._batch_start:
            assert self._pace is not None, "bytes are sent by a plan"
            ahead = max(start * self._unit_bytes - self.bytes_sent, 0.0)
            self._batch_look = self.time + ahead * self._pace
            self._batch_start = start

    def cut_short(self) -> float:
        """End the round behind the page in transit; return the bytes that still takes."""
        if self._pace is None:
            self.plan(0.0, 0.0)
        self._stop_at = self._position
        return self._bytes_left

    @property
    def pages_sent(self) -> int:
        """Pages sent so far, the one in transit included."""
        return int(self._sent_before[self._position])

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come."""
        return (len(self._row) - self._position) * self._unit_bytes

    def end(self, elapsed: float) -> Lots:
        """Finish the round as planned and return what became of all pages."""
        self.bytes_sent += self._bytes_left
        self._position = max(self._stop_at, self._position)
        self.time += elapsed
        dirty = self._first_write <= self.time
        if self._clearing.clear != "round":
            self._forgive(dirty)
        return Lots(
            *_lots_of(
                self._due.kind,
                self._cells.kind,
                self._cells.pages,
                self._page,
                self._sees_dirty,
                self._position,
                dirty,
                self._writing.clean_chance(self.time),
                FATE_OF_DECISION,
                FATE_OF_FLAG,
            )
        )

    def _forgive(self, dirty: Flags) -> None:
        """Clear the bits of pages written only before they were cleared in mid-round."""
        had_turn = slice(0, self._position)
        decision = np.where(
            self._sees_dirty[had_turn], self._if_dirty[had_turn], self._if_clean[had_turn]
        )
        sent = np.flatnonzero(decision == _SEND)
        cleared_at = self._turn_time[sent]
        if self._clearing.clear == "chunk":
            rank = self._due.rank[self._row[sent]]
            within = self._place[sent] - rank
            chunk = self._clearing.chunk_of(self._due.begins[rank] + within * self._due.share[rank])
            first = np.full(int(chunk.max(initial=-1)) + 1, np.inf)
            np.minimum.at(first, chunk, cleared_at)
            cleared_at = first[chunk]
        early = self._first_write[sent] <= cleared_at
        page_class = self._page[1, sent]
        chance = -np.expm1(-self._writing.expected_of(page_class, cleared_at, self.time))
        again = self._rng.random(len(sent)) < chance
        if self._writing.given_share == 0:  # a bit given for the whole round has no time
            dirty[sent[early & ~again]] = False

    def visited_of(self, rank: int) -> int:
        """Return how many pages of a stretch have had their turn."""
        visited = self._due.rank[self._row[: self._position]]
        return int(np.count_nonzero(visited == rank))

    @property
    def unvisited(self) -> int:
        """Pages whose turn did not come."""
        return len(self._row) - self._position


@compiled
def _dealt_out(due: Labels, pages: Labels, uniform: Floats) -> tuple[Labels, Floats]:
    """Put the pages into random order within each stretch.

    Args:
        due: `Due.kind`, [5, due].
        pages: pages of each kind, [due].
        uniform: a variate for each page.

    Returns:
        Row in `due`, write class, and decisions if seen clean and dirty, [4, pages]; the place of
        each, a stretch being one long, [pages].
    """
    row, place = np.empty(len(uniform), dtype=np.int64), uniform.copy()
    count = 0
    for d in range(len(pages)):
        for _ in range(pages[d]):
            row[count] = d
            place[count] += due[2, d]
            count += 1
    order = np.argsort(place)
    dealt = np.empty((4, count), dtype=np.int64)
    for i in range(count):
        d = row[order[i]]
        dealt[0, i], dealt[1, i], dealt[2, i], dealt[3, i] = d, due[1, d], due[3, d], due[4, d]
    return dealt, place[order]


@compiled
def _scan_on(
    position: int,
    noticed: Floats,
    if_clean: Labels,
    if_dirty: Labels,
    batch: int,
    batch_start: int,
    batch_look: float,
    time: float,
    bytes_sent: float,
    unit_bytes: float,
    time_per_byte: float,
    sees_dirty: Flags,
    turn_time: Floats,
    sent_before: Labels,
) -> None:
    """Plan everybody's turn from a position on, at a constant pace.

    Args:
        position: the first page whose turn has not come.
        noticed: from what time on a look finds each page dirty, [pages].
        if_clean: decision for each page if it is seen clean, [pages].
        if_dirty: decision if it is seen dirty, [pages].
        batch: pages sent that share a look; 0 for no looks.
        batch_start: pages sent when the batch under way began.
        batch_look: when it looked.
        time: operational time by now.
        bytes_sent: bytes sent by now.
        unit_bytes: bytes of a page.
        time_per_byte: operational seconds per byte from now on.
        sees_dirty: whether each page is seen dirty; written, [pages].
        turn_time: when its turn is; written, [pages].
        sent_before: pages sent before its turn; written, [pages + 1].
    """
    sent = sent_before[position]
    for i in range(position, len(noticed)):
        sent_before[i] = sent
        ahead = max(sent * unit_bytes - bytes_sent, 0.0)
        turn_time[i] = time + ahead * time_per_byte
        decision = if_clean[i]
        if batch > 0 and if_clean[i] != if_dirty[i]:
            look = turn_time[i]
            if batch > 1:
                if sent >= batch_start + batch:
                    batch_start = sent // batch * batch
                    ahead = max(batch_start * unit_bytes - bytes_sent, 0.0)
                    batch_look = time + ahead * time_per_byte
                look = batch_look
            sees_dirty[i] = noticed[i] <= look
            if sees_dirty[i]:
                decision = if_dirty[i]
        if decision == _SEND:
            sent += 1
    sent_before[len(noticed)] = sent


@compiled
def _lots_of(
    due: Labels,
    cells: Labels,
    pages_of_cell: Labels,
    page: Labels,
    sees_dirty: Flags,
    position: int,
    dirty: Flags,
    by_the_end: Floats,
    fates: Labels,
    undue_fates: Labels,
) -> tuple[Labels, Labels, Floats]:
    """Return the lots of all pages; whose bit is set at the end is known for those that were due.

    Args:
        due: `Due.kind`, [5, due].
        cells: `Cells.kind`, [4, cells].
        pages_of_cell: pages of each cell, [cells].
        page: as dealt out, [4, pages].
        sees_dirty: whether each is seen dirty, [pages].
        position: how many have had their turn.
        dirty: whether its bit is set, [pages].
        by_the_end: chance of each class not to be written in the round, [labels].
        fates: `FATE_OF_DECISION`.
        undue_fates: `FATE_OF_FLAG`.
    """
    kinds = due.shape[1]
    count = np.zeros((kinds, _FATES, 2), dtype=np.int64)
    for i in range(page.shape[1]):
        fate = _UNVISITED
        if i < position:
            fate = fates[page[3, i] if sees_dirty[i] else page[2, i]]
        count[page[0, i], fate, 1 if dirty[i] else 0] += 1
    most = len(pages_of_cell) - kinds + int(np.sum(count > 0))
    lot, pages, chance = np.empty((3, most), np.int64), np.empty(most, np.int64), np.empty(most)
    lots = 0
    for d in range(kinds):
        for fate in range(_FATES):
            for bit in range(2):
                if count[d, fate, bit] > 0:
                    cell = due[0, d]
                    lot[0, lots], lot[1, lots], lot[2, lots] = cell, fate, cells[0, cell]
                    pages[lots], chance[lots] = count[d, fate, bit], 1.0 - bit
                    lots += 1
    add_undue(lots, lot, pages, chance, cells, pages_of_cell, by_the_end, undue_fates)
    return lot, pages, chance
