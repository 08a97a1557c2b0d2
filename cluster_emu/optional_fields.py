"""Fields that may have no value: ``"none"`` is how a scenario, a study or an option writes that.

TOML has no null. ``"none"`` unsets a field that may be unset, and empties a list that may be empty.
It means the same in a scenario, in the parameters of a part, in the `fields` and `axes` of a study
and after ``--set PATH=``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cluster_emu.units import UNLIMITED, TakesUnlimited

NONE = "none"


def without_none(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Return values with None, or an empty tuple, in place of ``"none"`` where a field allows it.

    Args:
        values: values by the name of the field.
        fields: the fields of the model or dataclass that they are for.
    """
    return {name: _without_none(value, fields.get(name)) for name, value in values.items()}


def _without_none(value: object, field: FieldInfo | None) -> object:
    if field is None or not isinstance(value, str) or value.strip() != NONE:
        return value
    if may_be_unset(field):
        return None
    return () if field.default == () else value


def may_be_unset(field: FieldInfo) -> bool:
    """Return whether the field may have no value."""
    return _is_optional(field.annotation)


def takes_unlimited(field: FieldInfo) -> bool:
    """Return whether the field is a limit, which ``"unlimited"`` lifts."""
    return any(isinstance(each, TakesUnlimited) for each in field.metadata) or _is_limit(
        field.annotation
    )


def spellings(field: FieldInfo) -> list[str]:
    """Return the words that the field takes beside its values, with what they mean."""
    unlimited = [f'"{UNLIMITED}" for no limit'] if takes_unlimited(field) else []
    return unlimited + ([f'"{NONE}" to leave it unset'] if may_be_unset(field) else [])


def _is_optional(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_optional(get_args(annotation)[0])
    return get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation)


def _is_limit(annotation: Any) -> bool:
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return any(isinstance(each, TakesUnlimited) for each in arguments[1:])
    return get_origin(annotation) in (Union, UnionType) and any(map(_is_limit, arguments))
