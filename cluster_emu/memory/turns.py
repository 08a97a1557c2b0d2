"""Who has had its turn when: the sequential scan of a round, solved without a loop over pages.

The pages that are due take their turn in scan order. A page's turn comes when the pages sent before
it are on the wire; whether it is sent may depend on whether it was written before its turn (or before
the peek its batch shares), which depends on how many were sent before it. Only pages written at all
in the round can make a difference, and the recursion is solved for those alone by iterating from the
assumption that nobody is skipped: each pass fixes at least one more page for good, and errors shrink
factorially, so a handful of passes suffice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.float64]

PIECE_PAGES = 4096
"""Written pages solved together; the passes needed grow with the writes per page in a piece."""


@dataclass(slots=True)
class Peeks:
    """How the dirty log is looked at.

    Args:
        batch_pages: sent pages that share one look; 0 for a scan that never looks.
        fraction: share of the time between the start of the round and the page's turn after which
            a write goes unnoticed (1 for a single peek at the turn).
    """

    batch_pages: int
    fraction: float


@dataclass(slots=True)
class Clock:
    """Maps bytes sent in the round to operational time, linear while rate and intensity are constant.

    Args:
        round_start: operational time at which the round began.
        now: operational time at `bytes_done`.
        bytes_done: bytes of the round already on the wire.
        time_per_byte: intensity / rate.
        batch_start_pages: sent pages at which the batch under way began.
        batch_peek: operational time of that batch's look at the log.
    """

    round_start: float
    now: float
    bytes_done: float
    time_per_byte: float
    batch_start_pages: int = 0
    batch_peek: float = 0.0

    def at_bytes(self, sent_bytes: Bytes) -> NDArray[np.float64]:
        """Return the operational time at which so many bytes of the round have been sent."""
        return self.now + np.maximum(sent_bytes - self.bytes_done, 0.0) * self.time_per_byte


@dataclass(slots=True)
class Turns:
    """The outcome of a scan over the due pages that had no turn before.

    Args:
        seen_dirty: whether the peek at each page's turn finds it dirty, shape [due].
        sent_bytes: bytes of the round sent before each page's turn, shape [due].
        end_bytes: bytes sent when the last of them is on the wire.
    """

    seen_dirty: NDArray[np.bool_]
    sent_bytes: Bytes
    end_bytes: float


def take_turns(
    first_write: NDArray[np.float64],
    send_clean: NDArray[np.bool_],
    send_dirty: NDArray[np.bool_],
    page_bytes: float,
    pages_done: int,
    peeks: Peeks,
    clock: Clock,
) -> Turns:
    """Find for every page in scan order whether it is sent, assuming the clock's constant rate.

    Args:
        first_write: operational time of each page's first write in the round, inf for none, [due].
        send_clean: whether the page is sent if it is seen clean at its turn, [due].
        send_dirty: whether the page is sent if it is seen dirty at its turn, [due].
        page_bytes: bytes of one page on the wire.
        pages_done: pages of the round sent (or being sent) before the first of these.
        peeks: how the log is looked at.
        clock: when how many bytes have been sent.
    """
    before = np.empty(len(first_write) + 1, dtype=np.int64)
    before[0] = pages_done
    np.cumsum(send_clean, out=before[1:])
    before[1:] += pages_done
    seen_dirty = np.zeros(len(first_write), dtype=np.bool_)
    if peeks.batch_pages:
        written = np.flatnonzero(first_write < np.inf)
        change = send_dirty[written].astype(np.int64) - send_clean[written]
        dirty = _seen_dirty(first_write[written], before[written], change, page_bytes, peeks, clock)
        seen_dirty[written] = dirty
        differs = dirty & (change != 0)
        if differs.any():
            shift = np.zeros(len(before), dtype=np.int64)
            shift[written[differs] + 1] = change[differs]
            before += np.cumsum(shift)
    sent_bytes = before[:-1] * page_bytes
    return Turns(seen_dirty, sent_bytes, float(before[-1] * page_bytes))


def _seen_dirty(
    first_write: NDArray[np.float64],
    sent_if_clean: NDArray[np.int64],
    change: NDArray[np.int64],
    page_bytes: float,
    peeks: Peeks,
    clock: Clock,
) -> NDArray[np.bool_]:
    """Solve the scan's recursion for the written pages; arguments are restricted to those.

    It goes piece by piece, because the number of passes grows with the writes per page within one.
    """
    dirty = np.empty(len(first_write), dtype=np.bool_)
    shift = 0
    for begin in range(0, len(first_write), PIECE_PAGES):
        piece = slice(begin, begin + PIECE_PAGES)
        dirty[piece] = _seen_dirty_in_piece(
            first_write[piece],
            sent_if_clean[piece] + shift,
            change[piece],
            page_bytes,
            peeks,
            clock,
        )
        shift += int(change[piece][dirty[piece]].sum())
    return dirty


def _seen_dirty_in_piece(
    first_write: NDArray[np.float64],
    sent_if_clean: NDArray[np.int64],
    change: NDArray[np.int64],
    page_bytes: float,
    peeks: Peeks,
    clock: Clock,
) -> NDArray[np.bool_]:
    dirty = np.zeros(len(first_write), dtype=np.bool_)
    sent_before = sent_if_clean
    while True:
        found = first_write <= _peek_times(sent_before, page_bytes, peeks, clock)
        if np.array_equal(found, dirty):
            return found
        dirty = found
        sent_before = sent_if_clean.copy()
        sent_before[1:] += np.cumsum(change * dirty)[:-1]


def _peek_times(
    sent_before: NDArray[np.int64], page_bytes: float, peeks: Peeks, clock: Clock
) -> NDArray[np.float64]:
    if peeks.batch_pages == 1:
        peek = clock.at_bytes(sent_before * page_bytes)
    else:
        batch_start = sent_before - sent_before % peeks.batch_pages
        peek = clock.at_bytes(batch_start * page_bytes)
        peek = np.where(batch_start <= clock.batch_start_pages, clock.batch_peek, peek)
    if peeks.fraction < 1.0:
        peek = clock.round_start + peeks.fraction * (peek - clock.round_start)
    return peek
