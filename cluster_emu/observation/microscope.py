"""The migration microscope: one migration of a model, page by page, as plain data.

It shows the reference paper's Tables 1 and 2 at work: which page is in which state, and which row
of the truth table has decided how many pages of the round under way. Reading a model changes
nothing in it (`transfer.observation`).
"""

from __future__ import annotations

import math
from typing import TypedDict

from cluster_emu.errors import UnknownNameError
from cluster_emu.memory.page_state import PageState
from cluster_emu.model import ClusterModel
from cluster_emu.observation.page_map import page_map
from cluster_emu.observation.stop_line import stop_line
from cluster_emu.observation.truth_rows import LiveTable, live_table
from cluster_emu.strategies.contract import Mode, Strategy
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.observation import OLD_AT_TARGET, ObservedMemory, observe
from cluster_emu.transfer.records import Phase, RoundRecord

MOST_HISTORIES = 64
"""History codes whose pages are listed; of more, those with the most pages."""

MOST_ROUNDS = 200
"""Rounds that are listed; of more, the last ones."""


class RoundRow(TypedDict):
    """One row of the waterfall; of a round under way the numbers so far, without an end."""

    round: int
    phase: str
    start_s: float
    end_s: float | None
    due: float
    sent: float
    skipped: float
    deferred: float
    dirtied: float | None


class Point(TypedDict):
    """Pages left at one instant: those that stop-and-copy would send."""

    time_s: float
    pages: float


class HistoryRow(TypedDict):
    """Pages of one history code, by state."""

    history: str
    counts: dict[str, float]


class MicroscopeData(TypedDict):
    """Everything the panel shows of one migration at one instant."""

    migration: int
    vm: int
    source: int
    target: int
    strategy: str
    strategy_source: str
    fidelity: str
    phase: str
    outcome: str
    why: str
    time_s: float
    round: int
    in_round: bool
    copying: bool
    memory_pages: int
    bytes_left: float | None
    pages_left: float | None
    counts: dict[str, float] | None
    page_map: dict[str, object] | None
    histories: list[HistoryRow]
    histories_left_out: int
    rounds: list[RoundRow]
    rounds_left_out: int
    remaining: list[Point]
    stop_pages: float | None
    stop_words: str
    truth: LiveTable
    not_in_to_send: float | None
    in_words: str


class Microscope:
    """Looks at one migration of a model, as often as it is asked.

    Args:
        model: the model; it stays as it is.
        number: the migration's number.

    Raises:
        UnknownNameError: if no such migration has been requested.
    """

    def __init__(self, model: ClusterModel, number: int) -> None:
        records = model.manager.scheduler.records
        if not 0 <= number < len(records):
            known = [str(each.migration) for each in records]
            raise UnknownNameError("migration", str(number), known)
        self._model = model
        self._record = records[number]
        self._migration: Migration | None = model.manager.scheduler.live.get(number)
        self._rounds: list[RoundRecord] = []
        self._rounds_read = 0

    def read(self) -> MicroscopeData:
        """Return what is known of the migration at the model's present time."""
        self._read_rounds()
        record, migration = self._record, self._migration
        now_s = self._model.loop.now_s
        is_live = record.migration in self._model.manager.scheduler.live
        seen = observe(migration, now_s) if migration is not None and is_live else None
        phase = migration.state.value if migration is not None and is_live else record.outcome
        line = self._stop_line(seen)
        counts = self._counts(seen)
        strategy = self._strategy
        number = record.rounds if seen is None else seen.round_number
        data: MicroscopeData = {
            "migration": record.migration,
            "vm": record.vm,
            "source": record.source,
            "target": record.target,
            "strategy": strategy.name,
            "strategy_source": strategy.source,
            "fidelity": record.fidelity,
            "phase": phase,
            "outcome": record.outcome,
            "why": record.why,
            "time_s": now_s,
            "round": number,
            "in_round": seen is not None and seen.in_round,
            "copying": seen is not None,
            "memory_pages": record.memory_pages,
            "bytes_left": None if seen is None else seen.bytes_left,
            "pages_left": _pages_left(counts),
            "counts": counts,
            "page_map": None,
            "histories": [],
            "histories_left_out": 0,
            "rounds": self._rows(seen),
            "rounds_left_out": max(len(self._rounds) - MOST_ROUNDS, 0),
            "remaining": self._remaining(seen),
            "stop_pages": line[0],
            "stop_words": line[1],
            "truth": self._truth(seen),
            "not_in_to_send": self._not_in_to_send(seen),
            "in_words": "",
        }
        if seen is not None and seen.page_map is not None:
            data["page_map"] = page_map(seen.page_map).as_json()
        if seen is not None and seen.by_history is not None:
            data["histories"], data["histories_left_out"] = _histories(strategy, seen)
        data["in_words"] = _in_words(data)
        return data

    @property
    def _strategy(self) -> Strategy:
        migration = self._migration
        return self._model.transfer_strategy if migration is None else migration.strategy

    def _read_rounds(self) -> None:
        """Read the rounds that have ended since the last call."""
        rounds = self._model.rounds
        for number in range(self._rounds_read, len(rounds)):
            if rounds[number].migration == self._record.migration:
                self._rounds.append(rounds[number])
        self._rounds_read = len(rounds)

    def _counts(self, seen: ObservedMemory | None) -> dict[str, float] | None:
        """Return the pages by state; before the first byte all are to be sent."""
        record = self._record
        if seen is not None:
            counts = seen.counts
            return None if counts is None else _named(counts.tolist())
        pages = [0.0] * len(PageState)
        arrived = record.outcome == Phase.COMPLETED or record.outcome == Phase.FINISHING
        pages[PageState.CLEAN if arrived else PageState.TO_SEND] = record.memory_pages
        return _named(pages)

    def _rows(self, seen: ObservedMemory | None) -> list[RoundRow]:
        rows = [_row_of(each) for each in self._rounds[-MOST_ROUNDS:]]
        phase = None if self._migration is None else self._migration.copy_phase
        if seen is None or phase is None or phase.phase is Phase.WAITING_FOR_TURN:
            return rows
        counts, decided = seen.counts, _by_decision(seen)
        waiting = 0.0 if counts is None else float(counts[PageState.TO_SEND])
        if not seen.in_round and counts is not None:
            decided["send"] = float(counts[PageState.SENT])
        rows.append(
            {
                "round": seen.round_number if seen.in_round else seen.round_number + 1,
                "phase": phase.phase.value,
                "start_s": phase.start_s,
                "end_s": None,
                "due": _whole(waiting + sum(decided.values())),
                "sent": _whole(decided["send"]),
                "skipped": _whole(decided["skip"]),
                "deferred": _whole(decided["defer"]),
                "dirtied": None,
            }
        )
        return rows

    def _remaining(self, seen: ObservedMemory | None) -> list[Point]:
        """Return the pages left at the first byte, after each live round, and now."""
        record = self._record
        if math.isnan(record.start_s):
            return []
        points: list[Point] = [{"time_s": record.start_s, "pages": record.memory_pages}]
        live = [each for each in self._rounds if each.phase == Phase.PRE_COPY]
        # of one that has ended, what is left after a round is what the next one was to send
        next_due = [each.due for each in self._rounds[1:]]
        known = next_due if self._migration is None else self._migration.recorder.pages_left
        for each, pages in zip(live, known, strict=False):
            points.append({"time_s": each.end_s, "pages": pages})
        for each in self._rounds:
            if each.phase != Phase.PRE_COPY:
                points.append({"time_s": each.start_s, "pages": each.due})
                points.append({"time_s": each.end_s, "pages": each.due - each.sent})
        if seen is not None and seen.pages_left is not None:
            points.append({"time_s": self._model.loop.now_s, "pages": _whole(seen.pages_left)})
        return sorted(points[-MOST_ROUNDS:], key=lambda point: point["time_s"])

    def _stop_line(self, seen: ObservedMemory | None) -> tuple[float | None, str]:
        migration = self._migration
        if self._strategy.mode not in (Mode.PRE_COPY, Mode.HYBRID):
            return None, f"none, as {self._strategy.name} has no live rounds"
        if migration is None:
            return None, "not known any more, as the migration is over"
        page_bytes = self._model.state.vms.page_bytes[self._record.vm]
        header = migration.settings.page_header_bytes
        rate = migration.flow.bytes_per_s if seen is not None else 0.0
        return stop_line(migration.controller, rate, float(page_bytes), page_bytes + header)

    def _truth(self, seen: ObservedMemory | None) -> LiveTable:
        if seen is None:
            return live_table(self._strategy, 2, [])
        return live_table(self._strategy, seen.round_number, seen.decided, seen.last)

    def _not_in_to_send(self, seen: ObservedMemory | None) -> float | None:
        """Return the pages that the round under way does not visit."""
        if seen is None or seen.counts is None or not seen.in_round:
            return None
        in_to_send = sum(each.pages for each in seen.decided) + seen.counts[PageState.TO_SEND]
        return _whole(self._record.memory_pages - in_to_send)


def _named(counts: list[float]) -> dict[str, float]:
    return {state.label: _whole(counts[state]) for state in PageState}


def _pages_left(counts: dict[str, float] | None) -> float | None:
    if counts is None:
        return None
    return _whole(sum(counts[state.label] for state in OLD_AT_TARGET))


def _by_decision(seen: ObservedMemory) -> dict[str, float]:
    pages = {"send": 0.0, "skip": 0.0, "defer": 0.0}
    for each in seen.decided:
        pages[each.decision.label] += each.pages
    return pages


def _row_of(row: RoundRecord) -> RoundRow:
    return {
        "round": row.round,
        "phase": row.phase,
        "start_s": row.start_s,
        "end_s": row.end_s,
        "due": row.due,
        "sent": row.sent,
        "skipped": row.skipped,
        "deferred": row.deferred,
        "dirtied": row.dirtied,
    }


def _histories(strategy: Strategy, seen: ObservedMemory) -> tuple[list[HistoryRow], int]:
    """Return the pages by history code and state, and how many codes are left out."""
    assert seen.by_history is not None
    totals = seen.by_history.sum(axis=1)
    codes = [code for code in range(len(totals)) if totals[code] > 0]
    kept = sorted(sorted(codes, key=lambda code: -totals[code])[:MOST_HISTORIES])
    rows: list[HistoryRow] = [
        {
            "history": f"{code:0{strategy.past_bits}b}" if strategy.past_bits else "",
            "counts": _named(seen.by_history[code].tolist()),
        }
        for code in kept
    ]
    return rows, len(codes) - len(kept)


def _whole(pages: float) -> float:
    """Return a number of pages without a fraction that rounding alone has made."""
    nearest = round(pages)
    return nearest if abs(pages - nearest) < 1e-6 else round(pages, 2)


def _in_words(data: MicroscopeData) -> str:
    """Return the panel in one sentence or two, for those who cannot see it."""
    text = f"Migration {data['migration']} of VM {data['vm']}: {data['phase']}"
    if data["in_round"]:
        text += f", round {data['round']}"
    counts = data["counts"]
    if counts is None:
        left = data["bytes_left"]
        return text + ("." if left is None else f"; {left:,.0f} bytes are left.")
    shown = [f"{pages:,.0f} {name}" for name, pages in counts.items() if pages > 0]
    deciding = [row for row in data["truth"]["rows"] if row["deciding"]]
    text += f". Of {data['memory_pages']:,} pages: {', '.join(shown)}."
    if deciding:
        rows = " or ".join(row["history"] for row in deciding)
        text += f" Row {rows} decides now: {deciding[0]['decision']}."
    busiest = [row for row in data["truth"]["rows"] if row["busiest"]]
    if busiest and data["in_round"]:
        rows = " or ".join(row["history"] for row in busiest)
        pages = max(row["pages"] or 0.0 for row in busiest)
        text += f" Row {rows} has decided most pages of the round so far, {pages:,.0f}."
    return text
