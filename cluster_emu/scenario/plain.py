"""The base of all sections of a scenario."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Plain(BaseModel):
    """Frozen data without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_tuple(value: object) -> object:
    """Return a list as a tuple, anything else as it is: a frozen scenario holds no lists."""
    return tuple(value) if isinstance(value, list) else value
