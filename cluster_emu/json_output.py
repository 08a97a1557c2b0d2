"""Results as JSON: the one place where typed results become plain data."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any


def plain_data(value: Any) -> Any:
    """Return a result as objects that JSON has.

    A dataclass becomes an object with its fields as keys, in their order; tuples become lists,
    members of an enum their values, and NaN and infinite numbers None.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def json_text(value: Any) -> str:
    """Return one indented JSON document that ends with a line break."""
    return json.dumps(plain_data(value), indent=2, allow_nan=False) + "\n"
