"""The notebook docs/tour.ipynb shows what its cells say."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from tests._support.tools import tool

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tour.ipynb"
MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def tour() -> ModuleType:
    return tool("tour")


@pytest.fixture(scope="module")
def saved() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_its_cells_are_those_of_the_tool(tour: ModuleType, saved: nbformat.NotebookNode) -> None:
    nbformat.validate(saved)
    assert [cell.source for cell in saved.cells] == [cell.source for cell in tour.CELLS]


def test_it_was_run_and_is_small(saved: nbformat.NotebookNode) -> None:
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    outputs = [one for cell in saved.cells if cell.cell_type == "code" for one in cell.outputs]
    pictures = [one for one in outputs if "image/png" in one.get("data", {})]
    cards = [one for one in outputs if "cluster-emu" in one.get("data", {}).get("text/html", "")]
    assert len(pictures) >= 7
    assert len(cards) >= 5
    assert {one.output_type for one in outputs} <= {"execute_result", "display_data"}


@pytest.mark.slow
def test_it_can_be_run_again(tour: ModuleType, saved: nbformat.NotebookNode) -> None:
    again = tour.executed()

    for old, new in zip(saved.cells, again.cells, strict=True):
        if old.cell_type == "code":
            assert texts(new) == texts(old)


def texts(cell: nbformat.NotebookNode) -> list[str]:
    """Return the cards and texts that a cell shows."""
    return [one["data"].get("text/html", "") for one in cell.outputs]
