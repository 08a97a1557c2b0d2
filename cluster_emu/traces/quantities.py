"""Quantities of a trace other than CPU use, as shares on a grid of time.

A missing value is filled with the last one before it, and at the start with the first one: a VM
whose memory was not measured for a while still has memory in use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.traces.recording import QUANTITIES
from cluster_emu.traces.series import Series

Floats = NDArray[np.float64]

BYTES, CAPACITY = "memory_bytes", "memory_capacity_bytes"
OF_MACHINE = "memory_machine_share"


def shares_of(series: Series, name: str, facts: Mapping[str, Any], tally: Counter[str]) -> Floats:
    """Return a quantity of a VM as shares 0..1, NaN where it is missing, shape [samples].

    The share of memory in use is that of the VM's own memory, found from the other columns where
    the trace states it in another way.

    Args:
        series: the samples.
        name: one of `QUANTITIES` that is a share.
        facts: what is known of the VM.
        tally: where values above 1 are counted.
    """
    found = series.quantities.get(name)
    if name == "memory_share" and (found is None or not np.isfinite(found).any()):
        found = _memory_share(series, facts)
    if found is None:
        return np.full(len(series), np.nan)
    above = int(np.count_nonzero(found > 1.0))
    tally[f"samples with more than 100 % of {QUANTITIES[name].partition(' as ')[0]}, cut"] += above
    return np.minimum(found, 1.0) if above else found


def _memory_share(series: Series, facts: Mapping[str, Any]) -> Floats | None:
    """Return memory in use as a share of the VM's memory from what else the trace holds."""
    for used, whole in ((BYTES, CAPACITY), (OF_MACHINE, OF_MACHINE)):
        size = facts.get(whole)
        if used in series.quantities and size is not None and size > 0.0:
            return np.asarray(series.quantities[used] / size)
    return None


def filled(times_s: Floats, shares: Floats, start_s: float, end_s: float) -> tuple[Floats, ...]:
    """Return when each known value begins and ends, and the values; they cover all of the time.

    Args:
        times_s: times of the samples, increasing, shape [samples].
        shares: their values, NaN where missing.
        start_s: the start of the time to cover.
        end_s: its end.
    """
    known = np.isfinite(shares)
    times_s, shares = times_s[known].copy(), shares[known]
    if len(times_s):
        times_s[0] = min(times_s[0], start_s)
    ends_s = np.append(times_s[1:], max(end_s, np.max(times_s, initial=end_s)))
    return times_s, ends_s, shares
