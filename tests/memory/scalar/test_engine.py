"""The scalar model: what waits and cuts do to it."""

from __future__ import annotations

import pytest

from cluster_emu.memory.scalar.engine import ScalarEngine

WORKING_SET = 1e6


def after_a_round() -> ScalarEngine:
    engine = ScalarEngine(1e9, 4096, 1e5, WORKING_SET)
    engine.begin_round()
    engine.plan(1e-9)
    engine.end_round(4.0)
    assert engine.stale_bytes == 4e5
    return engine


@pytest.mark.parametrize("waits", [[20.0], [1.0] * 20, [5.0, 15.0]])
def test_a_wait_dirties_the_working_set_at_most_however_it_is_cut(waits: list[float]) -> None:
    engine = after_a_round()
    for wait in waits:
        engine.wait(wait)
    assert engine.stale_bytes == WORKING_SET


def test_a_wait_adds_to_the_round_before() -> None:
    engine = after_a_round()
    engine.wait(2.0)
    assert engine.stale_bytes == 6e5


def test_fewer_bytes_wait_than_are_asked_for_when_a_round_is_cut() -> None:
    engine = ScalarEngine(1e9, 4096, 0.0, 0.0)
    engine.begin_round()
    left = engine.plan(1e-9, 1000.0)
    engine.end_round(left * 1e-9)
    assert engine.stale_bytes == 999.0
