"""Plain transfers: so many bytes, then done."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.checks import (
    flow_caps,
    flow_sizes,
    flow_starts,
    flow_weights,
    link_capacities,
)
from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.incidence import Incidence

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class PlainTransfer:
    """A number of bytes to send, nothing more.

    Args:
        size_bytes: how many.

    Attributes:
        left_bytes: how many were left when the rate last changed.
        end_s: when the last one arrives if the rate stays as it is.
    """

    def __init__(self, size_bytes: float) -> None:
        self.left_bytes = size_bytes
        self.end_s = math.inf
        self._bytes_per_s = 0.0
        self._since_s = 0.0

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Account what was sent at the old rate; return when the rest will have been."""
        if self._bytes_per_s > 0:
            sent = self._bytes_per_s * (now_s - self._since_s)
            self.left_bytes = max(self.left_bytes - sent, 0.0)
        self._bytes_per_s, self._since_s = bytes_per_s, now_s
        self.end_s = now_s + _duration_s(self.left_bytes, bytes_per_s)
        return self.end_s

    def due(self, now_s: float) -> None:
        """Everything has been sent: leave the network."""
        self.left_bytes = 0.0


class PlainTransfers:
    """Many plain transfers, as columns: a group that is told its rates together.

    Args:
        sizes_bytes: how many bytes each has to send, shape [members].

    Attributes:
        left_bytes: how many were left when its rate last changed, shape [members].
        end_s: when the last one arrives if the rate stays as it is, shape [members].
    """

    def __init__(self, sizes_bytes: Floats) -> None:
        self.left_bytes = sizes_bytes.copy()
        self.end_s = np.full(len(sizes_bytes), np.inf)
        self._bytes_per_s = np.zeros(len(sizes_bytes))
        self._since_s = np.zeros(len(sizes_bytes))

    def rates_changed(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Account what was sent at the old rates; return when the rest will have been."""
        sent = self._bytes_per_s[members] * (now_s - self._since_s[members])
        left = np.maximum(self.left_bytes[members] - sent, 0.0)
        self.left_bytes[members] = left
        self._bytes_per_s[members], self._since_s[members] = bytes_per_s, now_s
        duration_s = np.where(left > 0, np.inf, 0.0)
        with np.errstate(over="ignore"):  # at next to no rate, never
            np.divide(left, bytes_per_s, out=duration_s, where=bytes_per_s > 0)
        end_s: Floats = now_s + duration_s
        self.end_s[members] = end_s
        return end_s


class _Member:
    """One of a group of plain transfers."""

    def __init__(self, group: PlainTransfers, number: int) -> None:
        self._group = group
        self._number = number

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Do for this one what the group does for several."""
        member, rate = np.array([self._number]), np.array([bytes_per_s])
        return float(self._group.rates_changed(now_s, member, rate)[0])

    def due(self, now_s: float) -> None:
        """Everything has been sent: leave the network."""
        self._group.left_bytes[self._number] = 0.0


def _duration_s(size_bytes: float, bytes_per_s: float) -> float:
    if size_bytes == 0:
        return 0.0
    return size_bytes / bytes_per_s if bytes_per_s > 0 else math.inf


def completion_times(
    capacities: Sequence[float] | Floats,
    routes: Sequence[Sequence[int]],
    sizes: Sequence[float] | Floats,
    *,
    starts: Sequence[float] | Floats | None = None,
    caps: Sequence[float | None] | Floats | None = None,
    weights: Sequence[float] | Floats | None = None,
) -> Floats:
    """Return when each of the given fluid transfers has arrived, shape [flows].

    A flow that crosses no link and has no cap is done at its start; one that can never finish (a
    link without capacity, a cap of 0) at infinity.

    Args:
        capacities: capacity of each link in bytes/s, shape [links].
        routes: for each flow, the indices of the links it crosses.
        sizes: bytes of each flow, shape [flows].
        starts: when each flow starts, in seconds; all at 0 by default.
        caps: for each flow, the rate it may not exceed; None or infinity for no cap.
        weights: for each flow, its share relative to the others at a bottleneck; all 1 by default.

    Raises:
        ValueError: naming the value that is not allowed.
    """
    limits, count = link_capacities(capacities), len(routes)
    Incidence.of(routes, len(limits))  # Its checks name the flow.
    cap, weight = flow_caps(caps, count).tolist(), flow_weights(weights, count).tolist()
    start_s = flow_starts(starts, count).tolist()
    group = PlainTransfers(flow_sizes(sizes, count))
    loop = FluidLoop(limits, start_s=min(start_s, default=0.0))
    for number, route in enumerate(routes):
        join = partial(
            loop.add,
            _Member(group, number),
            route,
            cap=cap[number],
            weight=weight[number],
            group=group,
            member=number,
        )
        loop.call_at(start_s[number], _ignoring_time(join))
    loop.run()
    return group.end_s


def _ignoring_time(action: Callable[[], None]) -> Callable[[float], None]:
    return lambda now_s: action()
