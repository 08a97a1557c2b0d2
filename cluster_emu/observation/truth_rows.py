"""The truth table of a strategy at work: which row decided how many pages of the round under way.

The rows are those of `cluster-emu strategies NAME`: a history with its oldest bit first, whose last
two bits are to_send and to_skip. There to_send is the dirty bit of the last round. A page may be
in to_send without it: in round 1 all pages are, and later those that a round held back. Such pages
have rows of their own, marked as held.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from cluster_emu.memory.page_state import DecidedPages
from cluster_emu.strategies import Strategy, truth_table
from cluster_emu.strategies.contract import Decision

MOST_ROWS = 64
"""Of a longer table, only rows that decided pages are shown, this many at most."""


class LiveRow(TypedDict):
    """One row of the table.

    `pages` is None for a row that shares its number with the row before of the same `group`: where
    to_skip makes no difference, nothing keeps what the peek found. `deciding` is the row of the
    page visited last. `busiest` is the row that has decided most pages of the round so far, where
    no page is known as the last: pages that are counted have no order.
    """

    history: str
    to_send: int
    to_skip: int
    decision: str
    held: bool
    pages: float | None
    group: int
    deciding: bool
    busiest: bool


class LiveTable(TypedDict):
    """The rows shown, and how many are not."""

    rows: list[LiveRow]
    left_out: int


def live_table(
    strategy: Strategy,
    round_number: int,
    decided: Iterable[DecidedPages],
    last: DecidedPages | None = None,
) -> LiveTable:
    """Return the truth table with the pages that each row has decided.

    Args:
        strategy: what is sent when.
        round_number: the live round, from 1.
        decided: pages visited in the round.
        last: the page visited last, whose row is the one that decides now; None where pages have
            no order.
    """
    rows = _all_rows(strategy, max(round_number, 1))
    place = {_key(row): number for number, row in enumerate(rows)}
    for one in decided:
        shared = sorted(place[key] for key in _keys(strategy, rows, one))
        rows[shared[0]]["pages"] = (rows[shared[0]]["pages"] or 0) + one.pages
        for other in shared[1:]:
            rows[other]["pages"], rows[other]["group"] = None, rows[shared[0]]["group"]
    for key in [] if last is None else _keys(strategy, rows, last):
        rows[place[key]]["deciding"] = True
    if last is None:
        _mark_busiest(rows)
    if len(rows) <= MOST_ROWS:
        return {"rows": rows, "left_out": 0}
    groups = _busiest_groups(rows)
    shown = [row for row in rows if row["group"] in groups or row["deciding"]]
    return {"rows": shown, "left_out": len(rows) - len(shown)}


def _mark_busiest(rows: list[LiveRow]) -> None:
    most = max((row["pages"] or 0.0 for row in rows), default=0.0)
    groups = {row["group"] for row in rows if row["pages"] == most}
    for row in rows:
        row["busiest"] = most > 0 and row["group"] in groups


Key = tuple[str, bool]


def _key(row: LiveRow) -> Key:
    return row["history"], row["held"]


def _all_rows(strategy: Strategy, round_number: int) -> list[LiveRow]:
    """Return the printed table, and after it the rows of pages that are held in to_send."""
    rows: list[LiveRow] = [
        {**row, "held": False, "pages": 0, "group": number, "deciding": False, "busiest": False}
        for number, row in enumerate(truth_table(strategy, round_number))
    ]
    if strategy.code_bits == 1 or strategy.peeks > 1:
        return rows  # the code does not hold the dirty bit of the last round
    decisions = strategy.table(round_number)[1]
    held: list[LiveRow] = [
        {
            **row,
            "to_send": 1,
            "decision": Decision(int(decisions[int(row["history"], 2)])).label,
            "held": True,
            "group": len(rows) + number,
        }
        for number, row in enumerate(rows)
        if not row["to_send"]
    ]
    return rows + held


def _keys(strategy: Strategy, rows: list[LiveRow], one: DecidedPages) -> list[Key]:
    """Return the rows that decided some pages; several where nothing tells them apart."""
    if strategy.peeks > 1:  # the code holds the peeks, of which only the decisive one is known
        label = one.decision.label
        return [_key(row) for row in rows if row["to_send"] and row["decision"] == label]
    found = (0, 1) if one.to_skip is None else (int(one.to_skip),)
    if strategy.code_bits == 1:
        return [(f"1{bit}", False) for bit in found]
    codes = [one.past << 1 | bit for bit in found]
    return [(f"{code:0{strategy.code_bits}b}", not code & 2) for code in codes]


def _busiest_groups(rows: list[LiveRow]) -> set[int]:
    counted = [(row["pages"], row["group"]) for row in rows if row["pages"]]
    return {group for _, group in sorted(counted, reverse=True)[: MOST_ROWS // 2]}
