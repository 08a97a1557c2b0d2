"""CPU demand that follows traces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.wording import counted
from cluster_emu.workload.demand import Demand, Seconds, demand_models

AfterEnd = Literal["repeat", "hold", "idle"]
AFTER_ENDS: Mapping[AfterEnd, str] = {
    "repeat": "a trace starts again after its end",
    "hold": "the last value of a trace holds after its end",
    "idle": "a VM wants no CPU after the end of its trace",
}
GOLDEN_SHARE = 0.381966
"""The golden section: multiples of this share of a whole stay well apart for any number of uses."""


@demand_models.register("trace")
@dataclass(frozen=True)
class TraceDemand:
    """Every VM follows a trace; which one is drawn at random, or given by the order of the files.

    Args:
        interpolation: "step" holds a sample until the next one; "linear" interpolates between
            samples, evaluated every `step_s` seconds.
        step_s: how long a value holds with "linear"; "step" uses the traces' own step.
        scale: CPU demand and memory bandwidth as a multiple of the traces; what then exceeds the
            whole is cut to it. Memory in use is not scaled.
        order: "shuffled" gives VM i the trace ``permutation[i mod traces]``, "files" trace
            ``i mod traces``.
        rotation_share: where there are more VMs than traces, each further use of a trace runs
            ahead of the one before by this share of the trace, so that copies do not move in step.
        after_end: what a VM wants when its trace is over: "repeat" starts the trace again, "hold"
            keeps its last value, "idle" is no demand.
    """

    name: ClassVar[str] = "trace"
    summary: ClassVar[str] = "every VM follows a CPU trace, which starts again after its end"
    source: ClassVar[str] = "trace folders; step or linear between samples is the user's choice"
    uses_traces: ClassVar[bool] = True

    interpolation: Literal["step", "linear"] = "step"
    step_s: Seconds = 60.0
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    order: Literal["shuffled", "files"] = "shuffled"
    rotation_share: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = GOLDEN_SHARE
    after_end: AfterEnd = "repeat"

    def build(self, vm_count: int, rng: np.random.Generator, traces: DemandTraces) -> Demand:
        """Return the demand of VMs that follow `traces`; `rng` draws the permutation."""
        use, place = np.divmod(np.arange(vm_count), traces.trace_count)
        shuffled = rng.permutation(traces.trace_count)
        trace = shuffled[place] if self.order == "shuffled" else place
        # The k-th further use of a trace runs k rotations ahead, in whole samples.
        counts = traces.sample_counts
        ahead = np.rint(use * self.rotation_share * counts[trace]).astype(np.int64)
        return self._played(trace, ahead, self._assumptions(vm_count, traces), traces)

    def following(self, trace: NDArray[np.int64], traces: DemandTraces) -> Demand:
        """Return the demand of VMs that follow these traces, shape [vms]; none runs ahead."""
        ahead = np.zeros(len(trace), dtype=np.int64)
        return self._played(trace, ahead, self._assumptions(0, traces), traces)

    def _played(
        self,
        trace: NDArray[np.int64],
        ahead: NDArray[np.int64],
        assumptions: tuple[str, ...],
        traces: DemandTraces,
    ) -> Demand:
        """Return the demand of VMs from the trace of each and by how much it runs ahead, [vms]."""
        vm_count, counts = len(trace), traces.sample_counts
        playback = _Playback(traces.values, counts, trace, ahead, self.scale, self.after_end)
        others = {
            name: self._demand(
                vm_count, traces, (), self._unscaled(name, replace(playback, values=v))
            )
            for name, v in traces.quantities.items()
        }
        return self._demand(vm_count, traces, assumptions, playback, others)

    def _demand(
        self,
        vm_count: int,
        traces: DemandTraces,
        assumptions: tuple[str, ...],
        playback: _Playback,
        quantities: Mapping[str, Demand] | None = None,
    ) -> Demand:
        if self.interpolation == "step":
            return _Stepped(vm_count, traces.step_s, assumptions, playback, quantities)
        return _Linear(vm_count, self.step_s, assumptions, playback, traces.step_s, quantities)

    def _unscaled(self, name: str, playback: _Playback) -> _Playback:
        """Memory in use does not grow with the load, and an idle VM keeps it."""
        if name != "memory_share":
            return playback
        after_end: AfterEnd = "hold" if self.after_end == "idle" else self.after_end
        return replace(playback, scale=1.0, after_end=after_end)

    def _assumptions(self, vm_count: int, traces: DemandTraces) -> tuple[str, ...]:
        held = f"each sample holds for {traces.step_s:g} s"
        if self.interpolation == "linear":
            held = f"straight lines between samples {traces.step_s:g} s apart"
            held += f", seen every {self.step_s:g} s"
        assumptions = [f"CPU demand follows {traces.source}: {held}; {AFTER_ENDS[self.after_end]}."]
        if self.scale != 1.0:
            cut = traces.share_above(1.0 / self.scale)
            assumptions.append(
                f"CPU demand is {self.scale:g} times that of the traces; {cut:.1%} of the samples "
                "exceed the whole CPU of a VM and are cut to it."
            )
        if vm_count > traces.trace_count:
            assumptions.append(
                f"{vm_count} VMs share {counted(traces.trace_count, 'trace')}; "
                "each further use of a trace runs ahead by "
                f"{self.rotation_share:.1%} of its length."
            )
        return tuple(assumptions)


@plain_dataclass(frozen=True, slots=True, eq=False)
class _Playback:
    """Which trace each VM follows and by how many samples it runs ahead, both of shape [vms].

    `values` has the shape [traces, samples], `counts` says how many samples of each trace count.
    Values are scaled when they are asked for: a large trace may not fit in memory.
    """

    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    trace: NDArray[np.int64]
    ahead: NDArray[np.int64]
    scale: float
    after_end: AfterEnd

    def sample(self, number: int, vms: slice) -> FloatColumn:
        """Return sample `number` of some VMs, counted on past the end of the traces."""
        trace = self.trace[vms]
        counts = self.counts[trace]
        place = (number + self.ahead[vms]) % counts
        if self.after_end == "hold" and number > 0:
            place = np.where(number < counts, place, (counts - 1 + self.ahead[vms]) % counts)
        shares: FloatColumn = np.minimum(self.values[trace, place] * self.scale, 1.0)
        if self.after_end == "idle":
            shares[number >= counts] = 0.0
        return shares


class _Stepped(Demand):
    def __init__(
        self,
        vm_count: int,
        step_s: float,
        assumptions: tuple[str, ...],
        playback: _Playback,
        quantities: Mapping[str, Demand] | None,
    ) -> None:
        super().__init__(vm_count, step_s, assumptions, quantities)
        self._playback = playback

    def shares(self, step: int, vms: slice) -> FloatColumn:
        return self._playback.sample(step, vms)


class _Linear(Demand):
    def __init__(
        self,
        vm_count: int,
        step_s: float,
        assumptions: tuple[str, ...],
        playback: _Playback,
        sample_s: float,
        quantities: Mapping[str, Demand] | None,
    ) -> None:
        super().__init__(vm_count, step_s, assumptions, quantities)
        self._playback = playback
        self._sample_s = sample_s

    def shares(self, step: int, vms: slice) -> FloatColumn:
        passed = step * self.step_s / self._sample_s
        number = math.floor(passed)
        weight = passed - number
        here, there = self._playback.sample(number, vms), self._playback.sample(number + 1, vms)
        return (1.0 - weight) * here + weight * there
