"""What all pictures share: colours, text sizes, and how a figure is made.

The colours are those of Okabe and Ito (2008), which people with any common kind of colour blindness
can tell apart; utilisation uses ColorBrewer's YlGnBu, which grows darker throughout.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from cluster_emu.shown_text import visible

BLACK = "#000000"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8A8A8A"
PALE_GREY = "#D9D9D9"
FAINT_GREY = "#F2F2F2"

STRATEGY_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY_BLUE, BLACK)
"""One for each line of a figure that compares strategies."""

UTILISATION_COLOURS = "YlGnBu"

TITLE_PT = 10
LABEL_PT = 9
TICK_PT = 8
NOTE_PT = 7

WIDTH_INCHES = 8.0
DPI = 150


def literal(text: str) -> str:
    """Return a text of a user as matplotlib draws it letter by letter, ``$`` begins no formula."""
    return visible(text).replace("$", r"\$")


def new_figure(height_inches: float, *, width_inches: float = WIDTH_INCHES) -> Figure:
    """Return an empty figure that keeps its parts from overlapping; it is not one of pyplot's."""
    return Figure(figsize=(width_inches, height_inches), dpi=DPI, layout="constrained")
