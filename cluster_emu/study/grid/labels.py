"""The values of an axis as they stand in the tables of a study."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from cluster_emu.scenario import Choice
from cluster_emu.units import UNLIMITED, read_quantity

NOTHING = "none"
"""How a study file writes that an optional field has no value."""


def labels_of(path: str, values: Sequence[Any]) -> list[Any]:
    """Return an axis's values as they stand in a column, which holds numbers or texts, not both.

    Quantities become numbers in the unit at the end of the axis's name. Among numbers, a value that
    stands for nothing is NaN, and one that stands for no limit is infinite.
    """
    if all(isinstance(value, bool) for value in values):
        return list(values)
    numbers = [None if isinstance(value, bool) else number_of(path, value) for value in values]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or all(math.isnan(number) for number in known):
        return [text_of(value) for value in values]
    whole = all(isinstance(number, int) for number in known)
    return known if whole else [float(number) for number in known]


def number_of(path: str, value: Any) -> int | float | None:
    """Return a value as a number in the unit at the end of a path, None if it is none.

    A boolean is its own number, as in a column of booleans.
    """
    if value is None or value == NOTHING:
        return math.nan
    if value == UNLIMITED:
        return math.inf
    try:
        found = read_quantity(path, value, shares=True) if not isinstance(value, bool) else value
    except ValueError:
        return None
    return found if isinstance(found, int | float) else None


def text_of(value: Any) -> str:
    """Return a value as it stands in a column of texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "name" in value:
        return str(Choice.model_validate(value))
    return json.dumps(value, default=str)
