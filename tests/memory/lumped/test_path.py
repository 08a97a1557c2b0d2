"""When how much of a round was on the wire: rate changes and stalls."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.memory.lumped.path import TimePath, time_at


def times(path: TimePath, pages: list[float]) -> list[float]:
    found = [time_at(each, path.corners, path.pace, 1) for each in pages]
    # numpy's interpolation has no side at a stall, which both ways pass between two pages
    assert path.times(np.array(pages)).tolist() == pytest.approx(found)
    return found


def test_a_straight_path() -> None:
    path = TimePath()
    path.pace = 2.0
    assert times(path, [0.0, 7.0]) == [0.0, 14.0]
    path.advance(5.0, 10.0)
    assert path.is_straight
    assert times(path, [3.0, 7.0]) == [6.0, 14.0]


def test_a_stall_at_the_start_is_not_forgotten() -> None:
    path = TimePath()
    path.pace = 1.0
    path.advance(0.0, 50.0)
    assert not path.is_straight
    assert times(path, [10.0]) == [60.0]


def test_a_stall_in_mid_round_ends_in_a_corner_even_if_the_pace_is_as_before() -> None:
    path = TimePath()
    path.pace = 1.0
    path.advance(100.0, 100.0)
    path.advance(0.0, 50.0)
    path.advance(0.0, 5.0)
    path.advance(100.0, 100.0)
    path.pace = 2.0
    assert times(path, [50.0, 101.0, 200.0, 210.0]) == [50.0, 156.0, 255.0, 275.0]
