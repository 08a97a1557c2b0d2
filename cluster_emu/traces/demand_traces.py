"""CPU demand of VMs on a common grid of time: what demand models replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError
from cluster_emu.traces.lives import TraceLives

SAMPLE_STEP_S = 300.0
BLOCK_SAMPLES = 4096
"""Samples of all traces that are looked at together where the traces may not fit in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class DemandTraces:
    """CPU demand of some VMs from the same instant on.

    Args:
        names: one name per trace.
        values: CPU demand as a share 0..1, shape [traces, samples]; read-only from here on. Large
            ones may be a view of a file.
        source: in words, which traces these are, for printing.
        step_s: time from one sample to the next.
        lengths: samples of each trace, where some are shorter than a row of `values`; what follows
            in their rows is not used.
        quantities: what else the traces hold of `recording.QUANTITIES`, where it was asked for: an
            array like `values` of shares 0..1, with rows of NaN for traces that do not hold it.
        lives: when the VMs of the traces begin and end; None where they are not on one clock.

    Raises:
        ScenarioError: if the shapes do not fit or a value is not a share.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    source: str
    step_s: float = SAMPLE_STEP_S
    lengths: tuple[int, ...] | None = None
    quantities: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    lives: TraceLives | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape or len(self.names) != len(self.values):
            wanted = "an array [traces, samples] with one row per name and at least one sample"
            raise ScenarioError("traces.values", self.values.shape, wanted)
        if not all(np.all((block >= 0.0) & (block <= 1.0)) for _, block in self.blocks()):
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
        for name, array in self.quantities.items():
            if array.shape != self.values.shape:
                wanted = f"an array of the shape of the values, {self.values.shape}"
                raise ScenarioError(f"traces.quantities.{name}", array.shape, wanted)
            array.setflags(write=False)
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

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the first sample and the values of blocks of all traces, [traces, some samples]."""
        for first in range(0, self.values.shape[1], BLOCK_SAMPLES):
            yield first, self.values[:, first : first + BLOCK_SAMPLES]

    def share_above(self, level: float) -> float:
        """Return which share of all samples lies above a level."""
        counts = self.sample_counts
        above = 0
        for first, block in self.blocks():
            used = first + np.arange(block.shape[1]) < counts[:, None]
            above += int(np.count_nonzero((block > level) & used))
        return above / int(counts.sum())
