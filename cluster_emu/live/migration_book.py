"""The migrations of a model or of a finished run, up to the present instant, in one form.

Panels read both through a `MigrationBook`, so that they look the same live and in a replay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.model import ClusterModel
from cluster_emu.observation.run_columns import MigrationColumns
from cluster_emu.transfer.records import Phase
from cluster_emu.transfer.spans import Span, spans_of

Row = Mapping[str, Any]

TIMES = ("queued_s", "start_s", "pause_s", "resume_s", "end_s", "prepare_s", "finish_s")
WHO = ("migration", "vm", "source", "target", "strategy", "reason", "memory_pages")


class MigrationBook(Protocol):
    """The migrations that have been requested until now."""

    @property
    def now_s(self) -> float:
        """The present."""
        ...

    def __len__(self) -> int:
        """Return how many have been requested."""
        ...

    def row(self, number: int) -> dict[str, Any]:
        """Return `WHO` and `TIMES` of one, and `state`: its phase, or its outcome.

        A time that has not come yet is NaN.
        """
        ...

    def live_rounds(self, number: int) -> list[tuple[float, float]]:
        """Return start and end of its live rounds; the one under way ends now."""
        ...

    def under_way(self) -> NDArray[np.int64]:
        """Return the numbers of those that have not ended, ascending."""
        ...


def spans_now(book: MigrationBook, number: int) -> list[Span]:
    """Return the intervals of a migration until now."""
    now_s = book.now_s
    spans = spans_of(book.row(number), book.live_rounds(number), now_s)
    return [Span(one.kind, one.start_s, min(one.end_s, now_s)) for one in spans]


@dataclass(slots=True)
class ModelBook:
    """The migrations of a model.

    Args:
        model: the model.
        clock: returns its present, which may lie within a tick.
    """

    model: ClusterModel
    clock: Callable[[], float]
    _rounds: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    _read: int = 0

    @property
    def now_s(self) -> float:
        """The present."""
        return self.clock()

    def __len__(self) -> int:
        """Return how many migrations have been requested."""
        return len(self.model.manager.scheduler.records)

    def row(self, number: int) -> dict[str, Any]:
        """Return who moves, when what happened, and its phase or outcome."""
        scheduler = self.model.manager.scheduler
        record, move = scheduler.records[number], scheduler.live.get(number)
        row = {name: getattr(record, name) for name in (*WHO, *TIMES)}
        since_s = scheduler.timed_since_s(number)
        if since_s is not None:  # the record has it once it is over
            is_first = math.isnan(record.start_s)
            row["prepare_s" if is_first else "finish_s"] = self.now_s - since_s
        return {**row, "state": record.outcome if move is None else move.state.value}

    def live_rounds(self, number: int) -> list[tuple[float, float]]:
        """Return start and end of its live rounds; the one under way ends now."""
        rounds = self.model.rounds
        for row in rounds[self._read :]:
            if row.phase == Phase.PRE_COPY:
                self._rounds.setdefault(row.migration, []).append((row.start_s, row.end_s))
        self._read = len(rounds)
        ended = self._rounds.get(number, [])
        move = self.model.manager.scheduler.live.get(number)
        phase = None if move is None else move.copy_phase
        if phase is None or phase.phase is not Phase.PRE_COPY:
            return ended
        return [*ended, (phase.start_s, self.now_s)]

    def under_way(self) -> NDArray[np.int64]:
        """Return the numbers of those that have not ended, ascending."""
        return np.array(sorted(self.model.manager.scheduler.live), dtype=np.int64)


class TableBook:
    """The migrations of a finished run until an instant of it, from its tables.

    Args:
        migrations: the table of that name.
        columns: the same as columns.
        rounds: the table of that name.
        clock: returns the instant.

    Attributes:
        columns: the migrations as columns.
    """

    def __init__(
        self,
        migrations: pd.DataFrame,
        columns: MigrationColumns,
        rounds: pd.DataFrame,
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self.columns = columns
        known = [name for name in (*WHO, *TIMES, "outcome") if name in migrations]
        ordered = migrations.sort_values("migration", kind="stable")
        self._shown = {name: ordered[name].to_numpy() for name in known}
        live = rounds[rounds["phase"] == Phase.PRE_COPY.value]
        live = live.sort_values(["migration", "start_s"], kind="stable")
        self._round_of = live["migration"].to_numpy()
        self._round_times = np.column_stack([_floats(live["start_s"]), _floats(live["end_s"])])

    @property
    def now_s(self) -> float:
        """The present."""
        return self._clock()

    def __len__(self) -> int:
        """Return how many migrations have been requested; they are numbered in that order."""
        return int(np.count_nonzero(self.columns.queued_s <= self.now_s))

    def row(self, number: int) -> dict[str, Any]:
        """Return who moves, when what happened, and its phase or outcome."""
        now_s = self.now_s
        row = {name: _plain(column[number]) for name, column in self._shown.items()}
        for name in ("start_s", "pause_s", "resume_s", "end_s"):
            if not row[name] <= now_s:
                row[name] = math.nan
        prepare_s, finish_s = row.setdefault("prepare_s", 0.0), row.setdefault("finish_s", 0.0)
        if math.isnan(row["start_s"]):
            begins_s = float(self.columns.start_s[number]) - prepare_s
            row["prepare_s"] = max(now_s - begins_s, 0.0) if begins_s <= now_s else 0.0
        if math.isnan(row["end_s"]):
            releases_s = float(self.columns.end_s[number]) - finish_s
            row["finish_s"] = max(now_s - releases_s, 0.0) if finish_s else 0.0
        row["state"] = self._state(row, number)
        return row

    def _state(self, row: Row, number: int) -> str:
        if row["end_s"] <= self.now_s:
            return str(row.get("outcome", Phase.COMPLETED.value))
        if row["resume_s"] <= self.now_s:
            pushed = row["finish_s"] <= 0
            return (Phase.POST_COPY if pushed else Phase.FINISHING).value
        if row["pause_s"] <= self.now_s:
            return Phase.STOP_AND_COPY.value
        if row["start_s"] <= self.now_s:
            return Phase.PRE_COPY.value
        return (Phase.PREPARING if row["prepare_s"] > 0 else Phase.QUEUED).value

    def live_rounds(self, number: int) -> list[tuple[float, float]]:
        """Return start and end of its live rounds; the one under way ends now."""
        begin, end = np.searchsorted(self._round_of, (number, number + 1))
        now_s = self.now_s
        times = self._round_times[begin:end].tolist()
        return [(start_s, min(end_s, now_s)) for start_s, end_s in times if start_s < now_s]

    def under_way(self) -> NDArray[np.int64]:
        """Return the numbers of those that have not ended, ascending."""
        return self.columns.under_way(self.now_s)


def _floats(column: pd.Series) -> NDArray[np.float64]:
    return column.to_numpy(dtype=np.float64, na_value=math.nan)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def latest(book: MigrationBook, most: int) -> Sequence[int]:
    """Return the numbers of at most so many migrations: those under way, then the last to end."""
    running = book.under_way()[-most:].tolist()
    chosen = set(running)
    number = len(book) - 1
    while number >= 0 and len(chosen) < most:
        chosen.add(number)
        number -= 1
    return sorted(chosen)
