"""Turns the errors of pydantic into errors that name a field, its value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cluster_emu.errors import NOTHING, ScenarioError, UnknownNameError
from cluster_emu.numeric_fields import NoNumber
from cluster_emu.optional_fields import spellings


def from_validation(error: ValidationError, kind: object = None) -> ScenarioError:
    """Return the package's own error for an error of pydantic.

    pydantic lists everything that is wrong. An unknown field is reported before all else, because
    a misspelt field is missing under its right name, too; otherwise the first entry is reported.

    Args:
        error: the error of pydantic.
        kind: the model or dataclass that could not be made, whose fields the message lists.
    """
    entries = error.errors()
    unknown = (each for each in entries if each["type"] in _UNKNOWN)
    first = next(unknown, entries[0])
    whole = "content" if first["type"] == "json_invalid" else "parameters"
    field = ".".join(str(part) for part in first["loc"]) or whole
    value = NOTHING if first["type"] == "missing" else first["input"]
    if isinstance(value, NoNumber):
        allowed = ", or ".join([value.allowed, *_spellings(kind, first["loc"])])
        return ScenarioError(field, value.given, allowed)
    return ScenarioError(field, value, _allowed(first, kind))


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_WORDS = {
    "missing": "a value, as it has no default",
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "less_than": "a number < {lt}",
    "less_than_equal": "a number <= {le}",
    "finite_number": "a finite number",
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "path_type"), "a text"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "a table"),
    "string_too_short": "a text of {min_length} or more letters",
    "too_short": "a list of {min_length} or more",
    "literal_error": "one of {expected}",
    "json_invalid": "JSON ({error})",
    "is_instance_of": "the name of a part ({class}), or a table with its name and parameters",
    "string_pattern_mismatch": "a text that matches {pattern}",
}
"""What is allowed, by pydantic's type of error and with its context filled in."""


def _allowed(entry: Mapping[str, Any], kind: object) -> str:
    name = entry["type"]
    if name in _UNKNOWN:
        *parents, last = entry["loc"]
        known = _fields(_table_at(kind, parents))
        return UnknownNameError("field", str(last), known).allowed if known else "a known field"
    if name in _WORDS:
        words = _WORDS[name].format(**{k: _plain(v) for k, v in entry.get("ctx", {}).items()})
        return ", or ".join([words, *_spellings(kind, entry["loc"])])
    return str(entry["msg"]).removeprefix("Value error, ")


def _plain(value: object) -> object:
    """Return a number without a needless ".0"."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _table_at(kind: object, path: Sequence[int | str]) -> object:
    """Return the model or dataclass at a path into another one, None where there is none."""
    for part in path:
        if isinstance(part, str):
            field = _fields(kind).get(part)
            kind = _table_in(field.annotation) if field else None
    return kind


def _spellings(kind: object, path: Sequence[int | str]) -> list[str]:
    """Return the words that the field at a path takes beside its values."""
    *parents, last = path or ("",)
    field = _fields(_table_at(kind, parents)).get(str(last))
    return spellings(field) if field else []


def _table_in(annotation: object) -> object:
    if _fields(annotation):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


def _fields(kind: object) -> dict[str, FieldInfo]:
    found: dict[str, FieldInfo] = getattr(kind, "__pydantic_fields__", {})
    return found
