"""A name of a user becomes the name of a file in the folder it is joined to."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cluster_emu.file_names import MOST_BYTES, file_name, is_file_name

NAMES = st.text(max_size=300) | st.text(alphabet="./\\%~ -a\0", max_size=8)


@pytest.mark.parametrize("name", ["single", "rack 4.1, leaf-spine", "größe_2", "a+b=c@1"])
def test_a_plain_name_stays(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("../../outside", "%2E.%2F..%2Foutside"),
        ("/etc/passwd", "%2Fetc%2Fpasswd"),
        ("C:\\x", "C%3A%5Cx"),
        ("..", "%2E%2E"),
        (".hidden", "%2Ehidden"),
        ("-rf", "%2Drf"),
        ("", "%"),
        ("100%", "100%25"),
        ("a\0b\n", "a%00b%0A"),
        ("NUL", "%4EUL"),
        ("com1.x", "%63om1.x"),
        ("\udcff", "%ED%B3%BF"),
    ],
)
def test_a_name_that_would_be_a_path_is_escaped(name: str, found: str) -> None:
    assert file_name(name) == found


@given(NAMES)
@example("a" * 300)
@example("\U0001f600" * 300)
@settings(max_examples=200, deadline=None)
def test_the_name_is_one_of_an_entry_and_short(name: str) -> None:
    found = file_name(name)
    assert is_file_name(found)
    assert Path(found).name == found
    assert not found.startswith((".", "-"))
    assert len(found.encode()) <= MOST_BYTES


@given(NAMES, NAMES)
@example("a" * 300, "a" * 301)
@example("%", "")
@settings(max_examples=200, deadline=None)
def test_two_names_have_two_files(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "..\\x", "a\0"])
def test_no_entry_of_the_folder(name: str) -> None:
    assert not is_file_name(name)
