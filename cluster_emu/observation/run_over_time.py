"""A run over time, from its tables: hosts on, their utilisation and power, migrations under way."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def hosts_over_time(hosts: pd.DataFrame) -> dict[str, Floats]:
    """Return what is observed of all hosts at each instant of observation, all [instants].

    Args:
        hosts: the table `hosts`.

    Returns:
        `time_s`, ascending; `hosts_on`; `power_w`; `mean_utilisation` of the hosts that are on, 0
        with none.
    """
    times = hosts.groupby("time_s", sort=True)
    on = hosts[hosts["switched_on"].astype(bool)]
    power_w = times["power_w"].sum()
    time_s = power_w.index.to_numpy(dtype=np.float64)
    used = on.groupby("time_s")["utilisation"].mean().reindex(time_s).fillna(0.0)
    return {
        "time_s": time_s,
        "hosts_on": times["switched_on"].sum().to_numpy(dtype=np.float64),
        "power_w": power_w.to_numpy(dtype=np.float64),
        "mean_utilisation": used.to_numpy(dtype=np.float64),
    }


def migrations_under_way(
    start_s: Floats, end_s: Floats, until_s: float = math.inf
) -> tuple[Floats, Floats]:
    """Return from when how many migrations were under way, exactly.

    Args:
        start_s: their first bytes, NaN for those that never began, [migrations].
        end_s: their ends, NaN or infinite for those that have not ended, [migrations].
        until_s: what comes later is left out.

    Returns:
        The instants at which the number changes, and 0, ascending; and the number from then on.
    """
    has_begun = start_s <= until_s
    begun = start_s[has_begun]
    ended = end_s[has_begun & (end_s <= until_s) & np.isfinite(end_s)]
    times = np.unique(np.concatenate([[0.0], begun, ended]))
    counts = np.searchsorted(np.sort(begun), times, side="right")
    counts = counts - np.searchsorted(np.sort(ended), times, side="right")
    return times, counts.astype(np.float64)
