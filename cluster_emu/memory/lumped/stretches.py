"""Draws what becomes of the pages that are due, in the stretches of memory that a scan comes by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.due import Due
from cluster_emu.memory.lumped.expected import Course, Sendable
from cluster_emu.memory.lumped.feedback import Feedback
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Chosen = NDArray[np.bool_]

_LARGEST_EXPONENT = 700.0
_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Drawn:
    """What became of the pages that were due, by kind.

    Args:
        clean: pages seen clean at their turn, or not looked at as it makes no difference, [due].
        dirty: pages seen dirty, [due].
        waiting: pages whose turn did not come, [due].
        chance: chance that a page that had its turn was clean then, [stretches, classes].
        sent: pages sent, [stretches].
    """

    clean: Counts
    dirty: Counts
    waiting: Counts
    chance: Floats
    sent: list[int]


class StretchDraws:
    """Draws one round.

    Args:
        due: what is due.
        classes: how often pages are written.
        rng: the stream to draw from.

    Attributes:
        open: kinds for which it makes a difference what is seen at the turn, [due].
        looks_matter: whether there is any.
        sendable: the same pages by what makes the scan send them.
    """

    def __init__(self, due: Due, classes: PageClasses, rng: np.random.Generator) -> None:
        self._due = due
        self._classes = classes
        self._rng = rng
        self._stretches = len(due.share)
        self.open = due.if_clean != due.if_dirty
        self.looks_matter = bool(self.open.any())
        self._sent_clean = due.if_clean == Decision.SEND
        self._sent_dirty = due.if_dirty == Decision.SEND
        self.sendable = self._sort_sendable()

    def _sort_sendable(self) -> Sendable:
        due, stretches, classes = self._due, self._stretches, len(self._classes.pages)
        place = due.rank * classes + due.page_class
        change = self._sent_clean.astype(np.int64) - self._sent_dirty

        def counted(chosen: Chosen) -> Floats:
            pages = due.pages * chosen
            sums = np.bincount(place, pages, minlength=stretches * classes)
            return sums.reshape(stretches, classes).astype(np.float64)

        return Sendable(
            counted(self._sent_clean & self._sent_dirty).sum(axis=1),
            counted(change > 0),
            counted(change < 0),
        )

    def draw(self, course: Course, share: Floats) -> Drawn:
        """Draw the whole round.

        What chance does to one stretch moves the time of all that follows. So each stretch is drawn
        about the mean course first, and then moved to the time at which the scan really came by.

        Args:
            course: the mean course of the round.
            share: share of each stretch that has its turn.
        """
        if not self.looks_matter:
            return self.draw_unseen(share)
        turns, waiting = self._turns(share)
        chance = course.mean_clean
        of_kind = chance[self._due.rank, self._due.page_class]
        clean = self._rng.binomial(turns, np.where(self.open, of_kind, 1.0))
        off = self._off_the_mean(clean, turns, of_kind)
        fewer = self._fewer(course, off)
        if fewer.any():
            moved = self._moved(chance, share, fewer)
            clean = self._redrawn(clean, turns, chance, moved)
            chance = moved
        return self._of(clean, turns - clean, waiting, chance)

    def draw_unseen(self, share: Floats) -> Drawn:
        """Draw a round in which it makes no difference what is seen."""
        turns, waiting = self._turns(share)
        never = np.zeros((self._stretches, len(self._classes.pages)))
        return self._of(turns, np.zeros_like(turns), waiting, never)

    def _turns(self, share: Floats) -> tuple[Counts, Counts]:
        """Draw which pages have their turn, and which do not, if only a share of them has."""
        pages = self._due.pages
        if share.min() == 1.0:
            return pages, np.zeros_like(pages)
        turns = pages * (share == 1.0)[self._due.rank]
        for j in np.flatnonzero((share > 0.0) & (share < 1.0)):
            kinds = np.flatnonzero(self._due.rank == j)
            visited = round(float(share[j]) * int(pages[kinds].sum()))
            turns[kinds] = self._rng.multivariate_hypergeometric(
                pages[kinds], visited, method="marginals"
            )
        return turns, pages - turns

    def _off_the_mean(self, clean: Counts, turns: Counts, chance: Floats) -> list[float]:
        """Return how many more pages than in the mean are sent of each stretch."""
        change = self._sent_clean.astype(np.float64) - self._sent_dirty
        more = np.where(self.open, (clean - turns * chance) * change, 0.0)
        off: list[float] = np.bincount(self._due.rank, more, minlength=self._stretches).tolist()
        return off

    def _fewer(self, course: Course, off: list[float]) -> Floats:
        """Return how many pages fewer each stretch sends because of what was sent before."""
        feedback = Feedback.on(course, self.sendable)
        fewer = np.zeros(self._stretches)
        ahead = 0.0
        for j, (of_start, of_noise) in enumerate(
            zip(feedback.of_start.tolist(), feedback.of_noise.tolist(), strict=True)
        ):
            fewer[j] = (1.0 - of_start) * ahead + (1.0 - of_noise) * off[j]
            ahead += off[j] - fewer[j]
        return fewer

    def _moved(self, chance: Floats, share: Floats, fewer: Floats) -> Floats:
        """Return the chances of being clean at times so much later that fewer pages are sent."""
        rates = self._classes.writes_per_page_s
        change = self.sendable.if_clean - self.sendable.if_dirty
        fewer_per_s = share * (rates * chance * change).sum(axis=1)
        later = np.divide(fewer, fewer_per_s, out=np.zeros_like(fewer), where=fewer_per_s != 0)
        exponent = np.clip(np.multiply.outer(later, rates), -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
        moved: Floats = np.minimum(chance * np.exp(-exponent), 1.0 - self._classes.given_share)
        return moved

    def _redrawn(self, clean: Counts, turns: Counts, chance: Floats, moved: Floats) -> Counts:
        """Return how many are seen clean if that is as likely as `moved`, not as `chance`."""
        dirty = turns - clean
        come = (moved - chance) / np.maximum(1.0 - chance, _LEAST)
        gone = 1.0 - moved / np.maximum(chance, _LEAST)
        rank, page_class = self._due.rank, self._due.page_class
        more = (moved >= chance)[rank, page_class]
        chances = np.minimum(np.where(moved >= chance, come, gone), 1.0)[rank, page_class]
        changed = self._rng.binomial(np.where(more, dirty, clean), chances * self.open)
        return clean + np.where(more, changed, -changed)

    def _of(self, clean: Counts, dirty: Counts, waiting: Counts, chance: Floats) -> Drawn:
        sent = clean * self._sent_clean + dirty * self._sent_dirty
        in_stretch = np.bincount(self._due.rank, sent, minlength=self._stretches)
        return Drawn(clean, dirty, waiting, chance, in_stretch.astype(np.int64).tolist())

    def lengthened(self, drawn: Drawn, sent: int) -> Drawn:
        """Return a round in which at least so many pages are sent.

        A round drawn anew, as its rate changed in its last moments, may else end before now.
        """
        missing = sent - sum(drawn.sent)
        if missing <= 0:
            return drawn
        skipped = drawn.dirty * (self._sent_clean & ~self._sent_dirty)
        missing = min(missing, int(skipped.sum()))
        more = self._rng.multivariate_hypergeometric(skipped, missing, method="marginals")
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
        to_send = sent - int(before[last])
        if to_send > 0:
            here = np.flatnonzero(self._due.rank == last)
            clean[here], dirty[here], done = self._shorten(drawn, here, last, to_send, course)
            earlier = course.mean_clean_until(last, done)
            earlier /= np.maximum(course.mean_clean[last], _LEAST)
            chance[last] = np.minimum(chance[last] * earlier, 1.0)
        return self._of(clean, dirty, self._due.pages - clean - dirty, chance)

    def _shorten(
        self, drawn: Drawn, here: Counts, j: int, to_send: int, course: Course
    ) -> tuple[Counts, Counts, float]:
        """Draw who of one stretch comes before so many of it are sent.

        Returns:
            Pages seen clean, pages seen dirty, and the share of the sends at which that is.
        """
        met = np.concatenate([drawn.clean[here], drawn.dirty[here]])
        sends = np.concatenate([self._sent_clean[here], self._sent_dirty[here]])
        all_sent, visited = drawn.sent[j], int(met.sum())
        # where among the sends the last one lies, were they spread evenly: an order statistic
        done = float(self._rng.beta(to_send, all_sent - to_send + 1))
        passed = course.visited_share(j, done) * visited - done * all_sent
        share = float(np.clip(passed / max(visited - all_sent, 1), 0.0, 1.0))
        kept = self._rng.binomial(met, np.where(sends, 0.0, share))
        kept[sends] = self._rng.multivariate_hypergeometric(met[sends], to_send, method="marginals")
        clean, dirty = np.split(kept, 2)
        return clean, dirty, done
