"""Live rounds of the pages engine, many in one call, page by page.

A round with the due pages p_1 < p_2 < ... visits page p_i at

    visit_i = begin + time_per_byte * unit_bytes * sum(s_j for j < i),

with s_j = 1 for a page that is sent. The page is found dirty if its first write is visible to the
peek of its visit, and the strategy's row gives the decision by history and peek. This is what
`scan.RoundScan` solves with arrays, and what `processes.poisson_writes` draws: the loops here draw
the same numbers in the same order and round each result in the same way.

numba keeps machine code by file, so the kernel imports nothing of the package; see `_jit`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu._jit import jit

NEVER = np.inf
NEVER_REACHED = np.iinfo(np.int64).max // 2
DENSE_FROM_WRITES_PER_PAGE = 0.5
"""As in `processes`: from so many expected writes per page on, one time per page is drawn."""

SEND = 1
DEFER = 3

ROUND = np.dtype(
    [
        ("end_s", np.float64),
        ("bytes_sent", np.float64),
        ("due", np.int64),
        ("sent", np.int64),
        ("skipped", np.int64),
        ("deferred", np.int64),
        ("dirtied", np.int64),
        ("left", np.int64),
    ]
)
"""One round that has been worked out."""

STATE = np.dtype([("due", np.int64), ("now", np.float64), ("clock_s", np.float64)])
"""Number of due pages, operational time, and time at the end of the last round."""

SETTINGS = np.dtype(
    [
        ("batch_pages", np.int64),
        ("fraction", np.float64),
        ("unit_bytes", np.float64),
        ("bytes_per_s", np.float64),
        ("intensity", np.float64),
        ("until_s", np.float64),
        ("least_left", np.int64),
        ("is_sticky", np.bool_),
        ("has_history", np.bool_),
    ]
)
"""What holds in all rounds: how the scan peeks and sends, and when to stop; see `run_rounds`."""


@jit
def draw_writes(
    first_write: NDArray[np.float64],
    written: NDArray[np.int64],
    count: int,
    pages: NDArray[np.int64],
    ends: NDArray[np.int64],
    rates: NDArray[np.float64],
    start: float,
    end: float,
    rng: np.random.Generator,
) -> int:
    """Draw the first writes of operational time (start, end]; see `processes.poisson_writes`.

    Args:
        first_write: operational time of each page's first write in the round, [pages].
        written: the pages written in the round, of which `count` are filled in.
        count: how many pages were written before.
        pages: the pages of all write classes, one class after the other.
        ends: where each class ends in `pages`, [classes].
        rates: writes per page and operational second, [classes].
        start: start of the window, exclusive.
        end: end of the window, inclusive.
        rng: the stream to draw from.

    Returns:
        How many pages of `written` are filled in now.
    """
    begin_of = 0
    for group in range(len(ends)):
        begin, size = begin_of, ends[group] - begin_of
        begin_of = ends[group]
        expected_per_page = rates[group] * (end - start)
        if expected_per_page <= 0 or size == 0:
            continue
        if expected_per_page > DENSE_FROM_WRITES_PER_PAGE:
            for place in range(begin, begin + size):
                page = pages[place]
                known = first_write[page]
                if known <= start:
                    continue
                time = start + rng.standard_exponential() / rates[group]
                if time <= end:
                    if known == NEVER:
                        written[count] = page
                        count += 1
                    first_write[page] = min(time, known)
            continue
        writes = rng.poisson(expected_per_page * size)
        spacing = np.empty(writes + 1)
        total = 0.0
        for number in range(writes + 1):
            total += rng.standard_exponential()
            spacing[number] = total
        for number in range(writes):
            page = pages[begin + rng.integers(0, size)]
            time = start + (end - start) * (spacing[number] / total)
            known = first_write[page]
            if time < known:
                if known == NEVER:
                    written[count] = page
                    count += 1
                first_write[page] = time
    return count


@jit
def visible_from(write: float, begin: float, time_per_byte: float, settings: Any) -> int:
    """Return how many pages must have been sent when a peek first finds a write."""
    if settings["fraction"] != 1.0:
        write = begin + (write - begin) / settings["fraction"]
    ahead = write - begin
    sent = 0
    if ahead > 0:
        sent = int(min(math.ceil(ahead / time_per_byte / settings["unit_bytes"]), NEVER_REACHED))
    batch = settings["batch_pages"]
    if batch <= 1:
        return sent
    # The peek of the first batch comes at the round's start; later writes wait for another batch.
    return 0 if ahead <= 0 else max(-(-sent // batch) * batch, batch)


@jit
def codes_of(codes: NDArray[np.uint16], page: int, mask: int, has_history: bool) -> tuple[int, int]:
    """Return the history codes of a page that the peek finds clean, and dirty.

    Without a history the last column says what follows if every peek finds the page dirty.
    """
    if not has_history:
        return 0, mask
    code: Any = (np.int64(codes[page]) << 1) & mask
    return code, code | 1


@jit
def run_rounds(
    state: Any,
    settings: Any,
    row: NDArray[np.int8],
    codes: NDArray[np.uint16],
    stale: NDArray[np.bool_],
    deferred: NDArray[np.bool_],
    due: NDArray[np.int64],
    first_write: NDArray[np.float64],
    pages: NDArray[np.int64],
    ends: NDArray[np.int64],
    rates: NDArray[np.float64],
    rng: np.random.Generator,
    rounds: Any,
) -> int:
    """Work out live rounds until one might end too late, and change the pages accordingly.

    A round is not begun if it would end at `until_s` or later if every due page were sent. The last
    round is one that sends nothing, leaves fewer than `least_left` pages, or fills `rounds`.

    Args:
        state: `STATE`, [1]; is updated.
        settings: `SETTINGS`, [1].
        row: decisions for due pages by history code, [codes of the strategy].
        codes: history of each page, [pages]; not used without a history.
        stale: which pages differ at the target, [pages].
        deferred: which pages wait for stop-and-copy, [pages].
        due: the due pages, ascending, at the front of an array [pages].
        first_write: infinite for every page, [pages].
        pages: the pages of all write classes, one class after the other.
        ends: where each class ends in `pages`, [classes].
        rates: writes per page and operational second, [classes].
        rng: the stream to draw from.
        rounds: `ROUND`, filled in.

    Returns:
        The number of rounds worked out.
    """
    now, clock_s, due_count = state["now"][0], state["clock_s"][0], state["due"][0]
    one = settings[0]
    unit_bytes, bytes_per_s = one["unit_bytes"], one["bytes_per_s"]
    time_per_byte = one["intensity"] / bytes_per_s
    mask = len(row) - 1
    page_count = len(stale)
    written = np.empty(page_count, dtype=np.int64)
    is_next = np.zeros(page_count, dtype=np.uint8)
    done = 0
    while done < len(rounds) and due_count > 0:
        if not clock_s + due_count * unit_bytes / bytes_per_s < one["until_s"]:
            break
        needs_peeks = False
        if one["batch_pages"] > 0:
            for place in range(due_count):
                clean, dirty = codes_of(codes, due[place], mask, one["has_history"])
                if row[clean] != row[dirty]:
                    needs_peeks = True
                    break
        count, drawn_until = 0, now
        if needs_peeks:
            drawn_until = now + due_count * unit_bytes * time_per_byte
            count = draw_writes(
                first_write, written, count, pages, ends, rates, now, drawn_until, rng
            )
        sent = skipped = newly_deferred = 0
        for place in range(due_count):
            page = due[place]
            clean, dirty = codes_of(codes, page, mask, one["has_history"])
            decision = row[clean]
            if needs_peeks and first_write[page] < NEVER:
                if_dirty = row[dirty]
                if if_dirty != decision and (
                    sent >= visible_from(first_write[page], now, time_per_byte, one)
                ):
                    decision = if_dirty
            stale[page] = decision != SEND
            if decision == SEND:
                sent += 1
                continue
            is_next[page] = one["is_sticky"]
            if decision == DEFER:
                newly_deferred += 1
                deferred[page] = True
            else:
                skipped += 1
        bytes_sent = sent * unit_bytes
        end_s = clock_s + bytes_sent / bytes_per_s
        end = now + one["intensity"] * (end_s - clock_s)
        if end > drawn_until:
            count = draw_writes(
                first_write, written, count, pages, ends, rates, drawn_until, end, rng
            )
        if one["has_history"]:
            for page in range(page_count):
                codes[page] = np.uint16(codes[page] << 1)
        dirtied = 0
        for place in range(count):
            page = written[place]
            if first_write[page] <= end:
                dirtied += 1
                stale[page] = True
                is_next[page] = True
                if one["has_history"]:
                    codes[page] = np.uint16(codes[page] | 1)
            first_write[page] = NEVER
        next_count = left = 0
        due_before = due_count
        for page in range(page_count):
            left += stale[page]
            if is_next[page]:
                is_next[page] = 0
                if not deferred[page]:
                    due[next_count] = page
                    next_count += 1
        due_count, now, clock_s = next_count, end, end_s
        one_round = rounds[done]
        one_round["end_s"], one_round["bytes_sent"] = end_s, bytes_sent
        one_round["due"], one_round["sent"] = due_before, sent
        one_round["skipped"], one_round["deferred"] = skipped, newly_deferred
        one_round["dirtied"], one_round["left"] = dirtied, left
        done += 1
        if sent == 0 or left < one["least_left"]:
            break
    state["now"][0], state["clock_s"][0], state["due"][0] = now, clock_s, due_count
    return done
