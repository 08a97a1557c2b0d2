"""Draws what becomes of the pages that are due, in the stretches of memory that a scan comes by."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Counts, row
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.drawing import drawn
from cluster_emu.memory.lumped.due import Due, Labels
from cluster_emu.memory.lumped.expected import Course
from cluster_emu.memory.lumped.writing import Writing
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]

FELT_FROM = 0.01
"""Change of the share sent within a stretch below which feedback makes no difference."""
_LARGEST_EXPONENT = 700.0
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
        writing: how often pages are written.
        draws: the stream to draw from.
    """

    def __init__(self, due: Due, writing: Writing, draws: Draws) -> None:
        self._due = due
        self._writing = writing
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
        due = self._due
        turns, waiting, unvisited = self._turns(share)
        seen, chance, sent, total_sent = _draw_seen(
            due.kind,
            turns,
            due.sendable,
            share,
            course.falls,
            self._writing.not_given,
            course.about,
            course.mean_clean,
            self._draws.variates(2 * len(turns)),
        )
        return Drawn(seen, waiting, chance, sent, total_sent, unvisited)

    def draw_unseen(self, share: Floats) -> Drawn:
        """Draw a round in which it makes no difference what is seen."""
        turns, waiting, _ = self._turns(share)
        never = np.zeros((self._stretches, len(self._writing.rates)))
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


@compiled
def _draw_seen(
    due: Labels,
    turns: Counts,
    sendable: Floats,
    share: Floats,
    falls: Floats,
    not_given: float,
    about: Floats,
    mean_clean: Floats,
    normal: Floats,
) -> tuple[Counts, Floats, Counts, float]:
    """Draw who of the pages that have their turn is seen clean.

    What chance does to one stretch moves the time of all that follows. So each stretch is drawn
    about the mean course first, and then moved to the time at which the scan really came by.

    Args:
        due: `Due.kind`, [5, due].
        turns: pages that have their turn, [due].
        sendable: as in `Due`, [4, stretches, classes].
        share: share of each stretch that has its turn, [stretches].
        falls: as in `Course`.
        not_given: chance that a page is not given as dirty from the start.
        about: as in `Course`.
        mean_clean: as in `Course`.
        normal: variates, [2 x due], or none.

    Returns:
        Pages seen clean and dirty, [2, due]; the chance of having been clean, [stretches, classes];
        pages sent, [stretches], and of all.
    """
    rank, page_class, if_clean, if_dirty = due[2], due[1], due[3], due[4]
    kinds, stretches, classes = len(rank), len(share), falls.shape[1]
    seen, off = np.empty((2, kinds), dtype=turns.dtype), np.zeros(stretches)
    clean, dirty = seen[0], seen[1]
    for d in range(kinds):
        if if_clean[d] == if_dirty[d]:
            clean[d] = turns[d]
            continue
        chance = mean_clean[rank[d], page_class[d]]
        clean[d] = turns[d] * chance
        if len(normal):
            clean[d] = drawn(turns[d], chance, normal[d])
            more = clean[d] - turns[d] * chance
            if if_clean[d] == _SEND:
                off[rank[d]] += more
            elif if_dirty[d] == _SEND:
                off[rank[d]] -= more
    chances = mean_clean
    if len(normal):
        later = _moved(off, sendable, share, falls, about, mean_clean)
        if np.any(later != 0):
            chances = mean_clean.copy()
            for j in range(stretches):
                for c in range(classes):
                    exponent = min(
                        max(later[j] * falls[j, c], -_LARGEST_EXPONENT), _LARGEST_EXPONENT
                    )
                    chances[j, c] = min(mean_clean[j, c] * math.exp(-exponent), not_given)
            for d in range(kinds):
                if if_clean[d] == if_dirty[d]:
                    continue
                old, new = mean_clean[rank[d], page_class[d]], chances[rank[d], page_class[d]]
                z = normal[kinds + d]
                if new > old:
                    come = min((new - old) / max(1.0 - old, _LEAST), 1.0)
                    clean[d] += drawn(turns[d] - clean[d], come, z)
                elif new < old:
                    clean[d] -= drawn(clean[d], min(1.0 - new / old, 1.0), z)
    sent, total_sent = np.zeros(stretches, dtype=turns.dtype), 0.0
    for d in range(kinds):
        dirty[d] = turns[d] - clean[d]
        if if_clean[d] == _SEND:
            sent[rank[d]] += clean[d]
            total_sent += clean[d]
        if if_dirty[d] == _SEND:
            sent[rank[d]] += dirty[d]
            total_sent += dirty[d]
    return seen, chances, sent, total_sent


@compiled
def _moved(
    off: Floats,
    sendable: Floats,
    share: Floats,
    falls: Floats,
    about: Floats,
    mean_clean: Floats,
) -> Floats:
    """Return by how much later than in the mean the scan comes to each stretch, [stretches].

    Pages sent take time, and in that time others are written. A page more sent at share u of a
    stretch leaves ``h(u) = Q(1) / Q(u)`` of a page more at its end (linear noise approximation:
    deviations decay as the solution of dx/du = Q does). So the number sent has the variance
    ``sum_c n_c (E[h^2 p_c] - E[h p_c]^2)``, n_c pages being sent with chance p_c(u), E the mean
    over u; without feedback, h = 1, it is binomial.

    Args:
        off: pages more than in the mean that were drawn for each stretch, [stretches].
        sendable: as in `_draw_seen`, like the others.
        share: share that has its turn.
        falls: how fast they fall.
        about: the course.
        mean_clean: the chances in the mean.
    """
    visits, sent_at, clean_at = about[:, :, 0], about[:, :, 1], about[:, :, 2:]
    stretches, points = sent_at.shape
    later = np.zeros(stretches)
    is_felt = False
    for j in range(stretches):
        if abs(sent_at[j, -1] / sent_at[j, 0] - 1.0) >= FELT_FROM:
            is_felt = True
    ahead = 0.0
    for j in range(stretches if is_felt else 0):
        left = sent_at[j, -1] / sent_at[j]
        mean_left = mean_square = 0.0
        for p in range(points):
            mean_left += visits[j, p] * left[p]
            mean_square += visits[j, p] * left[p] ** 2
        with_it = without = fewer_per_s = 0.0
        for c in range(falls.shape[1]):
            clean_left = clean_square = 0.0
            for p in range(points):
                clean_left += visits[j, p] * clean_at[j, p, c] * left[p]
                clean_square += visits[j, p] * clean_at[j, p, c] * left[p] ** 2
            dirty_left, dirty_square = mean_left - clean_left, mean_square - clean_square
            with_it += sendable[0, j, c] * (mean_square - mean_left**2)
            with_it += sendable[1, j, c] * (clean_square - clean_left**2)
            with_it += sendable[2, j, c] * (dirty_square - dirty_left**2)
            chance = mean_clean[j, c]
            without += (sendable[1, j, c] + sendable[2, j, c]) * chance * (1.0 - chance)
            change = sendable[1, j, c] - sendable[2, j, c]
            fewer_per_s += share[j] * falls[j, c] * chance * change
        kept = math.sqrt(max(with_it / without, 0.0)) if without > 0 else 1.0
        fewer = (1.0 - left[0]) * ahead + (1.0 - kept) * off[j]
        ahead += off[j] - fewer
        if fewer_per_s != 0:
            later[j] = fewer / fewer_per_s
    return later
