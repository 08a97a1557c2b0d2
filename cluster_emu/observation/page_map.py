"""The address space of a VM as a small image: one cell for a run of neighbouring pages."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.page_state import PageState

RARE = (PageState.SKIPPED, PageState.DEFERRED, PageState.DIRTIED)
"""States that a reader looks for, and that seldom fill a cell: the exceptions of a round."""

MOST_CELLS = 128**2
"""Cells of an image at most."""

TINT_STEPS = 31
LEAST_TINT = 0.3
"""So much of a cell's colour is that of its exceptions, however few they are."""


@dataclass(frozen=True, slots=True)
class PageMap:
    """Cells in address order, row by row; the last one may stand for fewer pages.

    Args:
        columns: cells of a row.
        pages_per_cell: neighbouring pages for which a cell stands.
        cells: the `PageState` that most pages of each cell are in, [cells].
        tints: what else is in a cell: the state in `RARE` that most of its other pages are in,
            times 32, and the share of its pages in 31 parts, rounded up; 0 for nothing, [cells].

    The picture shows a cell in the colour of `cells`, mixed with that of the state in `tints`.
    """

    columns: int
    pages_per_cell: int
    cells: NDArray[np.uint8]
    tints: NDArray[np.uint8]

    @property
    def rows(self) -> int:
        """Rows of the image; the last one may have fewer cells."""
        return -(-len(self.cells) // self.columns)

    def mixed(self, colours: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the colour of each cell, [cells, 3], from those of the states, [states, 3]."""
        share = np.where(self.tints > 0, LEAST_TINT + (self.tints % 32) / TINT_STEPS, 0.0)
        part = np.minimum(share, 1.0)[:, np.newaxis]
        found: NDArray[np.float64] = (1 - part) * colours[self.cells] + part * colours[
            self.tints // 32
        ]
        return found

    def as_json(self) -> dict[str, object]:
        """Return the map as plain data: cells and tints as bytes in base 64."""
        return {
            "columns": self.columns,
            "rows": self.rows,
            "pages_per_cell": self.pages_per_cell,
            "cells": base64.b64encode(self.cells.tobytes()).decode("ascii"),
            "tints": base64.b64encode(self.tints.tobytes()).decode("ascii"),
        }


def page_map(
    states: NDArray[np.int8], most_cells: int = MOST_CELLS, width_to_height: float = 1.0
) -> PageMap:
    """Return the image of a VM's pages.

    Of states that as many pages of a cell are in, the later one in `PageState` is shown.

    Args:
        states: the `PageState` of every page, [pages].
        most_cells: cells at most.
        width_to_height: about how many columns there are for each row.
    """
    pages = len(states)
    per_cell = max(-(-pages // most_cells), 1)
    cell_count = -(-pages // per_cell)
    columns = min(max(math.ceil(math.sqrt(width_to_height * cell_count)), 1), max(cell_count, 1))
    if per_cell == 1:
        return PageMap(columns, 1, states.astype(np.uint8), np.zeros(pages, dtype=np.uint8))
    kinds = len(PageState)
    numbers = (np.arange(pages) // per_cell) * kinds + states
    counts = np.bincount(numbers, minlength=cell_count * kinds).reshape(cell_count, kinds)
    dominating = kinds - 1 - counts[:, ::-1].argmax(axis=1)
    return PageMap(columns, per_cell, dominating.astype(np.uint8), _tints(counts, dominating))


def _tints(counts: NDArray[np.int64], dominating: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the tint of each cell from its pages by state, [cells, states]."""
    others = np.zeros_like(counts)
    others[:, RARE] = counts[:, RARE]
    others[np.arange(len(counts)), dominating] = 0
    state = others.argmax(axis=1)
    pages = others[np.arange(len(counts)), state]
    share = -(-TINT_STEPS * pages // np.maximum(counts.sum(axis=1), 1))
    return np.where(pages > 0, 32 * state + share, 0).astype(np.uint8)
