"""A registered part, chosen by name and parameters, as a table or as a text."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from cluster_emu.part_text import as_toml, parse_choice


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
        given = ",".join(f"{key}={as_toml(value)}" for key, value in self.parameters.items())
        return f"{self.name}:{given}" if given else self.name
