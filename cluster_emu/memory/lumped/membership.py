"""Which pages are in a working set that moves, in counts.

Between rounds, every group is either inside or outside the present set. If further sets may begin
in a round, their members are drawn when the round begins, so the round knows them. At its end, the
groups drop the sets that have ended. If more than `MOST_AHEAD` further sets begin in one round,
each page is in each of the later sets with a given chance; the members of the last set are then
drawn conditionally on the dirty bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import Records
from cluster_emu.memory.lumped.classes import HotSet, PageClasses
from cluster_emu.memory.lumped.draws import Draws
from cluster_emu.memory.lumped.page_groups import PageGroups, state_index
from cluster_emu.memory.lumped.write_rates import WriteRates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_AHEAD = 3
"""Sets after the present one whose members are drawn before a round; each doubles the groups."""
READY_FACTOR = 2.0
"""Members are drawn for a round that lasts so many times as long as at its first rate."""


class WorkingSetMembership:
    """Draws and keeps the members of a working set that moves.

    A migration begins at a random time of a set's period; half-way in the mean field.

    Attributes:
        rates: how often pages are written, from now on.

    Args:
        classes: the VM's write classes, with a set that moves.
        hot: the set.
        absent_pages: pages that are not counted; some of them are members, too.
        draws: the stream to draw from, or the mean field.
    """

    def __init__(self, classes: PageClasses, hot: HotSet, absent_pages: int, draws: Draws) -> None:
        self._classes = classes
        self._hot = hot
        self._absent_pages = absent_pages
        self._draws = draws
        self._left_s = hot.period_s * (1.0 - draws.uniform())
        self._known = 0
        self.rates = WriteRates(classes)

    def with_next_set(self, groups: PageGroups) -> PageGroups:
        """Draw the members of the set that follows the known ones; the first is the present one."""
        records = groups.records
        members = self._members_of(records["pages"])
        write_classes = len(self._classes.pages) << self._known
        self._know(self._known + 1)
        outside, inside = records.copy(), records.copy()
        outside["pages"] -= members
        inside["pages"] = members
        inside["write_class"] += write_classes
        return PageGroups.merged(
            state_index(2 * write_classes, groups.index.address_ranges, groups.index.history_bits),
            np.concatenate([outside, inside]),
        )

    def ready_for(self, groups: PageGroups, duration_s: float) -> PageGroups:
        """Draw the members of the first sets that begin within so much operational time."""
        longest_s = self._left_s + (MOST_AHEAD - 0.5) * self._hot.period_s
        for _ in range(_ends_within(self._hot, self._left_s, min(duration_s, longest_s))):
            groups = self.with_next_set(groups)
        return groups

    def _members_of(self, pages: Floats) -> Floats:
        """Return how many pages of each group are members of a new set."""
        drawn = self._draws.without_replacement(
            np.append(pages, self._absent_pages), self._hot.pages
        )
        return drawn[:-1]

    def _know(self, known: int) -> None:
        self._known = known
        self.rates = WriteRates(self._classes, self._left_s, known)

    def after(
        self,
        groups: PageGroups,
        records: Records,
        is_dirty: Integers,
        outcome: Integers,
        elapsed_s: float,
    ) -> PageGroups:
        """Let operational time pass; return the pages by membership of the present set.

        Args:
            groups: the groups before.
            records: the groups after, without the change of sets: `_kernels.GROUP`, [records].
            is_dirty: whether each was written in that time, 0 or 1, [records].
            outcome: what else happened to it, a number from 0 on, [records].
            elapsed_s: the time.
        """
        ends, known = _ends_within(self._hot, self._left_s, elapsed_s), self._known
        passed_s = elapsed_s - self._left_s - (ends - 1) * self._hot.period_s
        self._left_s += ends * self._hot.period_s - elapsed_s
        self._know(1)
        if ends == 0 and known == 1:
            return PageGroups.merged(groups.index, records)
        classes, write_class = len(self._classes.pages), records["write_class"]
        bits, plain_class = np.divmod(write_class, classes)
        outside = records.copy()
        index = state_index(2 * classes, groups.index.address_ranges, groups.index.history_bits)
        if ends < known:
            outside["write_class"] = plain_class + classes * (bits >> ends & 1)
            return PageGroups.merged(index, outside)
        label = write_class * (int(outcome.max(initial=0)) + 1) + outcome
        members = self._members_of_last(label, records["pages"], is_dirty, passed_s)
        inside = records.copy()
        outside["pages"] -= members
        outside["write_class"] = plain_class
        inside["pages"] = members
        inside["write_class"] = plain_class + classes
        return PageGroups.merged(index, np.concatenate([outside, inside]))

    def _members_of_last(
        self, label: Integers, pages: Floats, is_dirty: Integers, passed_s: float
    ) -> Floats:
        """Draw the unknown members of the present set, given which pages were written.

        A page that is clean is in it with ``sigma exp(-rho d)`` over
        ``1 - sigma + sigma exp(-rho d)``, d being the time the set has lasted. Among all pages of
        one class and outcome the share of members is about sigma, because most pages got their
        outcome before the set began. The chance for dirty pages follows from both.

        Args:
            label: a number for each class and outcome, [records].
            pages: pages of each record.
            is_dirty: whether they were written, 0 or 1.
            passed_s: operational time since the set began.
        """
        share = self._hot.pages / self._classes.page_count
        kept = share * math.exp(-self._hot.writes_per_page_s * passed_s)
        if_clean = kept / (1.0 - share + kept) if kept > 0 else 0.0
        count = int(label.max(initial=0)) + 1
        clean = np.bincount(label, pages * (1 - is_dirty), minlength=count)
        dirty = np.bincount(label, pages * is_dirty, minlength=count)
        left = share * (clean + dirty) - if_clean * clean
        if_dirty = np.clip(left / np.maximum(dirty, 1e-300), 0.0, 1.0)
        members = self._draws.binomial(pages, np.where(is_dirty, if_dirty[label], if_clean))
        return self._made_up(members, pages)

    def _made_up(self, members: Floats, pages: Floats) -> Floats:
        """Return the members after a random correction of their total to the size of the set.

        Independent draws give too many or too few members by chance.
        """
        if not self._draws.is_random:
            return members
        missing = int(self._members_of(np.array([pages.sum()]))[0] - members.sum())
        if missing >= 0:
            return members + self._draws.without_replacement(pages - members, missing)
        return members - self._draws.without_replacement(members, -missing)

    def touch_rates(self) -> Floats:
        """Return writes per page and second, members of the present set included."""
        rates = self.rates.per_page_s.copy()
        rates[len(self._classes.pages) :] += self._hot.writes_per_page_s
        return rates

    def after_resume(self) -> MembershipAfterResume:
        """Return what draws the members of the sets to come while missing pages are pushed."""
        return MembershipAfterResume(self._hot, self._classes.page_count, self._left_s, self._draws)


class MembershipAfterResume(NamedTuple):
    """The working set that moves while missing pages are pushed.

    Args:
        hot: the set.
        page_count: pages of the VM.
        left_s: operational time left of the present set when the VM resumes.
        draws: the stream to draw from, or the mean field.
    """

    hot: HotSet
    page_count: int
    left_s: float
    draws: Draws

    def redraw(self, missing: Floats) -> Floats:
        """Return the missing pages by label, now that another set has begun.

        Args:
            missing: pages outside the set and inside it by class, for those that are not given as
                touched from the start and for those that are, [labels].
        """
        blocks = missing.reshape(2, 2, -1)
        pages = blocks.sum(axis=1).ravel()
        others = max(self.page_count - pages.sum(), 0.0)
        counts = np.append(pages, others)
        if self.draws.is_random:
            counts = np.rint(counts)
        members = self.draws.without_replacement(counts, self.hot.pages)[:-1]
        found = np.stack([pages - members, members], axis=1)
        return found.reshape(2, -1, 2).swapaxes(1, 2).ravel()


def _ends_within(hot: HotSet, left_s: float, duration_s: float) -> int:
    """Return how many sets end in so much operational time."""
    if duration_s < left_s:
        return 0
    return 1 + int((duration_s - left_s) / hot.period_s)
