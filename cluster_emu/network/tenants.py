"""Traffic of tenants: flows in the background that come and go whatever migrations do.

Since they do not depend on migrations, what they would have sent without any is known exactly: the
same flows run beside the real loop through another one, in which they are alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cluster_emu.network.fluid import FluidLoop

BITS_PER_BYTE = 8

ROUNDING = 1e-12
"""A missing share smaller than this is none: two ways to the same sum."""


class Periods(Protocol):
    """Alternates between on and off, a function of time alone."""

    def around(self, time_s: float) -> tuple[float, float, bool]:
        """Return the changes before and strictly after `time_s`, and whether it is on."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TenantFlow:
    """One flow, as it is meant to be.

    Args:
        tenant: number of the group of tenants it belongs to.
        source: number of the host that sends.
        target: number of the host that receives.
        route: the links it crosses.
        inelastic: whether its rate is given and taken before all others, or max-min fair.
        bytes_per_s: the given rate, or the cap of an elastic flow, infinite for none.
        weight: share of an elastic flow relative to others at a bottleneck.
        start_s: when it begins.
        stop_s: when it ends, infinite for never.
        periods: when it sends in between; None for always.
    """

    tenant: int
    source: int
    target: int
    route: tuple[int, ...]
    inelastic: bool = False
    bytes_per_s: float = math.inf
    weight: float = 1.0
    start_s: float = 0.0
    stop_s: float = math.inf
    periods: Periods | None = None

    def at(self, time_s: float) -> tuple[bool, float]:
        """Return whether it sends at `time_s`, and when that may change next."""
        if time_s < self.start_s:
            return False, self.start_s
        if time_s >= self.stop_s:
            return False, math.inf
        if self.periods is None:
            return True, self.stop_s
        _, until_s, is_on = self.periods.around(time_s)
        return is_on, min(until_s, self.stop_s)


@dataclass(frozen=True, slots=True)
class TenantRow:
    """What became of one flow, a row of the table `tenants`.

    Args:
        flow: its number.
        tenant: number of its group.
        source: number of the host that sends.
        target: number of the host that receives.
        kind: "elastic" or "inelastic".
        active_s: how long it wanted to send.
        bytes: what it sent.
        bytes_without_migrations: what it would have sent if nothing had migrated.
        wanted_bytes: its rate or cap times `active_s`, infinite without one.
    """

    flow: int
    tenant: int
    source: int
    target: int
    kind: str
    active_s: float
    bytes: float
    bytes_without_migrations: float
    wanted_bytes: float


class TenantTraffic:
    """The tenants' flows in the network, and what migrations cost them.

    An inelastic flow goes before migrations and elastic flows. Where several together exceed a
    link, each is cut by the same share of its rate.

    Args:
        flows: the flows.
        loop: the network; it must not have run yet.
    """

    def __init__(self, flows: Sequence[TenantFlow], loop: FluidLoop) -> None:
        self._flows = tuple(flows)
        self._senders = _join(flows, loop)
        self._quiet_loop = FluidLoop(loop.capacities, start_s=loop.now_s)
        self._undisturbed = _join(flows, self._quiet_loop)
        if flows:
            loop.watch_capacities(self._capacity_changed)

    def __len__(self) -> int:
        """Number of flows."""
        return len(self._flows)

    def rows(self, now_s: float) -> list[TenantRow]:
        """Return what became of each flow until now, which is when the network's clock stands."""
        self._quiet_loop.run_until(now_s)
        return [
            TenantRow(
                flow=number,
                tenant=flow.tenant,
                source=flow.source,
                target=flow.target,
                kind="inelastic" if flow.inelastic else "elastic",
                active_s=sender.active_s(now_s),
                bytes=sender.sent_bytes(now_s),
                bytes_without_migrations=undisturbed.sent_bytes(now_s),
                wanted_bytes=_product(flow.bytes_per_s, sender.active_s(now_s)),
            )
            for number, (flow, sender, undisturbed) in enumerate(
                zip(self._flows, self._senders, self._undisturbed, strict=True)
            )
        ]

    def figures(self, now_s: float) -> dict[str, float]:
        """Return the figures of all tenants together until now.

        `tenant_lost_share` is what elastic flows lost to migrations, as a share of what they would
        have sent without; `tenant_dropped_share` what inelastic ones could not send of their rate.
        """
        rows = self.rows(now_s)
        elastic = [row for row in rows if row.kind == "elastic"]
        inelastic = [row for row in rows if row.kind == "inelastic"]
        total = sum(row.bytes for row in rows)
        return {
            "tenant_bytes": total,
            "tenant_mean_bps": BITS_PER_BYTE * total / now_s if now_s else 0.0,
            "tenant_lost_share": _missing_share(
                sum(row.bytes for row in elastic),
                sum(row.bytes_without_migrations for row in elastic),
            ),
            "tenant_dropped_share": _missing_share(
                sum(row.bytes for row in inelastic), sum(row.wanted_bytes for row in inelastic)
            ),
        }

    def _capacity_changed(self, now_s: float, link: int, bytes_per_s: float) -> None:
        self._quiet_loop.run_until(now_s)
        self._quiet_loop.set_capacity(link, bytes_per_s)


class _Sender:
    """One flow in one loop: a transfer that has no end of its own."""

    def __init__(self, flow: TenantFlow, loop: FluidLoop) -> None:
        self._flow = flow
        self._loop = loop
        self._is_on = False
        self._bytes_per_s = 0.0
        self._since_s = loop.now_s
        self._sent_bytes = 0.0
        self._active_s = 0.0

    def follow(self, time_s: float) -> None:
        """Join or leave the loop, as the flow is on or off at `time_s`, and set the next timer."""
        is_on, until_s = self._flow.at(time_s)
        if is_on != self._is_on:
            self._switch(is_on)
        if until_s < math.inf:
            # the clock may show an instant that began a rounding error before the change
            self._loop.call_at(until_s, lambda now_s: self.follow(max(now_s, until_s)))

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Count what was sent at the old rate; nothing happens of itself."""
        self._settle(now_s)
        self._bytes_per_s = bytes_per_s
        return math.inf

    def due(self, now_s: float) -> float:
        """Stay; no event is ever predicted."""
        return math.inf

    def sent_bytes(self, now_s: float) -> float:
        """Return what was sent until now."""
        return self._sent_bytes + self._bytes_per_s * (now_s - self._since_s)

    def active_s(self, now_s: float) -> float:
        """Return how long the flow was on until now."""
        return self._active_s + self._is_on * (now_s - self._since_s)

    def _settle(self, now_s: float) -> None:
        self._sent_bytes, self._active_s = self.sent_bytes(now_s), self.active_s(now_s)
        self._since_s = now_s

    def _switch(self, is_on: bool) -> None:
        self._settle(self._loop.now_s)
        self._is_on, self._bytes_per_s = is_on, 0.0
        if not is_on:
            self._loop.remove(self)
            return
        flow = self._flow
        self._loop.add(
            self,
            flow.route,
            cap=flow.bytes_per_s,
            # in proportion to their rates, inelastic flows are cut by the same share
            weight=flow.bytes_per_s if flow.inelastic else flow.weight,
            first=flow.inelastic,
        )


def _join(flows: Sequence[TenantFlow], loop: FluidLoop) -> list[_Sender]:
    senders = [_Sender(flow, loop) for flow in flows]
    for sender in senders:
        sender.follow(loop.now_s)
    return senders


def _product(bytes_per_s: float, active_s: float) -> float:
    """Return what could be sent, 0 in no time at whatever rate."""
    return bytes_per_s * active_s if active_s else 0.0


def _missing_share(found: float, expected: float) -> float:
    missing = 1 - found / expected if expected else 0.0
    return missing if abs(missing) > ROUNDING else 0.0
