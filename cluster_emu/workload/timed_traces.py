"""CPU traces whose samples have times: any interval between samples, also an uneven one."""

from __future__ import annotations

import re
from dataclasses import dataclass as plain_dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.errors import TraceError
from cluster_emu.workload.traces import (
    SAMPLE_STEP_S,
    DemandTraces,
    StepSeconds,
    checked_folder,
    printable,
    trace_files,
    trace_readers,
    traces_of,
)

MOST_STEPS = 10_000_000
"""Steps of one resampled trace at most; more would be a wrong unit of time."""

_SEPARATOR = re.compile(rb"[,;\s]+")


@plain_dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """The samples of one file: value i, a share, holds from time i to time i + 1.

    Args:
        values: shares, shape [samples].
        times_s: from 0 on, shape [samples + 1].
    """

    values: NDArray[np.float64]
    times_s: NDArray[np.float64]

    def means(self, step_s: float) -> NDArray[np.float64]:
        """Return the mean share in each step; the last step may be a shorter one.

        mean_k = (F(end_k) - F(start_k)) / (end_k - start_k), with F the integral of the demand.
        """
        end_s = float(self.times_s[-1])
        count = max(1, int(np.ceil(end_s / step_s * (1.0 - 1e-12))))
        edges = np.minimum(np.arange(count + 1) * step_s, end_s)
        integral = np.concatenate([[0.0], np.cumsum(self.values * np.diff(self.times_s))])
        means = np.diff(np.interp(edges, self.times_s, integral)) / np.diff(edges)
        shares: NDArray[np.float64] = np.clip(means, 0.0, 1.0)  # rounding may leave 0..1
        return shares


@trace_readers.register("timed")
@dataclass(frozen=True, kw_only=True)
class TimedReader:
    """One file per VM, one line per sample: a time in seconds and the CPU use.

    The two numbers have a comma, a semicolon or blanks between them; a first line without numbers
    is a header. Times increase, and the first one is the start. A value holds until the next time,
    the last one for as long as the one before it. Demand is the mean over steps of `step_s`.

    Args:
        full: the value that stands for the whole CPU of a VM: 100 for percent, 1 for shares.
        step_s: the step to which all traces are resampled; "none" takes the shortest interval
            between two samples in the folder.
    """

    name: ClassVar[str] = "timed"
    summary: ClassVar[str] = "one file per VM, lines of time in s and CPU use, at any interval"
    source: ClassVar[str] = "common form of exported monitoring data"

    full: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100.0
    step_s: StepSeconds | None = None

    def read(self, folder: Path) -> DemandTraces:
        """Return the traces, sorted by file name in byte order.

        Raises:
            TraceError: naming the file and the line, if something in it is not allowed.
        """
        contents, ignored = trace_files(checked_folder(folder))
        samples = [self._samples(entry, content) for entry, content in contents]
        shortest_s = min(float(np.diff(each.times_s).min()) for each in samples)
        step_s = self.step_s or max(shortest_s, 1e-3)
        for (entry, _), each in zip(contents, samples, strict=True):
            if each.times_s[-1] > MOST_STEPS * step_s:
                raise TraceError(
                    str(entry),
                    0,
                    f"{each.times_s[-1]:g} s",
                    f"at most {MOST_STEPS} steps of {step_s:g} s",
                )
        return traces_of(
            [entry.name for entry, _ in contents],
            [each.means(step_s) for each in samples],
            label=f"timed traces in {folder.resolve().name}",
            step_s=step_s,
            ignored=ignored,
        )

    def _samples(self, entry: Traversable, content: bytes) -> _Samples:
        times_s: list[float] = []
        values: list[float] = []
        for number, line in enumerate(content.split(b"\n"), start=1):
            if line.startswith(b"#") or (
                number == 1 and not any(map(str.isdigit, printable(line)))
            ):
                continue
            found = self._pair(line)
            if found is None or not 0.0 <= found[1] <= self.full:
                wanted = f"a time in s and a number from 0 to {self.full:g}"
                raise TraceError(str(entry), number, printable(line.strip()), wanted)
            if times_s and found[0] <= times_s[-1]:
                wanted = f"a time after {times_s[-1]:g} s"
                raise TraceError(str(entry), number, printable(line.strip()), wanted)
            times_s.append(found[0])
            values.append(found[1] / self.full)
        if not times_s:
            raise TraceError(str(entry), 1, "end of the file", "lines of a time in s and a number")
        last_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else self.step_s or SAMPLE_STEP_S
        ends = np.array([*times_s, times_s[-1] + last_s])
        return _Samples(np.array(values), ends - ends[0])

    def _pair(self, line: bytes) -> tuple[float, float] | None:
        words = _SEPARATOR.split(line.strip())
        try:
            time_s, value = map(float, words)
        except ValueError:
            return None
        return (time_s, value) if np.isfinite([time_s, value]).all() else None
