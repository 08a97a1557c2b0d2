"""Plain transfers: so many bytes, then done."""

from __future__ import annotations

from collections.abc import Sequence
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


class PlainTransfers:
    """Transfers that each send a number of bytes and leave; see `FlowGroup`.

    Args:
        sizes_bytes: how many bytes each has to send, shape [members].

    Attributes:
        left_bytes: how many were left when its rate last changed, shape [members].
        end_s: when the last one arrives if the rate stays as it is, shape [members].
    """

    def __init__(self, sizes_bytes: Sequence[float] | Floats) -> None:
        self.left_bytes = np.array(sizes_bytes, dtype=np.float64)
        self.end_s = np.full(len(sizes_bytes), np.inf)
        self._bytes_per_s = np.zeros(len(sizes_bytes))
        self._since_s = np.zeros(len(sizes_bytes))

    def rates_changed(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Account what was sent at the old rates; return when the rest will have been sent."""
        sent = self._bytes_per_s[members] * (now_s - self._since_s[members])
        left = np.maximum(self.left_bytes[members] - sent, 0.0)
        self.left_bytes[members] = left
        self._bytes_per_s[members], self._since_s[members] = bytes_per_s, now_s
        duration_s = np.where(left > 0, np.inf, 0.0)
        with np.errstate(over="ignore"):  # a rate close to 0 gives infinity
            np.divide(left, bytes_per_s, out=duration_s, where=bytes_per_s > 0)
        end_s: Floats = now_s + duration_s
        self.end_s[members] = end_s
        return end_s

    def due(self, now_s: float, member: int) -> None:
        """Everything has been sent: leave the network."""
        self.left_bytes[member] = 0.0


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

    A flow that crosses no link and has no cap is done at its start. One that can never finish (a
    link without capacity, a cap of 0) is done at infinity.

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
    capacity, count = link_capacities(capacities), len(routes)
    Incidence.of(routes, len(capacity))  # for its checks, which name the flow
    cap, weight = flow_caps(caps, count).tolist(), flow_weights(weights, count).tolist()
    start_s = flow_starts(starts, count).tolist()
    transfers = PlainTransfers(flow_sizes(sizes, count))
    loop = FluidLoop(capacity, start_s=min(start_s, default=0.0))

    def start(number: int, now_s: float) -> None:
        loop.add(transfers, routes[number], member=number, cap=cap[number], weight=weight[number])

    for number in range(count):
        loop.call_at(start_s[number], partial(start, number))
    loop.run()
    return transfers.end_s
