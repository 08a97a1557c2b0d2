"""When the pages of a round are sent: rate changes and stalls."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.memory.lumped._kernels import peek_time
from cluster_emu.memory.lumped.send_times import SendTimes


def times(send_times: SendTimes, pages: list[float]) -> list[float]:
    found = [
        peek_time(each, send_times.breakpoints, send_times.time_per_page_s, 1) for each in pages
    ]
    # numpy's interpolation has no side at a stall, which both functions pass between two pages
    assert send_times.times(np.array(pages)).tolist() == pytest.approx(found)
    return found


def test_a_straight_round() -> None:
    send_times = SendTimes()
    send_times.time_per_page_s = 2.0
    assert times(send_times, [0.0, 7.0]) == [0.0, 14.0]
    send_times.advance(5.0, 10.0)
    assert send_times.is_straight
    assert times(send_times, [3.0, 7.0]) == [6.0, 14.0]


def test_a_stall_at_the_start_is_not_forgotten() -> None:
    send_times = SendTimes()
    send_times.time_per_page_s = 1.0
    send_times.advance(0.0, 50.0)
    assert not send_times.is_straight
    assert times(send_times, [10.0]) == [60.0]


def test_a_stall_in_mid_round_ends_in_a_breakpoint_even_if_the_rate_is_as_before() -> None:
    send_times = SendTimes()
    send_times.time_per_page_s = 1.0
    send_times.advance(100.0, 100.0)
    send_times.advance(0.0, 50.0)
    send_times.advance(0.0, 5.0)
    send_times.advance(100.0, 100.0)
    send_times.time_per_page_s = 2.0
    assert times(send_times, [50.0, 101.0, 200.0, 210.0]) == [50.0, 156.0, 255.0, 275.0]
