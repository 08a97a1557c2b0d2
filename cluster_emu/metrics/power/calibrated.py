"""The curve that was fitted to the measured power of a warehouse of servers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.metrics.power.contract import power_models
from cluster_emu.metrics.power.idle_to_peak import IdleToPeak


@power_models.register("calibrated")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CalibratedPower(IdleToPeak):
    """``idle + (peak - idle) x (2 u - u^r)``: steep at low load, flat at high load.

    Args:
        idle_w: power at no load.
        peak_w: power at full load.
        sleep_w: power when switched off.
        exponent: r, the calibration; 1 is a straight line.
    """

    name: ClassVar[str] = "calibrated"
    summary: ClassVar[str] = "2 u - u^r of the way from idle to peak power, r fitted to servers"
    source: ClassVar[str] = "Fan, Weber, Barroso, ISCA 2007, with their r = 1.4"

    exponent: Annotated[float, Field(ge=1, le=2)] = 1.4

    def rise(self, utilisation: FloatColumn) -> FloatColumn:
        """Return ``2 u - u^r``."""
        rise: FloatColumn = 2.0 * utilisation - utilisation**self.exponent
        return rise
