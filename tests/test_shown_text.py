"""Text of users has no letter that acts on a terminal."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.shown_text import visible


@pytest.mark.parametrize(
    "text", ["", "pre-copy", "größe 12 µs → 3", "a\u00a0b", "[red] :dog: $x$ <b> =1", r"C:\new"]
)
def test_text_with_a_shape_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x9bA\x7f\0", r"\x9bA\x7f\x00"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("\u2028\u200b\ufeff", r"\u2028\u200b\ufeff"),
        ("not UTF-8: \udcff", r"not UTF-8: \udcff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_acts_becomes_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_that_acts_is_left_of_all_letters() -> None:
    shown = visible("".join(map(chr, range(sys.maxunicode + 1))))
    left = {unicodedata.category(letter) for letter in set(shown)}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_an_error_is_one_line_without_control_characters() -> None:
    for error in (ClusterEmuError("a\nb\x1b[0m"), ScenarioError("axes.\x1bc\n", "\x07", "x\ty")):
        assert str(error).isprintable()
