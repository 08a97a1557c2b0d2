"""Pages that nothing can tell apart, counted: the whole state of the lumped engine.

Pages of one write class, in one stretch of the address space, with the same flag and the same
history are exchangeable, so how many there are of each kind is all there is to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
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


@dataclass(frozen=True, slots=True)
class Kinds:
    """Numbers the kinds of page.

    Args:
        classes: number of write classes.
        history_bits: dirty bits of past rounds that are kept.
    """

    classes: int
    history_bits: int

    def keys(self, stratum: Labels, page_class: Labels, flag: Labels, code: Labels) -> Labels:
        """Return the number of each kind."""
        keys: Labels = (stratum * self.classes + page_class) * len(Flag) + flag
        return (keys << self.history_bits) | code

    def shifted(self, code: Labels, dirty: int) -> Labels:
        """Return the histories with one more round."""
        shifted: Labels = ((code << 1) | dirty) & ((1 << self.history_bits) - 1)
        return shifted


class Cells:
    """How many pages there are of each kind that has any.

    Args:
        kinds: the numbering.
        keys: a kind for each entry of `pages`; kinds may repeat.
        pages: pages of that kind.
    """

    __slots__ = ("code", "flag", "kinds", "page_class", "pages", "stratum")

    def __init__(self, kinds: Kinds, keys: Labels, pages: Counts) -> None:
        keys, self.pages = _added_up(keys, pages)
        self.kinds = kinds
        self.code = keys & ((1 << kinds.history_bits) - 1)
        rest = keys >> kinds.history_bits
        self.flag = rest & 3
        self.stratum, self.page_class = np.divmod(rest >> 2, kinds.classes)

    def __len__(self) -> int:
        return len(self.pages)

    def total(self, flag: Flag) -> int:
        """Return how many pages have a flag."""
        return int(self.pages[self.flag == flag].sum())


def _added_up(keys: Labels, pages: Counts) -> tuple[Labels, Counts]:
    if len(keys) and int(keys.max()) < DENSE_KEYS:
        totals = np.bincount(keys, pages)  # exact: as doubles, whole numbers below 2**53
        kept = np.flatnonzero(totals)
        return kept, totals[kept].astype(np.int64)
    keys, pages = keys[pages > 0], pages[pages > 0]
    distinct, where = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(where, pages, minlength=len(distinct)).astype(np.int64)
