"""What a trace reader is, and how samples become demand.

A reader of another format is one class. Where it only makes `DemandTraces`, it has a `read` method
and is chosen by its name. Where it is a `TraceFormat`, too, files of it are found by their content,
and `cluster-emu trace` describes, converts and samples them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.plugins import Registry
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.recording import Clock, Recording
from cluster_emu.units import ParseSeconds

StepSeconds = Annotated[float, ParseSeconds, Field(ge=1e-3, le=1e12, allow_inf_nan=False)]
Seconds = Annotated[float, ParseSeconds, Field(ge=0, le=1e12, allow_inf_nan=False)]

Alignment = Literal["clock", "own-start"]

Roles = Mapping[str, Sequence[TraceFile]]
"""The files of a trace by what they hold, as `TraceFormat.role` names it."""


class TraceReader(Protocol):
    """Reads traces from a file or a folder. Implementations are frozen pydantic dataclasses."""

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def read(self, place: Path) -> DemandTraces:
        """Return the traces at `place`; raise TraceError where they cannot be used."""
        ...


@runtime_checkable
class QuantityReader(Protocol):
    """A trace reader that can also give other quantities than CPU demand."""

    def read_with(self, place: Path, quantities: Collection[str]) -> DemandTraces:
        """Return the traces at `place` with some of `recording.QUANTITIES` on the same grid.

        Raises:
            TraceError: where they cannot be used, or hold one of the quantities for no VM.
        """
        ...


trace_readers: Registry[TraceReader] = Registry(
    "trace reader",
    "cluster_emu.trace_readers",
    package="cluster_emu.traces.formats",
    summary="CPU traces in files of one format",
)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """How samples become demand on a grid of time.

    Args:
        step_s: the step of the grid; "none" takes the most common interval between samples. Where
            the samples of a VM come once per step, each goes to the nearest step; otherwise a step
            takes the mean over its time.
        gaps: what a VM wants from the end of a sample to the next one, where that is later:
            "hold" keeps the sample's value, "idle" is no demand.
        align: "clock" keeps all VMs at their times, with no demand before a VM's first and after
            its last sample; "own-start" lets every VM begin with its first sample and start again
            after its last one; "none" takes what is usual for the format.
        from_s: when replaying begins, counted from the first sample of the trace.
        until_s: when it ends; "none" takes the end of the trace.
    """

    step_s: StepSeconds | None = None
    gaps: Literal["hold", "idle"] = "hold"
    align: Alignment | None = None
    from_s: Seconds = 0.0
    until_s: Seconds | None = None

    @field_validator("until_s")
    @classmethod
    def _ends_later(cls, until_s: float | None, info: ValidationInfo) -> float | None:
        if until_s is not None and until_s <= info.data.get("from_s", 0.0):
            raise ValueError(f"a time after from_s = {info.data.get('from_s', 0.0):g} s")
        return until_s


@runtime_checkable
class TraceFormat(Protocol):
    """A trace reader that can also say which files it knows, and what is in them.

    `recorded_format.RecordedFormat` is the base to derive from.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    clock: ClassVar[Clock]
    aligned: ClassVar[Alignment]

    @property
    def interval_s(self) -> float | None:
        """The interval between samples where the format sets it; None where samples say it."""
        ...

    def role(self, file: TraceFile) -> str | None:
        """Return what a file holds in a trace of this format; None if it belongs to none."""
        ...

    def claims(self, file: TraceFile) -> bool:
        """Return whether a file is a sign of this format where the format must be found."""
        ...

    def may_be(self, file: TraceFile, known: Sequence[TraceFile]) -> bool:
        """Return whether a file without a role is a damaged trace, which is read for its error."""
        ...

    def recording(self, files: Roles) -> Recording:
        """Begin to read files of this format."""
        ...
