"""Turns counts back into pages: which page is which is drawn only now."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.log import PageIds
from cluster_emu.memory.lumped.cells import Cells, Counts, Flag
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.writer import PageWriter
from cluster_emu.memory.writes import ClassWrites


def scattered_pages(
    cells: Cells, ranks: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Deal the pages of all cells out over the address space, each in its own stretch.

    Args:
        cells: the counts.
        ranks: place of each stretch in address order, by label.
        rng: the stream to draw from.

    Returns:
        The write class of each page, and whether it is stale, [pages].
    """
    cell = np.repeat(np.arange(len(cells)), whole(cells.pages))
    cell = cell[np.argsort(ranks[cells.stratum[cell]] + rng.random(len(cell)))]
    return cells.page_class[cell], cells.flag[cell] != Flag.CURRENT


def whole(pages: Counts) -> NDArray[np.int64]:
    """Return counts that may be means as whole numbers of the same total."""
    ends: NDArray[np.int64] = np.rint(np.cumsum(pages)).astype(np.int64)
    return np.diff(ends, prepend=0)


def writer_of(
    classes: PageClasses, page_class: NDArray[np.int64], rng: np.random.Generator
) -> PageWriter:
    """Return what writes pages that have been dealt out."""
    page_count = len(page_class)
    groups = [
        (np.flatnonzero(page_class == number), float(rate))
        for number, rate in enumerate(classes.writes_per_page_s)
        if rate > 0
    ]

    def given(round_number: int) -> PageIds:
        return np.flatnonzero(rng.random(page_count) < classes.given_share)

    return PageWriter(
        page_count,
        [ClassWrites(groups, page_count, rng)],
        given if classes.given_share > 0 else None,
    )
