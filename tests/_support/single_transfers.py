"""A transfer by itself: a group with one flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network import Flow, FluidLoop, PlainTransfers


class SingleTransfer:
    """Sends a number of bytes; subclasses may do something else at a new rate and at an event.

    Attributes:
        flow: its flow in the network it joined last.
    """

    flow: Flow

    def __init__(self, size_bytes: float = 0.0) -> None:
        self._plain = PlainTransfers([size_bytes])
        self._has_joined = False

    @property
    def left_bytes(self) -> float:
        """How many bytes were left when the rate last changed."""
        return float(self._plain.left_bytes[0])

    @property
    def end_s(self) -> float:
        """When the last byte arrives if the rate stays as it is."""
        return float(self._plain.end_s[0])

    def join(self, loop: FluidLoop, links: Sequence[int] = (0,), **options: Any) -> None:
        """Add it to a network."""
        self.flow = loop.add(self, links, **options)
        self._has_joined = True

    def is_in(self, loop: FluidLoop) -> bool:
        """Return whether it is in a network."""
        return self._has_joined and self.flow in loop

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Do what `FlowGroup.rates_changed` does, for the one flow."""
        return float(self._plain.rates_changed(now_s, np.array([0]), np.array([bytes_per_s]))[0])

    def rates_changed(
        self, now_s: float, members: NDArray[np.intp], bytes_per_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        assert members.tolist() == [0]
        return np.array([self.rate_changed(now_s, float(bytes_per_s[0]))])

    def due(self, now_s: float, member: int) -> float | None:
        return self._plain.due(now_s, member)


def started(
    loop: FluidLoop, size_bytes: float, links: Sequence[int] = (0,), **options: Any
) -> SingleTransfer:
    """Return a transfer that has joined a network."""
    transfer = SingleTransfer(size_bytes)
    transfer.join(loop, links, **options)
    return transfer
