"""Results as JSON: dataclasses by field, and nothing that JSON has no word for."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum

import pytest

from cluster_emu.json_output import json_text, plain_data


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Figure:
    value: float | None
    ends: tuple[float, float]


@dataclass(frozen=True)
class Report:
    z: dict[int, Figure]
    a: tuple[Colour, ...]


def test_fields_become_keys_in_their_order() -> None:
    found = plain_data(Report({3: Figure(1.5, (0.0, 2.0))}, (Colour.RED,)))

    assert found == {"z": {"3": {"value": 1.5, "ends": [0.0, 2.0]}}, "a": ["red"]}
    assert list(found) == ["z", "a"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_becomes_null(value: float | None) -> None:
    text = json_text(Figure(value, (0.0, math.inf)))

    assert json.loads(text) == {"value": None, "ends": [0.0, None]}
    assert text.endswith("}\n")
