"""A live round whose pages share looks at the dirty log in batches, drawn batch by batch; exact.

At a look every page that waits is clean or dirty by its write class alone, so a batch is a few
draws: who is clean, and how far the scan gets until the batch is full. A batch whose look is past
stays as it is when the rate changes; those to come are drawn anew.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.base import RateEffect
from cluster_emu.memory.lumped.batch_draws import (
    Batches,
    draw_batches,
    first_sends,
    lots_of_batches,
    most_taken,
)
from cluster_emu.memory.lumped.cells import Cells
from cluster_emu.memory.lumped.drawing import SUMMED_UP_TO
from cluster_emu.memory.lumped.due import Clearing, Due
from cluster_emu.memory.lumped.lots import FATE_OF_DECISION, FATE_OF_FLAG, Lots
from cluster_emu.memory.lumped.path import TimePath
from cluster_emu.memory.lumped.writing import Writing
from cluster_emu.strategies.contract import PeekSchedule

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

MOST_BATCHES = 64
"""Batches a round may have to be drawn one by one where that is not needed for accuracy."""
STEEP = 0.1
"""Chance that a page is written between two looks from which batches must be drawn one by one."""
AT_ONCE = 32
"""Batches drawn by one call, about."""
_ROUNDING = 1e-6


def need_drawing(
    due: Due, writing: Writing, peeks: PeekSchedule, clearing: Clearing, pace: float
) -> bool:
    """Return whether a round's batches are to be drawn one by one.

    Args:
        due: what is due.
        writing: how often pages are written.
        peeks: how the log is looked at.
        clearing: when dirty bits are cleared.
        pace: operational seconds per page sent.
    """
    if peeks.batch_pages <= 1 or clearing.clear != "round":
        return False
    few = due.total <= MOST_BATCHES * peeks.batch_pages
    return few or bool(writing.highest_rate * pace * peeks.batch_pages > STEEP)


class BatchRound:
    """A round in batches.

    Args:
        cells: all pages.
        due: what is due of them.
        writing: how often pages are written.
        peeks: how the log is looked at.
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
        unit_bytes: float,
        rng: np.random.Generator,
    ) -> None:
        self._cells = cells
        self._due = due
        self._writing = writing
        self._peeks = peeks
        self._unit_bytes = unit_bytes
        self._rng = rng
        self._path = TimePath()
        self._may_wait = 0
        self._batches = Batches.none(len(due.pages), len(writing.rates))
        self._waiting = due.pages

    # --- as a round under way --------------------------------------------------------------------

    @property
    def time(self) -> float:
        """Operational time since the round began."""
        return self._path.time

    def plan(self, time_per_byte: float, sync_threshold_bytes: float) -> float:
        """Return the bytes the round still takes."""
        may_wait = 0
        if sync_threshold_bytes > 0:
            may_wait = max(math.ceil(sync_threshold_bytes / self._unit_bytes) - 1, 0)
        now, batches = self._path.pages, self._batches
        looked = batches.begins if may_wait == self._may_wait else batches.ends
        self._keep(int(np.searchsorted(looked, now, side="right")))
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
        return min(self._begun_pages, self._end_pages) if self._batches.total else self._begun_pages

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come, as if a batch's sends were spread evenly."""
        batches = self._batches
        done = (self._path.pages - batches.begins) / np.maximum(batches.ends - batches.begins, 1)
        visited = (batches.seen.sum(axis=(1, 2)) * np.clip(done, 0.0, 1.0)).sum()
        return (float(self._due.total) - float(visited)) * self._unit_bytes

    def cut_short(self) -> float:
        """End the round behind the page in transit; return the bytes that still takes."""
        if not self._batches.total or self._end_pages < self._begun_pages:
            self._keep(int(np.searchsorted(self._batches.ends, self._path.pages, side="right")))
            self._may_wait = 0
            self._draw()
        sent = self._begun_pages
        self._keep(int(np.searchsorted(self._batches.begins, sent, side="left")))
        if self._end_pages > sent:
            self._shorten_last(sent)
        return self._bytes_left

    @property
    def _begun_pages(self) -> int:
        return math.ceil(self._path.pages - _ROUNDING)

    @property
    def _end_pages(self) -> int:
        return int(self._batches.ends[-1]) if self._batches.total else 0

    @property
    def _bytes_left(self) -> float:
        return max(self._end_pages - self._path.pages, 0.0) * self._unit_bytes

    # --- drawing ---------------------------------------------------------------------------------

    def _keep(self, count: int) -> None:
        """Forget all but the first batches."""
        if count < self._batches.total:
            self._batches = self._batches.first(count)
            self._waiting = self._due.pages - self._batches.seen.sum(axis=(0, 1))

    def _draw(self) -> None:
        """Draw batches until every page has had its turn, or few enough wait."""
        path = self._path
        while int(self._waiting.sum()) > self._may_wait:
            drawn = Batches(
                *draw_batches(
                    self._due.kind,
                    self._waiting,
                    self._may_wait,
                    self._end_pages,
                    self._peeks.batch_pages,
                    self._peeks.fraction,
                    self._writing.rates,
                    self._writing.sets,
                    self._writing.not_given,
                    path.corners,
                    path.pace,
                    self._rng.standard_normal(self._variates()),
                )
            )
            self._batches = self._batches.joined(drawn)
            self._waiting = self._waiting - drawn.seen.sum(axis=(0, 1))

    def _variates(self) -> int:
        """Return how many variates to draw for the batches that are likely to be left."""
        kinds = len(self._waiting)
        batches = int(self._waiting.sum()) // self._peeks.batch_pages
        return most_taken(kinds) + min(batches, AT_ONCE) * (kinds + 2 * SUMMED_UP_TO)

    def _shorten_last(self, end: int) -> None:
        """Let the last batch end as soon as so many pages of the round are sent."""
        batches = self._batches
        to_send = end - int(batches.begins[-1])
        seen = first_sends(
            self._due.kind,
            batches.seen[-1],
            to_send,
            self._rng.standard_normal(most_taken(len(self._waiting))),
        )
        self._waiting = self._waiting + (batches.seen[-1] - seen).sum(axis=0)
        batches.seen[-1] = seen
        batches.ends[-1] = end

    # --- the end ---------------------------------------------------------------------------------

    def end(self, elapsed: float) -> Lots:
        """Finish the round as planned and return what became of all pages."""
        self._path.advance(self._bytes_left / self._unit_bytes, elapsed)
        by_the_end = self._writing.clean_chance(self.time)
        lots = lots_of_batches(
            self._due.kind,
            self._cells.kind,
            self._cells.pages,
            self._batches.seen,
            self._batches.chance,
            self._waiting,
            by_the_end,
            FATE_OF_DECISION,
            FATE_OF_FLAG,
        )
        return Lots(*lots)

    def visited_of(self, rank: int) -> int:
        """Return how many pages of a stretch have had their turn."""
        return int((self._due.pages - self._waiting)[self._due.rank == rank].sum())

    @property
    def unvisited(self) -> int:
        """Pages whose turn did not come."""
        return int(self._waiting.sum())
