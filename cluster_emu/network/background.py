"""Background traffic: flows that start and stop independently of migrations.

What migrations cost these flows is known exactly. The same flows also run in a counterfactual
network that has no migrations, with the same capacities at any time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.flows import Flow
from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.maxmin_incremental import Priority
from cluster_emu.units import BITS_PER_BYTE

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

ROUNDING = 1e-12
"""A missing share below this is a rounding error: the same sum, added up in another order."""


class Periods(Protocol):
    """Alternates between on and off, a function of time alone."""

    def around(self, time_s: float) -> tuple[float, float, bool]:
        """Return the changes before and strictly after `time_s`, and whether it is on."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundFlow:
    """One flow of background traffic: its route, when it sends, and how much it wants to send.

    Args:
        group: number of its entry in `background` of the scenario.
        source: number of the host that sends.
        target: number of the host that receives.
        route: the links it crosses.
        inelastic: whether it is in the inelastic priority class, with a given rate, or shares
            max-min fairly.
        bytes_per_s: the given rate, or the cap of an elastic flow, infinite for none.
        weight: share of an elastic flow relative to others at a bottleneck.
        start_s: when it begins.
        stop_s: when it ends, infinite for never.
        periods: when it sends in between; None for always.
    """

    group: int
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
class BackgroundFlowRow:
    """What one flow has sent: a row of the table `background`.

    Args:
        flow: its number.
        group: number of its entry in `background` of the scenario.
        source: number of the host that sends.
        target: number of the host that receives.
        kind: "elastic" or "inelastic".
        active_s: how long it wanted to send.
        bytes: what it sent.
        bytes_without_migrations: what it would have sent if nothing had migrated.
        wanted_bytes: its rate or cap times `active_s`, infinite without one.
    """

    flow: int
    group: int
    source: int
    target: int
    kind: str
    active_s: float
    bytes: float
    bytes_without_migrations: float
    wanted_bytes: float


class BackgroundTraffic:
    """All background flows in a network, and what migrations cost them.

    An inelastic flow is served before migrations and elastic flows. Where inelastic flows together
    exceed the capacity of a link, each loses the same share of its rate.

    Args:
        flows: the flows.
        loop: the network; it must not have run yet.
    """

    def __init__(self, flows: Sequence[BackgroundFlow], loop: FluidLoop) -> None:
        self._flows = tuple(flows)
        self._senders = _Senders(flows, loop)
        self._counterfactual_loop = FluidLoop(loop.capacities, start_s=loop.now_s)
        self._counterfactual_senders = _Senders(flows, self._counterfactual_loop)
        if flows:
            loop.add_capacity_listener(self._capacity_changed)

    def __len__(self) -> int:
        """Number of flows."""
        return len(self._flows)

    def rows(self, now_s: float) -> list[BackgroundFlowRow]:
        """Return what each flow has sent until now, the time that the network's clock shows."""
        self._counterfactual_loop.run_until(now_s)
        return [
            BackgroundFlowRow(
                flow=number,
                group=flow.group,
                source=flow.source,
                target=flow.target,
                kind="inelastic" if flow.inelastic else "elastic",
                active_s=sender.active_s(now_s),
                bytes=sender.sent_bytes(now_s),
                bytes_without_migrations=counterfactual.sent_bytes(now_s),
                wanted_bytes=_product(flow.bytes_per_s, sender.active_s(now_s)),
            )
            for number, (flow, sender, counterfactual) in enumerate(
                zip(
                    self._flows,
                    self._senders.each,
                    self._counterfactual_senders.each,
                    strict=True,
                )
            )
        ]

    def figures(self, now_s: float) -> dict[str, float]:
        """Return the figures of all flows together until now.

        `background_lost_share` is what elastic flows lost to migrations, as a share of what they
        would have sent without migrations. `background_dropped_share` is what inelastic flows could
        not send, as a share of what they wanted to send.
        """
        rows = self.rows(now_s)
        elastic = [row for row in rows if row.kind == "elastic"]
        inelastic = [row for row in rows if row.kind == "inelastic"]
        total = sum(row.bytes for row in rows)
        return {
            "background_bytes": total,
            "background_mean_bps": BITS_PER_BYTE * total / now_s if now_s else 0.0,
            "background_lost_share": _missing_share(
                sum(row.bytes for row in elastic),
                sum(row.bytes_without_migrations for row in elastic),
            ),
            "background_dropped_share": _missing_share(
                sum(row.bytes for row in inelastic), sum(row.wanted_bytes for row in inelastic)
            ),
        }

    def _capacity_changed(self, now_s: float, link: int, bytes_per_s: float) -> None:
        self._counterfactual_loop.run_until(now_s)
        self._counterfactual_loop.set_capacity(link, bytes_per_s)


class _Sender:
    """One background flow in one network.

    Args:
        flow: the flow.
        group: the group with which it is notified.
        member: its number there.
        loop: the network.
    """

    def __init__(self, flow: BackgroundFlow, group: _Senders, member: int, loop: FluidLoop) -> None:
        self._flow = flow
        self._group = group
        self._member = member
        self._loop = loop
        self._in_network: Flow | None = None
        self._bytes_per_s = 0.0
        self._since_s = loop.now_s
        self._sent_bytes = 0.0
        self._active_s = 0.0

    def switch_at(self, time_s: float) -> None:
        """Join or leave the network, as the flow is on or off at `time_s`; set the next timer."""
        is_on, until_s = self._flow.at(time_s)
        if is_on != (self._in_network is not None):
            self._switch(is_on)
        if until_s < math.inf:
            # An instant may begin before `until_s` by a rounding error; at that time the flow
            # would still be as before.
            self._loop.call_at(until_s, lambda now_s: self.switch_at(max(now_s, until_s)))

    def set_rate(self, now_s: float, bytes_per_s: float) -> None:
        """Account what was sent at the old rate and use the new one from now on."""
        self._accrue(now_s)
        self._bytes_per_s = bytes_per_s

    def sent_bytes(self, now_s: float) -> float:
        """Return what was sent until now."""
        return self._sent_bytes + self._bytes_per_s * (now_s - self._since_s)

    def active_s(self, now_s: float) -> float:
        """Return how long the flow was on until now."""
        return self._active_s + (self._in_network is not None) * (now_s - self._since_s)

    def _accrue(self, now_s: float) -> None:
        self._sent_bytes, self._active_s = self.sent_bytes(now_s), self.active_s(now_s)
        self._since_s = now_s

    def _switch(self, is_on: bool) -> None:
        self._accrue(self._loop.now_s)
        self._bytes_per_s = 0.0
        if self._in_network is not None:
            self._loop.remove(self._in_network)
            self._in_network = None
        if is_on:
            flow = self._flow
            self._in_network = self._loop.add(
                self._group,
                flow.route,
                member=self._member,
                cap=flow.bytes_per_s,
                # weights in proportion to the rates make inelastic flows lose the same share
                weight=flow.bytes_per_s if flow.inelastic else flow.weight,
                priority=Priority.INELASTIC if flow.inelastic else Priority.ELASTIC,
            )


class _Senders:
    """All background flows in one network; see `FlowGroup`."""

    def __init__(self, flows: Sequence[BackgroundFlow], loop: FluidLoop) -> None:
        self.each = [_Sender(flow, self, number, loop) for number, flow in enumerate(flows)]
        for sender in self.each:
            sender.switch_at(loop.now_s)

    def rates_changed(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Account what was sent at the old rates; background flows have no events of their own."""
        for member, rate in zip(members.tolist(), bytes_per_s.tolist(), strict=True):
            self.each[member].set_rate(now_s, rate)
        return np.full(len(members), np.inf)

    def due(self, now_s: float, member: int) -> float:
        """Stay in the network; the network never calls this, because no event is predicted."""
        return math.inf


def _product(bytes_per_s: float, active_s: float) -> float:
    """Return what could be sent; 0 in no time, even at an infinite rate."""
    return bytes_per_s * active_s if active_s else 0.0


def _missing_share(found: float, expected: float) -> float:
    missing = 1 - found / expected if expected else 0.0
    return missing if abs(missing) > ROUNDING else 0.0
