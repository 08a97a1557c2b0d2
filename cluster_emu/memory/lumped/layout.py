"""Where pages lie at the start: how many of each write class in each range of the address space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.dirtying.description import PlacedPages
from cluster_emu.memory.lumped.address_ranges import MOST_RANGES
from cluster_emu.memory.lumped.classes import PageClasses

Floats = NDArray[np.float64]

LAID_OUT_RANGES = MOST_RANGES - 1
"""Ranges of a layout at most: a round that is cut short needs a free label."""
ZERO_WEIGHT = 0.3
"""A zero page counts in what is left to send, but hardly in bytes: less than another page."""


def laid_out(parts: Sequence[PlacedPages], classes: PageClasses, *, zero_apart: bool) -> Floats:
    """Return the pages of each write class in each range, [write classes, ranges].

    Of too many ranges, the two adjacent ones that lose least by it are joined, one by one: with
    n and m pages of shares p and q by class, they lose n m / (n + m) |p - q|^2 (Ward, J. Am. Stat.
    Assoc. 58, 1963).

    Args:
        parts: the layout, in address order.
        classes: the write classes; with `zero_apart` those of zero pages are their second half.
        zero_apart: whether zero pages have classes of their own.
    """
    count = len(classes.pages)
    kinds = count // 2 if zero_apart else count
    rates = classes.writes_per_page_s[:kinds]
    columns = []
    for part in parts:
        column = np.zeros(count)
        row = int(np.searchsorted(rates, part.writes_per_page_s))
        column[row + kinds * (zero_apart and part.is_zero)] = part.pages
        columns.append(column)
    weight = np.ones(count)
    if zero_apart:
        weight[kinds:] = ZERO_WEIGHT
    while len(columns) > LAID_OUT_RANGES:
        weighed = np.array(columns) * weight
        sizes = weighed.sum(axis=1)
        shares = weighed / sizes[:, None]
        apart = ((shares[1:] - shares[:-1]) ** 2).sum(axis=1)
        at = int(np.argmin(sizes[:-1] * sizes[1:] / (sizes[:-1] + sizes[1:]) * apart))
        columns[at : at + 2] = [columns[at] + columns[at + 1]]
    return np.stack(columns, axis=1)
