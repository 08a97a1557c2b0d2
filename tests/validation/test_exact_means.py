"""Exact means per page for independent dirty bits, N = 5, 5 rounds, and what orders them."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.strategies import (
    HistoryMajority,
    Ma,
    MatrixBitmap,
    PreCopy,
    StopAndCopy,
    Strategy,
    TimeSeries,
    XenLegacy,
)
from cluster_emu.validation import exact_means, migrate_page
from cluster_emu.validation.exact_means import sequences
from tests._support.made_up_rules import SendSet

XEN = XenLegacy(first_round="full")
LITERAL = HistoryMajority(to_send="literal", first_round="full")
STICKY = HistoryMajority(to_send="sticky", first_round="full")


def hu(threshold: int, to_send: str = "literal", **parameters: object) -> TimeSeries:
    return TimeSeries(threshold=threshold, to_send=to_send, first_round="full", **parameters)


def means(strategy: Strategy, **options: object) -> tuple[F, F, F]:
    counts = exact_means(strategy, **options)
    return counts.before_stop, counts.in_stop, counts.total


@pytest.mark.parametrize(
    ("strategy", "before_stop", "in_stop", "total"),
    [
        (PreCopy(), F(3), F(1, 2), F(7, 2)),
        (XEN, F(2), F(1, 2), F(5, 2)),
        (hu(5), F(2), F(1, 2), F(5, 2)),
        (LITERAL, F(3, 2), F(47, 64), F(143, 64)),
        (hu(3), F(3, 2), F(47, 64), F(143, 64)),
        (STICKY, F(13, 8), F(21, 32), F(73, 32)),
        (hu(3, "sticky"), F(13, 8), F(21, 32), F(73, 32)),
        (hu(4), F(15, 8), F(143, 256), F(15, 8) + F(143, 256)),
        (StopAndCopy(), F(0), F(1), F(1)),
    ],
)
def test_means_at_one_half_with_warm_history(
    strategy: Strategy, before_stop: F, in_stop: F, total: F
) -> None:
    assert means(strategy) == (before_stop, in_stop, total)


def test_cold_history_lets_more_pages_through() -> None:
    before_stop, in_stop, total = means(LITERAL, warm=False)
    assert (before_stop, in_stop, total) == (F(29, 16), F(21, 32), F(79, 32))
    assert means(XEN, warm=False) == means(XEN)


@pytest.mark.parametrize(
    ("p", "proposed", "xen"),
    [(F(1, 10), (1.350, 0.109), (1.360, 0.100)), (F(9, 10), (1.010, 0.997), (1.360, 0.900))],
)
def test_means_of_cold_and_hot_pages(
    p: F, proposed: tuple[float, float], xen: tuple[float, float]
) -> None:
    for strategy, expected in ((LITERAL, proposed), (XEN, xen)):
        measured = [float(mean) for mean in means(strategy, p=p)[:2]]
        assert measured == pytest.approx(expected, abs=5e-4)


def test_the_literal_reading_would_lose_updates_and_the_sticky_one_none() -> None:
    assert exact_means(LITERAL).lost_updates == F(47, 64) - F(1, 2)
    assert exact_means(STICKY).lost_updates == 0
    assert exact_means(hu(3, "sticky", sticky_last=True)).lost_updates == 0


def test_without_threshold_slack_matrix_bitmap_is_xen() -> None:
    every_peek = XenLegacy(peek_batch_pages=1)
    for peeks in range(1, 6):
        assert exact_means(MatrixBitmap(peeks=peeks)) == exact_means(every_peek)


def test_ma_sends_a_page_until_it_is_dirty_twice_running() -> None:
    # Clean, then dirty: sent twice. Dirty, dirty: deferred in round 2 and never live again.
    assert migrate_page(Ma(), [0, 1, 0, 0]).before_stop == 2
    assert migrate_page(Ma(), [1, 0, 0, 0]).before_stop == 1
    deferred = migrate_page(Ma(), [1, 1, 0, 0])
    assert (deferred.before_stop, deferred.in_stop, deferred.lost_updates) == (0, 1, 0)


def test_sticky_last_never_sends_a_hot_page_again() -> None:
    bits = [1, 1, 0, 0, 0, 0, 0]
    for_good = TimeSeries(threshold=2, sticky_last=True)
    reconsidered = TimeSeries(threshold=2, sticky_last=False)
    assert migrate_page(for_good, bits).in_stop == 1
    assert migrate_page(reconsidered, bits).in_stop == 0


def assert_stricter(strict: Strategy | SendSet, lax: Strategy | SendSet) -> None:
    """A stricter filter sends no more before the stop, no fewer in it, and no more altogether."""
    warm_bits = max(strict.code_bits, lax.code_bits) - 1
    for bits in sequences(warm_bits + 5):
        a = migrate_page(strict, bits[warm_bits:], bits[:warm_bits])
        b = migrate_page(lax, bits[warm_bits:], bits[:warm_bits])
        assert a.before_stop <= b.before_stop
        assert a.in_stop >= b.in_stop
        assert a.total <= b.total


CHAINS = [
    [hu(threshold, to_send) for threshold in range(1, 6)] for to_send in ("literal", "sticky")
]


@pytest.mark.parametrize("chain", [*CHAINS, [LITERAL, STICKY, XEN], [hu(3, "sticky"), XEN]])
def test_a_stricter_filter_trades_live_pages_for_downtime(chain: list[Strategy]) -> None:
    for strict, lax in pairwise(chain):
        assert_stricter(strict, lax)


def test_deferring_for_good_is_stricter_than_trying_again() -> None:
    assert_stricter(hu(3, "sticky", sticky_last=True), hu(3, "sticky"))


CODE_BITS = 3
CLEAN_NOW = frozenset(range(0, 2**CODE_BITS, 2))


@given(
    lax=st.frozensets(st.sampled_from(sorted(CLEAN_NOW))),
    dropped=st.frozensets(st.sampled_from(sorted(CLEAN_NOW))),
    to_send=st.sampled_from(["sticky", "literal"]),
)
def test_any_filter_of_clean_pages_obeys_the_theorem(
    lax: frozenset[int], dropped: frozenset[int], to_send: str
) -> None:
    assert_stricter(SendSet(lax - dropped, CODE_BITS, to_send), SendSet(lax, CODE_BITS, to_send))


def test_no_filter_leaves_less_to_the_stop_than_xen() -> None:
    # A page dirtied in the last round is always stale; Xen leaves exactly those pages.
    for bits in sequences(5):
        assert migrate_page(XEN, bits).in_stop == bits[-1]
