"""Hosts that are woken: nothing runs or starts there before they have booted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cluster_emu.cluster.state import ClusterState
from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.timers import Timer


class HostBoots:
    """Switches hosts on, and tells those who wait when a host has booted.

    Args:
        state: the columns; a host that is switched on boots for its `boot_s`.
        loop: keeps the time.
    """

    def __init__(self, state: ClusterState, loop: FluidLoop) -> None:
        self._state = state
        self._loop = loop
        self._ends: dict[int, Timer] = {}
        self._waiting: list[Callable[[int, float], None]] = []

    def notify(self, booted: Callable[[int, float], None]) -> None:
        """Call `booted` with the host and the time whenever a host has booted."""
        self._waiting.append(booted)

    def wake(self, host: int, now_s: float) -> None:
        """Switch on a host if it is off."""
        hosts = self._state.hosts
        if hosts.switched_on[host]:
            return
        self._state.switch_on(host, now_s)
        before = self._ends.pop(host, None)
        if before is not None:  # of a boot that a crash has ended
            self._loop.cancel(before)
        if hosts.booting[host]:
            end_s = now_s + float(hosts.boot_s[host])
            self._ends[host] = self._loop.call_at(end_s, partial(self._end, host))

    def _end(self, host: int, now_s: float) -> None:
        del self._ends[host]
        if self._state.hosts.booting[host]:
            self._state.end_boot(host)
            for booted in self._waiting:
                booted(host, now_s)
