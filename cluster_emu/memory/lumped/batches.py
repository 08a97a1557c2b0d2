"""A live round whose pages share looks at the dirty log in batches, drawn batch by batch; exact.

At a look every page that waits is clean or dirty by its write class alone, so a batch is a few
draws: who is clean, and how far the scan gets until the batch is full. A batch whose look is past
stays as it is when the rate changes; those to come are drawn anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.due import Clearing, Due
from cluster_emu.memory.lumped.lots import FATE_OF_DECISION, Fate, Lots, undue
from cluster_emu.memory.lumped.path import TimePath
from cluster_emu.memory.turns import Peeks
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

MOST_BATCHES = 64
"""Batches a round may have to be drawn one by one where that is not needed for accuracy."""
STEEP = 0.1
"""Chance that a page is written between two looks from which batches must be drawn one by one."""
_ROUNDING = 1e-6


def need_drawing(
    due: Due, classes: PageClasses, peeks: Peeks, clearing: Clearing, pace: float
) -> bool:
    """Return whether a round's batches are to be drawn one by one.

    Args:
        due: what is due.
        classes: how often pages are written.
        peeks: how the log is looked at.
        clearing: when dirty bits are cleared.
        pace: operational seconds per page sent.
    """
    if peeks.batch_pages <= 1 or clearing.clear != "round":
        return False
    few = due.total <= MOST_BATCHES * peeks.batch_pages
    return few or bool(classes.writes_per_page_s.max() * pace * peeks.batch_pages > STEEP)


@dataclass(frozen=True, slots=True)
class Batch:
    """Pages that shared one look.

    Args:
        begins: pages of the round sent before it.
        sent: pages of it sent.
        chance: chance that a page of each class was clean at the look, [classes].
        clean: pages seen clean that had their turn, by kind, [due].
        dirty: pages seen dirty that had their turn, [due].
    """

    begins: int
    sent: int
    chance: Floats
    clean: Counts
    dirty: Counts

    @property
    def ends(self) -> int:
        """Pages of the round sent when it ends."""
        return self.begins + self.sent


class BatchRound:
    """A round in batches.

    Args:
        cells: all pages.
        due: what is due of them.
        classes: how often pages are written.
        peeks: how the log is looked at.
        unit_bytes: bytes of a page on the wire.
        rng: the stream to draw from.
    """

    end_is_known = True

    def __init__(
        self,
        cells: Cells,
        due: Due,
        classes: PageClasses,
        peeks: Peeks,
        unit_bytes: float,
        rng: np.random.Generator,
    ) -> None:
        self._cells = cells
        self._due = due
        self._classes = classes
        self._peeks = peeks
        self._unit_bytes = unit_bytes
        self._rng = rng
        self._path = TimePath()
        self._may_wait = 0
        self._batches: list[Batch] = []
        self._open = due.if_clean != due.if_dirty
        self._sent_clean = due.if_clean == Decision.SEND
        self._sent_dirty = due.if_dirty == Decision.SEND
        edges = np.searchsorted(due.rank, np.arange(len(due.share) + 1))
        self._kinds = [np.arange(*edges[j : j + 2]) for j in range(len(due.share))]

    # --- as a round under way --------------------------------------------------------------------

    @property
    def time(self) -> float:
        """Operational time since the round began."""
        return self._path.time

    def plan(self, time_per_byte: float, undrained_bytes: float) -> float:
        """Return the bytes the round still takes."""
        may_wait = 0
        if undrained_bytes > 0:
            may_wait = max(math.ceil(undrained_bytes / self._unit_bytes) - 1, 0)
        now = self._path.pages
        if may_wait == self._may_wait:
            self._batches = [one for one in self._batches if one.begins <= now]
        else:
            self._batches = [one for one in self._batches if one.ends <= now]
        self._may_wait = may_wait
        self._path.pace = time_per_byte * self._unit_bytes
        self._draw()
        if self._end_pages < self._begun_pages:
            return self.cut_short()  # more pages may wait than before: it should have ended
        return self._bytes_left

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        self._path.advance(sent_bytes / self._unit_bytes, elapsed)

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self._path.pages * self._unit_bytes

    @property
    def pages_sent(self) -> int:
        """Pages sent so far, the one in transit included."""
        return min(self._begun_pages, self._end_pages) if self._batches else self._begun_pages

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come, as if a batch's sends were spread evenly."""
        visited = 0.0
        for batch in self._batches:
            done = (self._path.pages - batch.begins) / max(batch.sent, 1)
            visited += float((batch.clean + batch.dirty).sum()) * min(max(done, 0.0), 1.0)
        return (float(self._due.total) - visited) * self._unit_bytes

    def cut_short(self) -> float:
        """End the round behind the page in transit; return the bytes that still takes."""
        if not self._batches or self._end_pages < self._begun_pages:
            self._batches = [one for one in self._batches if one.ends <= self._path.pages]
            self._may_wait = 0
            self._draw()
        sent = self._begun_pages
        kept = [one for one in self._batches if one.begins < sent]
        if kept and kept[-1].ends > sent:
            kept[-1] = self._shortened(kept[-1], sent - kept[-1].begins)
        self._batches = kept
        return self._bytes_left

    @property
    def _begun_pages(self) -> int:
        return math.ceil(self._path.pages - _ROUNDING)

    @property
    def _end_pages(self) -> int:
        return self._batches[-1].ends if self._batches else 0

    @property
    def _bytes_left(self) -> float:
        return max(self._end_pages - self._path.pages, 0.0) * self._unit_bytes

    # --- drawing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw batches until every page has had its turn, or few enough wait."""
        waiting = self._waiting()
        while int(waiting.sum()) > self._may_wait:
            look = float(self._path.times(np.array([float(self._end_pages)]))[0])
            chance = self._classes.clean_chance(look * self._peeks.fraction)
            batch = self._draw_batch(self._end_pages, waiting, chance)
            self._batches.append(batch)
            waiting -= batch.clean + batch.dirty

    def _waiting(self) -> Counts:
        """Return how many of each kind have not had their turn in any batch."""
        waiting = self._due.pages.copy()
        for batch in self._batches:
            waiting -= batch.clean + batch.dirty
        return waiting

    def _draw_batch(self, begins: int, waiting: Counts, chance: Floats) -> Batch:
        clean, dirty = np.zeros_like(waiting), np.zeros_like(waiting)
        to_visit = int(waiting.sum()) - self._may_wait
        to_send = self._peeks.batch_pages
        for kinds in self._kinds:
            pages = waiting[kinds]
            if to_visit < pages.sum():
                pages = self._rng.multivariate_hypergeometric(pages, to_visit, method="marginals")
            of_kind = np.where(self._open[kinds], chance[self._due.page_class[kinds]], 1.0)
            seen_clean = self._rng.binomial(pages, of_kind)
            sends = self._sent(kinds, seen_clean, pages - seen_clean)
            if sends >= to_send:
                first = self._first_sends(kinds, seen_clean, pages - seen_clean, to_send)
                clean[kinds], dirty[kinds] = first
                to_send = 0
                break
            clean[kinds], dirty[kinds] = seen_clean, pages - seen_clean
            to_send -= sends
            to_visit -= int(pages.sum())
            if to_visit <= 0:
                break
        return Batch(begins, self._peeks.batch_pages - to_send, chance, clean, dirty)

    def _sent(self, kinds: Counts, clean: Counts, dirty: Counts) -> int:
        sent = clean * self._sent_clean[kinds] + dirty * self._sent_dirty[kinds]
        return int(sent.sum())

    def _first_sends(
        self, kinds: Counts, clean: Counts, dirty: Counts, to_send: int
    ) -> tuple[Counts, Counts]:
        """Return who of pages in random order comes until so many of them are sent.

        Places are independent and uniform, so the last send's is an order statistic of the sends,
        and every other page comes before it with that chance.
        """
        met = np.concatenate([clean, dirty])
        sends = np.concatenate([self._sent_clean[kinds], self._sent_dirty[kinds]])
        all_sends = int(met[sends].sum())
        place = float(self._rng.beta(to_send, all_sends - to_send + 1))
        kept = self._rng.binomial(met, np.where(sends, 0.0, place))
        kept[sends] = self._rng.multivariate_hypergeometric(met[sends], to_send, method="marginals")
        first_clean, first_dirty = np.split(kept, 2)
        return first_clean, first_dirty

    def _shortened(self, batch: Batch, to_send: int) -> Batch:
        """Return a batch that ends as soon as so many of its pages are sent, at least one."""
        clean, dirty = np.zeros_like(batch.clean), np.zeros_like(batch.dirty)
        left = to_send
        for kinds in self._kinds:
            here = batch.clean[kinds], batch.dirty[kinds]
            sends = self._sent(kinds, *here)
            if sends >= left:
                clean[kinds], dirty[kinds] = self._first_sends(kinds, *here, left)
                break
            clean[kinds], dirty[kinds] = here
            left -= sends
        return Batch(batch.begins, to_send, batch.chance, clean, dirty)

    # --- the end ---------------------------------------------------------------------------------

    def end(self, elapsed: float) -> Lots:
        """Finish the round as planned and return what became of all pages."""
        self._path.advance(self._bytes_left / self._unit_bytes, elapsed)
        by_the_end = self._classes.clean_chance(self.time)
        waiting, due = self._waiting(), self._due
        of = partial(Lots.of, self._cells)
        waits = np.full(len(waiting), int(Fate.UNVISITED))
        parts = [
            undue(self._cells, by_the_end),
            of(due.cell, waits, waiting, by_the_end[due.page_class]),
        ]
        for batch in self._batches:
            since = np.minimum(by_the_end / np.maximum(batch.chance, 1e-300), 1.0)
            seen_clean = np.where(self._open, since[due.page_class], by_the_end[due.page_class])
            never = np.zeros(len(waiting))
            parts.append(of(due.cell, FATE_OF_DECISION[due.if_clean], batch.clean, seen_clean))
            parts.append(of(due.cell, FATE_OF_DECISION[due.if_dirty], batch.dirty, never))
        return Lots.joined(parts)

    def visited_of(self, rank: int) -> int:
        """Return how many pages of a stretch have had their turn."""
        kinds = self._kinds[rank]
        return int((self._due.pages - self._waiting())[kinds].sum())

    @property
    def unvisited(self) -> int:
        """Pages whose turn did not come."""
        return int(self._waiting().sum())
