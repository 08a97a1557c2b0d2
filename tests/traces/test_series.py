"""Samples of VMs in any order: gathered, put in order of time, duplicates counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.errors import TraceError
from cluster_emu.traces import Recording, samples_batch
from cluster_emu.traces.series import DUPLICATES, OUT_OF_ORDER, Series, series_of

Row = tuple[str, int, float]


def batches(rows: list[Row], size: int) -> Iterator[Any]:
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        names = np.array([row[0] for row in part])
        yield samples_batch(
            pa.array(names.tolist()).dictionary_encode(),
            time_s=np.array([float(row[1]) for row in part]),
            cpu_share=np.array([row[2] for row in part]),
        )


def gathered(rows: list[Row], size: int = 3) -> tuple[list[Series], Recording]:
    recording = Recording(batches(rows, size), grouped=False)
    return list(series_of(recording)), recording


def wanted(rows: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Return the value of each time of each VM: the last one in the files."""
    found: dict[str, dict[int, float]] = {}
    for vm, time, value in rows:
        found.setdefault(vm, {})[time] = value
    return {vm: dict(sorted(times.items())) for vm, times in found.items()}


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.floats(0, 1)), min_size=1, max_size=40
)


@given(rows=ROWS, size=st.integers(1, 9))
@settings(deadline=None, max_examples=40)
def test_rows_in_any_order_give_the_same_series_and_counts(rows: list[Row], size: int) -> None:
    found, recording = gathered(rows, size)
    assert [series.vm for series in found] == list(dict.fromkeys(row[0] for row in rows))
    right = wanted(rows)
    for series in found:
        assert series.times_s.tolist() == list(right[series.vm])
        assert series.quantities["cpu_share"].tolist() == list(right[series.vm].values())
    kept = sum(len(times) for times in right.values())
    late = sum(
        any(other[0] == vm and other[1] > time for other in rows[:place])
        for place, (vm, time, _) in enumerate(rows)
    )
    assert recording.tally[DUPLICATES] == len(rows) - kept
    assert recording.tally[OUT_OF_ORDER] == late


@given(rows=ROWS, size=st.integers(1, 9))
@settings(deadline=None, max_examples=40)
def test_rows_that_come_together_need_no_sorting_by_vm(rows: list[Row], size: int) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    together = Recording(batches(rows, size), grouped=True)
    found, recording = gathered(rows, size)
    for one, other in zip(series_of(together), found, strict=True):
        assert one.vm == other.vm
        assert one.times_s.tolist() == other.times_s.tolist()
        assert one.quantities["cpu_share"].tolist() == other.quantities["cpu_share"].tolist()
    assert +together.tally == +recording.tally


def test_a_vm_in_two_places_is_refused_where_rows_must_come_together() -> None:
    rows = [("a", 0, 0.1), ("b", 0, 0.2), ("a", 1, 0.3)]
    recording = Recording(batches(rows, 2), grouped=True, where="trace")
    with pytest.raises(TraceError, match="trace: 'samples of VM a in several places'"):
        list(series_of(recording))


def test_an_error_while_rows_are_sorted_is_the_readers_own() -> None:
    def failing() -> Iterator[Any]:
        yield from batches([("a", 0, 0.1)], 1)
        raise TraceError("file", 7, "x", "a number")

    with pytest.raises(TraceError, match="file, line 7: 'x': allowed is a number"):
        list(series_of(Recording(failing(), grouped=False)))


def test_samples_without_times_follow_each_other() -> None:
    batch = samples_batch("vm", duration_s=np.array([10.0, 5.0, 1.0]), cpu_share=np.zeros(3))
    recording = Recording(
        [batch], grouped=True, consecutive=True, facts=lambda: {"vm": {"start_s": 100.0}}
    )
    (series,) = series_of(recording)
    assert series.times_s.tolist() == [100.0, 110.0, 115.0]
