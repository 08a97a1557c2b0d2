"""Samples with times, one file per VM: the common form of exported monitoring data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Alignment, Roles, trace_readers
from cluster_emu.traces.demand_traces import SAMPLE_STEP_S
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile, printable
from cluster_emu.traces.formats.planetlab import lines_without_comments, may_be_numbers
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Recording, samples_batch

_SEPARATOR = re.compile(rb"[,;\s]+")


@trace_readers.register("timed")
@dataclass(frozen=True, kw_only=True)
class TimedReader(RecordedFormat):
    """One file per VM, one line per sample: a time in seconds and the CPU use.

    The two numbers have a comma, a semicolon or blanks between them; a first line without numbers
    is a header. Times increase, and the first one is the start. A value holds until the next time,
    the last one for as long as the one before it.

    Args:
        full: the value that stands for the whole CPU of a VM: 100 for percent, 1 for shares.
    """

    name: ClassVar[str] = "timed"
    title: ClassVar[str] = "timed traces"
    summary: ClassVar[str] = "one file per VM, lines of time in s and CPU use, at any interval"
    source: ClassVar[str] = "common form of exported monitoring data"
    aligned: ClassVar[Alignment] = "own-start"

    full: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100.0

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for a file whose first or second line is two numbers."""
        begins = lines_without_comments(file)[:2]
        return SAMPLES if any(_pair(line.encode()) for line in begins) else None

    def may_be(self, file: TraceFile, known: Sequence[TraceFile]) -> bool:
        """Return whether a file is empty, or has numbers in its first lines."""
        return may_be_numbers(file)

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        return Recording(map(self._batch, files[SAMPLES]), grouped=True)

    def _batch(self, file: TraceFile) -> Any:
        times_s: list[float] = []
        values: list[float] = []
        for time_s, value in self._pairs(file):
            times_s.append(time_s)
            values.append(value / self.full)
        last_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else self.step_s or SAMPLE_STEP_S
        return samples_batch(
            file.name,
            time_s=np.array(times_s),
            duration_s=np.append(np.diff(times_s), last_s),
            cpu_share=np.array(values),
        )

    def _pairs(self, file: TraceFile) -> Iterator[tuple[float, float]]:
        last_s = -np.inf
        for number, line in enumerate(file.content().rstrip().split(b"\n"), start=1):
            if line.startswith(b"#") or (
                number == 1 and not any(map(str.isdigit, printable(line))) and line.strip()
            ):
                continue
            if number == 1 and not line.strip():
                raise file.error(1, "end of the file", "lines of a time in s and a number")
            found = _pair(line)
            if found is None or not 0.0 <= found[1] <= self.full:
                wanted = f"a time in s and a number from 0 to {self.full:g}"
                raise file.error(number, printable(line.strip()), wanted)
            if found[0] <= last_s:
                wanted = f"a time after {last_s:g} s"
                raise file.error(number, printable(line.strip()), wanted)
            last_s = found[0]
            yield found
        if last_s == -np.inf:
            raise file.error(1, "end of the file", "lines of a time in s and a number")


def _pair(line: bytes) -> tuple[float, float] | None:
    words = _SEPARATOR.split(line.strip())
    try:
        time_s, value = map(float, words)
    except ValueError:
        return None
    return (time_s, value) if np.isfinite([time_s, value]).all() else None
