"""Pages that nothing can tell apart, counted: the whole state of the lumped engine.

Pages of one write class, in one stretch of the address space, with the same flag and the same
history are exchangeable, so how many there are of each kind is all there is to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.compiling import compiled

Counts = NDArray[Any]
"""Whole numbers, or means of such in the mean field."""
Labels = NDArray[np.int64]

DENSE_KEYS = 2**16
"""Kinds of page up to which counting in an array of all kinds beats sorting."""


class Flag(IntEnum):
    """What the target has of a page, and what becomes of it."""

    CURRENT = 0
    """The target has its newest version."""
    DUE = 1
    DEFERRED = 2
    """Left to stop-and-copy for good."""
    FORGOTTEN = 3
    """Stale but not due: to_send was taken anew from the dirty log (carry "log")."""


_CURRENT = int(Flag.CURRENT)
_STALE = -1


@dataclass(frozen=True)
class Kinds:
    """Numbers the kinds of page.

    Args:
        classes: number of write classes.
        strata: number of labels of stretches of the address space.
        history_bits: dirty bits of past rounds that are kept.
    """

    classes: int
    strata: int
    history_bits: int

    @cached_property
    def count(self) -> int:
        """How many kinds there can be."""
        return self.strata * self.classes * len(Flag) << self.history_bits

    def keys(self, stratum: Labels, page_class: Labels, flag: Labels, code: Labels) -> Labels:
        """Return the number of each kind."""
        keys: Labels = (stratum * self.classes + page_class) * len(Flag) + flag
        return (keys << self.history_bits) | code

    def shifted(self, code: Labels, dirty: int) -> Labels:
        """Return the histories with one more round."""
        shifted: Labels = ((code << 1) | dirty) & ((1 << self.history_bits) - 1)
        return shifted


def row(table: Labels, number: int) -> Labels:
    """Return a row of a table, not a copy of it."""
    chosen: Labels = table[number]
    return chosen


class Cells:
    """How many pages there are of each kind that has any, in the order of `Kinds.keys`.

    Args:
        kinds: the numbering.
        keys: a kind for each entry of `pages`; kinds may repeat.
        pages: pages of that kind.
    """

    __slots__ = ("kind", "kinds", "pages")

    def __init__(self, kinds: Kinds, keys: Labels, pages: Counts) -> None:
        add_up = _added_up if kinds.count <= DENSE_KEYS else _sorted_and_added_up
        self.kind, self.pages = add_up(keys, pages, kinds.count, kinds.classes, kinds.history_bits)
        self.kinds = kinds

    @property
    def stratum(self) -> Labels:
        """The stretch of the address space each lies in, [cells]."""
        return row(self.kind, 0)

    @property
    def page_class(self) -> Labels:
        """The write class of each, [cells]."""
        return row(self.kind, 1)

    @property
    def flag(self) -> Labels:
        """The `Flag` of each, [cells]."""
        return row(self.kind, 2)

    @property
    def code(self) -> Labels:
        """The history of each, [cells]."""
        return row(self.kind, 3)

    def __len__(self) -> int:
        return len(self.pages)

    def total(self, flag: Flag) -> int:
        """Return how many pages have a flag; rounded in the mean field."""
        return round(_total(self.kind, self.pages, int(flag)))

    @property
    def stale(self) -> int:
        """How many pages of which the target has not the newest version; likewise."""
        return round(_total(self.kind, self.pages, _STALE))


@compiled
def _total(kind: Labels, pages: Counts, flag: int) -> float:
    total = 0.0
    for i in range(len(pages)):
        if kind[2, i] == flag or (flag == _STALE and kind[2, i] != _CURRENT):
            total += pages[i]
    return total


@compiled
def _taken_apart(keys: Labels, classes: int, history_bits: int) -> Labels:
    """Return stretch, write class, flag and history of each key, [4, keys]."""
    kind = np.empty((4, len(keys)), dtype=np.int64)
    for i in range(len(keys)):
        rest = keys[i] >> history_bits
        kind[0, i], kind[1, i] = divmod(rest >> 2, classes)
        kind[2, i] = rest & 3
        kind[3, i] = keys[i] & ((1 << history_bits) - 1)
    return kind


@compiled
def _added_up(
    keys: Labels, pages: Counts, kinds: int, classes: int, history_bits: int
) -> tuple[Labels, Counts]:
    total = np.zeros(kinds, dtype=pages.dtype)
    for i in range(len(keys)):
        total[keys[i]] += pages[i]
    kept = np.flatnonzero(total)
    return _taken_apart(kept, classes, history_bits), total[kept]


def _sorted_and_added_up(
    keys: Labels, pages: Counts, kinds: int, classes: int, history_bits: int
) -> tuple[Labels, Counts]:
    keys, pages = keys[pages > 0], pages[pages > 0]
    order = np.argsort(keys, kind="stable")
    distinct, begins = np.unique(keys[order], return_index=True)
    if len(keys):
        pages = np.add.reduceat(pages[order], begins)
    return _taken_apart(distinct, classes, history_bits), pages
