"""Carbon: the energy of the cluster times the carbon intensity of the grid at that time."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.errors import TraceError
from cluster_emu.input_files import MIB, read_input
from cluster_emu.metrics.power import JOULES_PER_KWH, EnergyMeter

COLUMNS = ("timestamp", "carbon_intensity")
MOST_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True, eq=False)
class CarbonIntensity:
    """Intensity i holds from `starts_s[i]` to the next start; after `period_s` it starts again.

    Args:
        starts_s: ascending, from 0 on, shape [intensities].
        g_per_kwh: shape [intensities].
        period_s: length of the trace, infinite for one that never starts again.
    """

    starts_s: FloatColumn
    g_per_kwh: FloatColumn
    period_s: float

    @classmethod
    def constant(cls, g_per_kwh: float) -> CarbonIntensity:
        """Return an intensity that never changes."""
        return cls(np.zeros(1), np.array([g_per_kwh]), math.inf)

    @classmethod
    def read(cls, file: Path) -> CarbonIntensity:
        """Read a CSV or Parquet file with the columns `timestamp` and `carbon_intensity`.

        Times are dates with times, or seconds. This is the form of OpenDC's carbon traces.

        Raises:
            TraceError: naming the file, and the line of what is not allowed.
        """
        times_s, g_per_kwh = _columns_of(file)
        starts_s = times_s - times_s[0]
        if len(starts_s) == 1:
            return cls(starts_s, g_per_kwh, math.inf)
        return cls(starts_s, g_per_kwh, float(2 * starts_s[-1] - starts_s[-2]))

    def change_s(self, number: int) -> float:
        """Return the time of a change, infinity if there is none; 0 is the start of the run."""
        if math.isinf(self.period_s):
            return 0.0 if number == 0 else math.inf
        rounds, index = divmod(number, len(self.starts_s))
        return rounds * self.period_s + float(self.starts_s[index])


class CarbonMeter:
    """Sums up carbon: the energy since the last change of the intensity, times the intensity.

    Args:
        energy: the energy of the cluster; it has accrued up to every `change`.
        intensity: of the grid, over time.
    """

    def __init__(self, energy: EnergyMeter, intensity: CarbonIntensity) -> None:
        self.intensity = intensity
        self._energy = energy
        self._number = 0
        self._g_per_kwh = float(intensity.g_per_kwh[0])
        self._grams = 0.0
        self._joules = 0.0

    def next_change_s(self) -> float:
        """Return when the intensity changes next, infinity for never."""
        return self.intensity.change_s(self._number + 1)

    def change(self) -> None:
        """Go over to the next intensity, at the time of its change."""
        self._grams = self.carbon_g
        self._joules = float(self._energy.joules.sum())
        self._number += 1
        index = self._number % len(self.intensity.g_per_kwh)
        self._g_per_kwh = float(self.intensity.g_per_kwh[index])

    @property
    def carbon_g(self) -> float:
        """Carbon dioxide so far, grams."""
        joules = float(self._energy.joules.sum()) - self._joules
        return self._grams + joules / JOULES_PER_KWH * self._g_per_kwh


def _columns_of(file: Path) -> tuple[FloatColumn, FloatColumn]:
    """Return times in seconds and intensities; refuse what cannot be one."""
    is_csv = file.suffix.lower() != ".parquet"
    try:
        content = io.BytesIO(read_input(file, MOST_BYTES))
        table = pd.read_csv(content) if is_csv else pd.read_parquet(content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TraceError(str(file), 0, reason, "a readable CSV or Parquet file") from error
    except ValueError as error:  # that of pandas and pyarrow about contents
        raise TraceError(str(file), 0, str(error), "a CSV or Parquet file") from error
    if not set(COLUMNS) <= set(table.columns) or not len(table):
        found = ", ".join(map(str, table.columns)) or "none"
        raise TraceError(str(file), 0, found, f"the columns {' and '.join(COLUMNS)}, and rows")
    first = 2 if is_csv else 1  # the header of a CSV file is line 1
    times_s = _seconds(table["timestamp"])
    intensity = pd.to_numeric(table["carbon_intensity"], errors="coerce").to_numpy(np.float64)
    for i, (time_s, g_per_kwh) in enumerate(zip(times_s, intensity, strict=True)):
        if not math.isfinite(time_s) or (i and time_s <= times_s[i - 1]):
            shown = str(table["timestamp"].iloc[i])
            raise TraceError(str(file), first + i, shown, "a time after that of the line before")
        if not (math.isfinite(g_per_kwh) and g_per_kwh >= 0):
            shown = str(table["carbon_intensity"].iloc[i])
            raise TraceError(str(file), first + i, shown, "an intensity of 0 g/kWh or more")
    return times_s, intensity


def _seconds(times: pd.Series) -> FloatColumn:
    """Return dates with times, or numbers of seconds, as seconds; NaN for what is neither."""
    if pd.api.types.is_numeric_dtype(times.dtype):
        return times.to_numpy(np.float64)
    dates = pd.to_datetime(times, errors="coerce", utc=True)
    seconds = (dates - dates.iloc[0]) / pd.Timedelta(seconds=1)
    return np.asarray(seconds, dtype=np.float64)
