"""A round is not delayed by less than the rounding error of the clock."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.encoding import Encoding
from cluster_emu.memory.lumped import PageClasses
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.strategies import HistoryMajority

TIME_PER_BYTE = 1 / 1.25e9
PAGE = 4096.0


@pytest.mark.parametrize("missing_pages", [0.0, 1e-4, 0.5])
def test_the_end_is_known_less_than_a_page_before_it_was_to_be_drawn(missing_pages: float) -> None:
    classes = PageClasses(np.array([1_000_000]), np.array([0.05]), 0.5)
    encoding = Encoding(PAGE)
    memory = LumpedEngine(classes, HistoryMajority(), encoding, np.random.default_rng(1))
    memory.begin_round()
    ahead = memory.plan(TIME_PER_BYTE)
    assert not memory.end_is_known
    assert ahead > PAGE
    sent = ahead - missing_pages * PAGE
    memory.advance(sent, sent * TIME_PER_BYTE)
    memory.plan(TIME_PER_BYTE)
    assert memory.end_is_known
