"""Power of real servers, as measured with the SPECpower benchmark at eleven loads."""

from __future__ import annotations

import tomllib
from functools import cached_property
from importlib.resources import files
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.errors import UnknownNameError
from cluster_emu.metrics.power.contract import power_models
from cluster_emu.metrics.power.even_lines import EvenLines
from cluster_emu.units import PowerWatts


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PowerTable:
    """Power of one server, measured at 0, 10, ..., 100 % load.

    Args:
        title: maker, model and processor.
        watts: the eleven measurements.
        source: where they were read.
        tag: "secondary" where they were not compared with the report.
        flag: "good" if nothing speaks against them, "check" if something does: the note says what.
        report: the benchmark report they are said to come from; empty if the source names none.
        note: anything else worth knowing.
    """

    title: str
    watts: Annotated[tuple[PowerWatts, ...], Field(min_length=11, max_length=11)]
    source: str
    tag: Literal["secondary"]
    flag: Literal["good", "check"]
    report: str = ""
    note: str = ""


def load_power_tables() -> dict[str, PowerTable]:
    """Return the power tables shipped with the package by server name."""
    text = (files("cluster_emu.metrics.power") / "tables.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, PowerTable]).validate_python(tomllib.loads(text))


@power_models.register("specpower")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SpecPower:
    """A measured server, with straight lines between the measured loads.

    Args:
        server: its name in tables.toml.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "specpower"
    summary: ClassVar[str] = "a measured server, straight lines between 0, 10, ..., 100 % load"
    source: ClassVar[str] = "SPECpower_ssj2008 figures, see tables.toml"

    server: str = "hp-ml110-g5"
    sleep_w: PowerWatts = 0.0

    @field_validator("server")
    @classmethod
    def _is_known(cls, server: str) -> str:
        tables = load_power_tables()
        if server not in tables:
            raise ValueError(UnknownNameError("server", server, tables).allowed)
        return server

    @cached_property
    def table(self) -> PowerTable:
        """The server's measurements."""
        return load_power_tables()[self.server]

    @cached_property
    def even_lines(self) -> EvenLines:
        """The lines between the measured loads."""
        return EvenLines.through(self.table.watts)

    def watts(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the power, exactly the measured one at the measured loads."""
        loads, measured, slope = self.even_lines
        line = (utilisation * 10.0).astype(np.intp)  # loads are even: no need to search them
        line -= utilisation < loads.take(line)  # the product was rounded up
        above = utilisation - loads.take(line)
        power: FloatColumn = slope.take(line) * above + measured.take(line)
        return power
