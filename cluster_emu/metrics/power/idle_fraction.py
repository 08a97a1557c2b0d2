"""Power of which an idle host draws a fixed fraction."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.metrics.power.contract import power_models
from cluster_emu.metrics.power.even_lines import EvenLines
from cluster_emu.units import ParseShare, PowerWatts


@power_models.register("idle-fraction")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IdleFractionPower:
    """``k x peak + (1 - k) x peak x u``: the straight line of which the peak and k are known.

    Args:
        peak_w: power at full load.
        idle_share: k, the share of the peak power that an idle host draws.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "idle-fraction"
    summary: ClassVar[str] = "a straight line; an idle host draws a share of the peak power"
    source: ClassVar[str] = "Beloglazov, Abawajy, Buyya, FGCS 2012: 250 W, of which idle 70 %"

    peak_w: PowerWatts = 250.0
    idle_share: Annotated[float, ParseShare, Field(ge=0, le=1)] = 0.7
    sleep_w: PowerWatts = 0.0

    @cached_property
    def even_lines(self) -> EvenLines:
        """The one line."""
        return EvenLines.through((self.idle_share * self.peak_w, self.peak_w))

    def watts(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the power, exactly `peak_w` at full load."""
        idle_w = self.idle_share * self.peak_w
        return np.interp(utilisation, (0.0, 1.0), (idle_w, self.peak_w))
