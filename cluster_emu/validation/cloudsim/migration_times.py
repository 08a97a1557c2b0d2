"""When migrations end: after CloudSim's fixed times, or over links that they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network import FluidLoop, PlainTransfers
from cluster_emu.validation.cloudsim._kernels import Floats, Lists
from cluster_emu.validation.cloudsim.inventory import LINE_MB_PER_S, MIGRATION_MB_PER_S


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


class SharedLinks:
    """The migrations of a host share its line rate max-min fairly, in and out separately.

    None gets more than half of a card, as with `FixedTimes`.

    Args:
        hosts: number of hosts.
    """

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts
        self._loop = FluidLoop(np.full(2 * hosts, LINE_MB_PER_S))  # out of each, into each
        self._ended: list[tuple[float, tuple[int, int]]] = []

    def start(self, now_s: float, moves: Lists, sources: NDArray[np.int64], ram_mb: Floats) -> None:
        """See `MigrationTimes`."""
        self._loop.run_until(now_s)
        batch = _Batch(ram_mb, moves, self._ended)
        for member, (source, (_, target)) in enumerate(zip(sources, moves, strict=True)):
            route = (int(source), self._hosts + int(target))
            self._loop.add(batch, route, member=member, cap=MIGRATION_MB_PER_S)

    def ended(self, until_s: float) -> Iterator[tuple[float, Lists]]:
        """See `MigrationTimes`."""
        self._loop.run_until(until_s)
        ended, self._ended[:] = list(self._ended), []
        for instant_s in sorted({end_s for end_s, _ in ended}):
            moves = [move for end_s, move in ended if end_s == instant_s]
            yield instant_s, np.array(moves, dtype=np.int32)


class _Batch(PlainTransfers):
    """The migrations of one tick; each is listed when it ends."""

    def __init__(
        self, sizes_mb: Floats, moves: Lists, ended: list[tuple[float, tuple[int, int]]]
    ) -> None:
        super().__init__(sizes_mb)
        self._move_of = [(int(vm), int(target)) for vm, target in moves]
        self._list = ended

    def due(self, now_s: float, member: int) -> None:
        super().due(now_s, member)
        self._list.append((now_s, self._move_of[member]))
