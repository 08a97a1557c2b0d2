from __future__ import annotations

import pytest

from cluster_emu.memory.page_state import DecidedPages
from cluster_emu.observation.truth_rows import LiveRow, live_table
from cluster_emu.strategies import HistoryMajority, Ma, PreCopy, TimeSeries, XenLegacy, truth_table
from cluster_emu.strategies.contract import Decision, Strategy

SEND, SKIP = Decision.SEND, Decision.SKIP


def counted(rows: list[LiveRow]) -> dict[tuple[str, bool], float | None]:
    return {(row["history"], row["held"]): row["pages"] for row in rows if row["pages"] != 0}


@pytest.mark.parametrize(
    "strategy", [XenLegacy(), HistoryMajority(history=4), TimeSeries(), PreCopy(), Ma()]
)
def test_the_first_rows_are_those_of_the_printed_table(strategy: Strategy) -> None:
    printed = truth_table(strategy, 2)
    rows = live_table(strategy, 2, [])["rows"]
    shown = [{key: row[key] for key in printed[0]} for row in rows if not row["held"]]  # type: ignore[literal-required]
    assert shown == printed


def test_table_1_of_the_paper_counts_pages_sent_and_skipped() -> None:
    decided = [DecidedPages(0, False, SEND, 7), DecidedPages(0, True, SKIP, 3)]
    rows = live_table(XenLegacy(), 2, decided, DecidedPages(0, True, SKIP, 1))["rows"]
    assert counted(rows) == {("10", False): 7, ("11", False): 3}
    assert [row["history"] for row in rows if row["deciding"]] == ["11"]


def test_table_2_of_the_paper_sends_0010_alone() -> None:
    table = live_table(HistoryMajority(history=4), 2, [DecidedPages(0b001, False, SEND, 5)])
    assert counted(table["rows"]) == {("0010", False): 5}
    sent = [row["history"] for row in table["rows"] if row["decision"] == "send"]
    assert [each for each in sent if each[2] == "1"] == ["0010"]


def test_pages_held_back_have_rows_of_their_own() -> None:
    # written two rounds ago, not in the last one, and still in to_send
    rows = live_table(HistoryMajority(history=4), 3, [DecidedPages(0b010, False, SEND, 2)])["rows"]
    assert counted(rows) == {("0100", True): 2}
    held = [row for row in rows if row["held"]]
    assert all(row["to_send"] == 1 and row["decision"] != "not-due" for row in held)


def test_rows_that_decide_alike_whatever_the_peek_finds_share_their_pages() -> None:
    rows = live_table(
        HistoryMajority(history=4),
        2,
        [DecidedPages(0b111, None, SKIP, 9)],
        DecidedPages(0b111, None, SKIP, 1),
    )["rows"]
    assert counted(rows) == {("1110", False): 9, ("1111", False): None}
    pair = [row for row in rows if row["history"] in ("1110", "1111")]
    assert pair[0]["group"] == pair[1]["group"]
    assert [row["history"] for row in rows if row["deciding"]] == ["1110", "1111"]


def test_where_pages_have_no_order_the_row_with_most_pages_is_marked() -> None:
    decided = [
        DecidedPages(0b001, False, SEND, 5),
        DecidedPages(0b111, None, SKIP, 9),
        DecidedPages(0b001, True, SKIP, 2),
    ]
    rows = live_table(HistoryMajority(history=4), 2, decided)["rows"]
    assert [row["history"] for row in rows if row["busiest"]] == ["1110", "1111"]
    assert not any(row["deciding"] for row in rows)
    ordered = live_table(HistoryMajority(history=4), 2, decided, decided[0])["rows"]
    assert not any(row["busiest"] for row in ordered)
    assert not any(row["busiest"] for row in live_table(HistoryMajority(history=4), 2, [])["rows"])


def test_a_long_table_shows_the_rows_that_decided_most() -> None:
    decided = [DecidedPages(1 + 2 * past, False, SEND, past + 1) for past in range(40)]
    table = live_table(HistoryMajority(history=16), 2, decided, decided[0])
    assert len(table["rows"]) + table["left_out"] == 2**16 + 2**15
    shown = [row["pages"] for row in table["rows"]]
    assert shown == [1, *range(9, 41)]  # the row that decides now, and the 32 busiest
