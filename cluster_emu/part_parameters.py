"""The parameters of a part in words, read from the fields and the docstring of its class."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cluster_emu.optional_fields import NONE, may_be_unset, takes_unlimited
from cluster_emu.units import (
    BINARY_BYTES,
    BITS_PER_S,
    UNLIMITED,
    UNLIMITED_COUNT,
    in_largest_unit,
    unit_of,
)

_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "text",
}
_UNITS = {"bytes": BINARY_BYTES, "bytes/s": BINARY_BYTES, "bit/s": BITS_PER_S}
"""The units that make a large default easy to read, by the unit of the field."""
_LIMITS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


@dataclass(frozen=True, slots=True)
class ParameterDescription:
    """One parameter of a part.

    Args:
        name: the name of the field.
        type: what may be given, in words: "whole number >= 1".
        default: the value taken where none is given, as a scenario writes it; None where one must
            be given.
        unit: the unit of the number; empty where it has none.
        description: what it means.
    """

    name: str
    type: str
    default: str | None
    unit: str
    description: str


def described_parameters(factory: Callable[..., Any]) -> tuple[ParameterDescription, ...]:
    """Return the parameters of a part's class, or of a function that makes the part."""
    texts = _described_arguments(factory)
    fields: Mapping[str, FieldInfo] = getattr(factory, "__pydantic_fields__", {})
    return tuple(
        ParameterDescription(
            name=name,
            type=_type_of(fields.get(name), parameter.annotation),
            default=_default_of(fields.get(name), parameter.default, unit_of(name)),
            unit=unit_of(name),
            description=texts.get(name, ""),
        )
        for name, parameter in inspect.signature(factory).parameters.items()
    )


def _type_of(field: FieldInfo | None, annotation: object) -> str:
    if field is None:
        return annotation if isinstance(annotation, str) else _in_words(annotation)
    words = [_in_words(field.annotation, field.metadata)]
    words += [f'"{UNLIMITED}"'] if takes_unlimited(field) else []
    words += [f'"{NONE}"'] if may_be_unset(field) else []
    return " or ".join(words)


def _in_words(annotation: Any, constraints: list[Any] | tuple[Any, ...] = ()) -> str:
    """Return an annotation in words, with the limits of a number."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _in_words(arguments[0], (*constraints, *annotation.__metadata__))
    if origin in (Union, UnionType):
        options = [one for one in arguments if one is not NoneType]
        return " or ".join(dict.fromkeys(_in_words(one, constraints) for one in options))
    if origin is Literal:
        return " or ".join(f'"{one}"' for one in arguments)
    if origin in (tuple, list):
        return f"list of: {_in_words(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f'"{one.value}"' for one in annotation)
    if origin is not None or annotation in (dict, Any):
        return "table"
    words = _WORDS.get(annotation) or _spaced(getattr(annotation, "__name__", str(annotation)))
    return " ".join([words, ", ".join(_limits(constraints))]).strip()


def _spaced(name: str) -> str:
    """Return the words of a class name: ``OverloadDetector`` is "overload detector"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).split()
    return " ".join(word if word.isupper() else word.lower() for word in words)


def _limits(constraints: list[Any] | tuple[Any, ...]) -> Iterator[str]:
    for each in constraints:
        if isinstance(each, FieldInfo):
            yield from _limits(each.metadata)
        for name, sign in _LIMITS:
            if isinstance(limit := getattr(each, name, None), int | float):
                yield f"{sign} {limit:g}"


def _default_of(field: FieldInfo | None, default: object, unit: str) -> str | None:
    if field is not None:
        if field.is_required():
            return None
        default = field.get_default(call_default_factory=True, validated_data={})
    if default is inspect.Parameter.empty:
        return None
    units = _UNITS.get(unit)
    if units and isinstance(default, int | float) and 1000 <= default < UNLIMITED_COUNT:
        return in_largest_unit(default, units, whole=True)
    return _as_written(default)


def _as_written(value: object) -> str:
    """Return a default as a scenario writes it."""
    if value is None:
        return NONE
    if value in (math.inf, UNLIMITED_COUNT):
        return UNLIMITED
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple | list):
        return ", ".join(map(_as_written, value)) or NONE
    fields: Mapping[str, FieldInfo] | None = getattr(value, "__pydantic_fields__", None)
    if fields is not None:
        return _part_as_written(value, fields)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _part_as_written(part: object, fields: Mapping[str, FieldInfo]) -> str:
    """Return a part as ``name:key=value``, with what differs from its own defaults."""
    name = getattr(part, "name", type(part).__name__)
    given = [
        f"{key}={_as_written(getattr(part, key))}"
        for key, field in fields.items()
        if getattr(part, key) != field.get_default(call_default_factory=True, validated_data={})
    ]
    return f"{name}:{','.join(given)}" if given else str(name)


def _described_arguments(factory: object) -> dict[str, str]:
    """Return the description of each argument in the docstrings of a class and its bases."""
    found: dict[str, str] = {}
    for each in reversed(getattr(factory, "__mro__", (factory,))):
        found |= _arguments_section(inspect.cleandoc(each.__doc__ or ""))
    return found


def _arguments_section(doc: str) -> dict[str, str]:
    """Return the ``Args:`` section of a Google style docstring, one text per name."""
    section = re.search(r"^Args:\n((?: .*\n?|\n)*)", doc, re.MULTILINE)
    entries = re.split(r"^    (?=\w+:)", section[1], flags=re.MULTILINE) if section else []
    pairs = (entry.split(":", 1) for entry in entries if entry.strip())
    return {name: " ".join(text.split()) for name, text in pairs}
