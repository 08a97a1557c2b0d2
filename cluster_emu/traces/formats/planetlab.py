"""PlanetLab: one file per VM, one whole percentage per line.

The days of the CoMon project that CloudSim ships have 288 lines, one per 300 s, and no header. The
name of a file is that of its VM. There is no memory and no network.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Alignment, Roles, StepSeconds, trace_readers
from cluster_emu.traces.demand_traces import SAMPLE_STEP_S, DemandTraces
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile, printable
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import Recording, samples_batch

_PERCENT = {str(percent).encode(): percent for percent in range(101)}
_WANTED_LINE = "a whole number from 0 to 100"
_WANTED_FILE = "one whole number from 0 to 100 per line"
_UTF16_MARKS = (BOM_UTF16_LE, BOM_UTF16_BE)
_NUMBERS = re.compile(r"[-+\d.eE,;\s]*\d[-+\d.eE,;\s]*", re.ASCII)
"""A line of numbers, as in traces without a header."""


@trace_readers.register("planetlab")
@dataclass(frozen=True, kw_only=True)
class PlanetLabReader(RecordedFormat):
    """One file per VM, one line per sample with the CPU use in whole percent.

    A first line that begins with ``#`` (the line count of CloudSim Plus) is passed over.

    Args:
        step_s: time from one sample to the next.
    """

    name: ClassVar[str] = "planetlab"
    title: ClassVar[str] = "PlanetLab"
    summary: ClassVar[str] = "one file per VM, one whole number 0..100 per line, one per 300 s"
    source: ClassVar[str] = "CloudSim's PlanetLab/CoMon workload folders, 2011"
    aligned: ClassVar[Alignment] = "own-start"

    step_s: StepSeconds = SAMPLE_STEP_S

    @property
    def interval_s(self) -> float:
        """The step."""
        return self.step_s

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" for a file whose first or second line is one whole number."""
        begins = lines_without_comments(file)
        whole = [line for line in begins[:2] if re.fullmatch(r"\s*\d+\s*", line, re.ASCII)]
        return SAMPLES if whole else None

    def may_be(self, file: TraceFile, known: Sequence[TraceFile]) -> bool:
        """Return whether a file is empty, or has numbers in its first lines."""
        return may_be_numbers(file)

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        return Recording(self._batches(files[SAMPLES]), grouped=True)

    def _batches(self, files: Sequence[TraceFile]) -> Iterator[Any]:
        for file in files:
            shares = percents(file) / 100.0
            times_s = np.arange(len(shares)) * self.step_s
            yield samples_batch(file.name, time_s=times_s, cpu_share=shares)


def read_planetlab(folder: Path, step_s: float = SAMPLE_STEP_S) -> DemandTraces:
    """Read a PlanetLab trace folder, its files sorted by name in byte order.

    Files that hold no numbers are ignored; `DemandTraces.source` names them.

    Raises:
        TraceError: naming the file, the line and what is allowed there, if the folder is missing or
            has no traces, or a line of a trace is not a whole number from 0 to 100.
    """
    return PlanetLabReader(step_s=step_s).read(folder)


def percents(file: TraceFile) -> NDArray[np.uint8]:
    """Return the samples of one file in percent, shape [samples].

    Raises:
        TraceError: if a line is not a whole number from 0 to 100.
    """
    content = file.content().rstrip()
    lines = content.split(b"\n") if content else []
    skipped = 1 if content.startswith(b"#") else 0
    numbers = [_PERCENT.get(line.strip()) for line in lines[skipped:]]
    if None in numbers:
        index = numbers.index(None) + skipped
        raise file.error(index + 1, printable(lines[index].strip()), _WANTED_LINE)
    if not numbers:
        raise file.error(len(lines) + 1, "end of the file", _WANTED_FILE)
    return np.array(numbers, dtype=np.uint8)


def lines_without_comments(file: TraceFile) -> list[str]:
    """Return the first lines of a file that are neither blank nor comments."""
    return [line for line in file.lines if line.strip() and not line.startswith("#")]


def may_be_numbers(file: TraceFile) -> bool:
    """Return whether a file is empty, in UTF-16, or has numbers in its first or second line."""
    if not file.head.strip() or file.head.startswith(_UTF16_MARKS):
        return True  # an empty trace, or one in an encoding that is refused with a reason
    begins = lines_without_comments(file)[:2]
    return not begins or any(_NUMBERS.fullmatch(line) for line in begins)
