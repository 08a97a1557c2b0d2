"""The faults of a run, and what follows from them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cluster_emu.part_text import parse_choice
from cluster_emu.scenario.plain import Plain
from cluster_emu.units import ParseSeconds, Seconds


class Fault(BaseModel):
    """The name of a registered kind of fault, and its parameters.

    In TOML a table, ``{ kind = "host-crash", host = 3, at_s = 10 }``, or a text,
    ``"host-crash:host=3,at_s=10"``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        choice = parse_choice(value)
        if "kind" in choice:
            raise ValueError("a kind before the colon, and no parameter 'kind' after it")
        return {"kind": choice.pop("name"), **choice}

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters given, by name."""
        return dict(self.model_extra or {})


class HighAvailability(Plain):
    """What follows the crash of a host.

    A VM that went down with its host restarts on another host after `restart_delay_s` (detection,
    fencing and boot), unless `restart` is off. If it fits on no host, the restart is tried again
    every `retry_s`. A migration whose target crashed is requested again up to `migration_retries`
    times; the first wait is `migration_retry_backoff_s`, and each further wait is twice as long.
    A VM whose source or target crashes in post-copy is lost; with `postcopy_recovery` it restarts
    from its disk like any other VM.
    """

    restart: bool = True
    restart_delay_s: Seconds = 60.0
    retry_s: Annotated[float, ParseSeconds, Field(ge=1e-3, allow_inf_nan=False)] = 30.0
    migration_retries: Annotated[int, Field(ge=0, le=1000)] = 3
    migration_retry_backoff_s: Seconds = 10.0
    postcopy_recovery: bool = False
