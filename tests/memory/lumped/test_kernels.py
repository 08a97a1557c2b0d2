"""The constants of the compiled code are those of the modules that define them."""

from __future__ import annotations

import numpy as np

from cluster_emu.memory.lumped import _kernels
from cluster_emu.memory.lumped._kernels import (
    GROUP,
    OUTCOME_OF_DECISION,
    OUTCOME_OF_STATUS,
    SEND,
    Outcome,
    PageStatus,
    groups_of_states,
    merge_groups,
    state_numbers,
)
from cluster_emu.memory.lumped.page_groups import StateIndex
from cluster_emu.strategies.contract import Decision


def test_decisions_are_those_of_the_strategies() -> None:
    assert Decision.SEND == SEND
    assert {decision: Outcome(OUTCOME_OF_DECISION[decision]) for decision in Decision} == {
        Decision.NOT_DUE: Outcome.SKIPPED,
        Decision.SEND: Outcome.SENT,
        Decision.SKIP: Outcome.SKIPPED,
        Decision.DEFER: Outcome.DEFERRED,
    }


def test_every_status_has_an_outcome() -> None:
    assert {status: Outcome(OUTCOME_OF_STATUS[status]) for status in PageStatus} == {
        PageStatus.CURRENT: Outcome.CURRENT,
        PageStatus.DUE: Outcome.UNVISITED,
        PageStatus.DEFERRED: Outcome.DEFERRED_BEFORE,
        PageStatus.LOST_UPDATE: Outcome.LOST_UPDATE,
    }


def test_every_state_has_a_number_of_its_own() -> None:
    index = StateIndex(write_classes=3, address_ranges=2, history_bits=4)
    numbers = np.arange(index.states)
    groups = groups_of_states(numbers, np.ones(index.states), index.table)
    assert len(np.unique(groups)) == index.states == 3 * 2 * len(PageStatus) * 2**4
    assert state_numbers(groups, index.table).tolist() == numbers.tolist()


def test_groups_of_one_state_are_merged() -> None:
    index = StateIndex(write_classes=2, address_ranges=2, history_bits=1)
    rows = [(1, 0, 2, 1, 5.0), (0, 1, 3, 0, 0.0), (0, 1, 1, 0, 2.0), (1, 0, 2, 1, 0.5)]
    merged = merge_groups(np.array(rows, dtype=GROUP), index.table)
    assert merged.tolist() == [(0, 1, 1, 0, 2.0), (1, 0, 2, 1, 5.5)]


def test_kernels_take_arrays_and_numbers_only() -> None:
    # a class of ours in a signature would be kept by name in the machine code on disk
    kernels = [each.py_func for each in vars(_kernels).values() if hasattr(each, "py_func")]
    assert len(kernels) > 30
    allowed = {"Floats", "Integers", "Records", "int", "float", "bool", "np.random.Generator"}
    for kernel in kernels:
        taken = {name: kind for name, kind in kernel.__annotations__.items() if name != "return"}
        assert set(taken.values()) <= allowed, kernel.__name__
