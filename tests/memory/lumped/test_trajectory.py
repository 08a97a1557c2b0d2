"""The expected trajectory of a round: batches of peeks, and the two ways of following them."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.memory.lumped import PageClasses
from cluster_emu.memory.lumped._kernels import PEEK_TIMES, SENDABLE, Records
from cluster_emu.memory.lumped.expected_round import SMOOTH, Trajectory, midpoints
from cluster_emu.memory.lumped.send_times import SendTimes
from cluster_emu.memory.lumped.write_rates import WriteRates

EVERY_PAGE = midpoints(40_000)


@pytest.mark.parametrize("pages", [80_000.0, 400_000.0, 4_000_000.0])
@pytest.mark.parametrize("steepness", [0.1, 0.01])
def test_many_batches_are_as_one_peek_half_a_batch_earlier(pages: float, steepness: float) -> None:
    batch, time_per_page_s = 1024, 1e-5
    per_page_s = np.array([steepness / (batch * time_per_page_s), 0.05, 0.0])
    rates = WriteRates(PageClasses(np.ones(3, dtype=np.int64), per_page_s))
    sendable = np.zeros((4, 3), dtype=SENDABLE)
    sendable["if_clean"] = pages / 4 * np.array([0.1, 0.3, 0.6])

    def trajectory(batch: int, lead: float, rule: Records) -> Trajectory:
        row = time_per_page_s, 1.0, batch, lead
        peek_times = np.array([row], dtype=PEEK_TIMES)
        breakpoints = SendTimes().breakpoints
        return Trajectory.solved(sendable, np.ones(4), rates, breakpoints, peek_times, rule)

    exact = trajectory(batch, 0.0, EVERY_PAGE)
    blurred = trajectory(1, (batch - 1) / 2, SMOOTH)
    assert blurred.bounds[-1] == pytest.approx(exact.bounds[-1], rel=3e-4)
    assert blurred.chances["mean"] == pytest.approx(exact.chances["mean"], rel=2e-2, abs=2e-3)
