"""The migrations in the network, as columns: told their rates together, accounted for later.

When hundreds of rates change at once, most migrations have nothing to decide: what is left to send
in the phase under way stays as it is, or is at least so much. For these only numbers change here;
what their page states have to know of it is kept, and told when an event of theirs comes or
somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.base import RateEffect
from cluster_emu.network.fluid import FluidLoop

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

FIRST_ROOM = 16
STRETCHES = 32
"""Changes of its rate that are kept for a migration before it is told of them."""

FEW = 6
"""So many migrations are faster told one by one."""


class Member(Protocol):
    """A migration in the network."""

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Do what `FlowGroup.rates_changed` does for this one."""
        ...

    def due(self, now_s: float) -> float | None:
        """Do what `FlowGroup.due` does for this one."""
        ...

    def catch_up(self) -> None:
        """Take note of the stretches of time that are kept for it."""
        ...


class Prediction(NamedTuple):
    """What is known of a migration's phase until its next event.

    Args:
        effect: what rates do to the bytes planned; not `ANY`.
        since_s: since when it sends at its present rate.
        bytes_per_s: that rate.
        sent_bytes: bytes it had sent then, in the phase under way.
        planned_bytes: bytes it will have sent at its next event if the rate stays.
    """

    effect: RateEffect
    since_s: float
    bytes_per_s: float
    sent_bytes: float
    planned_bytes: float


class _Columns(NamedTuple):
    """Outlooks, [migrations], and the stretches kept, [migrations, STRETCHES].

    `is_bound` tells those whose next event may come later than foretold. Each is an array, or a
    memory view of one, of which single elements are read and written faster.
    """

    effect: Any
    since_s: Any
    bytes_per_s: Any
    sent_bytes: Any
    planned_bytes: Any
    is_bound: Any
    kept_count: Any
    kept_s: Any
    kept_bytes_per_s: Any


class MigrationFlowGroup:
    """All migrations of one network; see `FlowGroup`.

    Args:
        loop: the network.
    """

    def __init__(self, loop: FluidLoop) -> None:
        self.loop = loop
        self._members: list[Member | None] = [None] * FIRST_ROOM
        self._free = list(range(FIRST_ROOM))[::-1]
        self._columns = _room_for(FIRST_ROOM)
        self._views = _views(self._columns)

    def join(self, member: Member) -> int:
        """Return the number of a migration that is about to enter the network."""
        if not self._free:
            self._grow()
        number = self._free.pop()
        self._members[number] = member
        self._views.effect[number] = RateEffect.ANY
        return number

    def leave(self, number: int) -> None:
        """Let the number be used again; nothing may be kept for it any more."""
        self._members[number] = None
        self._free.append(number)

    # --- those that need not be told at once ------------------------------------------------------

    def predict(self, number: int, outlook: Prediction) -> None:
        """Foretell a migration's next event from now on, whatever its rate."""
        views = self._views
        views.effect[number] = outlook.effect
        views.since_s[number] = outlook.since_s
        views.bytes_per_s[number] = outlook.bytes_per_s
        views.sent_bytes[number] = outlook.sent_bytes
        views.planned_bytes[number] = outlook.planned_bytes
        views.is_bound[number] = False
        views.kept_count[number] = 0

    def give_back(self, number: int) -> tuple[float, float]:
        """Foretell its next event no more; return since when it has had its rate, and the rate."""
        views = self._views
        views.effect[number] = RateEffect.ANY
        return views.since_s[number], views.bytes_per_s[number]

    def bytes_per_s(self, number: int) -> float:
        """Return the rate of one whose events are foretold here."""
        bytes_per_s: float = self._views.bytes_per_s[number]
        return bytes_per_s

    def is_bound(self, number: int) -> bool:
        """Return whether its next event may come later than foretold here, so must be planned."""
        is_bound: bool = self._views.is_bound[number]
        return is_bound

    def take_kept(self, number: int) -> list[tuple[float, float]]:
        """Return the stretches of time it has not been told of, in seconds and byte/s."""
        count = self._views.kept_count[number]
        if not count:
            return []
        columns = self._columns
        columns.kept_count[number] = 0
        lasted_s = columns.kept_s[number, :count].tolist()
        return list(zip(lasted_s, columns.kept_bytes_per_s[number, :count].tolist(), strict=True))

    # --- as the network sees it -------------------------------------------------------------------

    def rates_changed(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Go on at other rates; see `FlowGroup`."""
        effect = self._columns.effect[members]
        at_once = effect == RateEffect.ANY
        if len(members) <= FEW:
            at_once |= effect == RateEffect.NONE
        if not at_once.any():
            return self._predict_all(now_s, members, bytes_per_s)
        times_s = np.empty(len(members))
        if not at_once.all():
            later = ~at_once
            times_s[later] = self._predict_all(now_s, members[later], bytes_per_s[later])
        for place in at_once.nonzero()[0].tolist():
            member = self._members[members[place]]
            assert member is not None
            times_s[place] = member.rate_changed(now_s, float(bytes_per_s[place]))
        return times_s

    def due(self, now_s: float, member: int) -> float | None:
        """Handle the event of one migration; see `FlowGroup`."""
        migration = self._members[member]
        assert migration is not None
        return migration.due(now_s)

    def _predict_all(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        columns = self._columns
        self._keep(now_s, members)
        left = np.maximum(columns.planned_bytes[members] - columns.sent_bytes[members], 0.0)
        bounded = columns.effect[members] == RateEffect.BOUNDED
        if bounded.any():
            left[bounded] = self._bound(members[bounded], left[bounded], bytes_per_s[bounded])
        columns.bytes_per_s[members] = bytes_per_s
        times_s = np.full(len(members), np.inf)
        with np.errstate(over="ignore"):  # at next to no rate, never
            np.divide(left, bytes_per_s, out=times_s, where=bytes_per_s > 0)
        times_s += now_s
        return times_s

    def _keep(self, now_s: float, members: Indices) -> None:
        """Keep the stretches that end now."""
        columns = self._columns
        lasted_s, bytes_per_s = now_s - columns.since_s[members], columns.bytes_per_s[members]
        count = columns.kept_count[members]
        columns.kept_s[members, count] = lasted_s
        columns.kept_bytes_per_s[members, count] = bytes_per_s
        count += lasted_s > 0
        columns.kept_count[members] = count
        columns.sent_bytes[members] += bytes_per_s * lasted_s
        columns.since_s[members] = now_s
        for number in members[count == STRETCHES].tolist():
            member = self._members[number]
            assert member is not None
            member.catch_up()

    def _bound(self, members: Indices, left: Floats, bytes_per_s: Floats) -> Floats:
        """Return what is left at least at the new rates; see `RateEffect.BOUNDED`."""
        columns = self._columns
        # after a stall the ratio is infinite, or not a number if the stall goes on
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            slower = np.fmin(bytes_per_s / columns.bytes_per_s[members], 1.0)
        left = left * slower
        columns.planned_bytes[members] = columns.sent_bytes[members] + left
        columns.is_bound[members] = True
        return left

    def _grow(self) -> None:
        more = len(self._members)
        self._members.extend([None] * more)
        self._free.extend(range(2 * more - 1, more - 1, -1))
        pairs: Iterable[Any] = zip(self._columns, _room_for(more), strict=True)
        self._columns = _Columns(*(np.concatenate(pair) for pair in pairs))
        self._views = _views(self._columns)


def _views(columns: _Columns) -> _Columns:
    return _Columns(*(column.data for column in columns))


def _room_for(count: int) -> _Columns:
    return _Columns(
        effect=np.zeros(count, dtype=np.int8),
        since_s=np.zeros(count),
        bytes_per_s=np.zeros(count),
        sent_bytes=np.zeros(count),
        planned_bytes=np.zeros(count),
        is_bound=np.zeros(count, dtype=np.bool_),
        kept_count=np.zeros(count, dtype=np.intp),
        kept_s=np.zeros((count, STRETCHES)),
        kept_bytes_per_s=np.zeros((count, STRETCHES)),
    )
