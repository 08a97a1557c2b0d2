"""A live round with few pages due: they get first-write times of their own and are scanned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.sizes import PageSizes
from cluster_emu.memory.log import NEVER, DirtyLog
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.due import Clearing, Due
from cluster_emu.memory.lumped.lots import FATE_OF_DECISION, Fate, Lots
from cluster_emu.memory.scan import RoundScan
from cluster_emu.memory.turns import Peeks
from cluster_emu.strategies.contract import Decision

FEW_PAGES = 768
"""Pages due up to which a scan of them all costs no more than drawing how many fare how."""


class FewPages:
    """A round in which every page that is due is a page again; exact.

    Which of the pages of one kind comes first makes no difference, so they are dealt out anew.

    Args:
        due: what is due.
        classes: how often pages are written.
        peeks: how the log is looked at.
        clearing: when the dirty bit of a page that is sent is cleared.
        unit_bytes: bytes of a page on the wire.
        rng: the stream to draw from.
    """

    end_is_known = True

    def __init__(
        self,
        due: Due,
        classes: PageClasses,
        peeks: Peeks,
        clearing: Clearing,
        unit_bytes: float,
        rng: np.random.Generator,
    ) -> None:
        self._due = due
        self._classes = classes
        self._clearing = clearing
        self._rng = rng
        self.time = 0.0
        row = np.repeat(np.arange(len(due.pages)), due.pages)
        place = due.rank[row] + rng.random(len(row))
        order = np.argsort(place)
        self._row, self._place = row[order], place[order]
        self._log = DirtyLog(len(row))
        self._first_write = self._draw_first_writes()
        self._scan = RoundScan(
            np.arange(len(row)),
            due.if_clean[self._row],
            due.if_dirty[self._row],
            peeks,
            PageSizes(len(row), unit_bytes),
            0.0,
            keep_turn_times=clearing.clear != "round",
        )

    def _draw_first_writes(self) -> NDArray[np.float64]:
        count = len(self._row)
        rate = self._classes.writes_per_page_s[self._due.page_class[self._row]]
        wait = self._rng.standard_exponential(count)
        first = np.full(count, NEVER)
        np.divide(wait, rate, out=first, where=rate > 0)
        if self._classes.given_share > 0:
            first[self._rng.random(count) < self._classes.given_share] = 0.0
        return first

    def plan(self, time_per_byte: float, undrained_bytes: float) -> float:
        """Return the bytes the round still takes."""
        return self._scan.plan(time_per_byte, undrained_bytes, self._log_until)

    def _log_until(self, until: float) -> DirtyLog:
        written = self._first_write <= until
        self._log.first_write[:] = np.where(written, self._first_write, NEVER)
        return self._log

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        self.time += elapsed
        self._scan.advance(sent_bytes, self.time)

    def cut_short(self) -> float:
        """End the round behind the page in transit; return the bytes that still takes."""
        if not self._scan.is_planned:
            self.plan(0.0, 0.0)
        self._scan.cut_short()
        return self._scan.bytes_left

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self._scan.bytes_sent

    @property
    def pages_sent(self) -> int:
        """Pages sent so far, the one in transit included."""
        return self._scan.pages_sent

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come."""
        return self._scan.bytes_waiting

    def end(self, elapsed: float) -> Lots:
        """Finish the round as planned and return what became of the pages that were due."""
        self._scan.end()
        self.time += elapsed
        decision = self._scan.decisions()
        fate = np.full(len(self._row), Fate.UNVISITED, dtype=np.int64)
        fate[: len(decision)] = FATE_OF_DECISION[decision]
        dirty = self._first_write <= self.time
        if self._clearing.clear != "round":
            self._forgive(dirty, decision == Decision.SEND)
        return self._counted(fate, dirty)

    def _forgive(self, dirty: NDArray[np.bool_], is_sent: NDArray[np.bool_]) -> None:
        """Clear the bits of pages written only before they were cleared in mid-round."""
        sent = np.flatnonzero(is_sent)
        cleared_at = self._scan.turn_times()[sent]
        if self._clearing.clear == "chunk":
            rank = self._due.rank[self._row[sent]]
            within = self._place[sent] - rank
            chunk = self._clearing.chunk_of(self._due.begins[rank] + within * self._due.share[rank])
            first = np.full(int(chunk.max(initial=-1)) + 1, np.inf)
            np.minimum.at(first, chunk, cleared_at)
            cleared_at = first[chunk]
        early = self._first_write[sent] <= cleared_at
        rate = self._classes.writes_per_page_s[self._due.page_class[self._row[sent]]]
        chance = -np.expm1(-rate * np.maximum(self.time - cleared_at, 0.0))
        again = self._rng.random(len(sent)) < chance
        if self._classes.given_share == 0:  # a bit given for the whole round has no time
            dirty[sent[early & ~again]] = False

    def _counted(self, fate: NDArray[np.int64], dirty: NDArray[np.bool_]) -> Lots:
        key = (self._row * len(Fate) + fate) * 2 + dirty
        found, pages = np.unique(key, return_counts=True)
        row, fate = np.divmod(found >> 1, len(Fate))
        return Lots(self._due.cell[row], fate, pages, 1.0 - (found & 1))

    def visited_of(self, rank: int) -> int:
        """Return how many pages of a stretch have had their turn."""
        visited = self._due.rank[self._row[: self._scan.position]]
        return int(np.count_nonzero(visited == rank))

    @property
    def unvisited(self) -> int:
        """Pages whose turn did not come."""
        return len(self._row) - self._scan.position
