"""Power on a straight line from idle to peak."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.metrics.power.contract import power_models
from cluster_emu.metrics.power.idle_to_peak import IdleToPeak


@power_models.register("linear")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LinearPower(IdleToPeak):
    """``idle + (peak - idle) x u``.

    Args:
        idle_w: power at no load.
        peak_w: power at full load.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "linear"
    summary: ClassVar[str] = "a straight line from idle to peak power"
    source: ClassVar[str] = "Fan, Weber, Barroso, ISCA 2007"

    def rise(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the utilisation itself."""
        return utilisation
