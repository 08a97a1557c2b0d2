"""When migrations end: after CloudSim's fixed times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.validation.cloudsim._kernels import Floats, Lists
from cluster_emu.validation.cloudsim.inventory import MIGRATION_MB_PER_S


class MigrationTimes(Protocol):
    """Knows the migrations that run."""

    def start(self, now_s: float, moves: Lists, sources: NDArray[np.int64], ram_mb: Floats) -> None:
        """Let migrations start.

        Args:
            now_s: the time.
            moves: rows (vm, target), shape [migrations, 2].
            sources: hosts that they leave, shape [migrations].
            ram_mb: what each has to send, shape [migrations].
        """
        ...

    def ended(self, until_s: float) -> Iterator[tuple[float, Lists]]:
        """Yield each instant up to a time at which migrations end, in order, and these moves."""
        ...


class FixedTimes:
    """Each migration takes its memory over half of a network card, however many run."""

    def __init__(self) -> None:
        self._moves = np.empty((0, 2), dtype=np.int32)
        self._end_s = np.empty(0)

    def start(self, now_s: float, moves: Lists, sources: NDArray[np.int64], ram_mb: Floats) -> None:
        """See `MigrationTimes`; those of the tick before have ended."""
        self._moves, self._end_s = moves, now_s + ram_mb / MIGRATION_MB_PER_S

    def ended(self, until_s: float) -> Iterator[tuple[float, Lists]]:
        """See `MigrationTimes`."""
        for end_s in np.unique(self._end_s).tolist():
            yield end_s, self._moves[self._end_s == end_s]
