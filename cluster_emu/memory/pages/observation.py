"""The state of every page in the middle of a live round, from an engine that may be used up.

Reading the state may draw writes and move the scan on, so all functions here take a copy of the
engine of a migration, never the engine itself; see `transfer.observation`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.page_state import DecidedPages, PageState
from cluster_emu.memory.pages.dirty_log import PageIds, Times
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.memory.pages.post_copy import PostCopyEngine
from cluster_emu.strategies.contract import Decision

States = NDArray[np.int8]

_STATE_OF_DECISION = np.zeros(len(Decision), dtype=np.int8)
_STATE_OF_DECISION[Decision.SEND] = PageState.SENT
_STATE_OF_DECISION[Decision.SKIP] = PageState.SKIPPED
_STATE_OF_DECISION[Decision.DEFER] = PageState.DEFERRED


def states_between_rounds(engine: PagesEngine) -> States:
    """Return the `PageState` of every page while no round is under way, [pages]."""
    states = np.full(engine.page_count, PageState.CLEAN, dtype=np.int8)
    states[engine._stale] = PageState.DEFERRED  # of these, to_send takes what is not deferred
    states[engine._to_send] = PageState.TO_SEND
    return states


def states_in_round(engine: PagesEngine) -> States:
    """Return the `PageState` of every page in the live round under way, [pages].

    Writes that the round has not drawn yet, which a scan that never peeks leaves to the end of the
    round, are drawn up to the end that is planned now. If the rate stays, the run draws the same.

    A page whose dirty bit is cleared in mid-round, and that was written both before and after, is
    "sent": the log holds first writes alone, and the end of the round draws which these are.
    """
    scan = engine._scan
    states = np.full(engine.page_count, PageState.CLEAN, dtype=np.int8)
    states[engine._stale] = PageState.DEFERRED
    visited, waiting = np.split(scan.to_send, [scan.position])
    states[waiting] = PageState.TO_SEND
    states[visited] = _STATE_OF_DECISION[scan.decisions()]
    dirty = _dirty_now(engine)
    up_to_date = (states[dirty] == PageState.SENT) | (states[dirty] == PageState.CLEAN)
    states[dirty[up_to_date]] = PageState.DIRTIED
    return states


def states_stopped(engine: PagesEngine, pages_sent: int) -> States:
    """Return the `PageState` of every page during stop-and-copy, [pages].

    Args:
        engine: the engine; it may have handed its stale pages over already.
        pages_sent: how many of them are on the wire, in address order.
    """
    states = np.full(engine.page_count, PageState.CLEAN, dtype=np.int8)
    pages = engine.stop_set() if engine.handed_over is None else engine.handed_over
    states[pages] = PageState.TO_SEND
    states[pages[:pages_sent]] = PageState.SENT
    return states


def states_after_resume(engine: PagesEngine, pushed: PostCopyEngine) -> States:
    """Return the `PageState` of every page while missing pages are pushed, [pages]."""
    states = np.full(engine.page_count, PageState.CLEAN, dtype=np.int8)
    states[engine.stop_set()] = PageState.SENT
    states[pushed.missing_pages()] = PageState.TO_SEND
    return states


def decided_in_round(engine: PagesEngine) -> tuple[list[DecidedPages], DecidedPages | None]:
    """Return by which rows the pages visited in the round were decided, and the last of them.

    Returns:
        The numbers of pages, and the one page that was visited last, which is in transit if its
        row says "send"; None before the first visit.
    """
    scan, strategy = engine._scan, engine._strategy
    visited = scan.to_send[: scan.position]
    if not len(visited):
        return [], None
    past = np.zeros(len(visited), dtype=np.int64)
    if engine._history is not None:
        past = engine._history.codes[visited].astype(np.int64) & ((1 << strategy.past_bits) - 1)
    # 0 found clean, 1 found dirty, 2 whatever the peek found
    peek = np.zeros(len(visited), dtype=np.int64)
    if strategy.peek_batch_pages:
        if_clean, if_dirty = scan.rows_visited()
        peek[if_clean == if_dirty] = 2
        found = scan.found_dirty()
        peek[found[peek[found] != 2]] = 1
    decisions = scan.decisions().astype(np.int64)
    keys = (past * 3 + peek) * len(Decision) + decisions
    numbers, counts = np.unique(keys, return_counts=True)
    pairs = zip(numbers.tolist(), counts.tolist(), strict=True)
    return [_decided(key, pages) for key, pages in pairs], _decided(int(keys[-1]), 1)


def _decided(key: int, pages: int) -> DecidedPages:
    rest, decision = divmod(key, len(Decision))
    past, peek = divmod(rest, 3)
    return DecidedPages(past, None if peek == 2 else bool(peek), Decision(decision), pages)


def _dirty_now(engine: PagesEngine) -> PageIds:
    """Return the pages whose dirty bit is set now."""
    planned_end = engine.now + engine._scan.time_left()
    engine._log_until(planned_end)
    dirty = engine._present(engine._log.dirty_pages(engine.now))
    if engine._clear_granularity == "round":
        return dirty
    scan = engine._scan
    is_sent = scan.decisions() == Decision.SEND
    sent, cleared_at = scan.to_send[: scan.position][is_sent], scan.visit_times()[is_sent]
    return dirty[~np.isin(dirty, _cleared(engine, sent, cleared_at))]


def _cleared(engine: PagesEngine, sent: PageIds, visited_at: Times) -> PageIds:
    """Return the pages sent whose dirty bit was cleared after their first write."""
    cleared_at = visited_at
    if engine._clear_granularity == "chunk":
        cleared_at = engine.chunks_cleared_at(sent, visited_at)
    return sent[engine._log.first_write[sent] <= cleared_at]
