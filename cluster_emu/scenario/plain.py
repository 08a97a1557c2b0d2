"""What all sections of a scenario have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Plain(BaseModel):
    """Data of a scenario: no unknown fields, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_tuple(value: object) -> object:
    """Return a list as a tuple, anything else as it is: a frozen scenario holds no lists."""
    return tuple(value) if isinstance(value, list) else value
