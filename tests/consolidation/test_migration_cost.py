from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.consolidation.migration_cost import MOST_ROUNDS, STOP_BYTES, expected_cost

RATE = 1e8


def sent_round_by_round(memory: float, ratio: float) -> float:
    """Return the bytes of a migration, one round after the other."""
    volume = total = memory
    live_rounds = 0
    while volume > STOP_BYTES and live_rounds < MOST_ROUNDS:
        volume *= ratio
        total += volume
        live_rounds += 1
    return total


@given(gib=st.integers(1, 64), dirty_share=st.floats(0.0, 3.0))
def test_rounds_add_up(make_state, vm, gib, dirty_share):
    dirty = np.array([dirty_share * RATE / 4096])
    columns = replace(make_state([1], [64], [vm(0, 0.0, gib)]).vms, dirty_pages_per_s=dirty)
    cost = expected_cost(columns, np.array([0]), RATE)
    expected = sent_round_by_round(gib * 2.0**30, min(dirty_share, 1.0))
    assert cost.sent_bytes == pytest.approx([expected])
    assert cost.time_s == pytest.approx([expected / RATE])


def test_a_vm_that_writes_nothing_is_sent_once_and_each_has_its_own_rate(make_state, vm):
    columns = make_state([1, 1], [8, 8], [vm(0, 0.0, 1), vm(1, 0.0, 2), vm(1, 0.0, 4)]).vms
    cost = expected_cost(columns, np.array([2, 0]), np.array([2.0**30, 2.0**29]))
    assert cost.sent_bytes.tolist() == [4 * 2**30, 2**30]
    assert cost.time_s.tolist() == [4.0, 2.0]


def test_a_vm_smaller_than_what_stop_and_copy_takes_has_no_live_round(make_state, vm):
    columns = replace(
        make_state([1], [8], [vm(0, 0.0)]).vms,
        memory_bytes=np.array([STOP_BYTES]),
        dirty_pages_per_s=np.array([1e9]),
    )
    assert expected_cost(columns, np.array([0]), RATE).sent_bytes.tolist() == [STOP_BYTES]
