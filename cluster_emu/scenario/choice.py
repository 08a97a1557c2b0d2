"""A registered part, chosen by name and parameters, as a table or as a text."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from cluster_emu.optional_fields import NONE


class Choice(BaseModel):
    """The name of a registered part, and its parameters.

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
    """Return the table for ``name:key=value,key=value``; values are TOML values or plain text.

    Commas within quotes, brackets and braces belong to a value: ``drain:hosts=[0,1],at_s=10``.

    Raises:
        ValueError: if a parameter has no ``=``.
    """
    name, _, rest = text.partition(":")
    choice: dict[str, Any] = {"name": name.strip()}
    for item in filter(None, (part.strip() for part in split_at_commas(rest))):
        key, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"name:key=value,key=value (there is no '=' in {item!r})")
        choice[key.strip()] = parse_value(value.strip())
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
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _as_toml(value: object) -> str:
    """Return the text that `parse_value` reads as this value, without needless quotes."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and parse_value(value) != value:
        return json.dumps(value)
    return str(value)
