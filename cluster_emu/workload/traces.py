"""CPU demand over time, read from trace files: what was measured, and where it came from.

A reader of another format is one class with a `read` method, entered in `trace_readers`. Traces may
have any length, also different ones: each of them starts again after its own end.
"""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import Field

from cluster_emu.errors import ScenarioError, TraceError
from cluster_emu.input_files import exists
from cluster_emu.plugins import Registry
from cluster_emu.units import ParseSeconds
from cluster_emu.wording import counted

SAMPLE_STEP_S = 300.0
MAX_FILE_BYTES = 2**24
NAMES_SHOWN = 3
"""Names of ignored files that a note lists."""

StepSeconds = Annotated[float, ParseSeconds, Field(ge=1e-3, le=1e12, allow_inf_nan=False)]

_PERCENT = {str(percent).encode(): percent for percent in range(101)}
_WANTED_LINE = "a whole number from 0 to 100"
_WANTED_FILE = "one whole number from 0 to 100 per line"
_WANTED_FOLDER = "a folder with one trace file per VM"
_UTF16_MARKS = (BOM_UTF16_LE, BOM_UTF16_BE)
_NUMBERS = re.compile(rb"[-+\d.eE,;\s]*\d[-+\d.eE,;\s]*")
"""A line of numbers, as in trace files."""


@dataclass(frozen=True, slots=True, eq=False)
class DemandTraces:
    """CPU demand of some VMs from the same instant on.

    Args:
        names: one name per trace.
        values: CPU demand as a share 0..1, shape [traces, samples]; read-only from here on.
        source: in words, which traces these are, for printing.
        step_s: time from one sample to the next.
        lengths: samples of each trace, where some are shorter than a row of `values`; what follows
            in their rows is not used.

    Raises:
        ScenarioError: if the shapes do not fit or a value is not a share.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    source: str
    step_s: float = SAMPLE_STEP_S
    lengths: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape or len(self.names) != len(self.values):
            wanted = "an array [traces, samples] with one row per name and at least one sample"
            raise ScenarioError("traces.values", self.values.shape, wanted)
        if not np.all((self.values >= 0.0) & (self.values <= 1.0)):
            raise ScenarioError("traces.values", "a value outside 0..1", "shares from 0 to 1")
        if not 0.0 < self.step_s < np.inf:
            raise ScenarioError("traces.step_s", self.step_s, "a finite number above 0")
        most = self.values.shape[1]
        if self.lengths is not None and (
            len(self.lengths) != len(self.names)
            or not all(1 <= length <= most for length in self.lengths)
        ):
            wanted = f"one whole number from 1 to {most} per trace"
            raise ScenarioError("traces.lengths", self.lengths, wanted)
        self.values.setflags(write=False)

    @property
    def trace_count(self) -> int:
        """Number of traces."""
        return len(self.values)

    @property
    def sample_counts(self) -> NDArray[np.int64]:
        """Number of samples of each trace, shape [traces]."""
        if self.lengths is None:
            return np.full(self.trace_count, self.values.shape[1])
        return np.array(self.lengths)


class TraceReader(Protocol):
    """Reads a folder of trace files. Implementations are frozen pydantic dataclasses."""

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def read(self, folder: Path) -> DemandTraces:
        """Return the traces in `folder`; raise TraceError where they cannot be used."""
        ...


trace_readers: Registry[TraceReader] = Registry(
    "trace reader",
    "cluster_emu.trace_readers",
    package="cluster_emu.workload",
    summary="CPU traces in files of one format",
)


@trace_readers.register("planetlab")
@pydantic.dataclasses.dataclass(frozen=True)
class PlanetLabReader:
    """One file per VM, one line per sample with the CPU use in whole percent.

    Args:
        step_s: time from one sample to the next.
    """

    name: ClassVar[str] = "planetlab"
    summary: ClassVar[str] = "one file per VM, one whole number 0..100 per line, one per 300 s"
    source: ClassVar[str] = "CloudSim's PlanetLab/CoMon workload folders, 2011"

    step_s: StepSeconds = SAMPLE_STEP_S

    def read(self, folder: Path) -> DemandTraces:
        """Return the traces, sorted by file name in byte order."""
        return read_planetlab(folder, self.step_s)


def read_planetlab(folder: Path, step_s: float = SAMPLE_STEP_S) -> DemandTraces:
    """Read a PlanetLab trace folder, its files sorted by name in byte order.

    A first line that begins with ``#`` (the line count of CloudSim Plus) is passed over. Files that
    hold no numbers are ignored; `DemandTraces.source` names them.

    Raises:
        TraceError: naming the file, the line and what is allowed there, if the folder is missing or
            has no traces, or a line of a trace is not a whole number from 0 to 100.
    """
    return _read_folder(checked_folder(folder), f"PlanetLab folder {folder.resolve().name}", step_s)


@cache  # every run of a study needs them, and they are read-only
def own_traces() -> DemandTraces:
    """Return the made-up traces shipped with the package (written by tools/make_traces.py)."""
    folder = files("cluster_emu.workload") / "traces_own"
    return _read_folder(folder, "cluster_emu's own made-up traces", SAMPLE_STEP_S)


def _read_folder(folder: Traversable, label: str, step_s: float) -> DemandTraces:
    contents, ignored = trace_files(folder)
    rows = [_percents(entry, content) / 100.0 for entry, content in contents]
    names = [entry.name for entry, _ in contents]
    return traces_of(names, rows, label=label, step_s=step_s, ignored=ignored)


def _percents(entry: Traversable, content: bytes) -> NDArray[np.uint8]:
    """Return the samples of one file in percent, shape [samples]."""
    lines = content.split(b"\n") if content else []
    skipped = 1 if content.startswith(b"#") else 0
    samples = np.empty(len(lines) - skipped, dtype=np.uint8)
    for index, line in enumerate(lines[skipped:]):
        percent = _PERCENT.get(line.strip())
        if percent is None:
            number, found = index + skipped + 1, printable(line.strip())
            raise TraceError(str(entry), number, found, _WANTED_LINE)
        samples[index] = percent
    if not len(samples):
        raise TraceError(str(entry), len(lines) + 1, "end of the file", _WANTED_FILE)
    return samples


# --- what readers of folders have in common -------------------------------------------------------


def checked_folder(folder: Path) -> Path:
    """Return the folder.

    Raises:
        TraceError: if there is none.
    """
    there = exists(folder)
    if not there or not folder.is_dir():
        found = "not a folder" if there else "no such folder"
        raise TraceError(folder, 0, found, _WANTED_FOLDER)
    return folder


def trace_files(folder: Traversable) -> tuple[list[tuple[Traversable, bytes]], list[str]]:
    """Return the trace files of a folder with their contents, and the names of other entries.

    A trace file has numbers in its first or second line without comments. Hidden files, folders,
    and files that begin with anything else (a README) are no traces. An empty file counts as a
    trace, because it may be one whose content is lost.

    Raises:
        TraceError: if the folder or a file cannot be read, or no file is a trace.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise TraceError(str(folder), 0, error.strerror, "a readable folder") from error
    found: list[tuple[Traversable, bytes]] = []
    ignored: list[str] = []
    for entry in entries:
        content = None if entry.name.startswith(".") or not entry.is_file() else _bytes_of(entry)
        if content is None or not _is_trace(content):
            ignored.append(printable(os.fsencode(entry.name)))
        else:
            found.append((entry, _checked_size(entry, content).rstrip()))
    if not found:
        what = f"no trace file, but {_listed(ignored)}" if ignored else "an empty folder"
        raise TraceError(str(folder), 0, what, _WANTED_FOLDER)
    return found, ignored


def traces_of(
    names: Iterable[str],
    rows: list[NDArray[np.float64]],
    *,
    label: str,
    step_s: float,
    ignored: list[str],
) -> DemandTraces:
    """Return traces of any lengths, as shares, with a note on the files that were ignored."""
    lengths = tuple(len(row) for row in rows)
    most = max(lengths)
    values = np.zeros((len(rows), most))
    for row, padded in zip(rows, values, strict=True):
        padded[: len(row)] = row
    differ = min(lengths) < most
    notes = [counted(len(rows), "file")]
    notes += [f"{min(lengths)} to {most} samples each"] if differ else []
    notes += [f"ignored, as they are no traces: {_listed(ignored)}"] if ignored else []
    return DemandTraces(
        tuple(printable(os.fsencode(name)) for name in names),
        values,
        f"{label} ({'; '.join(notes)})",
        step_s,
        lengths if differ else None,
    )


def printable(raw: bytes) -> str:
    """Return bytes of a file or its name as text, with escapes for what is not UTF-8."""
    return raw.decode("utf-8", errors="backslashreplace")


def _listed(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _is_trace(content: bytes) -> bool:
    if not content.strip() or content.startswith(_UTF16_MARKS):
        return True  # an empty trace, or one in an encoding that the reader refuses with a reason
    lines = [line for line in content.split(b"\n", 9) if line.strip()][:9]
    begins = [line for line in lines if not line.startswith(b"#")][:2]
    return not begins or any(_NUMBERS.fullmatch(line) for line in begins)


def _bytes_of(entry: Traversable) -> bytes:
    try:
        with entry.open("rb") as stream:
            # A bounded read: someone's disk image in the folder must not fill the memory.
            content = bytes(stream.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        raise TraceError(str(entry), 0, error.strerror, "a readable file") from error
    return content.removeprefix(BOM_UTF8)


def _checked_size(entry: Traversable, content: bytes) -> bytes:
    if len(content) > MAX_FILE_BYTES:
        raise TraceError(str(entry), 0, f"more than {MAX_FILE_BYTES} bytes", "a smaller trace file")
    return content
