"""Electric power of hosts as a function of their CPU utilisation, and the energy over time."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from typing import Annotated, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import ALL, BoolColumn, FloatColumn, Rows
from cluster_emu.errors import UnknownNameError
from cluster_emu.plugins import Registry

JOULES_PER_KWH = 3.6e6

Watts = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PowerModel(Protocol):
    """Power of one kind of host. Implementations are frozen pydantic dataclasses, so hashable.

    One whose power runs in straight lines may have a property `even_lines` (see `EvenLines`), by
    which consolidation plans faster.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    @property
    def sleep_w(self) -> float:
        """Power of a host that is switched off."""
        ...

    def watts(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the power of hosts that are on, at utilisations 0..1, the same shape."""
        ...


class EvenLines(NamedTuple):
    """Power in n straight lines that begin at the loads 0, 1/n, ..., and 1, where it goes on flat.

    The power at load u of line i is ``slope[i] * (u - load[i]) + watts[i]``.

    Args:
        load: where each line begins, [n + 1].
        watts: the power there, [n + 1].
        slope: watts per unit of load, [n + 1], the last one 0.
    """

    load: FloatColumn
    watts: FloatColumn
    slope: FloatColumn

    @classmethod
    def through(cls, watts: Sequence[float]) -> EvenLines:
        """Return the lines through the power at even loads from 0 to 1."""
        loads, measured = np.arange(len(watts)) / (len(watts) - 1.0), np.array(watts)
        return cls(loads, measured, np.append(np.diff(measured) / np.diff(loads), 0.0))


power_models: Registry[PowerModel] = Registry(
    "power model",
    "cluster_emu.power_models",
    package="cluster_emu.metrics",
    summary="the power of a host at a utilisation",
)


@power_models.register("linear")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LinearPower:
    """A straight line from idle to peak power.

    Args:
        idle_w: power at no load.
        peak_w: power at full load.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "linear"
    summary: ClassVar[str] = "a straight line from idle to peak power"
    source: ClassVar[str] = "Fan, Weber, Barroso, ISCA 2007"

    idle_w: Watts = 160.0
    peak_w: Watts = 250.0
    sleep_w: Watts = 0.0

    @field_validator("peak_w")
    @classmethod
    def _not_below_idle(cls, peak_w: float, info: ValidationInfo) -> float:
        idle_w = info.data.get("idle_w", 0.0)
        if peak_w < idle_w:
            raise ValueError(f"a power not below idle_w = {idle_w:g}")
        return peak_w

    @cached_property
    def even_lines(self) -> EvenLines:
        """The one line."""
        return EvenLines.through((self.idle_w, self.peak_w))

    def watts(self, utilisation: FloatColumn) -> FloatColumn:
        """Return ``idle + (peak - idle) x utilisation``."""
        return np.interp(utilisation, (0.0, 1.0), (self.idle_w, self.peak_w))


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PowerTable:
    """Power of one server, measured at 0, 10, ..., 100 % load.

    Args:
        title: maker, model and processor.
        watts: the eleven measurements.
        report: the benchmark report they are said to come from.
        source: where they were read.
        tag: "secondary" where they were not compared with the report.
        note: anything else worth knowing.
    """

    title: str
    watts: Annotated[tuple[Watts, ...], Field(min_length=11, max_length=11)]
    report: str
    source: str
    tag: str
    note: str = ""


def load_power_tables() -> dict[str, PowerTable]:
    """Return the power tables shipped with the package by server name."""
    text = (files("cluster_emu.metrics") / "power_tables.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, PowerTable]).validate_python(tomllib.loads(text))


@power_models.register("specpower")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SpecPower:
    """A measured server, with straight lines between the measured loads.

    Args:
        server: its name in power_tables.toml.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "specpower"
    summary: ClassVar[str] = "a measured server, straight lines between 0, 10, ..., 100 % load"
    source: ClassVar[str] = "SPECpower_ssj2008 figures, see power_tables.toml"

    server: str = "hp-ml110-g5"
    sleep_w: Watts = 0.0

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


class PowerColumns:
    """The power of all hosts, each with its own model.

    Args:
        models: one model per host; equal ones are evaluated together.
    """

    def __init__(self, models: Sequence[PowerModel]) -> None:
        self._models = list(dict.fromkeys(models))
        number = {model: i for i, model in enumerate(self._models)}
        self._model_of = np.array([number[model] for model in models], dtype=np.int64)
        self._sleep_w = np.array([model.sleep_w for model in models], dtype=np.float64)

    @cached_property
    def even_lines(self) -> tuple[NDArray[np.int64], list[EvenLines]] | None:
        """The number of each host's model, [hosts], and the models' lines; None if one has none."""
        lines = [getattr(model, "even_lines", None) for model in self._models]
        known = [each for each in lines if isinstance(each, EvenLines)]
        return (self._model_of, known) if len(known) == len(lines) else None

    def __call__(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return what `watts_if_on` returns."""
        return self.watts_if_on(utilisation, hosts)

    def watts_if_on(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return the power that hosts draw if they are on, in watts, shape [hosts].

        Args:
            utilisation: share of CPU in use, 0..1, shape [hosts].
            hosts: which hosts; all of them if not given.
        """
        if len(self._models) == 1:
            return self._models[0].watts(utilisation)
        watts = np.empty(len(utilisation))
        model_of = self._model_of[hosts]
        for number, model in enumerate(self._models):
            its = model_of == number
            watts[its] = model.watts(utilisation[its])
        return watts

    def watts(
        self,
        utilisation: FloatColumn,
        switched_on: BoolColumn,
        hosts: Rows = ALL,
    ) -> FloatColumn:
        """Return the power of hosts in watts, a new array of shape [hosts].

        Args:
            utilisation: share of CPU in use, 0..1, shape [hosts].
            switched_on: which of them are on, shape [hosts]; the others draw their `sleep_w`.
            hosts: which hosts; all of them if not given.
        """
        watts = self.watts_if_on(utilisation, hosts)
        return np.where(switched_on, watts, self._sleep_w[hosts])


class EnergyMeter:
    """Sums up each host's energy; power holds from one reading to the next.

    Args:
        host_count: number of hosts.
    """

    def __init__(self, host_count: int) -> None:
        self.joules: FloatColumn = np.zeros(host_count)

    def add(self, watts: FloatColumn, duration_s: float | FloatColumn) -> None:
        """Add `duration_s` seconds, for all hosts or each of them, at `watts`, shape [hosts]."""
        self.joules += watts * duration_s

    @property
    def host_energy_kwh(self) -> FloatColumn:
        """Energy of each host so far, shape [hosts]."""
        return self.joules / JOULES_PER_KWH

    @property
    def energy_kwh(self) -> float:
        """Energy of all hosts so far."""
        return float(self.joules.sum()) / JOULES_PER_KWH
