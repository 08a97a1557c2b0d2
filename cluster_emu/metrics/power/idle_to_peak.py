"""Power that rises from the idle to the peak power of a host along a curve."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from pydantic import ConfigDict, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.units import PowerWatts


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IdleToPeak(ABC):
    """``idle + (peak - idle) x rise(utilisation)``, with rise(0) = 0 and rise(1) = 1.

    Args:
        idle_w: power at no load.
        peak_w: power at full load.
        sleep_w: power when switched off.
    """

    idle_w: PowerWatts = 160.0
    peak_w: PowerWatts = 250.0
    sleep_w: PowerWatts = 0.0

    @field_validator("peak_w")
    @classmethod
    def _not_below_idle(cls, peak_w: float, info: ValidationInfo) -> float:
        idle_w = info.data.get("idle_w", 0.0)
        if peak_w < idle_w:
            raise ValueError(f"a power not below idle_w = {idle_w:g}")
        return peak_w

    @abstractmethod
    def rise(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the share of the way from idle to peak power, 0..1, the same shape."""

    def watts(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the power, exactly `idle_w` at no load and `peak_w` at full load."""
        return np.interp(self.rise(utilisation), (0.0, 1.0), (self.idle_w, self.peak_w))
