from __future__ import annotations

import base64

import numpy as np
import pytest

from cluster_emu.memory.page_state import PageState
from cluster_emu.observation.page_map import page_map


def test_a_small_vm_has_one_cell_for_each_page() -> None:
    states = np.arange(6, dtype=np.int8)
    found = page_map(states)
    assert (found.columns, found.pages_per_cell) == (3, 1)
    assert found.cells.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_cell_shows_the_state_that_most_of_its_pages_are_in() -> None:
    sent, skipped, clean = PageState.SENT, PageState.SKIPPED, PageState.CLEAN
    states = np.array([sent, sent, clean, skipped, skipped, sent, clean], dtype=np.int8)
    found = page_map(states, most_cells=4)
    # 7 pages in at most 4 cells: two a cell, one page in the last cell
    assert found.pages_per_cell == 2
    # clean and skipped once each: the later state in PageState wins
    assert found.cells.tolist() == [sent, skipped, skipped, clean]


@pytest.mark.parametrize("pages", [1, 2, 16_384, 16_385, 1_000_003])
def test_the_image_has_a_cell_for_every_page_and_fits(pages: int) -> None:
    found = page_map(np.zeros(pages, dtype=np.int8))
    assert len(found.cells) <= 128 * 128
    assert (len(found.cells) - 1) * found.pages_per_cell < pages
    assert pages <= len(found.cells) * found.pages_per_cell
    data = found.as_json()
    assert len(base64.b64decode(str(data["cells"]))) == len(found.cells)
    rows = data["rows"]
    assert isinstance(rows, int)
    assert rows <= 128
    assert rows * found.columns >= len(found.cells)


def test_a_tinted_cell_has_part_of_the_colour_of_its_exceptions() -> None:
    clean, sent, skipped = PageState.CLEAN, PageState.SENT, PageState.SKIPPED
    states = np.array([sent] * 999 + [skipped] + [clean] * 1000, dtype=np.int8)
    colours = np.zeros((len(PageState), 3))
    colours[sent], colours[skipped] = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)
    mixed = page_map(states, most_cells=2).mixed(colours)
    # one page of 1,000 is 1 of 31 parts, and 0.3 in any case
    np.testing.assert_allclose(mixed[0], [0.3 + 1 / 31, 0.0, 1 - 0.3 - 1 / 31])
    np.testing.assert_allclose(mixed[1], [0.0, 0.0, 0.0])


def test_exceptions_of_a_cell_tint_it() -> None:
    sent, skipped, dirtied = PageState.SENT, PageState.SKIPPED, PageState.DIRTIED
    states = np.array([sent] * 28 + [skipped] * 3 + [dirtied] + [sent] * 32, dtype=np.int8)
    found = page_map(states, most_cells=1)
    assert found.pages_per_cell == 64
    # 3 of 64 pages are 1.45 of 31 parts, rounded up
    assert found.tints.tolist() == [32 * skipped + 2]
    assert page_map(states[:28], most_cells=1).tints.tolist() == [0]
