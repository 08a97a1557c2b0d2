"""Checks of what callers give: capacities, and one cap, weight, size and start per flow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def link_capacities(capacities: Sequence[float] | Floats) -> Floats:
    """Return the capacities as an array of their own, shape [links]; finite, 0 or more."""
    values = np.array(capacities, dtype=np.float64)
    _check("capacities", values, np.isfinite(values) & (values >= 0), "a finite number, 0 or more")
    return values


def flow_caps(caps: Sequence[float | None] | Floats | None, count: int) -> Floats:
    """Return one cap per flow, shape [flows], infinity for none; 0 or more."""
    if caps is None:
        return np.full(count, np.inf)
    values = np.array([np.inf if cap is None else cap for cap in caps], dtype=np.float64)
    _check_count("caps", values, count)
    _check("caps", values, values >= 0, "a number, 0 or more, or None")
    return values


def flow_weights(weights: Sequence[float] | Floats | None, count: int) -> Floats:
    """Return one weight per flow, shape [flows], 1 by default; finite and above 0."""
    values = np.ones(count) if weights is None else np.array(weights, dtype=np.float64)
    _check_count("weights", values, count)
    _check("weights", values, np.isfinite(values) & (values > 0), "a finite number above 0")
    return values


def flow_sizes(sizes: Sequence[float] | Floats, count: int) -> Floats:
    """Return one size per flow, shape [flows]; finite, 0 or more."""
    values = np.array(sizes, dtype=np.float64)
    _check_count("sizes", values, count)
    _check("sizes", values, np.isfinite(values) & (values >= 0), "a finite number, 0 or more")
    return values


def flow_starts(starts: Sequence[float] | Floats | None, count: int) -> Floats:
    """Return one start time per flow, shape [flows], 0 by default; finite."""
    values = np.zeros(count) if starts is None else np.array(starts, dtype=np.float64)
    _check_count("starts", values, count)
    _check("starts", values, np.isfinite(values), "a finite number")
    return values


def _check_count(name: str, values: Floats, count: int) -> None:
    if values.shape != (count,):
        raise ValueError(f"{name} has shape {values.shape}: allowed is one per flow, ({count},)")


def _check(name: str, values: Floats, good: Flags, allowed: str) -> None:
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}: allowed is one row of numbers")
    if not good.all():
        index = int(np.argmin(good))
        raise ValueError(f"{name}[{index}] = {values[index]}: allowed is {allowed}")
