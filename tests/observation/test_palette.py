"""Figures and page have one palette, and its colours can be told from each other and the ground."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cluster_emu.memory.page_state import PageState
from cluster_emu.observation.palette import (
    BLUE,
    DARK_GROUND,
    ON_DARK,
    ROUND_COLOURS,
    SENT_COLOURS,
    SPAN_COLOURS,
    STATE_COLOURS,
    VERMILLION,
    WHITE,
    palette_script,
)
from cluster_emu.transfer.spans import SpanKind
from cluster_emu.view.style import figure_style, tint

PANELS = Path(__file__).parents[2] / "cluster_emu" / "live" / "static" / "panels"


def served() -> dict[str, object]:
    """Return what the page imports."""
    lines = re.findall(r"^export const (\w+) = (.*);$", palette_script(), re.MULTILINE)
    return {name: json.loads(value) for name, value in lines}


def both(colour: str) -> list[str]:
    """Return a colour as figures have it in light and dark."""
    with figure_style("dark"):
        return [colour, tint(colour)]


def test_the_page_is_told_the_colours_of_the_figures() -> None:
    found = served()
    assert found["STATES"] == [[each.label, *both(STATE_COLOURS[each])] for each in PageState]
    assert found["SPANS"] == [[each.value, *both(SPAN_COLOURS[each])] for each in SpanKind]
    assert found["SENT"] == {name: both(colour) for name, colour in SENT_COLOURS.items()}
    assert found["ROUNDS"] == {name: both(colour) for name, colour in ROUND_COLOURS.items()}
    colours = found["COLOURS"]
    assert isinstance(colours, dict)
    assert colours["blue"] == both(BLUE)
    assert colours["vermillion"] == both(VERMILLION)


@pytest.mark.parametrize("path", sorted(PANELS.rglob("*.js")), ids=lambda path: path.name)
def test_no_panel_has_colours_of_its_own(path: Path) -> None:
    assert re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text("utf-8")) == []


def test_panels_ask_for_known_colours() -> None:
    asked = {
        name
        for path in PANELS.rglob("*.js")
        for name in re.findall(r"\bcolour\(\"(\w+)\"\)", path.read_text("utf-8"))
    }
    colours = served()["COLOURS"]
    assert isinstance(colours, dict)
    assert asked
    assert asked <= set(colours)


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.1."""
    bands = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        band / 12.92 if band <= 0.04045 else ((band + 0.055) / 1.055) ** 2.4 for band in bands
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.1."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_no_two_states_have_the_same_colour() -> None:
    assert len(set(STATE_COLOURS.values())) == len(PageState)
    assert len({ON_DARK[colour] for colour in STATE_COLOURS.values()}) == len(PageState)


def test_what_is_sent_and_what_is_not_differ_in_lightness() -> None:
    to_send, sent = STATE_COLOURS[PageState.TO_SEND], STATE_COLOURS[PageState.SENT]
    assert contrast(to_send, sent) > 2
    assert contrast(ON_DARK[to_send], ON_DARK[sent]) > 1.9
    assert contrast(sent, WHITE) > 3
    assert contrast(ON_DARK[sent], DARK_GROUND) > 3
