"""Numbers as a reader sees them."""

from __future__ import annotations

import math

import pytest

from cluster_emu.wording import counted, interval, listed, number, percent


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (1.83, "+183 %"),
        (18.3, "+1,830 %"),
        (0.0123, "+1.23 %"),
        (-0.32, "-32 %"),
        (1e-9, "< 0.01 %"),
        (0.0, "0 %"),
        (None, ""),
        (math.inf, ""),
    ],
)
def test_shares_have_no_exponents(share: float | None, written: str) -> None:
    assert percent(share) == written


def test_numbers_have_four_digits_or_all_of_the_whole_part() -> None:
    assert [number(x) for x in (0.012345, 12.3456, 12345.6, None, math.nan)] == [
        "0.01235",
        "12.35",
        "12,346",
        "-",
        "-",
    ]
    assert interval(0.001, 0.002, 1e3) == "[1, 2]"
    assert interval(None, 1.0) == ""


def test_things_are_counted_and_listed() -> None:
    assert counted(1, "VM") == "1 VM"
    assert counted(1200, "VM") == "1,200 VMs"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
