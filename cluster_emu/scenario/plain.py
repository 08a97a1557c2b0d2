"""The base of all sections of a scenario."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from cluster_emu.numeric_fields import checked_numbers
from cluster_emu.optional_fields import without_none


class Plain(BaseModel):
    """Frozen data without unknown fields, in which ``"none"`` unsets an optional field.

    Its numeric fields take numbers as `checked_numbers` says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return checked_numbers(without_none(values, cls.model_fields), cls.model_fields)


def as_tuple(value: object) -> object:
    """Return a list as a tuple, anything else as it is: a frozen scenario holds no lists."""
    return tuple(value) if isinstance(value, list) else value
