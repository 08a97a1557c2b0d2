"""Migrations over links that they share, as CloudSim has none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network import FluidLoop, PlainTransfers
from cluster_emu.validation.cloudsim._kernels import Floats, Lists
from cluster_emu.validation.cloudsim.inventory import LINE_MB_PER_S, MIGRATION_MB_PER_S


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
