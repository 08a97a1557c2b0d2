"""From samples at their own times to demand on a grid: what each rule gives by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cluster_emu.traces.replay as replaying
from cluster_emu.errors import ScenarioError, TraceError
from cluster_emu.traces import DemandTraces, Recording, Replay, samples_batch, trace_readers
from cluster_emu.traces.detection import SAMPLES, FoundTrace
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.replay import demand_traces
from cluster_emu.traces.resampling import means_on_grid
from cluster_emu.workload import TraceDemand

VMs = dict[str, tuple[Sequence[float], Sequence[float]]]


@dataclass
class _InMemory:
    """A format whose samples are given."""

    vms: VMs
    durations: dict[str, Sequence[float]] = field(default_factory=dict)
    name = "given"
    title = "given"
    clock = "trace"
    aligned = "clock"
    interval_s = None

    def recording(self, files: Any) -> Recording:
        batches = [
            samples_batch(
                vm,
                time_s=np.array(times, dtype=float),
                duration_s=np.array(self.durations.get(vm, [np.nan] * len(times)), dtype=float),
                cpu_share=np.array(shares, dtype=float),
            )
            for vm, (times, shares) in self.vms.items()
        ]
        return Recording(batches, grouped=True)


def replayed(
    vms: VMs, durations: dict[str, Sequence[float]] | None = None, **replay: Any
) -> DemandTraces:
    file = TraceFile(Path("given"), b"", False)
    format: Any = _InMemory(vms, durations or {})
    found = FoundTrace(format, {SAMPLES: [file]}, (), "given", False)
    return demand_traces(found, Replay(**replay))


def test_vms_stay_at_their_times_on_one_clock() -> None:
    traces = replayed({"b": ([600, 900], [0.3, 0.4]), "a": ([0, 300], [0.1, 0.2])})
    assert traces.names == ("a", "b")
    assert traces.step_s == 300.0
    assert traces.values.tolist() == [[0.1, 0.2, 0.0, 0.0], [0.0, 0.0, 0.3, 0.4]]
    assert traces.lengths is None


def test_vms_begin_together_where_each_has_its_own_start() -> None:
    vms: VMs = {"a": ([0, 300, 600], [0.1, 0.2, 0.3]), "b": ([900], [0.4])}
    traces = replayed(vms, align="own-start")
    assert traces.values.tolist() == [[0.1, 0.2, 0.3], [0.4, 0.0, 0.0]]
    assert traces.lengths == (3, 1)


def test_samples_that_are_a_little_off_keep_their_values() -> None:
    """299, 301 and 300 s apart, as in Bitbrains."""
    traces = replayed({"a": ([5, 304, 605, 905], [0.1, 0.2, 0.3, 0.4])}, step_s=300)
    assert traces.values.tolist() == [[0.1, 0.2, 0.3, 0.4]]
    assert "samples moved to the grid by up to 1 s" in traces.source


def test_two_samples_of_one_step_give_their_mean() -> None:
    """With 290 s between samples, a step of 300 s gets two of them once in a while."""
    times = [290.0 * number for number in range(40)]
    traces = replayed({"a": (times, [0.5] * 19 + [0.9] * 21)}, step_s=300)
    assert np.isclose(traces.values[0], 0.5).sum() + np.isclose(traces.values[0], 0.9).sum() >= 37
    assert traces.values[0].min() >= 0.5


def test_a_longer_step_takes_means_and_a_shorter_one_repeats() -> None:
    vms: VMs = {"a": ([0, 300, 600, 900], [0.1, 0.3, 0.5, 0.9])}
    assert replayed(vms, step_s=600).values[0] == pytest.approx([0.2, 0.7])
    assert replayed(vms, step_s=100).values[0] == pytest.approx(np.repeat([0.1, 0.3, 0.5, 0.9], 3))


@pytest.mark.parametrize(
    ("gaps", "wanted", "said"),
    [
        ("hold", [0.1, 0.2, 0.2, 0.2, 0.5], "1 gap held"),
        ("idle", [0.1, 0.2, 0, 0, 0.5], "1 gap idle"),
    ],
)
def test_gaps_are_held_or_idle_and_counted(gaps: str, wanted: list[float], said: str) -> None:
    traces = replayed({"a": ([0, 300, 1200], [0.1, 0.2, 0.5])}, gaps=gaps)
    assert traces.values.tolist() == [wanted]
    assert f"{said}, the longest 600 s" in traces.source


def test_a_sample_that_is_said_to_last_longer_has_no_gap_after_it() -> None:
    vms: VMs = {"a": ([0, 300, 1200], [0.1, 0.2, 0.5])}
    traces = replayed(vms, {"a": [300, 900, 300]}, gaps="idle")
    assert traces.values.tolist() == [[0.1, 0.2, 0.2, 0.2, 0.5]]
    assert "gap" not in traces.source


def test_a_part_of_the_time() -> None:
    vms: VMs = {"a": ([0, 300, 600, 900], [0.1, 0.2, 0.3, 0.4]), "b": ([0], [0.7])}
    traces = replayed(vms, from_s=300, until_s=900)
    assert traces.names == ("a",)
    assert traces.values.tolist() == [[0.2, 0.3]]
    assert "VMs without samples in the window, left out: 1" in traces.source
    with pytest.raises(TraceError, match="from 5000 s on"):
        replayed(vms, from_s=5000)
    with pytest.raises(ScenarioError, match="until_s = 5"):
        trace_readers.create("auto", from_s=10, until_s=5)


def test_what_is_missing_or_above_the_whole_cpu_is_counted() -> None:
    traces = replayed({"a": ([0, 300, 600, 900], [0.5, np.nan, 1.06, 0.1])})
    assert traces.values.tolist() == [[0.5, 0.5, 1.0, 0.1]]
    assert "samples without CPU use, left out: 1" in traces.source
    assert "samples above the whole CPU, cut to it: 1" in traces.source


def test_a_wrong_unit_of_time_is_refused() -> None:
    with pytest.raises(TraceError, match="at most 10000000 steps"):
        replayed({"a": ([0, 300, 1e12], [0.1, 0.2, 0.3])})


def test_a_large_grid_is_the_same_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    vms: VMs = {f"{i:03}": (300.0 * np.arange(50), rng.random(50)) for i in range(150)}
    in_memory = replayed(vms)
    monkeypatch.setattr(replaying, "CELLS_IN_MEMORY", 100)
    in_file = replayed(vms)
    assert isinstance(in_file.values.base, np.memmap)
    assert np.array_equal(in_file.values, in_memory.values)
    demands = [
        TraceDemand(scale=1.5, interpolation="linear").build(200, np.random.default_rng(1), traces)
        for traces in (in_memory, in_file)
    ]
    for time_s in (0.0, 450.0, 20_000.0):
        assert np.array_equal(demands[0].at(time_s), demands[1].at(time_s))


@given(
    gaps=st.lists(st.floats(1, 500), min_size=1, max_size=30),
    step_s=st.floats(10, 1000),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_means_over_steps_keep_the_work(gaps: list[float], step_s: float, seed: int) -> None:
    """The integral of demand is that of the samples, each until the next one."""
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    shares = np.random.default_rng(seed).random(len(times))
    ends = np.append(times[1:], times[-1] + 1.0)
    length = max(1, int(np.ceil(ends[-1] / step_s)))
    means = means_on_grid(times, ends, shares, step_s, length)
    widths = np.minimum(np.arange(1, length + 1) * step_s, max(ends[-1], step_s))
    widths = np.diff(widths, prepend=0.0)
    work = float(np.sum(shares * (ends - times)))
    assert float(np.sum(means * widths)) == pytest.approx(work, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("after_end", "wanted"),
    [("repeat", [0.1, 0.2, 0.1]), ("hold", [0.1, 0.2, 0.2]), ("idle", [0.1, 0.2, 0.0])],
)
def test_after_the_end_of_a_trace(after_end: str, wanted: list[float]) -> None:
    traces = replayed({"a": ([0, 300], [0.1, 0.2])})
    model: Any = TraceDemand(after_end=after_end)  # type: ignore[arg-type]
    demand = model.build(1, np.random.default_rng(0), traces)
    assert [demand.share(0, 300.0 * step) for step in range(3)] == wanted
