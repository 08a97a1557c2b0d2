"""What a trace is: how many VMs, over which time, at which interval, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from cluster_emu.traces.detection import FoundTrace
from cluster_emu.traces.recording import FACTS, QUANTITIES, Clock, Recording
from cluster_emu.traces.replay import GAP, Intervals
from cluster_emu.traces.series import Floats, Series, series_of


@dataclass(frozen=True, slots=True)
class QuantityReport:
    """What a trace says of one quantity.

    Args:
        what: what it is, in words.
        values: how many samples have it.
        missing: how many samples lack it.
        least: the smallest value; None without any.
        mean: the mean over all samples that have it.
        most: the largest value.
    """

    what: str
    values: int
    missing: int
    least: float | None
    mean: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class VMReport:
    """What a trace says of one VM.

    Args:
        first_s: when its first sample begins.
        last_s: when its last sample begins.
        end_s: when its last sample ends.
        samples: how many samples it has.
        cpu_share: mean CPU use as a share of its CPU; NaN without any.
        memory: mean memory in use, in bytes or else as a share; NaN without any.
    """

    first_s: float
    last_s: float
    end_s: float
    samples: int
    cpu_share: float
    memory: float


@dataclass(frozen=True, slots=True)
class TraceReport:
    """What a trace is. Times are in s; None stands for what the trace does not tell.

    Args:
        format: the name of its format.
        title: what traces of this format are called.
        found: whether the format was found from the content, and not given.
        files: how many files there are, by what they hold.
        ignored: names of files that are no traces.
        clock: what times are counted from: "unix" is 1970, "trace" the start of the trace.
        first_s: when the first sample begins.
        last_s: when the last sample begins.
        end_s: when the last sample ends.
        first: when the first sample begins, in UTC, if the clock is "unix".
        last: likewise for the last one.
        span_s: from the first sample to the end of the last one.
        vms: VMs with samples.
        vms_without_samples: VMs that the trace names, but has no samples of.
        samples: samples of all VMs.
        interval_s: the most common time between two samples of a VM.
        shortest_interval_s: the shortest one.
        longest_interval_s: the longest one.
        regular_share: share of the intervals that are within 1 % of the most common one.
        gaps: how often a sample is followed by none for half an interval after its end.
        longest_gap_s: how long the longest gap is.
        gap_share: share of the VMs' time that lies in gaps.
        lifetimes_stated: VMs of which the trace states a start or an end.
        arrivals: VMs that begin after the trace does, by their stated start or first sample.
        departures: VMs that end before the trace does, likewise.
        quantities: what the samples hold, by column of the neutral form.
        absent: quantities of the neutral form that the trace does not have.
        facts: of how many VMs each fact is known.
        counts: what was found and put right, how often, by what it is.
        notes: what was assumed.
    """

    format: str
    title: str
    found: bool
    files: dict[str, int]
    ignored: tuple[str, ...]
    clock: Clock
    first_s: float | None
    last_s: float | None
    end_s: float | None
    first: str | None
    last: str | None
    span_s: float | None
    vms: int
    vms_without_samples: int
    samples: int
    interval_s: float | None
    shortest_interval_s: float | None
    longest_interval_s: float | None
    regular_share: float | None
    gaps: int
    longest_gap_s: float
    gap_share: float | None
    lifetimes_stated: int
    arrivals: int
    departures: int
    quantities: dict[str, QuantityReport]
    absent: tuple[str, ...]
    facts: dict[str, int]
    counts: dict[str, int]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Quantity:
    values: int = 0
    missing: int = 0
    total: float = 0.0
    least: float = np.inf
    most: float = -np.inf

    def add(self, values: Floats) -> None:
        known = values[np.isfinite(values)]
        self.values += len(known)
        self.missing += len(values) - len(known)
        if len(known):
            self.total += float(known.sum())
            self.least = min(self.least, float(known.min()))
            self.most = max(self.most, float(known.max()))

    def report(self, name: str) -> QuantityReport:
        what = QUANTITIES[name]
        if not self.values:
            return QuantityReport(what, 0, self.missing, None, None, None)
        mean = self.total / self.values
        return QuantityReport(what, self.values, self.missing, self.least, mean, self.most)


@dataclass(slots=True)
class Survey:
    """What one reading of a trace found.

    Args:
        trace: the trace.
        recording: the reading.
        clock: what times are counted from.
        intervals: how often which time lies between two samples.
        quantities: what was measured.
        samples: how many samples there are.
        gaps_ms: how often which time lies between the stated end of a sample and the next one.
        unstated_ms: how often which time lies between two samples where no end is stated.
    """

    trace: FoundTrace
    recording: Recording
    clock: Clock
    intervals: Intervals = field(default_factory=Intervals)
    quantities: dict[str, _Quantity] = field(default_factory=dict)
    samples: int = 0
    gaps_ms: Counter[int] = field(default_factory=Counter)
    unstated_ms: Counter[int] = field(default_factory=Counter)
    _read: dict[str, VMReport] = field(default_factory=dict)

    @property
    def interval_s(self) -> float | None:
        """The interval that the format sets, or the most common one."""
        return self.trace.format.interval_s or self.intervals.most_common_s

    @property
    def vms(self) -> dict[str, VMReport]:
        """What is known of each VM with samples; one interval ends a sample without a duration."""
        interval_s = self.interval_s or 0.0
        return {
            name: vm if np.isfinite(vm.end_s) else replace(vm, end_s=vm.last_s + interval_s)
            for name, vm in self._read.items()
        }

    def add(self, series: Series) -> None:
        """Take in the samples of one VM."""
        self.samples += len(series)
        self.intervals.add(series.times_s)
        for name, values in series.quantities.items():
            self.quantities.setdefault(name, _Quantity()).add(values)
        stated = np.isfinite(series.durations_s[:-1])
        gap_s = np.diff(series.times_s) - series.durations_s[:-1]
        is_gap = stated & (gap_s > (GAP - 1.0) * series.durations_s[:-1])
        self.gaps_ms.update(np.rint(gap_s[is_gap] * 1e3).astype(np.int64).tolist())
        between_s = np.diff(series.times_s)[~stated]
        self.unstated_ms.update(np.rint(between_s * 1e3).astype(np.int64).tolist())
        last_s = float(series.durations_s[-1])
        quantities = series.quantities
        memory = quantities.get("memory_bytes", quantities.get("memory_share"))
        self._read[series.vm] = VMReport(
            first_s=float(series.times_s[0]),
            last_s=float(series.times_s[-1]),
            end_s=float(series.times_s[-1]) + last_s,
            samples=len(series),
            cpu_share=_mean(quantities.get("cpu_share")),
            memory=_mean(memory),
        )

    def gap_lengths_s(self) -> Counter[float]:
        """Return how often there is a gap of which length."""
        found: Counter[float] = Counter({one / 1e3: n for one, n in self.gaps_ms.items()})
        interval_s = self.interval_s
        if interval_s is not None:
            for one, count in self.unstated_ms.items():
                if one / 1e3 > GAP * interval_s:
                    found[one / 1e3 - interval_s] += count
        return found


def survey(trace: FoundTrace) -> Survey:
    """Read a trace once and return what was found.

    Raises:
        TraceError: naming the file and the line, if something in it is not allowed.
    """
    recording = trace.recording()
    found = Survey(trace, recording, recording.clock or trace.format.clock)
    for series in series_of(recording):
        found.add(series)
    return found


def _mean(values: Floats | None) -> float:
    known = np.zeros(0) if values is None else values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def described(found: Survey) -> TraceReport:
    """Return the report on a trace that was read."""
    trace, recording = found.trace, found.recording
    facts = recording.facts()
    interval_s = found.interval_s
    counts_ms = found.intervals.counts
    gaps_s = found.gap_lengths_s()
    vms = found.vms
    first_s = min((vm.first_s for vm in vms.values()), default=None)
    last_s = max((vm.last_s for vm in vms.values()), default=None)
    end_s = max((vm.end_s for vm in vms.values()), default=None)
    lived_s = sum(vm.end_s - vm.first_s for vm in vms.values())
    regular = sum(
        count
        for one, count in counts_ms.items()
        if interval_s is not None and abs(one / 1e3 - interval_s) <= 0.01 * interval_s
    )
    arrivals, departures = _comings_and_goings(vms, facts, interval_s or 0.0)
    is_unix = found.clock == "unix"
    return TraceReport(
        format=trace.format.name,
        title=trace.format.title,
        found=trace.by_content,
        files={role: len(files) for role, files in sorted(trace.files.items())},
        ignored=tuple(trace.ignored),
        clock=found.clock,
        first_s=first_s,
        last_s=last_s,
        end_s=end_s,
        first=_utc(first_s) if is_unix else None,
        last=_utc(last_s) if is_unix else None,
        span_s=None if first_s is None or end_s is None else end_s - first_s,
        vms=len(vms),
        vms_without_samples=len(facts.keys() - vms.keys()),
        samples=found.samples,
        interval_s=interval_s,
        shortest_interval_s=min(counts_ms) / 1e3 if counts_ms else None,
        longest_interval_s=max(counts_ms) / 1e3 if counts_ms else None,
        regular_share=regular / counts_ms.total() if counts_ms else None,
        gaps=gaps_s.total(),
        longest_gap_s=max(gaps_s, default=0.0),
        gap_share=sum(one * n for one, n in gaps_s.items()) / lived_s if lived_s > 0.0 else None,
        lifetimes_stated=sum("start_s" in one or "end_s" in one for one in facts.values()),
        arrivals=arrivals,
        departures=departures,
        quantities={
            name: found.quantities[name].report(name)
            for name in QUANTITIES
            if name in found.quantities
        },
        absent=tuple(name for name in QUANTITIES if name not in found.quantities),
        facts={
            name: count
            for name in FACTS
            if (count := sum(one.get(name) is not None for one in facts.values()))
        },
        counts={what: count for what, count in recording.tally.items() if count},
        notes=tuple(f"{note.rstrip('.')}." for note in recording.notes),
    )


def _comings_and_goings(
    vms: Mapping[str, VMReport],
    facts: Mapping[str, Mapping[str, object]],
    interval_s: float,
) -> tuple[int, int]:
    """Return how many VMs begin after the trace does, and how many end before, by an interval."""
    starts = {name: vm.first_s for name, vm in vms.items()}
    ends = {name: vm.end_s for name, vm in vms.items()}
    for name, known in facts.items():
        start_s, stop_s = known.get("start_s"), known.get("end_s")
        if isinstance(start_s, float):
            starts[name] = start_s
        if isinstance(stop_s, float):
            ends[name] = stop_s
    first, last = min(starts.values(), default=0.0), max(ends.values(), default=0.0)
    arrivals = sum(one > first + interval_s for one in starts.values())
    return arrivals, sum(one < last - interval_s for one in ends.values())


def _utc(time_s: float | None) -> str | None:
    if time_s is None:
        return None
    try:
        return datetime.fromtimestamp(time_s, UTC).isoformat(sep=" ", timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None
