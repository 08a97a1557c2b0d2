"""The truth tables of the papers, and which methods are the same method."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import product
from math import ceil

import numpy as np
import pytest

from cluster_emu.strategies import (
    Decision,
    HistoryMajority,
    Ma,
    MatrixBitmap,
    PreCopy,
    Qemu,
    Strategy,
    TimeSeries,
    XenLegacy,
    XenV2,
    truth_document,
    truth_table,
)

TABLE_2 = "NNYNNNNNNNNNNNNN"


def decisions(strategy: Strategy, history: int | None = None) -> list[str]:
    return [row["decision"] for row in truth_table(strategy, history=history)]


def sent_histories(strategy: Strategy) -> list[str]:
    return [row["history"] for row in truth_table(strategy) if row["decision"] == "send"]


def test_table_1_to_send_and_to_skip() -> None:
    assert truth_table(XenLegacy()) == [
        {"history": "00", "to_send": 0, "to_skip": 0, "decision": "not-due"},
        {"history": "01", "to_send": 0, "to_skip": 1, "decision": "not-due"},
        {"history": "10", "to_send": 1, "to_skip": 0, "decision": "send"},
        {"history": "11", "to_send": 1, "to_skip": 1, "decision": "skip"},
    ]


def test_table_2_of_16_histories_only_0010_is_sent() -> None:
    rows = truth_table(HistoryMajority(history=4))
    assert "".join("Y" if row["decision"] == "send" else "N" for row in rows) == TABLE_2
    assert sent_histories(HistoryMajority(history=4)) == ["0010"]
    assert [row["history"] for row in rows] == [f"{number:04b}" for number in range(16)]


def test_a_filtered_page_is_skipped_and_an_unwritten_one_is_not_due() -> None:
    by_history = {
        row["history"]: row["decision"] for row in truth_table(HistoryMajority(history=4))
    }
    assert by_history["0110"] == "skip"
    assert by_history["0011"] == "skip"
    assert by_history["1100"] == "not-due"


@pytest.mark.parametrize("history", range(2, 11))
def test_history_majority_is_time_series_with_half_the_window_as_threshold(history: int) -> None:
    proposed = HistoryMajority(history=history)
    hu = TimeSeries(history=history, threshold=ceil(history / 2))
    for round_number in (1, 2, 5):
        assert np.array_equal(proposed.table(round_number), hu.table(round_number))
    assert (proposed.to_send, proposed.mode, proposed.peek_batch_pages) == (
        hu.to_send,
        hu.mode,
        hu.peek_batch_pages,
    )


@pytest.mark.parametrize("history", range(2, 11))
def test_time_series_with_the_window_as_threshold_is_xen(history: int) -> None:
    hu = TimeSeries(history=history, threshold=history)
    assert decisions(hu) == decisions(XenLegacy(), history=history)


def test_an_exclusive_window_filters_only_the_page_dirty_in_all_of_it() -> None:
    hu = TimeSeries(history=5, threshold=5, window="exclusive")
    rows = truth_table(hu)
    assert len(rows) == 2**6
    held_back = [
        r["history"] for r in rows if r["to_send"] > r["to_skip"] and r["decision"] != "send"
    ]
    assert held_back == ["111110"]


@pytest.mark.parametrize(("history", "threshold"), [(1, 1), (4, 2), (5, 4)])
def test_an_exclusive_window_is_an_inclusive_one_with_a_bit_more(
    history: int, threshold: int
) -> None:
    # A page that is sent is clean now, so counting the current round adds nothing.
    exclusive = TimeSeries(history=history, threshold=threshold, window="exclusive")
    inclusive = TimeSeries(history=history + 1, threshold=threshold)
    assert np.array_equal(exclusive.table(2), inclusive.table(2))


def test_a_window_of_two_never_sends() -> None:
    assert sent_histories(HistoryMajority(history=2)) == []


def paper_readings() -> dict[tuple[str, str, str], str]:
    """Return the fourth-order table that each reading of the paper's rule would give.

    Row 1 of the table is the oldest or the newest round; the page is sent if its dirty rounds are
    fewer than ("<"), or at most ("<="), its clean ones; the four rows include the current round, or
    end with the previous one (a page clean now is taken), or decide alone, without to_send and
    to_skip.
    """
    readings = {}
    windows = ("inclusive", "exclusive", "unconditioned")
    for order, relation, window in product(("oldest", "newest"), ("<", "<="), windows):
        row = ""
        for column in product((0, 1), repeat=4):
            bits = column if order == "oldest" else column[::-1]
            dirty, clean = sum(bits), 4 - sum(bits)
            majority = dirty < clean if relation == "<" else dirty <= clean
            due = {
                "inclusive": bits[2] == 1 and bits[3] == 0,
                "exclusive": bits[3] == 1,
                "unconditioned": True,
            }[window]
            row += "Y" if majority and due else "N"
        readings[order, relation, window] = row
    return readings


def test_one_reading_of_twelve_gives_table_2() -> None:
    readings = paper_readings()
    assert len(readings) == 12
    assert [key for key, row in readings.items() if row == TABLE_2] == [
        ("oldest", "<", "inclusive")
    ]


def test_table_2_cannot_tell_whether_both_sides_leave_out_the_current_round() -> None:
    # A thirteenth reading, X < (N - 1) - X over the N - 1 earlier rounds, is the same for even N.
    # For odd N it is the stricter one; the paper's formula is X < N - X, so it is not the one used.
    def threshold_of_13th(history: int) -> int:
        return history // 2

    for history in (4, 5):
        other = TimeSeries(history=history, threshold=threshold_of_13th(history))
        same = np.array_equal(other.table(2), HistoryMajority(history=history).table(2))
        assert same is (history == 4)


def chance_of_sending(history: int, p: F) -> F:
    """P(sent | to_send = 1, to_skip = 0) for independent dirty bits."""
    chance = F(0)
    for older in product((0, 1), repeat=history - 2):
        code = int("".join(map(str, (*older, 1, 0))), base=2)
        if HistoryMajority(history=history).table(2)[1, code] == Decision.SEND:
            chance += p ** sum(older) * (1 - p) ** (len(older) - sum(older))
    return chance


def test_even_windows_are_the_stricter_ones() -> None:
    chances = [chance_of_sending(history, F(1, 2)) for history in range(2, 11)]
    assert chances == [
        0, F(1, 2), F(1, 4), F(1, 2), F(5, 16), F(1, 2), F(11, 32), F(1, 2), F(93, 256)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "p", "chance"),
    [(4, F(1, 10), 0.81), (5, F(1, 10), 0.972), (5, F(9, 10), 0.028)],
)
def test_chance_of_sending_cold_and_hot_pages(history: int, p: F, chance: float) -> None:
    assert float(chance_of_sending(history, p)) == pytest.approx(chance, abs=1e-9)


@pytest.mark.parametrize("peeks", [1, 4, 16])
def test_matrix_bitmap_without_slack_decides_as_xen(peeks: int) -> None:
    row = MatrixBitmap(peeks=peeks).table(2)[1]
    never, always = 0, 2**peeks - 1
    assert (row[never], row[always]) == tuple(XenLegacy().table(2)[1])
    assert np.count_nonzero(row == Decision.SEND) == 1


def test_matrix_bitmap_forgives_theta_late_writes() -> None:
    row = MatrixBitmap(peeks=4, theta=2).table(1)[1]
    seen_by_last = [row[2**late - 1] for late in range(5)]
    assert seen_by_last == [Decision.SEND] * 3 + [Decision.SKIP] * 2


def test_rows_of_several_peeks_put_to_send_before_the_last_one() -> None:
    by_history = {r["history"]: r["decision"] for r in truth_table(MatrixBitmap(peeks=2, theta=1))}
    assert len(by_history) == 8
    assert by_history["011"] == "send"
    assert by_history["111"] == "skip"
    assert by_history["101"] == "not-due"


def test_ma_defers_what_was_written_twice_but_not_in_round_1() -> None:
    assert list(Ma().table(1)[1]) == [Decision.SEND, Decision.SKIP]
    assert list(Ma().table(2)[1]) == [Decision.SEND, Decision.DEFER]


@pytest.mark.parametrize("strategy", [PreCopy(), XenV2(), Qemu()])
def test_methods_that_never_look_send_whatever_is_due(strategy: Strategy) -> None:
    assert strategy.peek_batch_pages == 0
    assert decisions(strategy) == ["not-due", "not-due", "send", "send"]


@pytest.mark.parametrize("part", [XenLegacy, HistoryMajority, TimeSeries])
def test_a_full_first_round_sends_everything(part: type[Strategy]) -> None:
    full, peek = part(first_round="full"), part(first_round="peek")
    assert (full.table(1)[1] == Decision.SEND).all()
    assert np.array_equal(peek.table(1), peek.table(2))
    assert np.array_equal(full.table(2), peek.table(2))


def test_sticky_last_defers_a_hot_clean_page_and_nothing_else() -> None:
    for_good = TimeSeries(sticky_last=True).table(2)
    again = TimeSeries(sticky_last=False).table(2)
    changed = np.flatnonzero(for_good[1] != again[1])
    assert [f"{code:05b}" for code in changed] == ["11110"]
    assert for_good[1, 0b11110] == Decision.DEFER


def test_document_has_the_shape_others_read() -> None:
    document = truth_document(HistoryMajority(history=4))
    assert list(document) == ["strategy", "history", "table"]
    assert (document["strategy"], document["history"], len(document["table"])) == (
        "history-majority",
        4,
        16,
    )
    assert truth_document(XenLegacy(), history=4)["history"] == 4
    assert len(truth_document(XenLegacy(), history=4)["table"]) == 16
