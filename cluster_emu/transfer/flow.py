"""Migrations as flows in the network: at which rate each one sends, and when its next event comes.

A `MigrationFlow` carries the phases of one migration over the network, one after the other. The
rates of all of them stand in the columns of a `MigrationFlowGroup`, which the network notifies of
all rates that change at one instant in one call.

For most migrations a change of the rate decides nothing: the bytes until the next event of the
phase stay as they are, or have a lower bound (`RateDependence`). For these the group predicts the
next event from its columns, without the phase. It keeps the spans of time at each rate, and the
phase advances over them later: when its event comes, when someone needs its state, or when there is
no more space to keep them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.base import RateDependence
from cluster_emu.network.flows import Flow
from cluster_emu.network.fluid import FluidLoop
from cluster_emu.transfer.guest import Guest
from cluster_emu.transfer.records import Limit, LimitTimes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

FIRST_ROWS = 16
KEPT_SPANS = 32
"""So many time spans at one rate are kept for a migration before its phase advances over them."""

FEW = 6
"""Up to so many migrations, predictions one by one are faster than from the columns.

Measured on one core: from the columns 17 us for one and 23 us for 200, one by one 10 us for one,
16 us for six and 28 us for twelve. A drain of a host often changes one rate, the change of a spine
link hundreds.
"""

UNKNOWN = int(RateDependence.UNKNOWN)
NONE = int(RateDependence.NONE)
BOUNDED = int(RateDependence.BOUNDED)


class Prediction(NamedTuple):
    """The prediction of a phase up to its next event.

    Args:
        bytes_left: bytes until the event if rate and write intensity stay.
        rate_dependence: how `bytes_left` depends on the rate.
        bytes_sent: bytes sent in the phase until now; not needed with `UNKNOWN`.
        bytes_at_event: bytes sent in the phase by the event; not needed with `UNKNOWN`.
    """

    bytes_left: float
    rate_dependence: RateDependence = RateDependence.UNKNOWN
    bytes_sent: float = 0.0
    bytes_at_event: float = 0.0


class SendingPhase(Protocol):
    """The interface of a phase that a flow carries.

    Attributes:
        guest_writes: whether its next event depends on the write intensity.
    """

    guest_writes: bool

    @property
    def end_is_known(self) -> bool:
        """Whether the predicted event is the phase's own, not only a time to predict again."""
        ...

    def rate_cap(self) -> float:
        """Return the rate it may not exceed, byte/s."""
        ...

    def lowest_cap(self) -> Limit:
        """Return which limit that rate comes from."""
        ...

    def predict(self, bytes_per_s: float, intensity: float) -> Prediction:
        """Predict the next event at a constant rate and write intensity."""
        ...

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let time pass at a constant rate and write intensity, short of the next event."""
        ...

    def on_event(self, now_s: float) -> bool:
        """Handle the event that was predicted; return whether the flow continues to send."""
        ...


class _Columns(NamedTuple):
    """Rates and predictions, shape [rows], and kept spans, shape [rows, KEPT_SPANS].

    Each is an array, or a memory view of one, of which single elements are read and written faster.

    Args:
        bytes_per_s: the present rate, 0 until the network has notified the first one.
        since_s: the time until which the phase's progress is counted in `bytes_sent`.
        dependence: the `RateDependence` of the prediction; `UNKNOWN` if there is none.
        bytes_sent: bytes sent in the phase until `since_s`; only with a prediction.
        bytes_at_event: bytes sent in the phase by its next event; only with a prediction.
        is_bound: whether the event may come later than predicted.
        kept_count: how many spans are kept.
        kept_s: their durations.
        kept_bytes_per_s: their rates.
    """

    bytes_per_s: Any
    since_s: Any
    dependence: Any
    bytes_sent: Any
    bytes_at_event: Any
    is_bound: Any
    kept_count: Any
    kept_s: Any
    kept_bytes_per_s: Any


class MigrationFlow:
    """Carries the phases of one migration over the network, one after the other.

    Args:
        group: all migrations that send in the network.
        route: link numbers from source to target.
        weight: its share at a bottleneck, relative to other flows.

    Attributes:
        guest: the VM, which writes meanwhile; set before the first phase.
        limits: how long each limit has held the migration, as of the last `count_limits`.
    """

    guest: Guest

    def __init__(self, group: MigrationFlowGroup, route: tuple[int, ...], weight: float) -> None:
        self._group = group
        self._route = route
        self._weight = weight
        self._phase: SendingPhase | None = None
        self._cap_bytes_per_s = math.inf
        self._cap_kind = Limit.BANDWIDTH
        self._flow: Flow | None = None
        self._row = NO_ROW
        self.limits = LimitTimes()

    @property
    def bytes_per_s(self) -> float:
        """The present rate, 0 out of the network."""
        if self._flow is None:
            return 0.0
        bytes_per_s: float = self._group.views.bytes_per_s[self._row]
        return bytes_per_s

    def carry(self, phase: SendingPhase, now_s: float) -> None:
        """Send for `phase` from now on; enter the network if the flow is not there."""
        self._phase = phase
        cap = phase.rate_cap()
        loop = self._group.loop
        if self._flow is None:
            self._row = self._group.add_row(self, now_s)
            self._flow = loop.add(
                self._group, self._route, member=self._row, cap=cap, weight=self._weight
            )
            self._cap_kind = _kind_of(cap, phase)
        elif cap != self._cap_bytes_per_s:
            self.count_limits()
            loop.set_cap(self._flow, cap)
            self._cap_kind = _kind_of(cap, phase)
        self._cap_bytes_per_s = cap

    def leave(self, now_s: float) -> None:
        """Leave the network, if it is there, after the phase has advanced to now."""
        if self._flow is not None:
            self.count_limits()
            self._group.loop.remove(self._flow)
            self.account(now_s)
            self._forget()

    def account(self, now_s: float) -> None:
        """Let the phase advance to now at the rate that the flow has had."""
        if self._flow is None or self._phase is None:
            return
        duration_s = self.elapse(now_s)
        if duration_s > 0:
            self._phase.advance(duration_s, self.bytes_per_s, self.guest.intensity)

    def elapse(self, now_s: float) -> float:
        """End the prediction; return the time over which the phase has yet to advance."""
        views, row = self._group.views, self._row
        if views.kept_count[row]:
            self.advance_over_kept()
        views.dependence[row], views.is_bound[row] = UNKNOWN, False
        duration_s: float = now_s - views.since_s[row]
        views.since_s[row] = now_s
        self.guest.count_lost(duration_s)
        return duration_s

    def advance_over_kept(self) -> None:
        """Let the phase advance over the spans that are kept for it; the prediction stays."""
        if self._flow is None or self._phase is None:
            return
        for duration_s, bytes_per_s in self._group.take_kept(self._row):
            self.guest.count_lost(duration_s)
            self._phase.advance(duration_s, bytes_per_s, self.guest.intensity)

    def spans_ahead(self, now_s: float) -> list[tuple[float, float]]:
        """Return the spans over which the phase has yet to advance, in seconds and byte/s.

        Reading them changes nothing.
        """
        if self._flow is None:
            return []
        spans = self._group.kept(self._row)
        since_s: float = self._group.views.since_s[self._row]
        return [*spans, (now_s - since_s, self.bytes_per_s)] if now_s > since_s else spans

    def count_limits(self) -> None:
        """Count what has stopped the flow until now, if it is in the network."""
        if self._flow is None:
            return
        cap_s, by_link = self._group.loop.take_bound_s(self._flow)
        self.limits.add(self._cap_kind, cap_s)
        for link, link_s in by_link.items():
            self.limits.add(Limit.LINK, link_s, link)

    @property
    def quiet_until_s(self) -> float:
        """The time before which nothing but the flow's own events can happen."""
        assert self._flow is not None, "a flow out of the network has no events"
        return self._group.loop.quiet_until_s(self._flow)

    def reschedule(self, now_s: float) -> None:
        """Predict the next event again, after a change outside the network."""
        assert self._flow is not None, "a flow out of the network has no next event"
        self._group.loop.reschedule(self._flow, self._predict(now_s))

    def intensity_changed(self, now_s: float) -> None:
        """Predict again after a change of the write intensity, if the event depends on it."""
        if self._flow is not None and self._phase is not None and self._phase.guest_writes:
            self.reschedule(now_s)

    # --- called by the group ----------------------------------------------------------------------

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Account for the old rate; return when the next event comes at the new one."""
        self.account(now_s)
        self._group.views.bytes_per_s[self._row] = bytes_per_s
        return self._predict(now_s)

    def due(self, now_s: float) -> float | None:
        """Handle the predicted event; return when the next one comes, None to leave the network."""
        phase = self._phase
        assert phase is not None, "a flow in the network carries a phase"
        if self._group.views.is_bound[self._row] or not phase.end_is_known:
            self.account(now_s)
            return self._predict(now_s)
        if phase.on_event(now_s):
            # A phase that has worked out some of its events has advanced to the last but one.
            return self._predict(max(now_s, self._group.views.since_s[self._row]))
        self.count_limits()
        self._forget()
        return None

    def _predict(self, now_s: float) -> float:
        """Return when the next event comes; the phase must have advanced to now."""
        assert self._phase is not None, "a flow in the network carries a phase"
        views, row = self._group.views, self._row
        bytes_per_s: float = views.bytes_per_s[row]
        if bytes_per_s <= 0:
            return math.inf
        left, dependence, sent, at_event = self._phase.predict(bytes_per_s, self.guest.intensity)
        if dependence is not RateDependence.UNKNOWN:
            views.dependence[row] = dependence
            views.bytes_sent[row] = sent
            views.bytes_at_event[row] = at_event
        return now_s + left / bytes_per_s

    def _forget(self) -> None:
        if self._flow is not None:
            self._group.remove_row(self._row)
            self._flow = self._phase = None
            self._row = NO_ROW


def _kind_of(cap: float, phase: SendingPhase) -> Limit:
    """Return which limit a cap is; an infinite one stops no flow, so its kind is not looked for."""
    return phase.lowest_cap() if cap < math.inf else Limit.BANDWIDTH


NO_ROW = -1


class MigrationFlowGroup:
    """The rates and predictions of all migrations in one network, as columns; see `FlowGroup`.

    Args:
        loop: the network.

    Attributes:
        views: the columns, for code that reads and writes single elements.
    """

    def __init__(self, loop: FluidLoop) -> None:
        self.loop = loop
        self._flows: list[MigrationFlow | None] = [None] * FIRST_ROWS
        self._free = list(range(FIRST_ROWS))[::-1]
        self._columns = _new_columns(FIRST_ROWS)
        self.views = _views(self._columns)

    def add_row(self, flow: MigrationFlow, now_s: float) -> int:
        """Return the row of a flow that is about to enter the network."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        self._flows[row] = flow
        views = self.views
        views.bytes_per_s[row], views.since_s[row] = 0.0, now_s
        views.dependence[row], views.is_bound[row], views.kept_count[row] = UNKNOWN, False, 0
        return row

    def remove_row(self, row: int) -> None:
        """Let the row of a flow that has left the network be used again."""
        self._flows[row] = None
        self._free.append(row)

    def take_kept(self, row: int) -> list[tuple[float, float]]:
        """Return the spans kept for a migration, in seconds and byte/s, and keep them no longer."""
        spans = self.kept(row)
        self._columns.kept_count[row] = 0
        return spans

    def kept(self, row: int) -> list[tuple[float, float]]:
        """Return the spans kept for a migration, in seconds and byte/s."""
        columns, count = self._columns, self.views.kept_count[row]
        if not count:
            return []
        durations_s = columns.kept_s[row, :count].tolist()
        return list(zip(durations_s, columns.kept_bytes_per_s[row, :count].tolist(), strict=True))

    def unaccounted_bytes(self, now_s: float) -> float:
        """Return what all flows have sent over which their phases have not advanced yet."""
        columns = self._columns
        rows = [row for row, flow in enumerate(self._flows) if flow is not None]
        kept = columns.kept_s[rows] * columns.kept_bytes_per_s[rows]
        is_kept = np.arange(KEPT_SPANS) < columns.kept_count[rows][:, None]
        present = (now_s - columns.since_s[rows]) * columns.bytes_per_s[rows]
        return float(kept[is_kept].sum() + present.sum())

    # --- called by the network --------------------------------------------------------------------

    def due(self, now_s: float, member: int) -> float | None:
        """Handle the event of one migration; see `FlowGroup`."""
        flow = self._flows[member]
        assert flow is not None, "a row in the network has its flow"
        return flow.due(now_s)

    def rates_changed(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Account the progress of some migrations and continue at new rates; see `FlowGroup`.

        A phase whose event depends on the rate in an unknown way (`UNKNOWN`) predicts it itself;
        the others are predicted from the columns. A few are predicted one by one if their
        prediction is exact (`NONE`). With a bound (`BOUNDED`) they are not, because the phase
        would have to plan its round again. The bound avoids that.
        """
        dependence = self._columns.dependence[members]
        by_phase = dependence != BOUNDED if len(members) <= FEW else dependence == UNKNOWN
        if not by_phase.any():
            return self._predict(now_s, members, bytes_per_s)
        times_s = np.empty(len(members))
        if not by_phase.all():
            by_columns = ~by_phase
            times_s[by_columns] = self._predict(now_s, members[by_columns], bytes_per_s[by_columns])
        for place in by_phase.nonzero()[0].tolist():
            flow = self._flows[members[place]]
            assert flow is not None, "a row in the network has its flow"
            times_s[place] = flow.rate_changed(now_s, float(bytes_per_s[place]))
        return times_s

    def _predict(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Return when the next events come at new rates: now + bytes left / rate."""
        columns = self._columns
        self._keep_spans(now_s, members)
        left = np.maximum(columns.bytes_at_event[members] - columns.bytes_sent[members], 0.0)
        bounded = columns.dependence[members] == BOUNDED
        if bounded.any():
            left[bounded] = self._bound(members[bounded], left[bounded], bytes_per_s[bounded])
        columns.bytes_per_s[members] = bytes_per_s
        times_s = np.full(len(members), np.inf)
        with np.errstate(over="ignore"):  # a rate close to 0 gives infinity
            np.divide(left, bytes_per_s, out=times_s, where=bytes_per_s > 0)
        times_s += now_s
        return times_s

    def _keep_spans(self, now_s: float, members: Indices) -> None:
        """Keep the spans of time at the old rates, which end now."""
        columns = self._columns
        duration_s, bytes_per_s = now_s - columns.since_s[members], columns.bytes_per_s[members]
        count = columns.kept_count[members]
        columns.kept_s[members, count] = duration_s
        columns.kept_bytes_per_s[members, count] = bytes_per_s
        count += duration_s > 0  # a span of no time is overwritten by the next one
        columns.kept_count[members] = count
        columns.bytes_sent[members] += bytes_per_s * duration_s
        columns.since_s[members] = now_s
        for row in members[count == KEPT_SPANS].tolist():
            flow = self._flows[row]
            assert flow is not None, "a row in the network has its flow"
            flow.advance_over_kept()

    def _bound(self, members: Indices, left: Floats, bytes_per_s: Floats) -> Floats:
        """Return at least how many bytes are left at the new rates; see `RateDependence.BOUNDED`.

        At s times the old rate at least min(1, s) times as many bytes are left.
        """
        columns = self._columns
        # After a stall the ratio is infinite, or not a number if the stall continues.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            slower = np.fmin(bytes_per_s / columns.bytes_per_s[members], 1.0)
        left = left * slower
        columns.bytes_at_event[members] = columns.bytes_sent[members] + left
        columns.is_bound[members] = True
        return left

    def _grow(self) -> None:
        more = len(self._flows)
        self._flows.extend([None] * more)
        self._free.extend(range(2 * more - 1, more - 1, -1))
        pairs: Iterable[Any] = zip(self._columns, _new_columns(more), strict=True)
        self._columns = _Columns(*(np.concatenate(pair) for pair in pairs))
        self.views = _views(self._columns)


def _views(columns: _Columns) -> _Columns:
    return _Columns(*(column.data for column in columns))


def _new_columns(rows: int) -> _Columns:
    return _Columns(
        bytes_per_s=np.zeros(rows),
        since_s=np.zeros(rows),
        dependence=np.full(rows, UNKNOWN, dtype=np.int8),
        bytes_sent=np.zeros(rows),
        bytes_at_event=np.zeros(rows),
        is_bound=np.zeros(rows, dtype=np.bool_),
        kept_count=np.zeros(rows, dtype=np.intp),
        kept_s=np.zeros((rows, KEPT_SPANS)),
        kept_bytes_per_s=np.zeros((rows, KEPT_SPANS)),
    )
