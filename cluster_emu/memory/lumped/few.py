"""A live round with few pages due: they get first-write times of their own and are scanned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Labels
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.due import Clearing, Due
from cluster_emu.memory.lumped.lots import FATE_OF_DECISION, Fate, Lots, undue
from cluster_emu.memory.lumped.writing import Writing
from cluster_emu.memory.rate_effect import RateEffect
from cluster_emu.memory.turns import Peeks
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEW_PAGES = 768
"""Pages due up to which a scan of them all costs no more than drawing how many fare how."""
_SEND = int(Decision.SEND)
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
        peeks: Peeks,
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
        count = len(self._deal())
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

    def _deal(self) -> Labels:
        due = self._due
        row = np.repeat(np.arange(len(due.pages)), due.pages)
        place = due.rank[row] + self._rng.random(len(row))
        order = np.argsort(place)
        self._row, self._place = row[order], place[order]
        self._if_clean, self._if_dirty = due.if_clean[self._row], due.if_dirty[self._row]
        return self._row

    def _draw_first_writes(self) -> Floats:
        count = len(self._row)
        level = self._rng.standard_exponential(count)
        first = self._writing.first_writes(self._due.page_class[self._row], level)
        if self._writing.given_share > 0:
            first[self._rng.random(count) < self._writing.given_share] = 0.0
        return first

    def plan(self, time_per_byte: float, undrained_bytes: float) -> float:
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
        if undrained_bytes > 0:
            may_wait = max(math.ceil(undrained_bytes / self._unit_bytes) - 1, 0)
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
        ended = Lots.of(
            self._cells,
            *_counted(
                self._row,
                self._if_clean,
                self._if_dirty,
                self._sees_dirty,
                self._position,
                dirty,
                self._due.cell,
                FATE_OF_DECISION,
            ),
        )
        return Lots.joined([ended, undue(self._cells, self._writing.clean_chance(self.time))])

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
        page_class = self._due.page_class[self._row[sent]]
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
def _counted(
    row: Labels,
    if_clean: Labels,
    if_dirty: Labels,
    sees_dirty: Flags,
    position: int,
    dirty: Flags,
    cell_of_row: Labels,
    fates: Labels,
) -> tuple[Any, Any, Any, Any]:
    """Return cell, fate, pages and chance of a clean bit (0 or 1) of each lot."""
    count = np.zeros(len(cell_of_row) * _FATES * 2, dtype=np.int64)
    for i in range(len(row)):
        fate = _FATES - 1
        if i < position:
            fate = fates[if_dirty[i] if sees_dirty[i] else if_clean[i]]
        count[(row[i] * _FATES + fate) * 2 + (1 if dirty[i] else 0)] += 1
    kept = np.flatnonzero(count)
    cell, fate_of = np.empty_like(kept), np.empty_like(kept)
    for lot in range(len(kept)):
        which, fate_of[lot] = divmod(kept[lot] >> 1, _FATES)
        cell[lot] = cell_of_row[which]
    return cell, fate_of, count[kept], 1.0 - (kept & 1)
