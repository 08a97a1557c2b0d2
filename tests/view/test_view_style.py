"""Styles of figures: what changes with them, and that nothing of them stays behind."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import matplotlib
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from cluster_emu import RunResult, UnknownNameError
from cluster_emu.cli.options import FigureStyle
from cluster_emu.view import draw_gantt, draw_run, figure_of, figure_style, save_figure
from cluster_emu.view.style import (
    BLACK,
    LOOKS,
    STRATEGY_COLOURS,
    StyledFigure,
    folded,
    look,
    new_figure,
    tint,
)
from tests._support.figure_checks import misplaced, writing

PICTURES = ("timeline", "gantt", "links", "anatomy", "rounds", "remaining", "cluster")


def drawn(run: RunResult, picture: str, style: str) -> Figure:
    with figure_style(style):
        figure = draw_run(run, picture)
    figure.savefig(BytesIO(), format="png")
    return figure


def test_the_command_has_the_styles_of_the_package() -> None:
    assert [style.value for style in FigureStyle] == list(LOOKS)


def test_an_unknown_style_is_refused_with_those_there_are() -> None:
    with (
        pytest.raises(UnknownNameError, match=r"papr.*dark, light, paper"),
        figure_style("papr"),
    ):
        pass


@pytest.mark.parametrize("style", LOOKS)
def test_no_setting_stays_behind(style: str) -> None:
    before = dict(matplotlib.rcParams)

    with pytest.raises(ZeroDivisionError), figure_style(style):
        raise ZeroDivisionError

    assert dict(matplotlib.rcParams) == before
    assert look().name == "light"
    assert tint(BLACK) == BLACK


def test_the_innermost_style_counts() -> None:
    with figure_style("dark"):
        with figure_style("paper"):
            assert look().name == "paper"
            assert tint(BLACK) == BLACK
        assert look().name == "dark"
        assert tint(BLACK) != BLACK


@pytest.mark.parametrize("picture", PICTURES)
def test_a_dark_figure_is_dark_also_where_it_is_saved_later(
    live_run: RunResult, picture: str
) -> None:
    figure = drawn(live_run, picture, "dark")

    assert isinstance(figure, StyledFigure)
    ground = to_rgb(figure.get_facecolor())
    assert max(ground) < 0.2
    texts = [text for text in writing(figure) if text.get_text().strip()]
    assert texts
    for text in texts:
        assert contrast(to_rgb(text.get_color()), ground) >= 4.5, text
    for axis in (axis for ax in figure.axes if ax.axison for axis in (ax.xaxis, ax.yaxis)):
        for tick in axis.get_major_ticks():
            assert to_hex(tick.tick1line.get_color()) != BLACK


@pytest.mark.parametrize("style", ["light", "dark"])
def test_curves_stand_out_from_the_ground(style: str) -> None:
    with figure_style(style):
        ground = to_rgb(new_figure(1.0).get_facecolor())
        found = {colour: contrast(to_rgb(tint(colour)), ground) for colour in STRATEGY_COLOURS}

    assert min(found.values()) >= 2.2, found


def contrast(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Return the contrast ratio of WCAG 2."""
    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: tuple[float, ...]) -> float:
    parts = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


@pytest.mark.parametrize("picture", PICTURES)
def test_a_figure_for_a_paper_fits_into_a_column(live_run: RunResult, picture: str) -> None:
    figure = drawn(live_run, picture, "paper")

    assert figure.get_figwidth() == pytest.approx(3.3)
    texts = [text for text in writing(figure) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    assert not misplaced(figure)


def test_letters_in_a_pdf_are_truetype(live_run: RunResult, tmp_path: Path) -> None:
    with figure_style("paper"):
        ax = draw_gantt(live_run.migrations, live_run.rounds)
    content = save_figure(figure_of(ax), tmp_path / "gantt.pdf").read_bytes()

    assert b"/Type3" not in content
    assert b"/FontFile2" in content or re.search(rb"/Subtype\s*/CIDFontType2", content)


def test_titles_are_folded_to_the_width_of_the_style() -> None:
    title = "word " * 40

    with figure_style("paper"):
        narrow = folded(title)
    assert max(map(len, narrow.split("\n"))) <= LOOKS["paper"].title_letters
    assert narrow.count("\n") > folded(title).count("\n")
    assert narrow.split() == title.split()
