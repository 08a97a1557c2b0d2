"""Hosts that are switched on and off: nothing runs or starts there before they have booted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from cluster_emu.cluster.state import ClusterState
from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.timers import Timer


class HostSwitching:
    """Switches hosts on and off, and tells those who wait when a host has booted.

    A host that is woken while it shuts down goes on shutting down, and boots after that.

    Args:
        state: the columns; a host that is switched on boots for its `boot_s`, and one that is
            switched off shuts down for its `shutdown_s`.
        loop: keeps the time.
    """

    def __init__(self, state: ClusterState, loop: FluidLoop) -> None:
        self._state = state
        self._loop = loop
        self._boot_ends: dict[int, Timer] = {}
        self._shutdown_ends: dict[int, Timer] = {}
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
        if hosts.booting[host]:
            begin_s = self._shutdown_ends[host].time_s if hosts.shutting_down[host] else now_s
            end_s = begin_s + float(hosts.boot_s[host])
            self._set(self._boot_ends, host, end_s, self._end_boot)

    def switch_off(self, hosts: Sequence[int], now_s: float) -> None:
        """Switch off some hosts that are on, each given once."""
        self._state.switch_off(hosts, now_s)
        columns = self._state.hosts
        for host in hosts:
            if columns.shutting_down[host]:
                end_s = now_s + float(columns.shutdown_s[host])
                self._set(self._shutdown_ends, host, end_s, self._end_shutdown)

    def _set(
        self,
        ends: dict[int, Timer],
        host: int,
        end_s: float,
        end: Callable[[int, float], None],
    ) -> None:
        before = ends.pop(host, None)
        if before is not None:  # of a boot or a shutdown that a crash has ended
            self._loop.cancel(before)
        ends[host] = self._loop.call_at(end_s, partial(end, host))

    def _end_boot(self, host: int, now_s: float) -> None:
        del self._boot_ends[host]
        if self._state.hosts.booting[host]:
            self._state.end_boot(host, now_s)
            for booted in self._waiting:
                booted(host, now_s)

    def _end_shutdown(self, host: int, now_s: float) -> None:
        del self._shutdown_ends[host]
        if self._state.hosts.shutting_down[host]:
            self._state.end_shutdown(host, now_s)
