"""The transfer protocol page by page, in plain Python: what the pages engine has to agree with.

Every write of every page is given. A round is a loop over the pages due; nothing is solved,
nothing is vectorised, and no code is shared with the engine but the strategies' tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cluster_emu.strategies import Decision, Strategy


@dataclass(frozen=True)
class Piece:
    """A part of a round in which nothing changes.

    Args:
        sent_bytes: bytes that go over the wire in it, unless the round ends before.
        time_per_byte: operational time per byte.
        sync_threshold_bytes: the round ends once the unvisited pages have fewer bytes in memory.
        stall: operational time that passes after it while nothing is sent.
        cut: whether the round is cut short after the page in transit.
    """

    sent_bytes: float
    time_per_byte: float
    sync_threshold_bytes: float = 0.0
    stall: float = 0.0
    cut: bool = False


@dataclass
class Round:
    """What happened in a round."""

    due: int
    sent: int
    skipped: int
    deferred: int
    unvisited: int
    dirtied: int
    bytes_sent: float
    end: float


@dataclass
class Wire:
    """When how many bytes of a round are on the wire: pieces laid end to end."""

    start: float
    pieces: Sequence[Piece]

    def piece_at(self, sent_bytes: float) -> Piece:
        """Return the piece in which so many bytes are reached; the last one never ends."""
        begin = 0.0
        for piece in self.pieces[:-1]:
            if sent_bytes < begin + piece.sent_bytes:
                return piece
            begin += piece.sent_bytes
        return self.pieces[-1]

    def time_at(self, sent_bytes: float) -> float:
        """Return the operational time at which so many bytes are on the wire."""
        begin, time = 0.0, self.start
        for piece in self.pieces[:-1]:
            if sent_bytes < begin + piece.sent_bytes:
                return time + (sent_bytes - begin) * piece.time_per_byte
            begin += piece.sent_bytes
            time += piece.sent_bytes * piece.time_per_byte + piece.stall
        return time + (sent_bytes - begin) * self.pieces[-1].time_per_byte


@dataclass
class ReferenceMigration:
    """The page state of one VM, one attribute per page and purpose.

    `size_of` gives the bytes a page takes on the wire in a round, by round and page number;
    `page_bytes` is what it holds in memory.
    """

    strategy: Strategy
    size_of: Callable[[int, int], float]
    writes: Sequence[Sequence[float]]
    absent: frozenset[int] = frozenset()
    page_bytes: float = 1.0
    now: float = 0.0
    rounds: int = 0
    scan_from: int = 0
    history: list[list[int]] = field(default_factory=list)
    stale: list[bool] = field(default_factory=list)
    due: list[bool] = field(default_factory=list)
    deferred: list[bool] = field(default_factory=list)
    target_version: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.writes)
        self.history = [[0] * 20 for _ in range(count)]
        self.stale = [page not in self.absent for page in range(count)]
        self.due = list(self.stale)
        self.deferred = [False] * count
        self.target_version = [-1] * count

    def warm(self, intervals: int, interval: float) -> None:
        for number in range(1 - intervals, 1):
            for page in range(len(self.writes)):
                start, end = (number - 1) * interval, number * interval
                self.history[page].append(int(self._written(page, start, end)))

    def run_round(self, pieces: Sequence[Piece]) -> Round:
        """Run one live round to its end."""
        self.rounds += 1
        start, wire = self.now, Wire(self.now, pieces)
        order = self._scan_order()
        sent_at: dict[int, float] = {}
        skipped: list[int] = []
        deferred: list[int] = []
        batch_start, peek = -1, start
        sizes = {page: self.size_of(self.rounds, page) for page in order}
        sent_bytes, waiting_bytes = 0.0, len(order) * self.page_bytes
        visited = 0
        for page in order:
            piece = wire.piece_at(sent_bytes)
            if piece.cut or waiting_bytes < piece.sync_threshold_bytes:
                break
            visited += 1
            waiting_bytes -= self.page_bytes
            visit = wire.time_at(sent_bytes)
            batch = self.strategy.peek_batch_pages
            if batch and len(sent_at) - len(sent_at) % batch > batch_start:
                batch_start = len(sent_at) - len(sent_at) % batch
                peek = visit
            decision = self._decide(page, start, peek)
            if decision == Decision.SEND:
                sent_at[page] = visit
                sent_bytes += sizes[page]
            elif decision == Decision.DEFER:
                deferred.append(page)
            else:
                skipped.append(page)
        self.now = wire.time_at(sent_bytes)
        dirty = self._dirty_bits(start, sent_at)
        self._apply_round(sent_at, deferred, dirty)
        rest = order[visited:]
        self.scan_from = rest[0] if self.strategy.cyclic and rest else 0
        return Round(
            len(order),
            len(sent_at),
            len(skipped),
            len(deferred),
            len(rest),
            len(dirty),
            sent_bytes,
            self.now,
        )

    @property
    def stop_set(self) -> list[int]:
        return [page for page, stale in enumerate(self.stale) if stale]

    @property
    def lost_updates(self) -> int:
        return sum(
            stale and not due and not deferred
            for stale, due, deferred in zip(self.stale, self.due, self.deferred, strict=True)
        )

    @property
    def truly_stale(self) -> list[int]:
        """Pages whose last write the target really lacks, by counting writes."""
        return [
            page
            for page in range(len(self.writes))
            if page not in self.absent and self.target_version[page] != self._version(page)
        ]

    def _version(self, page: int, time: float | None = None) -> int:
        until = self.now if time is None else time
        return sum(1 for write in self.writes[page] if 0 < write <= until)

    def _scan_order(self) -> list[int]:
        due = [page for page, is_due in enumerate(self.due) if is_due]
        return [p for p in due if p >= self.scan_from] + [p for p in due if p < self.scan_from]

    def _decide(self, page: int, start: float, peek: float) -> Decision:
        strategy = self.strategy
        row = strategy.table(self.rounds)[1]
        if not strategy.peek_batch_pages:
            bits = [*self.history[page], 0]
        elif strategy.peeks == 1:
            bits = [*self.history[page], int(self._written(page, start, peek))]
        else:
            peeks = [
                start + (peek - start) * number / strategy.peeks
                for number in range(1, strategy.peeks + 1)
            ]
            bits = [int(self._written(page, start, one)) for one in peeks]
        return Decision(int(row[int("".join(map(str, bits[-strategy.code_bits :])), base=2)]))

    def _dirty_bits(self, start: float, sent_at: dict[int, float]) -> list[int]:
        cleared = {page: self._cleared_at(page, start, sent_at) for page in sent_at}
        return [
            page
            for page in range(len(self.writes))
            if page not in self.absent and self._written(page, cleared.get(page, start), self.now)
        ]

    def _cleared_at(self, page: int, start: float, sent_at: dict[int, float]) -> float:
        if self.strategy.clear_granularity == "round":
            return start
        if self.strategy.clear_granularity == "page":
            return sent_at[page]
        chunk = page // self.strategy.chunk_pages
        return min(
            visit for other, visit in sent_at.items() if other // self.strategy.chunk_pages == chunk
        )

    def _apply_round(
        self, sent_at: dict[int, float], deferred: list[int], dirty: list[int]
    ) -> None:
        dirty_set = set(dirty)
        for page in deferred:
            self.deferred[page] = True
        for page, visit in sent_at.items():
            self.target_version[page] = self._version(page, visit)
        for page in range(len(self.writes)):
            was_due = self.due[page]
            self.stale[page] = (self.stale[page] and page not in sent_at) or page in dirty_set
            keeps = self.strategy.to_send == "sticky"
            still_due = keeps and was_due and page not in sent_at
            self.due[page] = (still_due or page in dirty_set) and not self.deferred[page]
            self.history[page].append(int(page in dirty_set))

    def _written(self, page: int, start: float, end: float) -> bool:
        return any(start < write <= end for write in self.writes[page])
