"""The earliest of many event times is right after any replacements."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.network.flows import EventTimes

SLOTS = 5
TIMES = st.sampled_from([0.0, 1.0, 1.5, 2.0, math.inf])
CHANGES = st.lists(st.tuples(st.integers(0, SLOTS - 1), TIMES, st.booleans(), st.booleans()))


@given(changes=CHANGES)
@settings(deadline=None, max_examples=200)
def test_the_first_and_those_due_are_those_of_a_plain_list(
    changes: list[tuple[int, float, bool, bool]],
) -> None:
    events, plain = EventTimes(SLOTS), [math.inf] * SLOTS
    for slot, time_s, together, asked in changes:
        if together:
            slots = np.array([slot, (slot + 1) % SLOTS])
            events.replace(slots, np.array([time_s, time_s]))
            plain[slots[1]] = time_s
        else:
            events[slot] = time_s
        plain[slot] = time_s
        if asked:
            assert events.first_s() == min(plain)
    assert events.first_s() == min(plain)
    assert [events[slot] for slot in range(SLOTS)] == plain
    assert events.due(1.5).tolist() == [slot for slot in range(SLOTS) if plain[slot] <= 1.5]


def test_more_slots_have_no_event() -> None:
    events = EventTimes(2)
    events[1] = 3.0
    events.grow(2)
    assert (events.first_s(), events[3]) == (3.0, math.inf)
    events[3] = 2.0
    assert events.first_s() == 2.0
