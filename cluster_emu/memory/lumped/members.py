"""Who is in a working set that moves, in counts.

Between rounds it is known of every page whether it is in the present set. A round that the next
sets may begin in has their members drawn as it begins, so that it can take them to be known; what
it does not need of that is forgotten at its end. More than `MOST_AHEAD` further sets in one round
are left to chance page by page, and who is in the last one is drawn from what the dirty bits say.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Counts, Kinds, Labels
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.classes import HotSet, PageClasses
from cluster_emu.memory.lumped.strata import MOST_STRATA
from cluster_emu.memory.lumped.writing import Writing

Floats = NDArray[np.float64]

MOST_AHEAD = 3
"""Sets behind the present one whose members are drawn before a round; each doubles the kinds."""
ROOM = 2.0
"""Members are drawn for a round that takes so many times what it would at its first rate."""
_FLAG_BITS = 2


@lru_cache(maxsize=64)
def kinds_of(classes: int, history_bits: int) -> Kinds:
    """Return the numbering of pages with so many labels."""
    return Kinds(classes, MOST_STRATA, history_bits)


class Members:
    """Draws and keeps the members of moving sets; without such sets it does nothing.

    A VM is met at a random time of a set's period; half-way in the mean field.

    Args:
        classes: the VM's write classes.
        absent_pages: pages, among which are members too, that are not counted.
        draws: the stream to draw from, or the mean field.
    """

    def __init__(self, classes: PageClasses, absent_pages: int, draws: Draws) -> None:
        self._classes = classes
        self._hot = classes.hot
        self._absent_pages = absent_pages
        self._draws = draws
        self._left_s = math.inf
        self._known = 0
        if self._hot is not None:
            self._left_s = self._hot.period_s * (1.0 - draws.uniform())
        self.writing = Writing.of(classes)

    def present_in(self, cells: Cells) -> Cells:
        """Draw the members of the present set."""
        return cells if self._hot is None else self._with_next(cells)

    def ready_for(self, cells: Cells, duration_s: float) -> Cells:
        """Draw the members of the sets that begin in so much operational time: the first few."""
        if self._hot is None:
            return cells
        longest_s = self._left_s + (MOST_AHEAD - 0.5) * self._hot.period_s
        for _ in range(_ends_within(self._hot, self._left_s, min(duration_s, longest_s))):
            cells = self._with_next(cells)
        return cells

    def _with_next(self, cells: Cells) -> Cells:
        """Draw the members of the set that follows on those that are known."""
        members = self._drawn(cells.pages)
        labels = len(self._classes.pages) << self._known
        self._know(self._known + 1)
        kinds = kinds_of(2 * labels, cells.kinds.history_bits)
        keys = [
            kinds.keys(cells.stratum, cells.page_class + more, cells.flag, cells.code)
            for more in (0, labels)
        ]
        pages = np.concatenate([cells.pages - members, members])
        return Cells(kinds, np.concatenate(keys), pages)

    def _drawn(self, pages: Counts) -> Counts:
        """Return how many of the pages of each kind are members of a new set."""
        assert self._hot is not None
        drawn: Counts = self._draws.without_replacement(
            np.append(pages, self._absent_pages), self._hot.pages
        )[:-1]
        return drawn

    def _know(self, known: int) -> None:
        self._known = known
        self.writing = Writing.of(self._classes, self._left_s, known)

    def settled(
        self,
        kinds: Kinds,
        keys: Labels,
        pages: Counts,
        is_dirty: Labels,
        fate: Labels,
        elapsed: float,
    ) -> Cells:
        """Let operational time pass; count pages anew, by whether they are in the set that holds.

        Args:
            kinds: numbering of the kinds before.
            keys: kinds of pages, new but for the sets, [lots].
            pages: how many each lot has.
            is_dirty: whether it was written in that time, 0 or 1.
            fate: what else it met with, a number from 0 on.
            elapsed: the time.
        """
        if self._hot is None:
            return Cells(kinds, keys, pages)
        ends, known = _ends_within(self._hot, self._left_s, elapsed), self._known
        passed_s = elapsed - self._left_s - (ends - 1) * self._hot.period_s
        self._left_s += ends * self._hot.period_s - elapsed
        self._know(1)
        if ends == 0 and known == 1:
            return Cells(kinds, keys, pages)
        classes, label = len(self._classes.pages), _label_of(kinds, keys)
        bits, page_class = np.divmod(label, classes)
        if ends < known:
            labels = [page_class + classes * (bits >> ends & 1)]
            counts = pages
        else:
            group = label * (int(fate.max(initial=0)) + 1) + fate
            members = self._members_of_last(group, pages, is_dirty, passed_s)
            labels = [page_class, page_class + classes]
            counts = np.concatenate([pages - members, members])
        settled = kinds_of(2 * classes, kinds.history_bits)
        new = [_relabelled(kinds, keys, settled, each) for each in labels]
        return Cells(settled, np.concatenate(new), counts)

    def _members_of_last(
        self, group: Labels, pages: Counts, is_dirty: Labels, passed_s: float
    ) -> Counts:
        """Draw who is in the present set, not known so far, by who was written.

        A page that is clean is in it with ``sigma exp(-rho d)`` over
        ``1 - sigma + sigma exp(-rho d)``, d of it having passed; of all pages of one label and fate
        it is about sigma, as most met with that before the set began; and that tells the rest.

        Args:
            group: a number for each label and fate, [lots].
            pages: pages of each lot.
            is_dirty: whether they were written, 0 or 1.
            passed_s: operational time since the set began.
        """
        assert self._hot is not None
        share = self._hot.pages / self._classes.page_count
        kept = share * math.exp(-self._hot.writes_per_page_s * passed_s)
        if_clean = kept / (1.0 - share + kept) if kept > 0 else 0.0
        count = int(group.max(initial=0)) + 1
        clean = np.bincount(group, pages * (1 - is_dirty), minlength=count)
        dirty = np.bincount(group, pages * is_dirty, minlength=count)
        left = share * (clean + dirty) - if_clean * clean
        if_dirty = np.clip(left / np.maximum(dirty, 1e-300), 0.0, 1.0)
        members = self._draws.binomial(pages, np.where(is_dirty, if_dirty[group], if_clean))
        return self._made_up(members, pages)

    def _made_up(self, members: Counts, pages: Counts) -> Counts:
        """Return the members with some more or some fewer, taken at random: as many as there are.

        Drawn one by one they are too many or too few by chance.
        """
        if not self._draws.is_random:
            return members
        missing = int(self._drawn(np.array([pages.sum()]))[0] - members.sum())
        if missing >= 0:
            more: Counts = self._draws.without_replacement(pages - members, missing)
            return members + more
        fewer: Counts = self._draws.without_replacement(members, -missing)
        return members - fewer

    @property
    def rates(self) -> Floats:
        """Writes per page and second, by whether the page is in the present set, [labels]."""
        rates = self.writing.rates.copy()
        if self._hot is not None:
            rates[len(self._classes.pages) :] += self._hot.writes_per_page_s
        return rates

    def in_push(self) -> PushMembers | None:
        """Return who draws the members of the sets to come while missing pages are pushed."""
        if self._hot is None:
            return None
        return PushMembers(self._hot, self._classes.page_count, self._left_s, self._draws)


class PushMembers(NamedTuple):
    """The moving sets in a push of missing pages.

    Args:
        hot: the sets.
        page_count: pages of the VM.
        left_s: operational time left of the present set when the VM resumes.
        draws: the stream to draw from, or the mean field.
    """

    hot: HotSet
    page_count: int
    left_s: float
    draws: Draws

    def drawn_anew(self, missing: Floats) -> Floats:
        """Return the missing pages by label, now that another set has begun.

        Args:
            missing: pages out of the set and in it by class, for those that are not given as
                touched from the start and for those that are, [labels].
        """
        blocks = missing.reshape(2, 2, -1)
        pages = blocks.sum(axis=1).ravel()
        others = max(self.page_count - pages.sum(), 0.0)
        counts = np.append(pages, others)
        if self.draws.is_random:
            counts = np.rint(counts).astype(np.int64)
        members = self.draws.without_replacement(counts, self.hot.pages)[:-1]
        found = np.stack([pages - members, members], axis=1)
        return found.reshape(2, -1, 2).swapaxes(1, 2).ravel()


def _ends_within(hot: HotSet, left_s: float, duration_s: float) -> int:
    """Return how many sets end in so much operational time."""
    if duration_s < left_s:
        return 0
    return 1 + int((duration_s - left_s) / hot.period_s)


def _label_of(kinds: Kinds, keys: Labels) -> Labels:
    label: Labels = (keys >> kinds.history_bits >> _FLAG_BITS) % kinds.classes
    return label


def _relabelled(kinds: Kinds, keys: Labels, others: Kinds, label: Labels) -> Labels:
    """Return the same kinds with other labels, in another numbering."""
    code = keys & ((1 << kinds.history_bits) - 1)
    rest = keys >> kinds.history_bits
    stratum = (rest >> _FLAG_BITS) // kinds.classes
    return others.keys(stratum, label, rest & ((1 << _FLAG_BITS) - 1), code)
