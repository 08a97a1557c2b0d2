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

MOST_CELLS_A_SIDE = 128
"""Cells of the image from left to right, and from top to bottom, at most."""


@dataclass(frozen=True, slots=True)
class PageMap:
    """Cells in address order, row by row; the last one may stand for fewer pages.

    Args:
        columns: cells of a row.
        pages_per_cell: neighbouring pages for which a cell stands.
        cells: the `PageState` that most pages of each cell are in, [cells].
        tints: what else is in a cell: the state in `RARE` that most of its other pages are in,
            times 32, and the share of its pages in 31 parts, rounded up; 0 for nothing, [cells].
    """

    columns: int
    pages_per_cell: int
    cells: NDArray[np.uint8]
    tints: NDArray[np.uint8]

    def as_json(self) -> dict[str, object]:
        """Return the map as plain data: cells and tints as bytes in base 64."""
        return {
            "columns": self.columns,
            "rows": -(-len(self.cells) // self.columns),
            "pages_per_cell": self.pages_per_cell,
            "cells": base64.b64encode(self.cells.tobytes()).decode("ascii"),
            "tints": base64.b64encode(self.tints.tobytes()).decode("ascii"),
        }


def page_map(states: NDArray[np.int8], most_a_side: int = MOST_CELLS_A_SIDE) -> PageMap:
    """Return the image of a VM's pages.

    Of states that as many pages of a cell are in, the later one in `PageState` is shown.

    Args:
        states: the `PageState` of every page, [pages].
        most_a_side: cells of a row, and rows, at most.
    """
    pages = len(states)
    per_cell = max(-(-pages // most_a_side**2), 1)
    cell_count = -(-pages // per_cell)
    columns = min(max(math.ceil(math.sqrt(cell_count)), 1), most_a_side)
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
    share = -(-31 * pages // np.maximum(counts.sum(axis=1), 1))
    return np.where(pages > 0, 32 * state + share, 0).astype(np.uint8)
