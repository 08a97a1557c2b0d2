"""The carbon dioxide that the cluster's electricity stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from cluster_emu.scenario.plain import Plain


class Carbon(Plain):
    """The carbon intensity of the electricity; a run reports its carbon if one of the two is set.

    `intensity_g_per_kwh` holds for the whole run. `trace` is a file of intensities over time, CSV
    or Parquet, with the columns `timestamp` (dates with times, or seconds) and `carbon_intensity`
    (g/kWh). The run begins at its first time. Each intensity holds until the next one, the last
    one for as long as the one before it; then the trace starts again.
    """

    intensity_g_per_kwh: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    trace: Path | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> Carbon:
        if self.intensity_g_per_kwh is not None and self.trace is not None:
            raise ValueError("only one of intensity_g_per_kwh and trace")
        return self
