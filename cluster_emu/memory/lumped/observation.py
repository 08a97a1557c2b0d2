"""What a lumped engine knows of its pages in the middle of a round: counts by history.

To know what a round has done so far, it is ended where it stands. So all functions here take a copy
of the engine of a migration, never the engine itself; see `transfer.observation`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import Outcome, PageStatus
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.lumped.strategy_rules import StrategyRules
from cluster_emu.memory.lumped.swept import SweptEngine
from cluster_emu.memory.page_state import DecidedPages, PageState
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LumpedMemory = LumpedEngine | SweptEngine

_OF_STATUS = np.zeros(len(PageStatus), dtype=np.int64)
_OF_STATUS[PageStatus.CURRENT] = PageState.CLEAN
_OF_STATUS[PageStatus.DUE] = PageState.TO_SEND
_OF_STATUS[PageStatus.DEFERRED] = PageState.DEFERRED
_OF_STATUS[PageStatus.LOST_UPDATE] = PageState.DEFERRED

_OF_OUTCOME = np.zeros((len(Outcome), 2), dtype=np.int64)
_OF_OUTCOME[Outcome.CURRENT] = PageState.CLEAN, PageState.DIRTIED
_OF_OUTCOME[Outcome.SENT] = PageState.SENT, PageState.DIRTIED
_OF_OUTCOME[Outcome.SKIPPED] = PageState.SKIPPED
_OF_OUTCOME[Outcome.UNVISITED] = PageState.TO_SEND
for _outcome in (Outcome.DEFERRED, Outcome.DEFERRED_BEFORE, Outcome.LOST_UPDATE):
    _OF_OUTCOME[_outcome] = PageState.DEFERRED
"""The state of a page by what happened to it, and whether its dirty bit is set."""

_DECISION_OF = {
    Outcome.SENT: Decision.SEND,
    Outcome.SKIPPED: Decision.SKIP,
    Outcome.DEFERRED: Decision.DEFER,
}


class LumpedPages(NamedTuple):
    """Counts of pages at one instant.

    Args:
        by_history: pages by dirty bits of past rounds and `PageState`, [histories, states].
        decided: pages visited in the round, by the row that decided.
    """

    by_history: Floats
    decided: list[DecidedPages]


def pages_between_rounds(engine: LumpedMemory) -> LumpedPages:
    """Return the pages by history and state while no round is under way."""
    history, status, pages = _groups(engine)
    return LumpedPages(_summed(engine, history, _OF_STATUS[status], pages), [])


def pages_in_round(engine: LumpedMemory) -> LumpedPages:
    """Return the pages by history and state in the round under way, ended where it stands.

    Histories are those of the round's start. How many pages of a group are dirty is the mean.
    """
    engine.cut_short()
    if isinstance(engine, SweptEngine):
        segments, outcome, is_dirty = engine.outcomes_now()
        history, dirty_share = segments.history, is_dirty.astype(np.float64)
        pages = segments.pages.astype(np.float64)
    else:
        outcomes = engine._round.end(0.0)
        history = engine._groups.records["history"][outcomes["group"]]
        outcome, pages = outcomes["outcome"], outcomes["pages"]
        dirty_share = 1.0 - outcomes["clean_chance"]
    by_history = _summed(engine, history, _OF_OUTCOME[outcome, 0], pages * (1.0 - dirty_share))
    by_history += _summed(engine, history, _OF_OUTCOME[outcome, 1], pages * dirty_share)
    return LumpedPages(by_history, _decided(engine, history, outcome, pages))


def swept_map(engine: SweptEngine) -> NDArray[np.int8]:
    """Return the `PageState` of every page in the round under way, [pages], ended where it stands.

    A VM that a sweep alone writes is kept in segments of the address space.
    """
    engine.cut_short()
    segments, outcome, is_dirty = engine.outcomes_now()
    states = _OF_OUTCOME[outcome, is_dirty.astype(np.int64)].astype(np.int8)
    return np.repeat(states, segments.pages)


def _groups(engine: LumpedMemory) -> tuple[Integers, Integers, Floats]:
    """Return history, status and number of pages of each group."""
    if isinstance(engine, SweptEngine):
        segments = engine._segments
        return segments.history, segments.status, segments.pages.astype(np.float64)
    records = engine._groups.records
    return records["history"], records["status"], records["pages"]


def _summed(engine: LumpedMemory, history: Integers, state: Integers, pages: Floats) -> Floats:
    histories, states = 1 << engine._rules.history_bits, len(PageState)
    numbers = history * states + state
    counts: Floats = np.bincount(numbers, pages, histories * states).astype(np.float64)
    return counts.reshape(histories, states)


def _decided(
    engine: LumpedMemory, history: Integers, outcome: Integers, pages: Floats
) -> list[DecidedPages]:
    """Return the pages visited by row: their history, and what the peek must have found."""
    rules = engine._rules
    decided = []
    for past in np.unique(history).tolist():
        for what, decision in _DECISION_OF.items():
            count = float(pages[(history == past) & (outcome == what)].sum())
            if count > 0:
                to_skip = _found_dirty(engine, rules, past, decision)
                decided.append(DecidedPages(past, to_skip, decision, count))
    return decided


def _found_dirty(
    engine: LumpedMemory, rules: StrategyRules, past: int, decision: Decision
) -> bool | None:
    """Return what the decisive peek found, None if the decision is the same either way."""
    if rules.peeks.batch_pages == 0:
        return False
    first = engine.round_number == 1
    row = (rules.first_decisions if first else rules.later_decisions)[past]
    if row["if_clean"] == row["if_dirty"]:
        return None
    return bool(decision == row["if_dirty"])
