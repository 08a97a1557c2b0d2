"""Begins and ends faults at their exact times, and keeps the table `faults`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from cluster_emu.faults.contract import Outage
from cluster_emu.faults.hosts import HostFaults
from cluster_emu.faults.link_capacity import LinkFaults
from cluster_emu.network import FluidLoop


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One fault, one row of the table `faults`; `until_s` is NaN for one that is not repaired."""

    time_s: float
    kind: str
    what: str
    until_s: float


class Injection:
    """Begins one outage after the other.

    Only the next outage is in the event loop, so a series may be endless.

    Args:
        outages: all of them, in order of their start.
        loop: keeps the time.
        hosts: crashes and repairs hosts.
        links: changes the capacity of links.
    """

    def __init__(
        self, outages: Iterator[Outage], loop: FluidLoop, hosts: HostFaults, links: LinkFaults
    ) -> None:
        self.rows: list[FaultRow] = []
        self._outages = outages
        self._loop = loop
        self._hosts = hosts
        self._links = links
        self._schedule_next()

    def _schedule_next(self) -> None:
        outage = next(self._outages, None)
        if outage is not None:
            self._loop.call_at(outage.start_s, partial(self._begin, outage))

    def _begin(self, outage: Outage, now_s: float) -> None:
        self.inject(outage, now_s)
        self._schedule_next()

    def inject(self, outage: Outage, now_s: float) -> None:
        """Begin an outage now, also one that is not among those given."""
        until_s = outage.end_s if math.isfinite(outage.end_s) else math.nan
        self.rows.append(FaultRow(outage.start_s, outage.kind, outage.what, until_s))
        self._links.begin(outage.links, outage.factor)
        self._hosts.begin(outage.hosts, now_s)
        if math.isfinite(outage.end_s):
            self._loop.call_at(outage.end_s, partial(self._end, outage))

    def _end(self, outage: Outage, now_s: float) -> None:
        self._links.end(outage.links, outage.factor)
        self._hosts.end(outage.hosts, now_s)
