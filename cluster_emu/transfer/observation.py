"""The pages of a migrating VM at one instant, read without any change to the migration.

A phase advances only when its next event comes, so its engine stands at the last event, not at the
present. Here a copy of the engine is advanced to the present and looked at; the copy draws from a
copy of the random stream. So a run has the same results whether anybody looks or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cluster_emu import snapshot
from cluster_emu.memory.base import MemoryEngine, PostCopyMemory
from cluster_emu.memory.page_state import DecidedPages, PageState
from cluster_emu.memory.pages import observation as by_page
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.memory.pages.post_copy import PostCopyEngine
from cluster_emu.memory.scalar.engine import ScalarEngine
from cluster_emu.transfer.migration import CopyPhase, Migration
from cluster_emu.transfer.records import Phase

States = NDArray[np.int8]
Counts = NDArray[np.float64]

OLD_AT_TARGET = (PageState.TO_SEND, PageState.SKIPPED, PageState.DEFERRED, PageState.DIRTIED)
"""The states of pages that stop-and-copy would send."""


@dataclass(frozen=True, slots=True)
class ObservedMemory:
    """What is known of the pages of a migrating VM at one instant.

    Args:
        round_number: the live round under way or over, 0 before the first.
        in_round: whether a live round is under way.
        counts: pages by `PageState`, [states]; None of a VM that is kept in bytes alone. In the
            mean field, and where pages are drawn when a round ends, these need not be whole.
        bytes_left: bytes of memory that the target lacks or has an old version of.
        page_map: `PageState` of every page, [pages]; None where pages have no numbers.
        by_history: pages by dirty bits of past rounds and `PageState`, [histories, states]; None
            where every page is kept.
        decided: pages visited in the round under way, by the row of the truth table that decided.
        last: the page visited last, None where pages have no order.
    """

    round_number: int
    in_round: bool
    counts: Counts | None
    bytes_left: float
    page_map: States | None = None
    by_history: Counts | None = None
    decided: list[DecidedPages] = field(default_factory=list)
    last: DecidedPages | None = None

    @property
    def pages_left(self) -> float | None:
        """Pages that stop-and-copy would send if it began now; None without pages."""
        return None if self.counts is None else float(self.counts[list(OLD_AT_TARGET)].sum())


def observe(migration: Migration, now_s: float) -> ObservedMemory | None:
    """Return what is known of the pages of a migration now, None before its first byte and after.

    Args:
        migration: the migration; it stays as it is.
        now_s: the present, no earlier than the migration's last event.
    """
    phase = migration.copy_phase
    if phase is None:
        return None
    pushed = phase.pushed_pages
    engine: MemoryEngine
    engine, pushed = snapshot.copied((migration.engine, pushed))
    intensity, sent_bytes = migration.guest.intensity, phase.bytes_sent
    for duration_s, bytes_per_s in migration.flow.spans_ahead(now_s):
        sent_bytes += bytes_per_s * duration_s
        if pushed is not None:
            pushed.advance(duration_s, bytes_per_s, intensity)
        elif not phase.is_worked_out:
            phase.advance_memory(engine, duration_s, bytes_per_s, intensity)
    if pushed is not None:
        return _after_resume(engine, pushed)
    if phase.phase is Phase.STOP_AND_COPY:
        return _stopped(engine, phase, sent_bytes)
    if phase.in_live_round:
        return _in_round(engine)
    return _between_rounds(engine)


def _in_round(engine: MemoryEngine) -> ObservedMemory:
    if isinstance(engine, PagesEngine):
        decided, last = by_page.decided_in_round(engine)
        return _of_map(engine, by_page.states_in_round(engine), decided, last)
    if isinstance(engine, ScalarEngine):
        engine.cut_short()
        engine.end_round(0.0)
        return ObservedMemory(engine.round_number, True, None, engine.stale_bytes)
    from cluster_emu.memory.lumped import observation as by_count  # numba is slow to load
    from cluster_emu.memory.lumped.engine import LumpedEngine
    from cluster_emu.memory.lumped.swept import SweptEngine

    assert isinstance(engine, LumpedEngine | SweptEngine)
    page_map = None
    if isinstance(engine, SweptEngine):
        page_map = by_count.swept_map(snapshot.copied(engine))
    pages = by_count.pages_in_round(engine)
    return _of_counts(engine, pages.by_history, pages.decided, page_map, in_round=True)


def _between_rounds(engine: MemoryEngine) -> ObservedMemory:
    if isinstance(engine, PagesEngine):
        return _of_map(engine, by_page.states_between_rounds(engine), in_round=False)
    if isinstance(engine, ScalarEngine):
        return ObservedMemory(engine.round_number, False, None, engine.stale_bytes)
    from cluster_emu.memory.lumped import observation as by_count
    from cluster_emu.memory.lumped.engine import LumpedEngine
    from cluster_emu.memory.lumped.swept import SweptEngine

    assert isinstance(engine, LumpedEngine | SweptEngine)
    by_history = by_count.pages_between_rounds(engine).by_history
    return _of_counts(engine, by_history, [], None, in_round=False)


def _stopped(engine: MemoryEngine, phase: CopyPhase, sent_bytes: float) -> ObservedMemory:
    if not phase.sizes.count:  # nothing is sent before the VM is suspended
        return _between_rounds(engine)
    sent = phase.sizes.whole_pages_in(sent_bytes)
    left = phase.sizes.count - sent
    if isinstance(engine, PagesEngine):
        return _of_map(engine, by_page.states_stopped(engine, sent), in_round=False)
    if isinstance(engine, ScalarEngine):
        left_bytes = max(phase.sizes.total_bytes - sent_bytes, 0.0)
        return ObservedMemory(engine.round_number, False, None, left_bytes)
    return _of_totals(engine, left, sent)


def _after_resume(engine: MemoryEngine, pushed: PostCopyMemory) -> ObservedMemory:
    if isinstance(engine, PagesEngine) and isinstance(pushed, PostCopyEngine):
        return _of_map(engine, by_page.states_after_resume(engine, pushed), in_round=False)
    if isinstance(engine, ScalarEngine):
        return ObservedMemory(engine.round_number, False, None, pushed.bytes_left)
    arrived = pushed.pages_arrived
    return _of_totals(engine, pushed.sizes.count - arrived, arrived)


def _of_map(
    engine: MemoryEngine,
    states: States,
    decided: list[DecidedPages] | None = None,
    last: DecidedPages | None = None,
    *,
    in_round: bool = True,
) -> ObservedMemory:
    counts = np.bincount(states, minlength=len(PageState)).astype(np.float64)
    left_bytes = float(counts[list(OLD_AT_TARGET)].sum()) * engine.encoding.page_bytes
    number = engine.round_number
    return ObservedMemory(number, in_round, counts, left_bytes, states, None, decided or [], last)


def _of_counts(
    engine: MemoryEngine,
    by_history: Counts,
    decided: list[DecidedPages],
    page_map: States | None,
    *,
    in_round: bool,
) -> ObservedMemory:
    counts = by_history.sum(axis=0)
    counts[PageState.CLEAN] += engine.page_count - counts.sum()  # ballooned pages are in no group
    left_bytes = float(counts[list(OLD_AT_TARGET)].sum()) * engine.encoding.page_bytes
    number = engine.round_number
    return ObservedMemory(number, in_round, counts, left_bytes, page_map, by_history, decided)


def _of_totals(engine: MemoryEngine, left: int, sent: int) -> ObservedMemory:
    counts = np.zeros(len(PageState))
    counts[PageState.TO_SEND], counts[PageState.SENT] = left, sent
    counts[PageState.CLEAN] = engine.page_count - left - sent
    left_bytes = left * engine.encoding.page_bytes
    return ObservedMemory(engine.round_number, False, counts, left_bytes)
