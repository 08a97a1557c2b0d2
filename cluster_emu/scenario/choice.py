"""A registered part, chosen by name with its parameters, in one of two ways of writing it."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Choice(BaseModel):
    """A registered part by its name, with its parameters beside it.

    In TOML either a table, ``{ name = "time-series", threshold = 4 }``, or a text,
    ``"time-series"`` or ``"time-series:threshold=4,history=5"``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str | dict | Choice):
            raise ValueError("a name, or a table with a name and parameters")
        return parse_choice(value) if isinstance(value, str) else value

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters given, by name."""
        return dict(self.model_extra or {})

    def __str__(self) -> str:
        """Return the text form."""
        given = ",".join(f"{key}={_as_toml(value)}" for key, value in self.parameters.items())
        return f"{self.name}:{given}" if given else self.name


def parse_choice(text: str) -> dict[str, Any]:
    """Read ``name:key=value,key=value``; values are TOML values, or plain words.

    Raises:
        ValueError: if a parameter has no ``=``.
    """
    name, _, rest = text.partition(":")
    choice: dict[str, Any] = {"name": name.strip()}
    for item in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"name:key=value,key=value (there is no '=' in {item!r})")
        choice[key.strip()] = parse_value(value.strip())
    return choice


def parse_value(text: str) -> Any:
    """Read a TOML value; what is none is taken as a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _as_toml(value: object) -> str:
    """Return a value as `parse_value` reads it; a text that reads as itself needs no quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and parse_value(value) != value:
        return json.dumps(value)
    return str(value)
