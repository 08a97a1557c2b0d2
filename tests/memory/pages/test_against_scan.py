"""The pages engine against a scan page by page, write by write, decision by decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.encoding import Encoding, Stage
from cluster_emu.memory.base import RoundCounts
from cluster_emu.memory.dirtying.processes import PageWriter
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.strategies import (
    HistoryMajority,
    Ma,
    MatrixBitmap,
    PreCopy,
    Qemu,
    Strategy,
    TimeSeries,
    XenLegacy,
)
from cluster_emu.strategies.contract import Decision
from tests._support.reference_scan import Piece, ReferenceMigration, Round
from tests._support.scripted_writes import ScriptedWrites, poisson_script

PAGE_BYTES = 4104.0
HEADER_BYTES = 8


class ScriptedSizes:
    """Gives every page a size in every round, 0 for its usual size."""

    cpu_s_per_page = 0.0

    def __init__(self, payload: np.ndarray) -> None:
        self.payload = payload

    def payload_bytes(self, pages: np.ndarray, stage: Stage, round_number: int) -> np.ndarray:
        return self.payload[round_number, pages]

    def were_sent(self, pages: np.ndarray, round_number: int) -> None:
        pass

    def were_written(self, pages: np.ndarray) -> None:
        pass

    def size_of(self, round_number: int, page: int) -> float:
        payload = int(self.payload[round_number, page])
        return payload + HEADER_BYTES if payload else PAGE_BYTES


def draw_sizes(rng: np.random.Generator, rounds: int, page_count: int) -> ScriptedSizes:
    """Draw sizes of all kinds; in some rounds every page has the same one."""
    kinds = [
        np.zeros(page_count),
        np.full(page_count, rng.integers(1, 3_000)),
        rng.choice([0, 1], page_count),
        rng.choice([0, 1, 500, 3_000], page_count),
        rng.integers(1, 4_097, page_count),
    ]
    payload = [kinds[rng.integers(len(kinds))] for _ in range(rounds + 2)]
    return ScriptedSizes(np.array(payload, dtype=np.int64))


def all_alike(round_number: int, page: int) -> float:
    return PAGE_BYTES


def one_byte(round_number: int, page: int) -> float:
    return 1.0


@dataclass(frozen=True)
class MadeUp(Strategy):
    """Any table at all, as the contract allows it."""

    name: ClassVar[str] = "made-up"
    summary: ClassVar[str] = "decides at random"
    source: ClassVar[str] = "this test"

    decisions: tuple[tuple[int, ...], tuple[int, ...]]
    bits: int = 1
    batch: int = 1
    keeps: str = "sticky"
    clears: str = "round"
    chunk: int = 4
    goes_round: bool = False

    history = property(lambda self: self.bits)
    code_bits = property(lambda self: self.bits)
    peek_batch_pages = property(lambda self: self.batch)
    to_send = property(lambda self: self.keeps)
    clear_granularity = property(lambda self: self.clears)
    chunk_pages = property(lambda self: self.chunk)
    cyclic = property(lambda self: self.goes_round)

    def table(self, round_number: int) -> np.ndarray:
        row = self.decisions[0 if round_number == 1 else 1]
        return np.array([[Decision.NOT_DUE] * len(row), row], dtype=np.int8)


@st.composite
def made_up(draw: st.DrawFn) -> MadeUp:
    bits = draw(st.integers(1, 4))
    decision = st.sampled_from([Decision.SEND, Decision.SEND, Decision.SKIP, Decision.DEFER])
    row = st.tuples(*[decision] * 2**bits)
    return MadeUp(
        decisions=draw(st.tuples(row, row)),
        bits=bits,
        batch=draw(st.sampled_from([0, 1, 1, 2, 3, 1024])),
        keeps=draw(st.sampled_from(["sticky", "literal"])),
        clears=draw(st.sampled_from(["round", "chunk", "page"])),
        chunk=draw(st.integers(1, 9)),
        goes_round=draw(st.booleans()),
    )


BATCHES = st.sampled_from([1, 2, 3, 1024])
TO_SEND = st.sampled_from(["sticky", "literal"])
FIRST = st.sampled_from(["peek", "full"])


@st.composite
def matrix_bitmap(draw: st.DrawFn) -> MatrixBitmap:
    peeks = draw(st.integers(1, 5))
    theta = draw(st.integers(0, peeks - 1))
    return MatrixBitmap(peeks=peeks, theta=theta, peek_batch_pages=draw(BATCHES))


@st.composite
def time_series(draw: st.DrawFn) -> TimeSeries:
    history = draw(st.integers(1, 5))
    return TimeSeries(
        history=history,
        threshold=draw(st.integers(1, history)),
        window=draw(st.sampled_from(["inclusive", "exclusive"])),
        sticky_last=draw(st.booleans()),
        to_send=draw(TO_SEND),
        first_round=draw(FIRST),
        peek_batch_pages=draw(BATCHES),
    )


ANY_STRATEGY = st.one_of(
    made_up(),
    matrix_bitmap(),
    time_series(),
    st.builds(
        HistoryMajority,
        history=st.integers(2, 6),
        to_send=TO_SEND,
        first_round=FIRST,
        peek_batch_pages=BATCHES,
    ),
    st.builds(XenLegacy, peek_batch_pages=BATCHES, first_round=FIRST),
    st.builds(
        Qemu,
        clear_granularity=st.sampled_from(["round", "chunk", "page"]),
        chunk_pages=st.integers(1, 9),
    ),
    st.builds(Ma, peek_batch_pages=BATCHES),
    st.just(PreCopy()),
)


def draw_pieces(rng: np.random.Generator, page_count: int, changes: int) -> list[Piece]:
    """Cut a round at random instants, with random rates, thresholds and stalls, some of them 0."""
    round_bytes = page_count * PAGE_BYTES
    cut = False
    pieces = []
    for _ in range(changes + 1):
        cut = cut or (bool(pieces) and rng.random() < 0.1)
        pieces.append(
            Piece(
                sent_bytes=rng.uniform(0, 1.5 * round_bytes / (changes + 1)),
                time_per_byte=float(rng.choice([0.0, rng.uniform(0.2, 3)])) / PAGE_BYTES,
                sync_threshold_bytes=float(rng.choice([0.0, rng.uniform(0, round_bytes / 2)])),
                stall=float(rng.choice([0.0, rng.uniform(0, 3)])),
                cut=cut,
            )
        )
    return pieces


def drive(engine: PagesEngine, pieces: Sequence[Piece]) -> RoundCounts:
    """Run one round of the engine the way a migration does."""
    engine.begin_round()
    for last, piece in enumerate(pieces, start=1 - len(pieces)):
        if piece.cut:
            left = engine.cut_short()
        else:
            left = engine.plan(piece.time_per_byte, piece.sync_threshold_bytes)
        if left <= piece.sent_bytes or last == 0:
            return engine.end_round(left * piece.time_per_byte)
        engine.advance(piece.sent_bytes, piece.sent_bytes * piece.time_per_byte)
        if piece.stall:
            engine.advance(0.0, piece.stall)
    raise AssertionError("the last piece never ends")


def assert_same_round(counts: RoundCounts, expected: Round) -> None:
    assert astuple(counts)[:6] == astuple(expected)[:6]
    assert counts.bytes_sent == pytest.approx(expected.bytes_sent)


def assert_same_state(engine: PagesEngine, reference: ReferenceMigration) -> None:
    assert engine.stop_set().tolist() == reference.stop_set
    assert engine.stale_pages == len(reference.stop_set)
    assert engine.lost_update_pages() == reference.lost_updates
    assert engine.now == pytest.approx(reference.now)
    assert set(reference.truly_stale) <= set(reference.stop_set)
    if engine.versions is not None:
        assert set(engine.versions.stale().tolist()) <= set(reference.stop_set)


def compare(
    strategy: Strategy,
    seed: int,
    *,
    page_count: int,
    rounds: int = 4,
    changes: int = 0,
    writes_per_round: float = 1.0,
    warm: int = 0,
    track_versions: bool = False,
    absent_share: float = 0.0,
    several_sizes: bool = False,
) -> None:
    """Run the same random migration through both and compare after every round."""
    rng = np.random.default_rng(seed)
    script = [draw_pieces(rng, page_count, changes) for _ in range(rounds)]
    longest = max(piece.time_per_byte for pieces in script for piece in pieces) * PAGE_BYTES
    round_time = page_count * max(longest, 1.0) + 3.0 * (changes + 1)
    per_round = rng.gamma(0.5, 2 * writes_per_round, page_count)
    start, end = -5.0 * warm, rounds * round_time
    writes = poisson_script(rng, per_round * (end - start) / round_time, start, end)
    absent = frozenset(np.flatnonzero(rng.random(page_count) < absent_share).tolist())

    size_of, encoding = all_alike, Encoding(PAGE_BYTES)
    if several_sizes:
        coder = draw_sizes(rng, rounds, page_count)
        size_of, encoding = coder.size_of, Encoding(4_096, HEADER_BYTES, [coder])
    reference = ReferenceMigration(strategy, size_of, writes, absent, encoding.page_bytes)
    engine = PagesEngine(
        PageWriter(page_count, [ScriptedWrites(writes)]),
        strategy,
        encoding,
        absent=np.array(sorted(absent), dtype=np.int64) if absent else None,
        track_versions=track_versions,
    )
    reference.warm(warm, 5.0)
    engine.warm(warm, 5.0)
    for pieces in script:
        assert_same_round(drive(engine, pieces), reference.run_round(pieces))
        assert_same_state(engine, reference)
        stale_bytes = sum(size_of(reference.rounds + 1, page) for page in reference.stop_set)
        assert engine.stale_bytes == engine.stop_sizes().total_bytes == stale_bytes
    engine.arrive(engine.stop_set())
    if engine.versions is not None:
        assert engine.versions.stale().tolist() == []


@given(
    strategy=ANY_STRATEGY,
    seed=st.integers(0, 2**32 - 1),
    page_count=st.integers(1, 40),
    writes_per_round=st.sampled_from([0.0, 0.2, 1.0, 5.0]),
    warm=st.integers(0, 4),
)
@settings(max_examples=150)
def test_rounds_at_a_constant_rate(
    strategy: Strategy, seed: int, page_count: int, writes_per_round: float, warm: int
) -> None:
    compare(strategy, seed, page_count=page_count, writes_per_round=writes_per_round, warm=warm)


@given(
    strategy=ANY_STRATEGY,
    seed=st.integers(0, 2**32 - 1),
    page_count=st.integers(1, 40),
    changes=st.integers(1, 5),
    track_versions=st.booleans(),
    absent_share=st.sampled_from([0.0, 0.3]),
    several_sizes=st.booleans(),
)
@settings(max_examples=400)
def test_rates_intensities_and_thresholds_that_change_in_mid_round(
    strategy: Strategy,
    seed: int,
    page_count: int,
    changes: int,
    track_versions: bool,
    absent_share: float,
    several_sizes: bool,
) -> None:
    compare(
        strategy,
        seed,
        page_count=page_count,
        changes=changes,
        track_versions=track_versions,
        absent_share=absent_share,
        several_sizes=several_sizes,
    )


@pytest.mark.parametrize("granularity", ["round", "chunk", "page"])
def test_each_clear_granularity_forgives_exactly_the_writes_before_its_clearing(
    granularity: str,
) -> None:
    strategy = Qemu(clear_granularity=granularity, chunk_pages=5)
    for seed in range(20):
        compare(strategy, seed, page_count=23, writes_per_round=2.0)


def test_the_later_the_log_is_cleared_the_fewer_pages_are_due_again() -> None:
    # 4 pages, one second each; page 2 is written once, at 1.5 s, before its visit at 2 s.
    due_again = {}
    for granularity, chunk in (("round", 1), ("chunk", 4), ("chunk", 2), ("page", 1)):
        engine = PagesEngine(
            PageWriter(4, [ScriptedWrites([[], [], [1.5], []])]),
            Qemu(clear_granularity=granularity, chunk_pages=chunk),
            Encoding(1.0),
        )
        drive(engine, [Piece(0.0, 1.0)])
        due_again[granularity, chunk] = engine.stop_set().tolist()
    assert due_again == {
        ("round", 1): [2],
        ("chunk", 4): [2],
        ("chunk", 2): [],
        ("page", 1): [],
    }


@pytest.mark.parametrize(
    "strategy",
    [
        XenLegacy(peek_batch_pages=1024),
        XenLegacy(peek_batch_pages=1),
        HistoryMajority(),
        MatrixBitmap(peeks=4, theta=1),
        MadeUp(decisions=((1, 2), (2, 1)), batch=7),
        MadeUp(decisions=((1, 2), (2, 1)), clears="chunk", chunk=100, goes_round=True),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    ("writes_per_round", "several_sizes"), [(0.3, False), (4.0, False), (1.0, True)]
)
def test_rounds_longer_than_the_pieces_in_which_the_scan_is_solved(
    strategy: Strategy, writes_per_round: float, several_sizes: bool
) -> None:
    compare(
        strategy,
        7,
        page_count=5_000,
        rounds=2,
        changes=2,
        writes_per_round=writes_per_round,
        track_versions=True,
        several_sizes=several_sizes,
    )


def test_a_batch_looks_when_its_first_page_has_its_turn_though_the_rate_changed_before() -> None:
    # Two pages per peek. The second page is in transit from 1 s on; at 1.5 s the link slows down to
    # a tenth, so the second batch peeks at 6.5 s, not at 2 s, and finds page 2, written at 4 s.
    writes = [[], [], [4.0], []]
    pieces = [Piece(1.5, 1.0), Piece(0.0, 10.0)]
    strategy = XenLegacy(peek_batch_pages=2)
    expected = ReferenceMigration(strategy, one_byte, writes).run_round(pieces)
    assert (expected.sent, expected.skipped, expected.end) == (3, 1, 16.5)
    engine = PagesEngine(PageWriter(4, [ScriptedWrites(writes)]), strategy, Encoding(1.0))
    assert_same_round(drive(engine, pieces), expected)


def test_a_page_in_transit_when_the_round_is_cut_short_is_finished() -> None:
    engine = PagesEngine(PageWriter(10), PreCopy(), Encoding(100.0))
    engine.begin_round()
    assert engine.plan(0.01) == 1_000.0
    engine.advance(250.0, 2.5)
    assert engine.bytes_sent_in_round == 250.0
    assert engine.cut_short() == 50.0
    counts = engine.end_round(0.5)
    assert (counts.sent, counts.unvisited, counts.bytes_sent) == (3, 7, 300.0)
    assert engine.stale_pages == 7


def test_a_cut_before_anything_was_planned_sends_nothing() -> None:
    engine = PagesEngine(PageWriter(10), PreCopy(), Encoding(100.0))
    engine.begin_round()
    assert engine.cut_short() == 0.0
    counts = engine.end_round(0.0)
    assert (counts.sent, counts.unvisited, counts.bytes_sent) == (0, 10, 0.0)


def test_planning_again_and_again_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    writes = poisson_script(rng, np.full(30, 2.0), 0.0, 30.0)
    many = [Piece(0.37 * 1.0, 1.0) for _ in range(80)]
    results = []
    for pieces in ([Piece(0.0, 1.0)], [*many, Piece(0.0, 1.0)]):
        engine = PagesEngine(
            PageWriter(30, [ScriptedWrites(writes)]), HistoryMajority(), Encoding(1.0)
        )
        results.append([replace(drive(engine, pieces), bytes_sent=0.0), engine.stop_set().tolist()])
    assert results[0] == results[1]


def test_a_scan_that_goes_on_where_it_ended_peeks_at_the_right_pages() -> None:
    # Round 1 ends behind page 0, which is written meanwhile: all pages are due, from page 1 on.
    # In round 2 (1 s to 5 s) page 3 is written at 1.5 s, before its visit at 3 s.
    writes = [[0.5], [], [], [1.5]]
    strategy = MadeUp(decisions=((1, 2), (1, 2)), goes_round=True)
    reference = ReferenceMigration(strategy, one_byte, writes)
    engine = PagesEngine(PageWriter(4, [ScriptedWrites(writes)]), strategy, Encoding(1.0))
    for pieces in ([Piece(0.0, 1.0, sync_threshold_bytes=3.5)], [Piece(0.0, 1.0)]):
        expected = reference.run_round(pieces)
        assert_same_round(drive(engine, pieces), expected)
        assert_same_state(engine, reference)
    assert (expected.due, expected.sent, expected.skipped) == (4, 3, 1)
