"""Numbers as fields take them, stricter than pydantic: a boolean or ``"1_0"`` is no number.

What a field must not hold is replaced by an object that no field accepts, so that the error names
the field's place like every other error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from cluster_emu.numerals import MOST_WHOLE, RANGE, decimal, is_in_range


@dataclass(frozen=True, slots=True)
class NoNumber:
    """Stands in a field for a value that it must not hold.

    Args:
        given: the value.
        allowed: what would have been accepted, in words.
    """

    given: object
    allowed: str


def checked_numbers(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Return values with a `NoNumber` in place of each that its numeric field must not hold.

    Args:
        values: values by the name of the field.
        fields: the fields of the model or dataclass that they are for.
    """
    return {
        name: _checked(value, fields[name].annotation, fields[name].metadata)
        if name in fields
        else value
        for name, value in values.items()
    }


def _checked(value: Any, annotation: Any, metadata: Sequence[Any]) -> Any:
    if value is None:
        return value
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _checked(value, arguments[0], (*metadata, *arguments[1:]))
    if origin in (Union, UnionType):
        options = [one for one in arguments if one is not NoneType]
        return _checked(value, options[0], metadata) if len(options) == 1 else value
    if annotation is int or annotation is float:
        has_reader = any(isinstance(each, BeforeValidator) for each in metadata)
        return _checked_number(value, whole=annotation is int, has_reader=has_reader)
    if origin in (tuple, list) and isinstance(value, list | tuple):
        same = origin is list or (len(arguments) == 2 and arguments[1] is Ellipsis)
        kinds = arguments[:1] * len(value) if same else arguments
        if len(kinds) == len(value):
            return [_checked(item, kind, ()) for item, kind in zip(value, kinds, strict=True)]
    if isinstance(value, dict):
        if origin is dict:
            return {key: _checked(item, arguments[1], ()) for key, item in value.items()}
        if is_dataclass(annotation):  # a model checks its own numbers
            return checked_numbers(value, getattr(annotation, "__pydantic_fields__", {}))
    return value


def _checked_number(value: Any, *, whole: bool, has_reader: bool) -> Any:
    """Return the value of one numeric field; a field with a reader checks texts itself."""
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool):
        return NoNumber(value, kind)
    if isinstance(value, str):
        number = None if has_reader else decimal(value)
        if has_reader or (number is not None and _fits(number, whole=whole)):
            return value
        return NoNumber(value, kind if number is None else _limits(kind, whole=whole))
    if isinstance(value, float) and math.isnan(value):
        return NoNumber(value, "a finite number")
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if is_number and not _fits(value, whole=whole):
        return NoNumber(value, _limits(kind, whole=whole))
    return value


def _fits(number: Any, *, whole: bool) -> bool:
    return bool(abs(number) <= MOST_WHOLE) if whole else is_in_range(number)


def _limits(kind: str, *, whole: bool) -> str:
    return f"{kind} of at most {MOST_WHOLE}" if whole else f"{kind}: {RANGE}"
