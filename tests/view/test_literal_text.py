"""Names with dollar signs and control characters are drawn letter by letter."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from matplotlib.text import Text

from cluster_emu.view import save_figure
from cluster_emu.view.style import literal, new_figure


@pytest.mark.parametrize("name", ["$\\frac{$ x", "$a$", "\\$5", "5 $", "$$", "plain"])
def test_a_name_is_no_formula(name: str, tmp_path: Path) -> None:
    figure = new_figure(1.0)
    text = figure.text(0.5, 0.5, literal(name))
    shown, is_formula = Text._preprocess_math(text, text.get_text())  # type: ignore[attr-defined]
    assert (shown, is_formula) == (name, False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, tmp_path / "a.svg")


def test_control_characters_are_escaped() -> None:
    assert literal("\x1b[0m$\n") == r"\x1b[0m\$\n"
