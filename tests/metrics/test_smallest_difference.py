"""The smallest difference that matters, as a user writes it."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.metrics.smallest_difference import (
    SmallestDifference,
    read_smallest_difference,
    read_smallest_differences,
)

OWN = {metric.name: metric.smallest_difference for metric in metric_catalogue.compared()}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("all", "2 %", SmallestDifference(share=0.02)),
        ("all", "0%", SmallestDifference()),
        ("downtime_s", "5 ms", SmallestDifference(absolute=0.005)),
        ("downtime_s", 0.005, SmallestDifference(absolute=0.005)),
        ("bytes", "4 MiB", SmallestDifference(absolute=4 * 2**20)),
        ("pages_sent_stop", "50", SmallestDifference(absolute=50.0)),
        ("energy_kwh", "1.5%", SmallestDifference(share=0.015)),
    ],
)
def test_shares_and_quantities_are_read(name: str, value: Any, expected: object) -> None:
    assert read_smallest_difference(name, value) == expected


def test_one_metric_comes_before_all_and_all_before_its_own() -> None:
    found = read_smallest_differences({"all": "3 %", "downtime_s": "1 ms"}, OWN)
    assert found["downtime_s"] == SmallestDifference(absolute=0.001)
    assert found["bytes"] == SmallestDifference(share=0.03)
    assert read_smallest_differences({}, OWN) == OWN
    assert OWN["bytes"] == SmallestDifference(share=0.01)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("all", 0.02),
        ("all", "2"),
        ("downtime_s", "5 GB"),
        ("downtime_s", -1),
        ("downtime_s", True),
        ("bytes", "much"),
        ("pages_sent_stop", "5 ms"),
        ("energy_kwh", "1.2.3 %"),
    ],
)
def test_what_is_not_allowed_is_named(name: str, value: Any) -> None:
    with pytest.raises(ScenarioError, match=rf"smallest_differences\.{name} = {value!r}: allowed"):
        read_smallest_difference(name, value)


def test_an_unknown_metric_is_refused_with_those_known() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'downtime_s'"):
        read_smallest_differences({"downtimes": "1 ms"}, OWN)
