"""From the samples of VMs at their own times to demand on a common grid.

1. The step is the given one, or the most common interval between two samples of a VM.
2. Where no two samples of a VM are closer than 0.9 steps, each goes to the nearest step, so that
   the values of a trace at a regular interval stay as they are; of two that go to one step, which
   happens once in a while if the interval is a little shorter, the mean counts. Otherwise each
   step gets the mean over its time, mean_k = (F(end_k) - F(start_k)) / step, with F the integral
   of the demand.
3. A sample lasts until the next one; with gaps = "idle" at most as long as the trace says it lasts,
   or one interval.
4. A share above 1, more than the whole CPU, becomes 1.
5. Other quantities, where they are asked for, are on the same grid; see `quantities`.

The grid of a large trace is in a file without a name, which is gone with the last view of it.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import TraceError
from cluster_emu.traces.contract import Replay
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.detection import SAMPLES, FoundTrace
from cluster_emu.traces.files import some_of
from cluster_emu.traces.lives import lives_of
from cluster_emu.traces.quantities import filled, shares_of
from cluster_emu.traces.recording import QUANTITIES
from cluster_emu.traces.resampling import held_on_grid, means_on_grid
from cluster_emu.traces.series import Series, series_of
from cluster_emu.wording import counted, number

MOST_STEPS = 10_000_000
"""Steps of a replayed trace at most; more would be a wrong unit of time."""
MOST_CELLS = 2**30
"""Steps of all VMs together at most: 8 GiB on disk."""
CELLS_IN_MEMORY = 2**22
"""A grid with more cells is in a file."""
GAP = 1.5
"""A sample that is followed by none for more than this many intervals has a gap after it."""
LEAST_APART = 0.9
"""Samples of a VM that are at least this many steps apart go to the nearest step."""
VMS_TOGETHER = 64

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Intervals:
    """How often which time lies between two samples of one VM, in whole milliseconds."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, times_s: Floats) -> None:
        """Count the times between the samples of one VM."""
        between_ms = np.rint(np.diff(times_s) * 1e3).astype(np.int64)
        found, often = np.unique(between_ms, return_counts=True)
        for one, count in zip(found.tolist(), often.tolist(), strict=True):
            self.counts[one] += count

    @property
    def most_common_s(self) -> float | None:
        """The most common interval, the shortest of several; None where no VM has two samples."""
        counts = {one: count for one, count in self.counts.items() if one > 0}
        if not counts:
            return None
        return max(counts, key=lambda one: (counts[one], -one)) / 1e3


@dataclass(slots=True)
class _Held:
    """Where the samples of one VM are in the spool."""

    vm: str
    offset: int
    count: int


class _Spool:
    """Times, durations and shares of VMs, one after the other in a file without a name."""

    def __init__(self, quantities: Sequence[str]) -> None:
        self.quantities = quantities
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="cluster-emu-")  # noqa: SIM115
        self.held: list[_Held] = []

    def add(self, vm: str, *columns: Floats) -> None:
        """Add the times, durations, CPU shares and other quantities of a VM."""
        self.held.append(_Held(vm, self._file.tell(), len(columns[0])))
        for column in columns:
            self._file.write(np.ascontiguousarray(column).data)

    def read(self, held: _Held) -> Floats:
        """Return the columns that were added, shape [columns, samples]."""
        self._file.seek(held.offset)
        columns = 3 + len(self.quantities)
        return np.frombuffer(self._file.read(8 * columns * held.count)).reshape(columns, -1)

    def close(self) -> None:
        self._file.close()


def demand_traces(
    trace: FoundTrace, replay: Replay, quantities: Collection[str] = ()
) -> DemandTraces:
    """Return the demand of all VMs of a trace that have samples, sorted by name in byte order.

    Args:
        trace: the files and their format.
        replay: how samples become demand.
        quantities: those of `recording.QUANTITIES` that are shares and wanted besides CPU use.

    Raises:
        TraceError: naming the file and the line, if something in it is not allowed; or the trace,
            if it has no CPU use, one of the quantities for no VM, or too many steps.
    """
    spool = _Spool(sorted(quantities))
    try:
        return _on_grid(trace, replay, spool)
    finally:
        spool.close()


def _on_grid(trace: FoundTrace, replay: Replay, spool: _Spool) -> DemandTraces:
    recording = trace.recording()
    tally: Counter[str] = Counter()
    intervals = Intervals()
    first_s, end_s = np.inf, -np.inf
    spans: dict[str, tuple[float, float, float]] = {}
    for series in series_of(recording):
        shares = _shares(series, tally)
        if shares is None:
            continue
        times_s = series.times_s[shares.kept]
        first_s, end_s = min(first_s, times_s[0]), max(end_s, times_s[-1])
        intervals.add(times_s)
        facts = recording.facts().get(series.vm, {}) if spool.quantities else {}
        others = [shares_of(series, each, facts, tally)[shares.kept] for each in spool.quantities]
        durations_s = series.durations_s[shares.kept]
        spool.add(series.vm, times_s, durations_s, shares.values, *others)
        spans[series.vm] = float(times_s[0]), float(times_s[-1]), float(durations_s[-1])
    if not spool.held:
        raise _nothing(trace, recording.notes)
    interval_s = trace.format.interval_s or intervals.most_common_s or replay.step_s or 300.0
    step_s = replay.step_s or max(interval_s, 1e-3)
    align = replay.align or trace.format.aligned
    window = _Window(replay, first_s, end_s, step_s, interval_s, align == "clock")
    grid = _Grid(trace, spool, window, tally)
    names, (values, *others), lengths = grid.filled()
    tally.update(recording.tally)
    source = _source(trace, grid, tally, recording.notes, lengths)
    found = dict(zip(spool.quantities, others, strict=True))
    _check_found(trace, found)
    lives = None
    if window.common_clock:
        ends = {
            vm: (first, last + (lasts if np.isfinite(lasts) else interval_s))
            for vm, (first, last, lasts) in spans.items()
        }
        lives = lives_of(names, ends, recording.facts(), window.start_s, grid.end_s)
    return DemandTraces(names, values, source, step_s, lengths, found, lives)


def _check_found(trace: FoundTrace, quantities: Mapping[str, Floats]) -> None:
    """Refuse a trace that holds a quantity for no VM."""
    for name, values in quantities.items():
        if np.isnan(values[:, 0]).all():
            found = f"no {QUANTITIES[name]}"
            raise TraceError(trace.used_files[0].path, 0, found, "a trace that holds it")


@dataclass(frozen=True, slots=True)
class _Shares:
    kept: NDArray[np.bool_]
    values: Floats


def _shares(series: Series, tally: Counter[str]) -> _Shares | None:
    """Return the CPU shares of a VM where there are any, cut to the whole CPU."""
    found = series.quantities.get("cpu_share")
    if found is None:
        return None
    kept = np.isfinite(found)
    tally["samples without CPU use, left out"] += int((~kept).sum())
    if not kept.any():
        return None
    values = found[kept]
    above = int((values > 1.0).sum())
    tally["samples above the whole CPU, cut to it"] += above
    return _Shares(kept, np.minimum(values, 1.0) if above else values)


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of a trace that is replayed."""

    replay: Replay
    first_s: float
    last_s: float
    step_s: float
    interval_s: float
    common_clock: bool

    @property
    def start_s(self) -> float:
        """When replaying begins, in the trace's time."""
        return self.first_s + self.replay.from_s

    def of(self, times_s: Floats) -> tuple[float, float]:
        """Return from when to when a VM's samples are replayed, in the trace's time."""
        start_s = self.start_s if self.common_clock else float(times_s[0]) + self.replay.from_s
        replay = self.replay
        length_s = np.inf if replay.until_s is None else replay.until_s - replay.from_s
        return start_s, start_s + length_s


class _Grid:
    """The grid that is filled, one VM after the other."""

    def __init__(
        self, trace: FoundTrace, spool: _Spool, window: _Window, tally: Counter[str]
    ) -> None:
        self.trace = trace
        self.spool = spool
        self.window = window
        self.tally = tally
        self.moved_s = 0.0
        self.gaps = 0
        self.longest_gap_s = 0.0

    def filled(self) -> tuple[tuple[str, ...], list[Floats], tuple[int, ...] | None]:
        """Return the names of the VMs, their demand and other quantities, and lengths that differ.

        There is an array [VMs, steps] of demand and one for each quantity.
        """
        held = sorted(self.spool.held, key=lambda one: os.fsencode(one.vm))
        lengths = [self._length(*self.spool.read(one)[:2]) for one in held]
        if not any(lengths):
            replay = self.window.replay
            found = f"from {replay.from_s:g} s on"
            raise TraceError(self._where, 0, found, "a window with samples in it")
        kept = [(one, length) for one, length in zip(held, lengths, strict=True) if length]
        self.tally["VMs without samples in the window, left out"] += len(held) - len(kept)
        most = max(length for _, length in kept)
        self._check(most, len(kept))
        grids = [_empty(most, len(kept)) for _ in range(1 + len(self.spool.quantities))]
        for start in range(0, len(kept), VMS_TOGETHER):
            part = kept[start : start + VMS_TOGETHER]
            blocks = np.zeros((len(grids), most, len(part)))
            for place, (one, length) in enumerate(part):
                times_s, durations_s, shares, *others = self.spool.read(one)
                blocks[0, :length, place] = self._resampled(times_s, durations_s, shares, length)
                for block, other in zip(blocks[1:], others, strict=True):
                    block[:length, place] = self._filled(times_s, other, length)
            for values, block in zip(grids, blocks, strict=True):
                values[:, start : start + len(part)] = block
        names = tuple(one.vm for one, _ in kept)
        grids = [values.T for values in grids]
        if self.window.common_clock or len({length for _, length in kept}) == 1:
            return names, grids, None
        return names, grids, tuple(length for _, length in kept)

    def _filled(self, times_s: Floats, shares: Floats, length: int) -> Floats:
        """Return a quantity other than CPU use per step, NaN where the VM has none."""
        start_s, _ = self.window.of(times_s)
        end_s = start_s + length * self.window.step_s
        begins_s, ends_s, known = filled(times_s, shares, start_s, end_s)
        if not len(known):
            return np.full(length, np.nan)
        return means_on_grid(
            begins_s - start_s, ends_s - start_s, known, self.window.step_s, length
        )

    def _length(self, times_s: Floats, durations_s: Floats) -> int:
        """Return how many steps a VM's trace has; 0 for none in the window."""
        start_s, until_s = self.window.of(times_s)
        if self.window.common_clock:
            if times_s[-1] + self._last_s(times_s, durations_s) <= start_s or times_s[0] >= until_s:
                return 0
            end_s = min(self.end_s, until_s)
        else:
            end_s = min(float(times_s[-1]) + self._last_s(times_s, durations_s), until_s)
        if end_s <= start_s:
            return 0
        return max(1, int(np.ceil((end_s - start_s) / self.window.step_s * (1.0 - 1e-9) - 1e-3)))

    @property
    def end_s(self) -> float:
        """The end of the last sample of all VMs."""
        return self.window.last_s + self.window.interval_s

    def _last_s(self, times_s: Floats, durations_s: Floats) -> float:
        """Return how long the last sample of a VM lasts."""
        return float(_durations(times_s, durations_s, self.window.interval_s)[-1])

    @property
    def _where(self) -> str:
        return self.trace.used_files[0].path

    def _check(self, steps: int, vms: int) -> None:
        step_s = self.window.step_s
        if steps > MOST_STEPS:
            found, most = f"{steps * step_s:g} s", f"at most {MOST_STEPS} steps"
            raise TraceError(self._where, 0, found, f"{most} of {step_s:g} s")
        if steps * vms > MOST_CELLS:
            found = f"{vms} VMs x {steps} steps"
            wanted = f"at most {MOST_CELLS} in all: a longer step_s, a window, or a sample of VMs"
            raise TraceError(self._where, 0, found, wanted)

    def _resampled(
        self, times_s: Floats, durations_s: Floats, shares: Floats, length: int
    ) -> Floats:
        window = self.window
        start_s, _ = window.of(times_s)
        durations_s = _durations(times_s, durations_s, window.interval_s)
        ends_s = np.append(times_s[1:], times_s[-1] + durations_s[-1])
        self._count_gaps(times_s, durations_s)
        if window.replay.gaps == "idle":
            gap = ends_s - times_s > GAP * durations_s
            ends_s = np.where(gap, times_s + durations_s, ends_s)
        places = (times_s - start_s) / window.step_s
        nearest = np.floor(places + 0.5 + 1e-9)
        if np.all(np.diff(places) >= LEAST_APART):
            inside = (nearest >= 0) & (nearest < length)
            self.moved_s = max(
                self.moved_s,
                float(np.abs(places - nearest)[inside].max(initial=0.0)) * window.step_s,
            )
            steps = np.maximum(np.rint((ends_s - times_s) / window.step_s), 1.0)
            return held_on_grid(
                nearest, nearest + steps, shares, length, window.replay.gaps == "hold"
            )
        return means_on_grid(times_s - start_s, ends_s - start_s, shares, window.step_s, length)

    def _count_gaps(self, times_s: Floats, durations_s: Floats) -> None:
        gaps_s = np.diff(times_s) - durations_s[:-1]
        is_gap = gaps_s > (GAP - 1.0) * durations_s[:-1]
        self.gaps += int(is_gap.sum())
        self.longest_gap_s = max(self.longest_gap_s, float(gaps_s[is_gap].max(initial=0.0)))


def _durations(times_s: Floats, durations_s: Floats, interval_s: float) -> Floats:
    """Return how long each sample lasts, one interval where the trace does not say."""
    return np.where(np.isfinite(durations_s), durations_s, interval_s)


def _empty(steps: int, vms: int) -> Floats:
    """Return the array of a grid [steps, vms], in a file where it is large."""
    if steps * vms <= CELLS_IN_MEMORY:
        return np.zeros((steps, vms))
    with tempfile.TemporaryFile(prefix="cluster-emu-") as file:
        return np.memmap(file, np.float64, "w+", shape=(steps, vms))


def _nothing(trace: FoundTrace, notes: list[str]) -> TraceError:
    file = trace.used_files[0]
    if SAMPLES not in trace.files:
        names = some_of([each.name for each in trace.used_files])
        return file.error(0, f"only {names}", f"files with samples of {trace.format.title}, too")
    found = " ".join(["no CPU use of any VM.", *notes])
    return file.error(0, found, "samples of VMs with their CPU use")


def _source(
    trace: FoundTrace,
    grid: _Grid,
    tally: Counter[str],
    notes: list[str],
    lengths: tuple[int, ...] | None,
) -> str:
    """Return in words which traces these are and what was done to them."""
    said = [counted(len(trace.used_files), "file")]
    if lengths is not None:
        said.append(f"{min(lengths)} to {max(lengths)} samples each")
    if trace.by_content:
        said.append("format found from the content")
    if grid.gaps:
        rule = "held" if grid.window.replay.gaps == "hold" else "idle"
        said.append(
            f"{counted(grid.gaps, 'gap')} {rule}, the longest {number(grid.longest_gap_s)} s"
        )
    if grid.moved_s > 1e-6:
        said.append(f"samples moved to the grid by up to {number(grid.moved_s)} s")
    said += [f"{what}: {count:,}" for what, count in tally.items() if count]
    said += [note.rstrip(".") for note in notes]
    if trace.ignored:
        said.append(f"ignored, as they are no traces: {some_of(list(trace.ignored))}")
    return f"{trace.label} ({'; '.join(said)})"
