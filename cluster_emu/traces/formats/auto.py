"""Traces in whichever format is found in the files."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Replay, trace_readers
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.detection import trace_at
from cluster_emu.traces.replay import demand_traces


@trace_readers.register("auto")
@dataclass(frozen=True, kw_only=True)
class AutoReader(Replay):
    """The format is found from what is in the files."""

    name: ClassVar[str] = "auto"
    summary: ClassVar[str] = "whichever format is found from what is in the files"
    source: ClassVar[str] = "definition"

    def read(self, place: Path) -> DemandTraces:
        """Return the traces at a place, on a common grid of time.

        Raises:
            TraceError: if the format cannot be told, or something in a file is not allowed.
        """
        return self.read_with(place, ())

    def read_with(self, place: Path, quantities: Collection[str]) -> DemandTraces:
        """Return the traces at a place, with other quantities than CPU demand, too.

        Raises:
            TraceError: likewise, or if the traces hold one of the quantities for no VM.
        """
        return demand_traces(trace_at([place]), self, quantities)
