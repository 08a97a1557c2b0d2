"""A live round with many pages due: it is drawn kind by kind from its mean course.

Nothing is drawn before the round is nearly over, so that a change of rate or intensity only moves
the predicted end. Then the stretches of the address space are drawn one after the other, each from
the time at which the scan really came to it.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.base import RateEffect
from cluster_emu.memory.lumped.batches import MOST_BATCHES, STEEP
from cluster_emu.memory.lumped.cells import Cells
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.due import Clearing, Due
from cluster_emu.memory.lumped.expected import ROUGH, SMOOTH, Course, Looks, mean_course
from cluster_emu.memory.lumped.lots import FATE_OF_DECISION, FATE_OF_FLAG, Lots
from cluster_emu.memory.lumped.many_lots import PARTS, dealt_out, lots_of_many
from cluster_emu.memory.lumped.path import SAME_PACE, TimePath
from cluster_emu.memory.lumped.strata import MOST_STRATA
from cluster_emu.memory.lumped.stretches import Drawn, StretchDraws
from cluster_emu.memory.lumped.writing import Writing
from cluster_emu.strategies.contract import PeekSchedule

Floats = NDArray[np.float64]

EARLY_SDS = 5.0
EARLY_SHARE = 0.005
"""A round is drawn that many standard deviations, and that share of it, before its mean end; from
then on its rate is taken to stay for what decisions depend on."""
AT_ONCE_PAGES = 1.0
"""A time to draw less than so much ahead has come: a clock may not tell it from the present."""
CHUNK_POINTS = 16
"""Points of a stretch at which it is asked when its chunk is cleared."""
TURN_POINTS = 128
"""Points of a stretch between which turns are taken to be spread evenly in time."""
_ONES = np.ones(MOST_STRATA)
_ROUNDING = 1e-6


class ManyPages:
    """A round in closed form.

    Args:
        cells: all pages.
        due: what is due of them.
        writing: how often pages are written.
        peeks: how the log is looked at.
        clearing: when the dirty bit of a page that is sent is cleared.
        unit_bytes: bytes of a page on the wire.
        draws: the stream to draw from, or the mean field.
    """

    def __init__(
        self,
        cells: Cells,
        due: Due,
        writing: Writing,
        peeks: PeekSchedule,
        clearing: Clearing,
        unit_bytes: float,
        draws: Draws,
    ) -> None:
        self._cells = cells
        self._due = due
        self._writing = writing
        self._peeks = peeks
        self._clearing = clearing
        self._unit_bytes = unit_bytes
        self._draws = StretchDraws(due, writing, draws)
        self._is_random = draws.is_random
        self._variates = draws.variates
        self._stretches = len(due.share)
        self._whole = _ONES[: self._stretches]
        self._path = TimePath()
        self._planned_for: tuple[float, float] | None = None
        self._share = self._whole
        self._course: Course | None = None
        self._drawn: Drawn | None = None

    # --- as a round under way --------------------------------------------------------------------

    @property
    def time(self) -> float:
        """Operational time since the round began."""
        return self._path.time

    @property
    def end_is_known(self) -> bool:
        """Whether what `plan` returned last is the end, not only a time to plan again."""
        return self._drawn is not None

    @property
    def rate_effect(self) -> RateEffect:
        """What another rate does to the bytes planned; once drawn, the round may be drawn anew."""
        if self._drawn is not None or self._is_sent_if_dirty:
            return RateEffect.ANY
        return RateEffect.BOUNDED

    @property
    def _is_sent_if_dirty(self) -> bool:
        return bool(self._due.sendable[2].any())

    def plan(self, time_per_byte: float, sync_threshold_bytes: float) -> float:
        """Return the bytes until the round ends, or until it can be known when it does."""
        if self._planned_for != (time_per_byte, sync_threshold_bytes):
            self._planned_for = time_per_byte, sync_threshold_bytes
            self._path.pace = time_per_byte * self._unit_bytes
            self._course = self._drawn = None
            self._share = self._share_to_visit(sync_threshold_bytes)
        if self._drawn is None:
            share = self._share
            if not self._due.looks_matter and share is self._whole:
                self._drawn = self._draws.draw_unseen(share)
                return self._bytes_left
            course = self._find_course(share)
            early = float(course.bounds[-1]) - self._margin(course)
            if self._is_random and early > self._path.pages + AT_ONCE_PAGES:
                return (early - self._path.pages) * self._unit_bytes
            self._drawn = self._draw(course, share)
            if self._end_pages < self._begun_pages:
                self._drawn = None  # more pages may wait than before: it should have ended
                return self.cut_short()
        return self._bytes_left

    @cached_property
    def _in_stretch(self) -> list[float]:
        """Pages that are due of each stretch."""
        in_stretch: list[float] = self._due.sendable[3].sum(axis=1).tolist()
        return in_stretch

    def _share_to_visit(self, sync_threshold_bytes: float) -> Floats:
        """Return what share of each stretch has its turn before few enough pages wait."""
        if sync_threshold_bytes <= 0:
            return self._whole
        may_wait = max(math.ceil(sync_threshold_bytes / self._unit_bytes) - 1, 0)
        visits = max(float(self._due.total) - may_wait, 0.0)
        share = []
        for pages in self._in_stretch:
            share.append(min(visits / max(pages, 1.0), 1.0))
            visits = max(visits - pages, 0.0)
        return np.array(share)

    def _margin(self, course: Course) -> float:
        """Return how many pages before its mean end the round is to be drawn."""
        return EARLY_SDS * math.sqrt(course.uncertain) / 2 + EARLY_SHARE * float(course.bounds[-1])

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass."""
        pages = sent_bytes / self._unit_bytes
        if abs(elapsed - pages * self._path.pace) > SAME_PACE * elapsed:
            self._planned_for = None  # a stall: the course was found for another pace
        self._path.advance(pages, elapsed)

    @property
    def bytes_sent(self) -> float:
        """Bytes on the wire so far."""
        return self._path.pages * self._unit_bytes

    @property
    def pages_sent(self) -> int:
        """Pages sent so far, the one in transit included."""
        begun = self._begun_pages
        return begun if self._drawn is None else min(begun, round(self._end_pages))

    @property
    def _begun_pages(self) -> int:
        return math.ceil(self._path.pages - _ROUNDING)

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come, in the mean course of the round."""
        course = self._course or self._find_course(self._whole)
        now, waiting = self._path.pages, float(self._due.total)
        bounds, shares = course.bounds.tolist(), course.share.tolist()
        for j, pages in enumerate(self._in_stretch):
            visited = pages * shares[j]
            if bounds[j + 1] > now:
                sent_share = (now - bounds[j]) / (bounds[j + 1] - bounds[j])
                left: float = (
                    waiting - visited * course.visited_share(j, sent_share)
                ) * self._unit_bytes
                return left
            waiting -= visited
        return max(waiting, 0.0) * self._unit_bytes

    def cut_short(self) -> float:
        """End the round behind the page in transit; return the bytes that still takes."""
        if self._drawn is None:
            self._drawn = self._draw(self._find_course(self._whole), self._whole)
        if self._end_pages > self._begun_pages:
            course = self._course or self._find_course(self._whole)
            self._drawn = self._draws.shortened(self._drawn, self._begun_pages, course)
        return self._bytes_left

    @property
    def _outcome(self) -> Drawn:
        assert self._drawn is not None, "the round has not been drawn yet"
        return self._drawn

    @property
    def _end_pages(self) -> float:
        return self._outcome.total_sent

    @property
    def _bytes_left(self) -> float:
        return max(self._end_pages - self._path.pages, 0.0) * self._unit_bytes

    def _draw(self, course: Course, share: Floats) -> Drawn:
        """Draw the round; where all have their turn, no fewer are sent than are on the wire."""
        drawn = self._draws.draw(course, share)
        if share is not self._whole or not self._is_random:
            return drawn
        return self._draws.lengthened(drawn, self._begun_pages)

    def _find_course(self, share: Floats) -> Course:
        """Return the mean course of a round in which such a share of each stretch has its turn."""
        if self._course is None or not _is_same(self._course.share, share):
            longest = float(self._due.total) * self._path.pace
            batch = max(self._peeks.batch_pages, 1)
            smooth = self._path.is_straight and self._writing.is_smooth_until(longest)
            # of many batches, none of them steep, looks come half a batch earlier in the mean
            blurred = smooth and self._due.total >= MOST_BATCHES * batch
            blurred &= self._writing.highest_rate * self._path.pace * batch <= STEEP
            looks = Looks(
                self._writing.rates,
                self._writing.sets,
                self._writing.not_given,
                self._path.corners,
                self._path.pace,
                self._peeks.fraction,
                1 if blurred else batch,
                (batch - 1) / 2 if blurred else 0.0,
            )
            rule = SMOOTH if blurred or (smooth and batch == 1) else ROUGH
            self._course = mean_course(self._due.sendable, share, looks, rule)
        return self._course

    # --- the end ---------------------------------------------------------------------------------

    def end(self, elapsed: float) -> Lots:
        """Finish the round as planned and return what became of all pages."""
        self._path.advance(self._bytes_left / self._unit_bytes, elapsed)
        drawn, due = self._outcome, self._due
        by_the_end = self._writing.clean_chance(self.time)
        cleared, dealt = drawn.chance[:, np.newaxis], drawn.clean[np.newaxis]
        if is_cleared := self._clearing.clear != "round":  # then every page due is sent
            cleared = self._clean_since_clearing()
            dealt = dealt_out(due.kind, drawn.clean, PARTS, self._variates(PARTS * len(due.pages)))
        return Lots(
            *lots_of_many(
                due.kind,
                self._cells.kind,
                self._cells.pages,
                dealt,
                drawn.dirty,
                drawn.waiting,
                drawn.chance,
                by_the_end,
                is_cleared,
                cleared,
                FATE_OF_DECISION,
                FATE_OF_FLAG,
            )
        )

    def _clean_since_clearing(self) -> Floats:
        """Return the chance that a sent page is not written after its bit was cleared.

        Shape [stretches, PARTS, classes]: the mean of each part of a stretch. A bit that was given
        for the whole round is never cleared.
        """
        writing = self._writing
        if self._clearing.clear == "chunk":
            expected = writing.expected(self._cleared_at(), self.time)
            return writing.not_given * _means(np.exp(-expected))
        turns = self._turns(np.linspace(0.0, 1.0, TURN_POINTS + 1))
        expected, meanwhile = writing.expected_steps(turns, self.time)
        # turns are spread evenly between two points: the mean of exp(-expected) over that
        falls = np.where(meanwhile > 1e-9, -np.expm1(-meanwhile) / np.maximum(meanwhile, 1e-9), 1.0)
        return writing.not_given * _means(np.exp(-expected) * falls)

    def _turns(self, places: Floats) -> Floats:
        """Return when a page at each place of a stretch has its turn, [stretches, places]."""
        sent = self._outcome.sent
        begins = np.cumsum(sent) - sent
        return self._path.times(begins[:, np.newaxis] + sent[:, np.newaxis] * places)

    def _cleared_at(self) -> Floats:
        """Return when chunks are cleared at evenly spaced places, [stretches, places]."""
        places = np.arange(CHUNK_POINTS) / CHUNK_POINTS
        turns, due = self._turns(places), self._due
        address = due.begins[:, np.newaxis] + due.share[:, np.newaxis] * places
        chunk = self._clearing.chunk_of(address)
        first = np.full(int(chunk.max()) + 1, np.inf)
        np.minimum.at(first, chunk, turns)
        cleared_at: Floats = first[chunk]
        return cleared_at

    def visited_of(self, rank: int) -> float:
        """Return how many pages of a stretch have had their turn."""
        here = self._due.rank == rank
        return float((self._due.pages - self._outcome.waiting)[here].sum())

    @property
    def unvisited(self) -> float:
        """Pages whose turn did not come."""
        return self._outcome.unvisited


def _means(chance: Floats) -> Floats:
    """Return the mean of each part of a stretch, [stretches, PARTS, classes]."""
    stretches, places, classes = chance.shape
    parts: Floats = chance.reshape(stretches, PARTS, places // PARTS, classes).mean(axis=2)
    return parts


def _is_same(share: Floats, other: Floats) -> bool:
    return share is other or np.array_equal(share, other)
