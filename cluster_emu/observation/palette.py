"""The colours of figures and of the live page, named once for both.

They are those of Okabe and Ito (2008), which people with any common kind of colour blindness can
tell apart. Each has a lighter or darker shade that stands for it on a dark ground.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from cluster_emu.memory.page_state import PageState
from cluster_emu.observation.page_map import LEAST_TINT, TINT_STEPS
from cluster_emu.transfer.records import Phase
from cluster_emu.transfer.spans import SpanKind

BLACK = "#000000"
WHITE = "#FFFFFF"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8A8A8A"
PALE_GREY = "#D9D9D9"
FAINT_GREY = "#F2F2F2"
GRID_GREY = "#E6E6E6"
LOAD_COLOUR = "#A9BCC6"

DARK_INK, DARK_GROUND = "#E6E6E6", "#14181D"
ON_DARK: Mapping[str, str] = MappingProxyType(
    {
        BLACK: DARK_INK,
        WHITE: DARK_GROUND,
        ORANGE: "#F0B429",
        SKY_BLUE: "#9AD3F5",
        GREEN: "#21B98C",
        BLUE: "#3C97D3",
        VERMILLION: "#EE7733",
        PURPLE: "#DD94BC",
        GREY: "#A3A8AE",
        PALE_GREY: "#4C535B",
        FAINT_GREY: "#242A31",
        GRID_GREY: "#333A42",
        LOAD_COLOUR: "#5F7885",
    }
)
"""What stands for each colour on a dark ground."""

STATE_COLOURS: Mapping[PageState, str] = MappingProxyType(
    {
        PageState.CLEAN: FAINT_GREY,
        PageState.TO_SEND: SKY_BLUE,
        PageState.SENT: BLUE,
        PageState.SKIPPED: ORANGE,
        PageState.DEFERRED: GREEN,
        PageState.DIRTIED: VERMILLION,
    }
)
"""States of a page."""

SPAN_COLOURS: Mapping[SpanKind, str] = MappingProxyType(
    {
        SpanKind.WAITING: PALE_GREY,
        SpanKind.PREPARING: GREEN,
        SpanKind.ODD_ROUND: BLUE,
        SpanKind.EVEN_ROUND: SKY_BLUE,
        SpanKind.DOWNTIME: VERMILLION,
        SpanKind.POST_COPY: PURPLE,
        SpanKind.FINISHING: GREY,
    }
)
"""Intervals of a migration."""

SENT_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        Phase.PRE_COPY.value: BLUE,
        Phase.STOP_AND_COPY.value: VERMILLION,
        Phase.POST_COPY.value: PURPLE,
    }
)
"""Pages sent, by the phase in which they are."""

ROUND_COLOURS: Mapping[str, str] = MappingProxyType(
    {"sent": BLUE, "skipped": ORANGE, "deferred": GREEN, "unvisited": PALE_GREY}
)
"""What a round has done with the pages that were due, by column of the table `rounds`."""

SERIES_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "orange": ORANGE,
        "skyBlue": SKY_BLUE,
        "green": GREEN,
        "blue": BLUE,
        "vermillion": VERMILLION,
        "purple": PURPLE,
        "grey": GREY,
        "paleGrey": PALE_GREY,
        "black": BLACK,
    }
)
"""The names by which the page asks for colours."""


def palette_script() -> str:
    """Return the JavaScript module from which the page takes its colours.

    Each colour is a pair, for light and for dark.
    """
    parts = {
        "COLOURS": {name: _pair(colour) for name, colour in SERIES_COLOURS.items()},
        "STATES": [[state.label, *_pair(STATE_COLOURS[state])] for state in PageState],
        "SPANS": [[kind.value, *_pair(SPAN_COLOURS[kind])] for kind in SpanKind],
        "SENT": {phase: _pair(colour) for phase, colour in SENT_COLOURS.items()},
        "ROUNDS": {column: _pair(colour) for column, colour in ROUND_COLOURS.items()},
        "TINT": {"least": LEAST_TINT, "steps": TINT_STEPS},
    }
    lines = (f"export const {name} = {json.dumps(part)};\n" for name, part in parts.items())
    return (
        "// Made from cluster_emu/observation/palette.py; colours are [light, dark].\n"
        + "".join(lines)
    )


def _pair(colour: str) -> tuple[str, str]:
    return colour, ON_DARK[colour]
