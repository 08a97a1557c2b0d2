"""Power on a straight line from idle to peak."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.metrics.power.contract import power_models
from cluster_emu.metrics.power.even_lines import EvenLines
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

    @cached_property
    def even_lines(self) -> EvenLines:
        """The one line."""
        return EvenLines.through((self.idle_w, self.peak_w))

    def rise(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the utilisation itself."""
        return utilisation
