"""Draws what becomes of the pages that are due, in the stretches of memory that a scan comes by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Counts, row
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.drawing import draw_seen
from cluster_emu.memory.lumped.due import Due, Labels
from cluster_emu.memory.lumped.expected import Course
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]

_LEAST = 1e-300
_SEND = int(Decision.SEND)


class Drawn(NamedTuple):
    """What became of the pages that were due, by kind.

    Args:
        seen: pages seen clean at their turn, or not looked at as it makes no difference, and pages
            seen dirty, [2, due].
        waiting: pages whose turn did not come, [due].
        chance: chance that a page that had its turn was clean then, [stretches, classes].
        sent: pages sent, [stretches].
        total_sent: pages sent of all.
        unvisited: pages of all whose turn did not come.
    """

    seen: Counts
    waiting: Counts
    chance: Floats
    sent: Counts
    total_sent: float
    unvisited: float

    @property
    def clean(self) -> Counts:
        """Pages seen clean or not looked at, [due]."""
        return row(self.seen, 0)

    @property
    def dirty(self) -> Counts:
        """Pages seen dirty, [due]."""
        return row(self.seen, 1)


class StretchDraws:
    """Draws one round.

    Args:
        due: what is due.
        classes: how often pages are written.
        draws: the stream to draw from.
    """

    def __init__(self, due: Due, classes: PageClasses, draws: Draws) -> None:
        self._due = due
        self._classes = classes
        self._draws = draws
        self._stretches = len(due.share)

    def draw(self, course: Course, share: Floats) -> Drawn:
        """Draw the whole round.

        Args:
            course: the mean course of the round.
            share: share of each stretch that has its turn.
        """
        if not self._due.looks_matter:
            return self.draw_unseen(share)
        due, classes = self._due, self._classes
        turns, waiting, unvisited = self._turns(share)
        seen, chance, sent, total_sent = draw_seen(
            due.kind,
            turns,
            due.sendable,
            share,
            classes.writes_per_page_s,
            1.0 - classes.given_share,
            course.about,
            course.mean_clean,
            self._draws.variates(2 * len(turns)),
        )
        return Drawn(seen, waiting, chance, sent, total_sent, unvisited)

    def draw_unseen(self, share: Floats) -> Drawn:
        """Draw a round in which it makes no difference what is seen."""
        turns, waiting, _ = self._turns(share)
        never = np.zeros((self._stretches, len(self._classes.pages)))
        return self._of(turns, np.zeros_like(turns), waiting, never)

    def _turns(self, share: Floats) -> tuple[Counts, Counts, float]:
        """Draw which pages have their turn, which have not, and how many of these there are."""
        pages = self._due.pages
        if min(share.tolist()) == 1.0:
            return pages, np.zeros(len(pages), pages.dtype), 0.0
        turns = pages * (share == 1.0)[self._due.rank]
        for j in np.flatnonzero((share > 0.0) & (share < 1.0)):
            kinds = np.flatnonzero(self._due.rank == j)
            visited = round(float(share[j]) * float(pages[kinds].sum()))
            turns[kinds] = self._draws.without_replacement(pages[kinds], visited)
        waiting = pages - turns
        return turns, waiting, float(waiting.sum())

    def _of(self, clean: Counts, dirty: Counts, waiting: Counts, chance: Floats) -> Drawn:
        due = self._due
        sent_clean, sent_dirty = due.if_clean == _SEND, due.if_dirty == _SEND
        sent = clean * sent_clean + dirty * sent_dirty
        in_stretch = np.bincount(due.rank, sent, minlength=self._stretches)
        return Drawn(
            np.stack([clean, dirty]),
            waiting,
            chance,
            in_stretch.astype(clean.dtype),
            float(in_stretch.sum()),
            float(waiting.sum()),
        )

    def lengthened(self, drawn: Drawn, sent: int) -> Drawn:
        """Return a round in which at least so many pages are sent.

        A round drawn anew, as its rate changed in its last moments, may else end before now.
        """
        missing = sent - int(drawn.total_sent)
        if missing <= 0:
            return drawn
        due = self._due
        skipped = drawn.dirty * ((due.if_clean == _SEND) & (due.if_dirty != _SEND))
        missing = min(missing, int(skipped.sum()))
        more = self._draws.without_replacement(skipped, missing)
        return self._of(drawn.clean + more, drawn.dirty - more, drawn.waiting, drawn.chance)

    def shortened(self, drawn: Drawn, sent: int, course: Course) -> Drawn:
        """Return a round that ends as soon as so many of its pages are sent.

        Args:
            drawn: the whole round.
            sent: pages sent until the end, less than all.
            course: the mean course of the round.
        """
        before = np.concatenate([[0], np.cumsum(drawn.sent)])
        last = int(np.searchsorted(before, sent, side="right")) - 1
        is_before = self._due.rank < last
        clean, dirty = drawn.clean * is_before, drawn.dirty * is_before
        chance = drawn.chance.copy()
        to_send = sent - before[last]
        if to_send > 0:
            here = np.flatnonzero(self._due.rank == last)
            clean[here], dirty[here], done = self._shorten(drawn, here, last, to_send, course)
            earlier = course.mean_clean_until(last, done)
            earlier = earlier / np.maximum(course.mean_clean[last], _LEAST)
            chance[last] = np.minimum(chance[last] * earlier, 1.0)
        return self._of(clean, dirty, self._due.pages - clean - dirty, chance)

    def _shorten(
        self, drawn: Drawn, here: Labels, j: int, to_send: float, course: Course
    ) -> tuple[Counts, Counts, float]:
        """Draw who of one stretch comes before so many of it are sent.

        Returns:
            Pages seen clean, pages seen dirty, and the share of the sends at which that is.
        """
        met = np.concatenate([drawn.clean[here], drawn.dirty[here]])
        decided = np.concatenate([self._due.if_clean[here], self._due.if_dirty[here]])
        sends = decided == _SEND
        all_sent, visited = float(drawn.sent[j]), float(met.sum())
        # where among the sends the last one lies, were they spread evenly: an order statistic
        done = float(self._draws.beta(to_send, all_sent - to_send + 1))
        passed = course.visited_share(j, done) * visited - done * all_sent
        share = float(np.clip(passed / max(visited - all_sent, 1), 0.0, 1.0))
        kept = self._draws.binomial(met, np.where(sends, 0.0, share))
        kept[sends] = self._draws.without_replacement(met[sends], to_send)
        clean, dirty = np.split(kept, 2)
        return clean, dirty, done
