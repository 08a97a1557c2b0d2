"""Power that rises with the square, the cube or the square root of the utilisation.

The three curves that CloudSim has beside the straight line; other simulators took them over.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.metrics.power.contract import power_models
from cluster_emu.metrics.power.idle_to_peak import IdleToPeak

SOURCE = "power models of CloudSim (Beloglazov, Buyya, CCPE 2012)"


@power_models.register("square")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SquarePower(IdleToPeak):
    """``idle + (peak - idle) x u^2``.

    Args:
        idle_w: power at no load.
        peak_w: power at full load.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "square"
    summary: ClassVar[str] = "rises from idle to peak power with the square of the utilisation"
    source: ClassVar[str] = SOURCE

    def rise(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the square of the utilisation."""
        return utilisation * utilisation


@power_models.register("cubic")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CubicPower(IdleToPeak):
    """``idle + (peak - idle) x u^3``.

    Args:
        idle_w: power at no load.
        peak_w: power at full load.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "cubic"
    summary: ClassVar[str] = "rises from idle to peak power with the cube of the utilisation"
    source: ClassVar[str] = SOURCE

    def rise(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the cube of the utilisation."""
        return utilisation * utilisation * utilisation


@power_models.register("square-root")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SquareRootPower(IdleToPeak):
    """``idle + (peak - idle) x sqrt(u)``.

    Args:
        idle_w: power at no load.
        peak_w: power at full load.
        sleep_w: power when switched off.
    """

    name: ClassVar[str] = "square-root"
    summary: ClassVar[str] = "rises from idle to peak power with the root of the utilisation"
    source: ClassVar[str] = SOURCE

    def rise(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the square root of the utilisation."""
        root: FloatColumn = np.sqrt(utilisation)
        return root
