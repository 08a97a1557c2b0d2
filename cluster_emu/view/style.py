"""What all pictures share: colours, text sizes, styles, and how a figure is made.

The colours are those of `observation.palette`; utilisation uses ColorBrewer's YlGnBu, which grows
darker throughout.

A figure is drawn in the style that is in force, `light` by default:

    with figure_style("paper"):
        figure = figure_of(draw_cluster(frame))

The figure keeps its style: it can be saved later, outside. Nothing stays behind in matplotlib's own
settings. As these belong to the process, only one thread at a time may use another style than
`light`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from cluster_emu.errors import UnknownNameError
from cluster_emu.observation.palette import (
    BLACK,
    BLUE,
    DARK_GROUND,
    DARK_INK,
    FAINT_GREY,
    GREEN,
    GREY,
    GRID_GREY,
    LOAD_COLOUR,
    ON_DARK,
    ORANGE,
    PALE_GREY,
    PURPLE,
    SKY_BLUE,
    VERMILLION,
    WHITE,
)
from cluster_emu.shown_text import visible

__all__ = [
    "BLACK",
    "BLUE",
    "DPI",
    "FAINT_GREY",
    "GREEN",
    "GREY",
    "GRID_GREY",
    "LABEL_PT",
    "LOAD_COLOUR",
    "LOOKS",
    "MARGINS_INCHES",
    "NOTE_PT",
    "ORANGE",
    "PALE_GREY",
    "PURPLE",
    "SKY_BLUE",
    "STRATEGY_COLOURS",
    "TICK_PT",
    "TITLE_PT",
    "UTILISATION_COLOURS",
    "VERMILLION",
    "WHITE",
    "WIDTH_INCHES",
    "Look",
    "StyledFigure",
    "figure_style",
    "folded",
    "literal",
    "look",
    "new_figure",
    "tint",
]

STRATEGY_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY_BLUE, BLACK)
"""One for each line of a figure that compares strategies."""

UTILISATION_COLOURS = "YlGnBu"

TITLE_PT = 10
LABEL_PT = 9
TICK_PT = 8
NOTE_PT = 7

WIDTH_INCHES = 8.0
DPI = 150
MARGINS_INCHES = 0.4


@dataclass(frozen=True, slots=True)
class Look:
    """A style of figures.

    Args:
        name: its name.
        width_inches: width of a figure.
        title_pt: size of titles in points; the other sizes likewise.
        label_pt: of labels of axes.
        tick_pt: of numbers at axes and of legends.
        note_pt: of the smallest texts.
        title_letters: letters of a title that fit into a line.
        legend_columns: entries of a legend that fit into a line.
        shades: colours by those of the style `light` that they stand for.
        utilisation: the colour map of utilisation.
        file_kind: the format of its files, if no other is asked for.
        settings: matplotlib's settings, as those of `rcParams`.
    """

    name: str
    width_inches: float = WIDTH_INCHES
    title_pt: float = TITLE_PT
    label_pt: float = LABEL_PT
    tick_pt: float = TICK_PT
    note_pt: float = NOTE_PT
    title_letters: int = 100
    legend_columns: int = 4
    shades: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    utilisation: str = UTILISATION_COLOURS
    file_kind: str = "png"
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_narrow(self) -> bool:
        """Whether two panels with labels have no space beside each other."""
        return self.width_inches < WIDTH_INCHES / 2

    @property
    def drawing_inches(self) -> float:
        """Width of a figure without its margins."""
        return self.width_inches - MARGINS_INCHES


LOOKS = MappingProxyType(
    {
        "light": Look("light"),
        "dark": Look(
            "dark",
            shades=ON_DARK,
            utilisation="YlGnBu_r",
            settings=MappingProxyType(
                {
                    **dict.fromkeys(("figure.facecolor", "axes.facecolor"), DARK_GROUND),
                    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), DARK_INK),
                    **dict.fromkeys(("axes.titlecolor", "xtick.color", "ytick.color"), DARK_INK),
                    **dict.fromkeys(("patch.edgecolor", "hatch.color"), DARK_INK),
                    "legend.facecolor": DARK_GROUND,
                    "legend.edgecolor": ON_DARK[PALE_GREY],
                }
            ),
        ),
        "paper": Look(
            "paper",
            width_inches=3.3,
            title_pt=8,
            label_pt=7.5,
            tick_pt=7,
            note_pt=7,
            title_letters=46,
            legend_columns=2,
            file_kind="pdf",
            settings=MappingProxyType(
                {
                    "font.size": 7,
                    "axes.linewidth": 0.6,
                    "xtick.major.width": 0.6,
                    "ytick.major.width": 0.6,
                    "xtick.major.size": 2.5,
                    "ytick.major.size": 2.5,
                    "hatch.linewidth": 0.6,
                }
            ),
        ),
    }
)
"""The styles: `light`, `dark`, and `paper` for a column of 3.3 inches with texts of 7 points."""

_LOOK: ContextVar[Look] = ContextVar("cluster_emu.view.look", default=LOOKS["light"])


def look() -> Look:
    """Return the style in force."""
    return _LOOK.get()


def tint(colour: str) -> str:
    """Return what stands for one of the colours above in the style in force."""
    return look().shades.get(colour, colour)


@contextmanager
def figure_style(name: str) -> Iterator[None]:
    """Draw figures in a style, `light`, `dark` or `paper`, within a ``with`` block.

    Raises:
        UnknownNameError: if there is no such style.
    """
    if name not in LOOKS:
        raise UnknownNameError("style", name, LOOKS)
    before = _LOOK.set(LOOKS[name])
    try:
        with _settings_of(LOOKS[name]):
            yield
    finally:
        _LOOK.reset(before)


@contextmanager
def _settings_of(style: Look) -> Iterator[None]:
    # Figures of the default style leave matplotlib's settings alone, which threads share.
    if not style.settings:
        yield
        return
    settings: Any = dict(style.settings)
    with matplotlib.rc_context(settings):
        yield


class StyledFigure(Figure):
    """A figure that is drawn in the style in which it was made, ticks that come late included."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.look = look()
        super().__init__(*args, **kwargs)

    def draw(self, renderer: Any) -> None:
        """Draw it."""
        with _settings_of(self.look):
            super().draw(renderer)


def literal(text: str) -> str:
    """Return a text of a user as matplotlib draws it letter by letter, ``$`` begins no formula."""
    return visible(text).replace("$", r"\$")


def folded(title: str, share: float = 1.0) -> str:
    """Return a title with its lines folded to a share of the width of a figure."""
    letters = max(int(share * look().title_letters), 10)
    lines = (textwrap.fill(line, letters, break_on_hyphens=False) for line in title.split("\n"))
    return "\n".join(lines)


def new_figure(height_inches: float, *, width_inches: float | None = None) -> Figure:
    """Return an empty figure that keeps its parts from overlapping; it is not one of pyplot's.

    Args:
        height_inches: its height.
        width_inches: its width, by default that of the style in force.
    """
    width = look().width_inches if width_inches is None else width_inches
    return StyledFigure(figsize=(width, height_inches), dpi=DPI, layout="constrained")
