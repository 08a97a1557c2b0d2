"""The table of false claims in docs/statistics.md is that of tools/false_claims.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests._support.tools import tool

TEXT = (Path(__file__).parents[1] / "docs" / "statistics.md").read_text("utf-8")
TOOL = tool("false_claims")
ROWS = {words: (kind, draw) for words, kind, draw in TOOL.ROWS}


def written() -> dict[str, list[str]]:
    """Return the cells of the table in the docs, by the words of their row."""
    lines = (line.strip("|").split("|") for line in TEXT.splitlines() if line.startswith("|"))
    rows = ([cell.strip() for cell in line] for line in lines)
    return {first: cells for first, *cells in rows if len(cells) == len(TOOL.PAIRS)}


def test_it_has_the_rows_and_columns_of_the_tool() -> None:
    found = written()

    assert list(found) == ["differences", "---", *ROWS]
    assert found["differences"] == ["2 pairs", *map(str, TOOL.PAIRS[1:])]


def test_every_row_has_seeds_of_its_own() -> None:
    assert len({kind for kind, _ in ROWS.values()}) == len(ROWS)


@pytest.mark.parametrize(
    ("words", "pairs"), [("counts, 1 or -1 and never 0", 8), ("times, normal", 10)]
)
def test_a_cell_is_what_the_tool_finds(words: str, pairs: int) -> None:
    assert TOOL.cell(*TOOL.shares(*ROWS[words], pairs)) == written()[words][TOOL.PAIRS.index(pairs)]


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [7, 15])
@pytest.mark.parametrize("words", list(ROWS)[:8])
def test_cells_of_counts_are_what_the_tool_finds(words: str, pairs: int) -> None:
    assert TOOL.cell(*TOOL.shares(*ROWS[words], pairs)) == written()[words][TOOL.PAIRS.index(pairs)]
