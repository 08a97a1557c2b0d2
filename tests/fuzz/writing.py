"""TOML and JSON text of any value, also of values that a careful writer would refuse."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from datetime import time as time_of_day
from typing import Any

BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def toml_document(data: dict[str, Any]) -> str:
    """Return a TOML file with one line per key of the top, everything below it inline."""
    return "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in data.items())


def toml_key(key: str) -> str:
    """Return a key, quoted where TOML wants it."""
    return key if key and set(key) <= BARE else toml_text(key)


def toml_text(text: str) -> str:
    """Return a basic string; control characters are escaped, which makes them legal."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_value(value: Any) -> str:
    """Return a value as it stands in an inline table; None, which TOML lacks, is ``"none"``."""
    # A stack of our own: some values are nested deeper than Python's.
    pieces: list[str] = []
    todo: list[tuple[bool, Any]] = [(False, value)]
    while todo:
        is_text, item = todo.pop()
        if is_text:
            pieces.append(item)
        elif isinstance(item, dict):
            todo.append((True, "}"))
            for place, (key, each) in enumerate(reversed(item.items())):
                todo += [(True, ", ")] if place else []
                todo += [(False, each), (True, f"{toml_key(str(key))} = ")]
            todo.append((True, "{"))
        elif isinstance(item, list | tuple):
            todo.append((True, "]"))
            for place, each in enumerate(reversed(item)):
                todo += [(True, ", ")] if place else []
                todo.append((False, each))
            todo.append((True, "["))
        else:
            pieces.append(_scalar(item))
    return "".join(pieces)


def _scalar(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, date | datetime | time_of_day):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else toml_text(str(value))


def _digits(value: int) -> str:
    """Return a whole number in hexadecimal where Python refuses to write its decimal digits."""
    return str(value) if value.bit_length() < 10_000 else hex(value)


def json_document(data: Any) -> str:
    """Return JSON; NaN and infinity are written as Python writes them, times as text."""
    try:
        return json.dumps(data, ensure_ascii=False, default=str)
    except RecursionError:
        return "[" * 100_000 + "]" * 100_000
