"""CPU demand over time, read from trace files: what was measured, and where it came from.

A reader of another format is one class with a `read` method, entered in `trace_readers`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError, TraceError
from cluster_emu.plugins import Registry

SAMPLES_PER_DAY = 288
SAMPLE_STEP_S = 300.0
MAX_FILE_BYTES = 65_536

_PERCENT = {str(percent).encode(): percent for percent in range(101)}
_WANTED_LINE = "a whole number from 0 to 100"
_WANTED_FILE = f"{SAMPLES_PER_DAY} lines, one whole number from 0 to 100 each"
_WANTED_FOLDER = "a folder with one PlanetLab trace file per VM and nothing else"


@dataclass(frozen=True, slots=True, eq=False)
class DemandTraces:
    """CPU demand of some VMs over the same period of time.

    Args:
        names: one name per trace.
        values: CPU demand as a share 0..1, shape [traces, samples]; read-only from here on.
        source: in words, which traces these are, for printing.
        step_s: time from one sample to the next.

    Raises:
        ScenarioError: if the shapes do not fit or a value is not a share.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    source: str
    step_s: float = SAMPLE_STEP_S

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape or len(self.names) != len(self.values):
            wanted = "an array [traces, samples] with one row per name and at least one sample"
            raise ScenarioError("traces.values", self.values.shape, wanted)
        if not np.all((self.values >= 0.0) & (self.values <= 1.0)):
            raise ScenarioError("traces.values", "a value outside 0..1", "shares from 0 to 1")
        if not 0.0 < self.step_s < np.inf:
            raise ScenarioError("traces.step_s", self.step_s, "a finite number above 0")
        self.values.setflags(write=False)

    @property
    def trace_count(self) -> int:
        """Number of traces."""
        return len(self.values)

    @property
    def sample_count(self) -> int:
        """Number of samples in each trace."""
        return int(self.values.shape[1])


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
@dataclass(frozen=True, slots=True)
class PlanetLabReader:
    """One file per VM, one line per 300 s with the CPU use in percent."""

    name: ClassVar[str] = "planetlab"
    summary: ClassVar[str] = "one file per VM, 288 whole numbers 0..100, one per 300 s"
    source: ClassVar[str] = "CloudSim's PlanetLab/CoMon workload folders, 2011"

    def read(self, folder: Path) -> DemandTraces:
        """Return the traces of one day, sorted by file name in byte order."""
        return read_planetlab(folder)


def read_planetlab(folder: Path) -> DemandTraces:
    """Read a PlanetLab trace folder, its files sorted by name in byte order.

    A first line that begins with ``#`` (the line count of CloudSim Plus) is passed over.

    Raises:
        TraceError: naming the file, the line and what is allowed there, if the folder is missing or
            empty or any file is not 288 whole numbers from 0 to 100.
    """
    if not folder.is_dir():
        found = "not a folder" if folder.exists() else "no such folder"
        raise TraceError(folder, 0, found, _WANTED_FOLDER)
    day = folder.resolve().name
    return _read_folder(folder, f"PlanetLab folder {day}")


@cache  # every run of a study needs them, and they are read-only
def own_traces() -> DemandTraces:
    """Return the made-up traces shipped with the package (written by tools/make_traces.py)."""
    folder = files("cluster_emu.workload") / "traces_own"
    return _read_folder(folder, "cluster_emu's own made-up traces")


def _read_folder(folder: Traversable, label: str) -> DemandTraces:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise TraceError(str(folder), 0, error.strerror, "a readable folder") from error
    if not entries:
        raise TraceError(str(folder), 0, "an empty folder", _WANTED_FOLDER)
    percent = np.stack([_read_file(entry) for entry in entries])
    names = tuple(_printable(os.fsencode(entry.name)) for entry in entries)
    return DemandTraces(names, percent / 100.0, f"{label} ({len(names)} files)")


def _read_file(entry: Traversable) -> NDArray[np.uint8]:
    """Return the samples of one file in percent, shape [288]."""
    content = _bytes_of(entry).rstrip()
    lines = content.split(b"\n") if content else []
    skipped = 1 if content.startswith(b"#") else 0
    samples = np.empty(SAMPLES_PER_DAY, dtype=np.uint8)
    for index, line in enumerate(lines[skipped:]):
        number = index + skipped + 1
        if index == SAMPLES_PER_DAY:
            raise TraceError(str(entry), number, _printable(line), f"the end after {_WANTED_FILE}")
        percent = _PERCENT.get(line.strip())
        if percent is None:
            raise TraceError(str(entry), number, _printable(line.strip()), _WANTED_LINE)
        samples[index] = percent
    if len(lines) - skipped < SAMPLES_PER_DAY:
        raise TraceError(str(entry), len(lines) + 1, "end of the file", _WANTED_FILE)
    return samples


def _bytes_of(entry: Traversable) -> bytes:
    if not entry.is_file():
        raise TraceError(str(entry), 0, "not a regular file", _WANTED_FOLDER)
    try:
        with entry.open("rb") as stream:
            # A bounded read: someone's disk image in the folder must not fill the memory.
            content = bytes(stream.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        raise TraceError(str(entry), 0, error.strerror, "a readable file") from error
    if len(content) > MAX_FILE_BYTES:
        raise TraceError(str(entry), 0, f"more than {MAX_FILE_BYTES} bytes", _WANTED_FILE)
    return content


def _printable(raw: bytes) -> str:
    return raw.decode("utf-8", errors="backslashreplace")
