"""A live round with many pages due: it is drawn kind by kind from its mean course.

Nothing is drawn before the round is nearly over, so that a change of rate or intensity only moves
the predicted end. Then the stretches of the address space are drawn one after the other, each from
the time at which the scan really came to it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.due import Clearing, Due
from cluster_emu.memory.lumped.expected import ROUGH, SMOOTH, Course, mean_course
from cluster_emu.memory.lumped.lots import FATE_OF_DECISION, Fate, Lots
from cluster_emu.memory.lumped.path import SAME_PACE, TimePath
from cluster_emu.memory.lumped.stretches import Drawn, StretchDraws
from cluster_emu.memory.turns import Peeks

Floats = NDArray[np.float64]

EARLY_SDS = 5.0
EARLY_SHARE = 0.005
"""A round is drawn that many standard deviations, and that share of it, before its mean end; from
then on its rate is taken to stay for what decisions depend on."""
CHUNK_POINTS = 16
"""Points of a stretch at which it is asked when its chunk is cleared."""
TURN_POINTS = 128
"""Points of a stretch between which turns are taken to be spread evenly in time."""
_LARGEST_EXPONENT = 700.0
_ROUNDING = 1e-6


class ManyPages:
    """A round in closed form.

    Args:
        due: what is due.
        classes: how often pages are written.
        peeks: how the log is looked at.
        clearing: when the dirty bit of a page that is sent is cleared.
        unit_bytes: bytes of a page on the wire.
        rng: the stream to draw from.
    """

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
        self._peeks = peeks
        self._clearing = clearing
        self._unit_bytes = unit_bytes
        self._draws = StretchDraws(due, classes, rng)
        self._stretches = len(due.share)
        self._in_stretch = np.bincount(due.rank, due.pages, minlength=self._stretches)
        self._path = TimePath()
        self._planned_for: tuple[float, float] | None = None
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

    def plan(self, time_per_byte: float, undrained_bytes: float) -> float:
        """Return the bytes until the round ends, or until it can be known when it does."""
        if self._planned_for != (time_per_byte, undrained_bytes):
            self._planned_for = time_per_byte, undrained_bytes
            self._path.pace = time_per_byte * self._unit_bytes
            self._course = self._drawn = None
        if self._drawn is None:
            share = self._share_to_visit(undrained_bytes)
            if not self._draws.looks_matter and share.min() == 1.0:
                self._drawn = self._draws.draw_unseen(share)
                return self._bytes_left
            course = self._find_course(share)
            early = course.bounds[-1] - self._margin(course, share)
            if early > self._path.pages + _ROUNDING:
                return float(early - self._path.pages) * self._unit_bytes
            self._drawn = self._draw(course, share)
            if self._end_pages < self._begun_pages:
                self._drawn = None  # more pages may wait than before: it should have ended
                return self.cut_short()
        return self._bytes_left

    def _share_to_visit(self, undrained_bytes: float) -> Floats:
        """Return what share of each stretch has its turn before few enough pages wait."""
        if undrained_bytes <= 0:
            return np.ones(self._stretches)
        may_wait = max(math.ceil(undrained_bytes / self._unit_bytes) - 1, 0)
        visits = max(self._due.total - may_wait, 0)
        before = np.cumsum(self._in_stretch) - self._in_stretch
        share = (visits - before) / np.maximum(self._in_stretch, 1)
        return np.clip(share.astype(np.float64), 0.0, 1.0)

    def _margin(self, course: Course, share: Floats) -> float:
        """Return how many pages before its mean end the round is to be drawn."""
        uncertain = float(((self._in_stretch - self._draws.sendable.always) * share).sum())
        return EARLY_SDS * math.sqrt(uncertain) / 2 + EARLY_SHARE * float(course.bounds[-1])

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
        return begun if self._drawn is None else min(begun, self._end_pages)

    @property
    def _begun_pages(self) -> int:
        return math.ceil(self._path.pages - _ROUNDING)

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come, in the mean course of the round."""
        course = self._course or self._find_course(np.ones(self._stretches))
        j = int(np.searchsorted(course.bounds, self._path.pages, side="right")) - 1
        visited = course.share * self._in_stretch
        visited[j + 1 :] = 0.0
        if j < self._stretches:
            sent_share = (self._path.pages - course.bounds[j]) / np.diff(course.bounds)[j]
            visited[j] *= course.visited_share(j, sent_share)
        return float(self._due.total - visited.sum()) * self._unit_bytes

    def cut_short(self) -> float:
        """End the round behind the page in transit; return the bytes that still takes."""
        if self._drawn is None:
            whole = np.ones(self._stretches)
            self._drawn = self._draw(self._find_course(whole), whole)
        if self._end_pages > self._begun_pages:
            course = self._course or self._find_course(np.ones(self._stretches))
            self._drawn = self._draws.shortened(self._drawn, self._begun_pages, course)
        return self._bytes_left

    @property
    def _outcome(self) -> Drawn:
        assert self._drawn is not None, "the round has not been drawn yet"
        return self._drawn

    @property
    def _end_pages(self) -> int:
        return sum(self._outcome.sent)

    @property
    def _bytes_left(self) -> float:
        return max(self._end_pages - self._path.pages, 0.0) * self._unit_bytes

    def _draw(self, course: Course, share: Floats) -> Drawn:
        """Draw the round; where all have their turn, no fewer are sent than are on the wire."""
        drawn = self._draws.draw(course, share)
        if share.min() < 1.0:
            return drawn
        return self._draws.lengthened(drawn, self._begun_pages)

    def _find_course(self, share: Floats) -> Course:
        """Return the mean course of a round in which such a share of each stretch has its turn."""
        if self._course is None or not np.array_equal(self._course.share, share):
            smooth = self._peeks.batch_pages <= 1 and self._path.is_straight
            rule = SMOOTH if smooth else ROUGH
            self._course = mean_course(self._draws.sendable, share, self._clean_at, rule)
        return self._course

    def _clean_at(self, sent: Floats) -> Floats:
        """Return the chance of each class to be seen clean, by pages sent before the turn."""
        batch = self._peeks.batch_pages
        if batch > 1:
            sent = np.floor(sent / batch) * batch
        looks = self._path.times(sent) * self._peeks.fraction
        exponent = np.multiply.outer(looks, self._classes.writes_per_page_s)
        clean: Floats = np.exp(-np.minimum(exponent, _LARGEST_EXPONENT))
        return clean if not self._classes.given_share else clean * (1 - self._classes.given_share)

    # --- the end ---------------------------------------------------------------------------------

    def end(self, elapsed: float) -> Lots:
        """Finish the round as planned and return what became of the pages that were due."""
        self._path.advance(self._bytes_left / self._unit_bytes, elapsed)
        drawn, due = self._outcome, self._due
        by_the_end = self._classes.clean_chance(self.time)
        never = np.zeros(len(due.pages))
        waits = np.full(len(due.pages), int(Fate.UNVISITED))
        return Lots(
            np.tile(due.cell, 3),
            np.concatenate([FATE_OF_DECISION[due.if_clean], FATE_OF_DECISION[due.if_dirty], waits]),
            np.concatenate([drawn.clean, drawn.dirty, drawn.waiting]),
            np.concatenate([self._still_clean(by_the_end), never, by_the_end[due.page_class]]),
        )

    def _still_clean(self, by_the_end: Floats) -> Floats:
        """Return the chance that a page that was not seen dirty has a clear bit at the end."""
        due = self._due
        chance = by_the_end[due.page_class]
        if self._draws.looks_matter:
            since = np.minimum(by_the_end / np.maximum(self._outcome.chance, 1e-300), 1.0)
            chance = np.where(self._draws.open, since[due.rank, due.page_class], chance)
        if self._clearing.clear != "round":  # then every page due is sent, whatever is seen
            chance = self._clean_since_clearing()[due.rank, due.page_class]
        return chance

    def _clean_since_clearing(self) -> Floats:
        """Return the chance that a sent page is not written after its bit was cleared.

        Shape [stretches, classes]. A bit that was given for the whole round is never cleared.
        """
        given, rates = self._classes.given_share, self._classes.writes_per_page_s
        if self._clearing.clear == "chunk":
            expected = np.multiply.outer(np.maximum(self.time - self._cleared_at(), 0.0), rates)
            chance: Floats = (1.0 - given) * np.exp(-expected).mean(axis=1)
            return chance
        turns = np.maximum(self.time - self._turns(np.linspace(0.0, 1.0, TURN_POINTS + 1)), 0.0)
        expected = np.multiply.outer(turns[:, 1:], rates)
        meanwhile = np.multiply.outer(-np.diff(turns, axis=1), rates)
        # turns are spread evenly between two points: the mean of exp(-expected) over that
        falls = np.where(meanwhile > 1e-9, -np.expm1(-meanwhile) / np.maximum(meanwhile, 1e-9), 1.0)
        chance = (1.0 - given) * (np.exp(-expected) * falls).mean(axis=1)
        return chance

    def _turns(self, places: Floats) -> Floats:
        """Return when a page at each place of a stretch has its turn, [stretches, places]."""
        sent = np.array(self._outcome.sent)
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

    def visited_of(self, rank: int) -> int:
        """Return how many pages of a stretch have had their turn."""
        here = self._due.rank == rank
        return int((self._due.pages - self._outcome.waiting)[here].sum())

    @property
    def unvisited(self) -> int:
        """Pages whose turn did not come."""
        return int(self._outcome.waiting.sum())
