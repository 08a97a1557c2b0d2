"""A strategy as the lumped engine uses it: decisions by history, peeks, statuses, clearing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import DECISIONS, PageStatus, Records
from cluster_emu.strategies.contract import ClearGranularity, PeekSchedule, Strategy, ToSend


@dataclass(frozen=True, slots=True)
class Clearing:
    """When the dirty bit of a page that is sent is cleared (QEMU: clear_bmap).

    Args:
        granularity: "round" with the whole log as the round begins, "chunk" when the first page of
            its chunk is sent, "page" at its own visit.
        chunks: chunks of the address space, the last one possibly in part.
        is_in_mid_round: whether bits are cleared during the scan.
    """

    granularity: ClearGranularity
    chunks: float
    is_in_mid_round: bool

    @classmethod
    def of(cls, strategy: Strategy, page_count: int) -> Clearing:
        """Return the strategy's.

        The one chunk of a small VM is cleared as the round begins. Its first page goes out then, so
        this differs only where a link stands still between the two.
        """
        chunks, granularity = page_count / strategy.chunk_pages, strategy.clear_granularity
        if granularity == "chunk" and chunks <= 1:
            granularity = "round"
        return cls(granularity, chunks, granularity != "round")

    def chunk_of(self, address: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the chunk of each address, a share of the address space."""
        return np.floor(address * self.chunks + 1e-9).astype(np.int64)


@dataclass(frozen=True, slots=True)
class StrategyRules:
    """What the lumped engine needs of a strategy.

    Args:
        strategy: the strategy.
        peeks: how it peeks at the dirty log.
        clearing: when the dirty bits of sent pages are cleared.
        status_after: the status of a page after a round, [outcomes, clean or dirty].
        history_bits: dirty bits of past rounds that its decisions need.
        is_cyclic: whether a scan continues where the last one ended.
        first_decisions: what its table of the first round decides for due pages, by history:
            `_kernels.DECISIONS`, [histories].
        later_decisions: the same for all later rounds.
    """

    peeks: PeekSchedule
    clearing: Clearing
    status_after: NDArray[np.int64]
    history_bits: int
    is_cyclic: bool
    first_decisions: Records
    later_decisions: Records


@lru_cache(maxsize=256)
def rules_of(strategy: Strategy, page_count: int) -> StrategyRules:
    """Return the rules of a strategy for a VM with so many pages."""
    return StrategyRules(
        strategy.peek_schedule,
        Clearing.of(strategy, page_count),
        _status_after(strategy.to_send),
        strategy.past_bits,
        strategy.cyclic,
        _decisions(strategy, strategy.table(1)),
        _decisions(strategy, strategy.table(2)),
    )


def _decisions(strategy: Strategy, table: NDArray[np.int8]) -> Records:
    if_due = table[1]
    if strategy.past_bits:
        if_clean, if_dirty = if_due[0::2], if_due[1::2]
    else:
        if_clean, if_dirty = if_due[:1], if_due[-1:]
    never_peeks = strategy.peek_batch_pages == 0
    decisions = np.empty(len(if_clean), dtype=DECISIONS)
    decisions["if_clean"] = if_clean
    decisions["if_dirty"] = if_clean if never_peeks else if_dirty
    return decisions


def _status_after(to_send: ToSend) -> NDArray[np.int64]:
    """Return the status of a page after the round, in the order of `Outcome`."""
    unsent = PageStatus.DUE if to_send == "sticky" else PageStatus.LOST_UPDATE
    return np.array(
        [
            [PageStatus.CURRENT, PageStatus.DUE],
            [PageStatus.DEFERRED, PageStatus.DEFERRED],
            [PageStatus.LOST_UPDATE, PageStatus.DUE],
            [PageStatus.CURRENT, PageStatus.DUE],
            [unsent, PageStatus.DUE],
            [PageStatus.DEFERRED, PageStatus.DEFERRED],
            [unsent, PageStatus.DUE],
        ]
    )
