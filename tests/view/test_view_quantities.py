from __future__ import annotations

import math

import pytest

from cluster_emu.view.quantities import (
    BYTE_UNITS,
    TIME_UNITS,
    best_unit,
    clock,
    quantity_of,
    written,
)


@pytest.mark.parametrize(
    ("name", "largest", "label", "size"),
    [
        ("downtime_s", 0.027, "Downtime (ms)", 1e-3),
        ("total_time_s", 8.2, "Total time (s)", 1.0),
        ("total_time_s", 0.0, "Total time (s)", 1.0),
        ("queue_wait_s", 120.0, "Wait in the queue (min)", 60.0),
        ("bytes", 1.3e9, "Data sent (GB)", 1e9),
        ("total_bytes", 512.0, "Data sent by all migrations (B)", 1.0),
        ("energy_kwh", 0.5, "Energy of the cluster (Wh)", 1e-3),
        ("power_w", 3000.0, "Power (kW)", 1e3),
        ("overload_time_share", 0.3, "Overloaded host time (%)", 0.01),
        ("overload_time_share", 0.0, "Overloaded host time (%)", 0.01),
        ("pages_sent_stop", 12.0, "Pages sent while stopped", 1.0),
        ("rounds", 2000.0, "Live rounds (thousand)", 1e3),
    ],
)
def test_a_columns_name_gives_its_unit(name: str, largest: float, label: str, size: float) -> None:
    found = quantity_of(name, [0.0, -largest / 2, largest, math.nan])
    assert (found.axis_label, found.size) == (label, size)


def test_the_unit_is_the_largest_of_which_there_is_one() -> None:
    assert best_unit(59.9, TIME_UNITS)[1] == "s"
    assert best_unit(60.0, TIME_UNITS)[1] == "min"
    assert best_unit(1e-9, TIME_UNITS)[1] == "µs"
    assert best_unit(math.inf, TIME_UNITS)[1] == "s"


def test_values_are_written_with_three_figures() -> None:
    assert written(0.026678, TIME_UNITS) == "26.7 ms"
    assert written(1.081911e9, BYTE_UNITS) == "1.08 GB"
    assert (clock(2.17945), clock(14_400.0)) == ("2.18 s", "14,400 s")
