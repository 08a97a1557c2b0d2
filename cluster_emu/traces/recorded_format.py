"""The base of readers whose traces can be found by content, described, converted and sampled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Alignment, Replay, Roles
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.detection import UNUSED, trace_at
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.recording import Clock, Recording
from cluster_emu.traces.replay import demand_traces


@dataclass(frozen=True, kw_only=True)
class RecordedFormat(Replay, ABC):
    """Base of the readers of a trace format; override `role` and `recording`.

    Attributes:
        title: what the traces are called, for printing.
        clock: what times are counted from.
        interval_s: the interval between samples where the format sets it.
        aligned: the usual alignment of VMs, see `Replay`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    title: ClassVar[str]
    clock: ClassVar[Clock] = "trace"
    aligned: ClassVar[Alignment] = "clock"

    @property
    def interval_s(self) -> float | None:
        """The interval between samples where the format sets it; None where samples say it."""
        return None

    @abstractmethod
    def role(self, file: TraceFile) -> str | None:
        """Return what a file holds in a trace of this format; None if it belongs to none.

        "samples" are needed for replaying; any other word is the format's own. What is known, but
        not used, is "unused".
        """

    @abstractmethod
    def recording(self, files: Roles) -> Recording:
        """Begin to read files of this format."""

    def claims(self, file: TraceFile) -> bool:
        """Return whether a file is a sign of this format where the format must be found."""
        return self.role(file) not in (None, UNUSED)

    def may_be(self, file: TraceFile, known: Sequence[TraceFile]) -> bool:
        """Return whether a file without a role, beside `known` ones, is a damaged trace.

        Such a file is read, for its error; any other one is ignored, with a note.
        """
        return file.suffix in {each.suffix for each in known}

    def read(self, place: Path) -> DemandTraces:
        """Return the traces at a place, on a common grid of time.

        Raises:
            TraceError: naming the file and the line, if something in it is not allowed.
        """
        return self.read_with(place, ())

    def read_with(self, place: Path, quantities: Collection[str]) -> DemandTraces:
        """Return the traces at a place, with other quantities than CPU demand, too.

        Raises:
            TraceError: likewise, or if the traces hold one of the quantities for no VM.
        """
        return demand_traces(trace_at([place], self), self, quantities)
