"""CPU demand that needs no traces: constant, or a daily wave."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.units import ParseSeconds
from cluster_emu.workload.demand import Demand, Seconds, Share, demand_models


@demand_models.register("constant")
@dataclass(frozen=True)
class ConstantDemand:
    """Every VM wants the same share of its CPU, always.

    Args:
        share: of the VM's CPU capacity.
    """

    name: ClassVar[str] = "constant"
    summary: ClassVar[str] = "every VM wants the same share of its CPU, always"
    source: ClassVar[str] = "definition"
    uses_traces: ClassVar[bool] = False

    share: Share = 0.5

    def build(self, vm_count: int, rng: np.random.Generator, traces: DemandTraces) -> Demand:
        """Return a demand that never changes."""
        return _Constant(vm_count, self.share)


class _Constant(Demand):
    def __init__(self, vm_count: int, share: float) -> None:
        super().__init__(vm_count, math.inf, (f"CPU demand is {share:g} of every VM's CPU.",))
        self._share = share

    def shares(self, step: int, vms: slice) -> FloatColumn:
        return np.full(vms.stop - vms.start, self._share)


@demand_models.register("diurnal")
@dataclass(frozen=True)
class DiurnalDemand:
    """A cosine wave per VM, the same for all but for a random shift in time.

    Args:
        mean: mean share over a period.
        amplitude: how far the peak lies above the mean and the trough below it.
        period_s: length of the wave.
        peak_at_s: time of the first peak of a VM that is not shifted.
        jitter_s: each VM's peak is shifted by a uniform draw between -jitter_s and +jitter_s.
        step_s: how long a value holds.
    """

    name: ClassVar[str] = "diurnal"
    summary: ClassVar[str] = "a daily cosine wave, each VM's peak shifted at random"
    source: ClassVar[str] = "definition"
    uses_traces: ClassVar[bool] = False

    mean: Share = 0.3
    amplitude: Annotated[Share, Field(validate_default=True)] = 0.2
    period_s: Seconds = 86_400.0
    peak_at_s: Annotated[float, ParseSeconds, Field(ge=0, le=1e12, allow_inf_nan=False)] = 50_400.0
    jitter_s: Annotated[float, ParseSeconds, Field(ge=0, le=1e12, allow_inf_nan=False)] = 7_200.0
    step_s: Seconds = 60.0

    @field_validator("amplitude")
    @classmethod
    def _stay_within_shares(cls, amplitude: float, info: ValidationInfo) -> float:
        mean = info.data.get("mean", 0.5)
        room = min(mean, 1.0 - mean)
        if amplitude > room + 1e-12:
            raise ValueError(f"at most {room:g}, so that mean +- amplitude stays within 0..1")
        return amplitude

    def build(self, vm_count: int, rng: np.random.Generator, traces: DemandTraces) -> Demand:
        """Return the waves; `rng` draws the shifts."""
        peaks_s = self.peak_at_s + rng.uniform(-self.jitter_s, self.jitter_s, vm_count)
        return _Waves(self, peaks_s)


class _Waves(Demand):
    def __init__(self, model: DiurnalDemand, peaks_s: FloatColumn) -> None:
        assumption = (
            f"CPU demand is a wave of mean {model.mean:g} and amplitude {model.amplitude:g}, "
            f"period {model.period_s:g} s, peaks shifted by up to {model.jitter_s:g} s."
        )
        super().__init__(len(peaks_s), model.step_s, (assumption,))
        self._model = model
        self._peaks_s = peaks_s

    def shares(self, step: int, vms: slice) -> FloatColumn:
        model = self._model
        periods = (step * self.step_s - self._peaks_s[vms]) / model.period_s
        wave = model.mean + model.amplitude * np.cos(2.0 * np.pi * periods)
        return np.clip(wave, 0.0, 1.0)
