"""The base of all sections of a scenario."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from cluster_emu.optional_fields import without_none


class Plain(BaseModel):
    """Frozen data without unknown fields, in which ``"none"`` unsets an optional field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _unset(cls, values: Any) -> Any:
        return without_none(values, cls.model_fields) if isinstance(values, dict) else values


def as_tuple(value: object) -> object:
    """Return a list as a tuple, anything else as it is: a frozen scenario holds no lists."""
    return tuple(value) if isinstance(value, list) else value
