"""Page groups: the whole state of the lumped engine, and the groups that a live round starts from.

Pages of one write class, in one range of the address space, with the same status and the same
history are exchangeable (exact lumping: Kemeny and Snell, Finite Markov Chains, 1960), so their
number is all that the engine keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import (
    STATE_INDEX,
    PageStatus,
    Records,
    StatusTotals,
    find_due,
    groups_of_states,
    merge_groups,
    state_numbers,
    status_totals,
)
from cluster_emu.memory.lumped.address_ranges import AddressRanges

Floats = NDArray[np.float64]

MOST_DENSE_STATES = 2**16
"""Number of states up to which an array of all states beats sorting."""


@dataclass(frozen=True)
class StateIndex:
    """Numbers the states that a page can have.

    Args:
        write_classes: number of write classes; working sets with known members double it.
        address_ranges: number of labels of address ranges.
        history_bits: dirty bits of past rounds that are kept.
    """

    write_classes: int
    address_ranges: int
    history_bits: int

    @cached_property
    def table(self) -> Records:
        """The same as `_kernels.STATE_INDEX`, [1]."""
        row = self.write_classes, self.address_ranges, self.history_bits
        return np.array([row], dtype=STATE_INDEX)

    @cached_property
    def states(self) -> int:
        """How many states there are."""
        return self.write_classes * self.address_ranges * len(PageStatus) << self.history_bits


@lru_cache(maxsize=64)
def state_index(write_classes: int, address_ranges: int, history_bits: int) -> StateIndex:
    """Return the numbering of states of so many write classes, ranges and dirty bits."""
    return StateIndex(write_classes, address_ranges, history_bits)


class PageGroups:
    """How many pages are in each state that has any, by state number.

    Args:
        index: the numbering of the states.
        records: `_kernels.GROUP`, one row per state, [groups].
        totals: pages by status, if they are known.
    """

    __slots__ = ("_totals", "index", "records")

    def __init__(
        self, index: StateIndex, records: Records, totals: StatusTotals | None = None
    ) -> None:
        self.index = index
        self.records = records
        self._totals = totals

    @classmethod
    def merged(cls, index: StateIndex, records: Records) -> PageGroups:
        """Add up groups of the same state; `records` may repeat states, in any order."""
        if index.states <= MOST_DENSE_STATES:
            return cls(index, merge_groups(records, index.table))
        records = records[records["pages"] > 0]
        numbers = state_numbers(records, index.table)
        order = np.argsort(numbers, kind="stable")
        distinct, begins = np.unique(numbers[order], return_index=True)
        pages = np.ascontiguousarray(records["pages"])
        if len(pages):
            pages = np.add.reduceat(pages[order], begins)
        return cls(index, groups_of_states(distinct, pages, index.table))

    @property
    def totals(self) -> StatusTotals:
        """Pages by status."""
        if self._totals is None:
            self._totals = StatusTotals(*status_totals(self.records))
        return self._totals


class DuePages(NamedTuple):
    """The pages that are due in a live round, and what the strategy decides about them.

    Args:
        groups: `_kernels.DUE_GROUP` in scan order, [due].
        sendable: `_kernels.SENDABLE`, [ranks, write classes].
        peek_matters: whether what the peek sees makes a difference for any page.
        sends_dirty_only: whether any page is sent only if the peek sees it dirty.
        total: pages of all groups.
        ranges: `_kernels.ADDRESS_RANGE` in scan order, [ranks].
    """

    groups: Records
    sendable: Records
    peek_matters: bool
    sends_dirty_only: bool
    total: float
    ranges: Records

    @classmethod
    def of(
        cls,
        groups: PageGroups,
        ranges: AddressRanges,
        decisions: Records,
        weight: Floats | None = None,
    ) -> DuePages:
        """Return what is due.

        Args:
            groups: all pages.
            ranges: the ranges of the address space.
            decisions: `_kernels.DECISIONS` of the round by history.
            weight: what a page of each class takes on the wire, over what a usual one takes; where
                these differ, sendable pages count by it, [write classes].
        """
        scanned = ranges.scanned
        found = find_due(
            groups.records, ranges.table, len(scanned), groups.index.write_classes, decisions
        )
        if weight is not None:
            sendable = found[1]
            for name in ("always", "if_clean", "if_dirty"):
                sendable[name] *= weight
        return cls(*found, groups.totals.due, scanned)
