"""The text form of a part and of a value: ``"time-series:threshold=4,history=5"``."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from cluster_emu.input_files import MOST_DEPTH, is_too_deep
from cluster_emu.optional_fields import NONE

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:\.[ \t]*+{_PART}){{{MOST_DEPTH}}}")
"""A key with more parts than tables may be deep; the time to parse one grows with their square."""


def parse_choice(text: str) -> dict[str, Any]:
    """Return the table for ``name:key=value,key=value``; values are TOML values or plain text.

    Commas within quotes, brackets and braces belong to a value: ``drain:hosts=[0,1],at_s=10``.

    Raises:
        ValueError: if a parameter has no ``=`` or no name, is given twice, or is called ``name``.
    """
    name, _, rest = text.partition(":")
    choice: dict[str, Any] = {"name": name.strip()}
    for item in filter(None, (part.strip() for part in split_at_commas(rest))):
        key, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"name:key=value,key=value (there is no '=' in {item!r})")
        key = key.strip()
        if not key:
            raise ValueError(f"name:key=value,key=value (there is no key in {item!r})")
        if key == "name":
            raise ValueError("a name before the colon, and no parameter 'name' after it")
        if key in choice:
            raise ValueError(f"name:key=value,key=value with every key once ({key!r} is twice)")
        choice[key] = parse_value(value.strip())
    return choice


def split_at_commas(text: str) -> list[str]:
    """Split a text at the commas that are not within quotes, brackets or braces."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not quote and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def parse_value(text: str) -> Any:
    """Return the TOML value that a text stands for, or the text itself if it is none."""
    try:
        return parse_toml(f"value = {text}")["value"]
    except (ValueError, KeyError):
        return text


def parse_toml(text: str) -> dict[str, Any]:
    """Return the data of a TOML text.

    Raises:
        tomllib.TOMLDecodeError: if it is not TOML.
        ValueError: if a key has too many parts, tables and lists lie too deep within each other, or
            a number has too many digits.
    """
    if _LONG_KEY.search(text):
        raise ValueError("a key of many parts")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # Python reads no whole number of thousands of digits
        raise ValueError("a whole number of many digits") from None
    except RecursionError:
        raise ValueError("deep tables or lists") from None
    if is_too_deep(data):
        raise ValueError("deep tables or lists")
    return data


def as_toml(value: object) -> str:
    """Return the text that `parse_value` reads as this value, without needless quotes."""
    if isinstance(value, str):
        plain = parse_value(value) == value and not set(value) & set(",[]{}\"'")
        return value if plain else json.dumps(value)
    return _in_toml(value)


def _in_toml(value: object) -> str:
    """Return a value as it stands within a TOML list or table."""
    if value is None:
        return NONE
    if isinstance(value, bool | str):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_in_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_in_toml(item)}' for key, item in value.items())}}}"
    return str(value)
