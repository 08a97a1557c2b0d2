"""Which pages are in a working set that moves, and which pages its coming sets write, in counts.

Between rounds, every group is either inside or outside the present set. Each set has the same
number of pages, drawn without replacement, so the pages that a set writes are drawn jointly.
When a round begins, the engine therefore draws which pages the sets write that may begin in it, set
after set, and labels these pages by the set that writes them first. At the end of the round, the
labels say who is in the set that is then the present one, and are dropped.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.dirtying.processes import MovingWrites
from cluster_emu.memory.lumped._kernels import Records, draw_first_writers
from cluster_emu.memory.lumped.classes import HotSet, PageClasses
from cluster_emu.memory.lumped.draws import Draws
from cluster_emu.memory.lumped.page_groups import PageGroups, state_index
from cluster_emu.memory.lumped.write_rates import NO_FIRST_WRITERS, FirstWriters, WriteRates
from cluster_emu.memory.pages.dirty_log import PageIds

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_BLOCKS = 23
"""Blocks of coming sets by which pages are labelled; each label is a write class of its own."""
COARSE_BLOCKS = 3
"""Of these, blocks for the time by which a round may take longer than expected."""
MOST_DRAWS = 50_000
"""Sets times groups that are drawn for one round; what later sets write is left to chance."""
UNWRITTEN_PAGES = 0.01
"""No more sets are drawn when fewer pages than that are expected to be written by none so far."""
READY_FACTOR = 2.0
"""Sets are drawn for a round that lasts so many times as long as at its first rate."""


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
        self._first_writers = NO_FIRST_WRITERS
        self.rates = WriteRates(classes)

    def with_first_set(self, groups: PageGroups) -> PageGroups:
        """Draw the members of the set in which the migration begins."""
        records, write_classes = groups.records, len(self._classes.pages)
        members = self._members_of(records["pages"])
        self._label_by(NO_FIRST_WRITERS)
        return self._divided(groups, records, write_classes, members)

    def ready_for(self, groups: PageGroups, duration_s: float, longest_s: float) -> PageGroups:
        """Draw which pages the sets write that begin within so much operational time.

        Args:
            groups: all pages, inside and outside the present set.
            duration_s: the expected time: its sets have a label each, if they are few enough.
            longest_s: the time that is not likely to be exceeded.
        """
        hot, draws, records = self._hot, self._draws, groups.records
        written = -math.expm1(-hot.writes_per_page_s * hot.period_s)
        sets = min(
            _ends_within(hot, self._left_s, longest_s),
            MOST_DRAWS // len(records),
            self._useful_sets(written),
        )
        if sets == 0:
            return groups
        first_writers = _blocks(min(_ends_within(hot, self._left_s, duration_s) + 1, sets), sets)
        labelled = draw_first_writers(
            np.ascontiguousarray(records["pages"]),
            float(self._absent_pages),
            float(hot.pages),
            written,
            first_writers.block_of_set,
            draws.normals(2 * first_writers.sets * len(records)),
        )
        write_classes = 2 * len(self._classes.pages)
        self._label_by(first_writers)
        label, row = np.nonzero(labelled)
        found = records[row]
        found["pages"] = labelled[label, row]
        found["write_class"] += write_classes * label
        index = groups.index
        write_classes *= first_writers.labels
        return PageGroups(
            state_index(write_classes, index.address_ranges, index.history_bits), found
        )

    def _useful_sets(self, written: float) -> int:
        """Return after how many sets next to no page is left that none of them writes."""
        by_one = min(written * self._hot.pages / self._classes.page_count, 1.0)
        if by_one <= 0.0 or by_one == 1.0:
            return 1
        pages = self._classes.page_count / UNWRITTEN_PAGES
        return math.ceil(math.log(pages) / -math.log1p(-by_one))

    def _members_of(self, pages: Floats) -> Floats:
        """Return how many pages of each group are members of a new set."""
        drawn = self._draws.without_replacement(
            np.append(pages, self._absent_pages), self._hot.pages
        )
        return drawn[:-1]

    def _label_by(self, first_writers: FirstWriters) -> None:
        self._first_writers = first_writers
        self.rates = WriteRates(self._classes, self._left_s, first_writers)

    def after(
        self, groups: PageGroups, records: Records, is_dirty: Integers, elapsed_s: float
    ) -> PageGroups:
        """Let operational time pass; return the pages by membership of the present set.

        Args:
            groups: the groups before.
            records: the groups after, without the change of sets: `_kernels.GROUP`, [records].
            is_dirty: whether each was written in that time, 0 or 1, [records].
            elapsed_s: the time.
        """
        ends, first_writers = _ends_within(self._hot, self._left_s, elapsed_s), self._first_writers
        passed_s = elapsed_s - self._left_s - (ends - 1) * self._hot.period_s
        self._left_s += ends * self._hot.period_s - elapsed_s
        self._label_by(NO_FIRST_WRITERS)
        if ends == 0 and first_writers.labels == 1:
            return PageGroups.merged(groups.index, records)
        classes = len(self._classes.pages)
        label, write_class = np.divmod(records["write_class"], 2 * classes)
        records = records.copy()
        if ends == 0:
            records["write_class"] = write_class
            index = groups.index
            return PageGroups.merged(
                state_index(2 * classes, index.address_ranges, index.history_bits), records
            )
        records["write_class"] = write_class % classes
        pages = records["pages"]
        if ends <= first_writers.sets:
            chance = self._member_chance(label, ends, first_writers)
        else:
            chance = self._member_chance_by_dirty_bit(pages, is_dirty, passed_s)
        members = self._draws.binomial(pages, chance)
        if self._draws.is_random:
            members = self._made_up(members, pages, chance)
        return self._divided(groups, records, classes, members)

    def _divided(
        self, groups: PageGroups, records: Records, write_classes: int, members: Floats
    ) -> PageGroups:
        """Return the groups, divided into members of the present set and other pages."""
        outside, inside = records.copy(), records.copy()
        outside["pages"] = records["pages"] - members
        inside["pages"] = members
        inside["write_class"] += write_classes
        return PageGroups.merged(
            state_index(2 * write_classes, groups.index.address_ranges, groups.index.history_bits),
            np.concatenate([outside, inside]),
        )

    def _member_chance(self, label: Integers, ends: int, first_writers: FirstWriters) -> Floats:
        """Return the chance to be in the present set by the set that writes the page first.

        A set writes none of its pages with ``k = sigma exp(-rho period)``, and leaves any page
        alone with ``u = 1 - sigma + k``. A page that an earlier set writes is in the set with
        sigma. One that no set, or a later one, writes is in it with ``k / u``, and one that a block
        of B sets writes, this one among them, with ``(sigma - k u^(B-1)) / (1 - u^B)``, which is 1
        for a single set.

        Args:
            label: the first writers, [records].
            ends: sets that have ended: the present one is the set of this number.
            first_writers: what the labels mean.
        """
        share = self._hot.pages / self._classes.page_count
        kept = share * math.exp(-self._hot.writes_per_page_s * self._hot.period_s)
        alone = 1.0 - share + kept
        block = int(first_writers.block_of_set[ends - 1])
        sets = 1 if block <= first_writers.single_sets else first_writers.block_sets
        in_block = min((share - kept * alone ** (sets - 1)) / (1.0 - alone**sets), 1.0)
        chance: Floats = np.full(len(label), share)
        chance[(label == 0) | (label > block)] = kept / alone if kept > 0 else 0.0
        chance[label == block] = in_block
        return chance

    def _member_chance_by_dirty_bit(
        self, pages: Floats, is_dirty: Integers, passed_s: float
    ) -> Floats:
        """Return the chance to be in a present set that began after all labelled ones.

        A page that is clean is in it with ``sigma exp(-rho d)`` over
        ``1 - sigma + sigma exp(-rho d)``, d being the time the set has lasted. Of all pages, the
        share of members is sigma, so the chance for dirty pages follows.

        Args:
            pages: pages of each record.
            is_dirty: whether they were written, 0 or 1.
            passed_s: operational time since the set began.
        """
        share = self._hot.pages / self._classes.page_count
        kept = share * math.exp(-self._hot.writes_per_page_s * passed_s)
        if_clean = kept / (1.0 - share + kept) if kept > 0 else 0.0
        dirty = float((pages * is_dirty).sum())
        clean = float(pages.sum()) - dirty
        if_dirty = (share * (clean + dirty) - if_clean * clean) / max(dirty, 1.0)
        return np.where(is_dirty, min(max(if_dirty, 0.0), 1.0), if_clean)

    def _made_up(self, members: Floats, pages: Floats, chance: Floats) -> Floats:
        """Return the members after a random correction of their total to the size of the set.

        Independent draws give too many or too few members by chance. Pages that are members for
        certain stay so.
        """
        missing = int(self._members_of(np.array([pages.sum()]))[0] - members.sum())
        if missing >= 0:
            return members + self._draws.without_replacement(pages - members, missing)
        removable = np.where(chance < 1.0, members, 0.0)
        fewer = min(-missing, int(removable.sum()))
        return members - self._draws.without_replacement(removable, fewer)

    def touch_rates(self) -> Floats:
        """Return writes per page and second, members of the present set included."""
        rates = self.rates.per_page_s.copy()
        rates[len(self._classes.pages) :] += self._hot.writes_per_page_s
        return rates

    def moving_writes(self, members: PageIds, now: float, rng: np.random.Generator) -> MovingWrites:
        """Return the writes to the sets from an operational time on, page by page.

        Args:
            members: the pages of the present set.
            now: the time.
            rng: the stream from which writes and later sets are drawn.
        """
        hot = self._hot
        return MovingWrites(
            self._classes.page_count,
            hot.pages,
            hot.writes_per_page_s,
            hot.period_s,
            hot.period_s - self._left_s - now,
            lambda _: rng,
            rng,
            members,
        )

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


def _blocks(singles: int, sets: int) -> FirstWriters:
    """Divide the coming sets into blocks: the first ones alone, or all of them in equal blocks."""
    if sets <= MOST_BLOCKS:
        return FirstWriters(sets)
    if singles <= MOST_BLOCKS - COARSE_BLOCKS:
        return FirstWriters(singles, COARSE_BLOCKS, -(-(sets - singles) // COARSE_BLOCKS))
    block_sets = -(-sets // MOST_BLOCKS)
    return FirstWriters(0, -(-sets // block_sets), block_sets)
