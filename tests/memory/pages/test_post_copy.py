"""Post-copy: every page once, in the order asked for, and what a fault costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.encoding import PageSizes
from cluster_emu.memory.base import FaultCosts
from cluster_emu.memory.dirtying.processes import PageWriter
from cluster_emu.memory.pages.post_copy import PostCopyEngine
from cluster_emu.memory.versions import PageVersions
from tests._support.scripted_writes import ScriptedWrites, poisson_script

PAGE_BYTES = 100.0
NO_COSTS = FaultCosts(round_trip_s=0.0, queued_pages=0, touches_per_write=1.0)


class Arrivals(PageVersions):
    """Remembers in which order pages arrived."""

    def __init__(self, page_count: int) -> None:
        super().__init__(page_count)
        self.order: list[int] = []

    def arrived(self, pages: np.ndarray) -> None:
        super().arrived(pages)
        self.order.extend(pages.tolist())


def post_copy(
    writes: Sequence[Sequence[float]],
    *,
    missing: Sequence[int] | None = None,
    costs: FaultCosts = NO_COSTS,
    bubbling: bool = True,
    pivots: int = 1,
    now: float = 0.0,
    sizes: PageSizes | None = None,
) -> tuple[PostCopyEngine, Arrivals]:
    arrivals = Arrivals(len(writes))
    pages = np.arange(len(writes)) if missing is None else np.array(missing, dtype=np.int64)
    engine = PostCopyEngine(
        pages,
        PageWriter(len(writes), [ScriptedWrites(writes)]),
        PageSizes(len(pages), PAGE_BYTES) if sizes is None else sizes,
        costs,
        bubbling=bubbling,
        pivots=pivots,
        now=now,
        next_round=1,
        versions=arrivals,
    )
    return engine, arrivals


def test_without_faults_pages_are_pushed_in_address_order() -> None:
    for bubbling in (False, True):
        engine, arrivals = post_copy([[]] * 6, bubbling=bubbling)
        engine.advance(6.0, PAGE_BYTES, 1.0)
        assert arrivals.order == [0, 1, 2, 3, 4, 5]
        assert (engine.faults, engine.stall_s, engine.bytes_left) == (0, 0.0, 0.0)


def test_pushing_grows_on_both_sides_of_the_last_fault() -> None:
    writes: list[list[float]] = [[]] * 9
    writes[4] = [0.25]
    engine, arrivals = post_copy(writes)
    engine.advance(20.0, PAGE_BYTES, 1.0)
    assert engine.faults == 1
    assert arrivals.order == [4, 5, 3, 6, 2, 7, 1, 8, 0]


def test_without_bubbling_pushing_goes_upwards_from_the_fault_and_round() -> None:
    writes: list[list[float]] = [[]] * 9
    writes[4] = [0.25]
    engine, arrivals = post_copy(writes, bubbling=False)
    engine.advance(20.0, PAGE_BYTES, 1.0)
    assert arrivals.order == [4, 5, 6, 7, 8, 0, 1, 2, 3]


def test_several_pivots_share_the_pushed_pages() -> None:
    writes: list[list[float]] = [[]] * 101
    writes[20], writes[80] = [0.25], [1.3]
    engine, arrivals = post_copy(writes, pivots=2)
    engine.advance(22.5, PAGE_BYTES, 1.0)
    after = arrivals.order[arrivals.order.index(80) + 1 :]
    near = [min(abs(page - 20), abs(page - 80)) for page in after]
    assert max(near) <= 7
    assert sum(page < 50 for page in after) == pytest.approx(len(after) / 2, abs=1)


@pytest.mark.parametrize(
    ("round_trip_s", "queued", "stall_s"), [(0.0, 0, 1.0), (0.5, 0, 1.5), (0.25, 3, 4.25)]
)
def test_a_fault_costs_the_round_trip_the_queue_and_the_page(
    round_trip_s: float, queued: int, stall_s: float
) -> None:
    writes: list[list[float]] = [[]] * 50
    writes[30] = [0.25]
    costs = FaultCosts(round_trip_s=round_trip_s, queued_pages=queued, touches_per_write=1.0)
    engine, _ = post_copy(writes, costs=costs)
    engine.advance(60.0, PAGE_BYTES, 1.0)
    assert (engine.faults, engine.stall_s) == (1, pytest.approx(stall_s))


@pytest.mark.parametrize(
    ("processors", "faults", "stall_s"),
    [
        # one after the other: pages 30 and 40 wait 1.5 s each
        (1, 2, 3.0),
        # both at once: page 30 from 0.25 to 1.75 s, page 40 from 0.5 s until a page later, 2.75 s
        (2, 2, (1.5 + 2.25) / 2),
        (4, 2, (1.5 + 2.25) / 4),
    ],
)
def test_a_fault_stops_one_processor(processors: int, faults: int, stall_s: float) -> None:
    # Touched at 0.25 s and, while one of v processors waits, 0.25 v / (v - 1) s later.
    second = 0.25 + 0.25 * (1.0 - 1.0 / processors)
    writes: list[list[float]] = [[]] * 50
    writes[30], writes[40] = [0.25], [second]
    costs = FaultCosts(
        round_trip_s=0.5, queued_pages=0, touches_per_write=1.0, processors=processors
    )
    engine, arrivals = post_copy(writes, costs=costs)
    engine.advance(60.0, PAGE_BYTES, 1.0)
    assert (engine.faults, engine.stall_s) == (faults, pytest.approx(stall_s))
    assert arrivals.order.index(30) < arrivals.order.index(40)
    assert sorted(arrivals.order) == list(range(50))


def test_a_page_requested_later_waits_behind_the_same_buffer() -> None:
    # Page 30 waits for 3 queued pages: 0.25 to 4.25 s. Page 40 is requested 1 s later, waits for
    # 3 queued pages of which page 30 is one, and arrives at 5.25 s.
    writes: list[list[float]] = [[]] * 50
    writes[30], writes[40] = [0.25], [0.75]
    costs = FaultCosts(round_trip_s=0.0, queued_pages=3, touches_per_write=1.0, processors=2)
    engine, _ = post_copy(writes, costs=costs)
    engine.advance(60.0, PAGE_BYTES, 1.0)
    assert (engine.faults, engine.stall_s) == (2, pytest.approx((4.0 + 4.0) / 2))


def test_a_page_that_is_there_already_costs_no_fault() -> None:
    writes: list[list[float]] = [[]] * 10
    writes[0], writes[7] = [1.5], [0.1]
    engine, _ = post_copy(writes, missing=range(5))
    engine.advance(5.0, PAGE_BYTES, 1.0)
    assert (engine.faults, engine.stall_s) == (0, 0.0)


def test_the_vm_does_not_run_while_it_waits() -> None:
    # Both pages are touched at 0.5 s of the VM's own time: the second fault comes right after the
    # first page has arrived, and so on; each costs one page time.
    writes: list[list[float]] = [[]] * 40
    for page in (20, 30, 39):
        writes[page] = [0.5 + page * 1e-6]
    engine, arrivals = post_copy(writes)
    engine.advance(3.6, PAGE_BYTES, 1.0)
    assert engine.faults == 3
    assert engine.stall_s == pytest.approx(3.0)
    assert arrivals.order == [20, 30, 39]


def test_a_paused_vm_touches_nothing() -> None:
    engine, _ = post_copy([[0.1]] * 20)
    engine.advance(10.0, PAGE_BYTES, 0.0)
    assert (engine.faults, engine.bytes_left) == (0, 10 * PAGE_BYTES)


def test_touches_come_more_often_than_writes() -> None:
    writes: list[list[float]] = [[]] * 50
    writes[40] = [8.0]
    costs = FaultCosts(round_trip_s=0.0, queued_pages=0, touches_per_write=4.0)
    engine, arrivals = post_copy(writes, costs=costs)
    engine.advance(1.9, PAGE_BYTES, 1.0)
    assert engine.faults == 0
    engine.advance(1.5, PAGE_BYTES, 1.0)  # touched at 8 / 4 = 2 s
    assert engine.faults == 1
    assert 40 in arrivals.order


def test_a_link_that_is_down_blocks_the_vm_but_breaks_nothing() -> None:
    writes: list[list[float]] = [[]] * 10
    writes[5] = [1.0]
    engine, _ = post_copy(writes)
    engine.advance(4.0, 0.0, 1.0)
    assert engine.bytes_left == 10 * PAGE_BYTES
    engine.advance(20.0, PAGE_BYTES, 1.0)
    assert engine.bytes_left == pytest.approx(0.0, abs=1e-9)
    assert engine.faults == 1
    assert engine.stall_s == pytest.approx(4.0)  # 3 s without a link and the page itself


def test_a_fault_waits_for_a_page_of_its_own_size_behind_pages_of_the_mean_size() -> None:
    writes: list[list[float]] = [[]] * 40
    writes[30] = [0.001]
    sizes = PageSizes(40, 1.0, np.array([10, 50] * 20))
    costs = FaultCosts(round_trip_s=0.5, queued_pages=2, touches_per_write=1.0)
    engine, _ = post_copy(writes, costs=costs, sizes=sizes)
    engine.advance(60.0, 100.0, 1.0)
    assert engine.faults == 1
    assert engine.stall_s == pytest.approx(0.5 + (2 * 30 + 10) / 100.0)


def test_small_pages_are_pushed_by_the_bytes_they_take() -> None:
    sizes = PageSizes(5, 1.0, np.array([10, 500, 10, 10, 10]))
    engine, arrivals = post_copy([[]] * 5, sizes=sizes)
    engine.advance(5.15, 100.0, 1.0)
    assert (arrivals.order, engine.pages_arrived) == ([0, 1], 2)
    assert engine.bytes_left == pytest.approx(25.0)
    engine.advance(0.3, 100.0, 1.0)
    assert arrivals.order == [0, 1, 2, 3, 4]


def test_a_fault_does_not_give_the_bytes_of_a_large_page_to_small_ones() -> None:
    writes: list[list[float]] = [[]] * 40
    writes[20] = [1.0]
    sizes = PageSizes(40, 1.0, np.array([500] + [10] * 39))
    engine, arrivals = post_copy(writes, sizes=sizes, bubbling=False)
    engine.advance(4.9, 100.0, 1.0)  # page 0 is in transit, page 20 is requested
    assert arrivals.order == [20]
    engine.advance(0.25, 100.0, 1.0)
    assert arrivals.order == [20, 0]
    engine.advance(0.2, 100.0, 1.0)
    assert arrivals.order == [20, 0, 21, 22]


def run_in_pieces(
    writes: Sequence[Sequence[float]],
    cuts: Sequence[float],
    rate: float,
    intensity: float,
    pivots: int,
    bubbling: bool,
    round_trip_s: float,
    sizes: PageSizes,
) -> tuple[PostCopyEngine, Arrivals]:
    costs = FaultCosts(round_trip_s=round_trip_s, queued_pages=0, touches_per_write=1.0)
    engine, arrivals = post_copy(writes, costs=costs, pivots=pivots, bubbling=bubbling, sizes=sizes)
    edges = np.array([0.0, *sorted(cuts), 1.0]) * sizes.total_bytes / rate
    for duration_s in np.diff(edges):
        if duration_s > 0:
            engine.advance(float(duration_s), rate, intensity)
    return engine, arrivals


PUSHES = {
    "seed": st.integers(0, 2**32 - 1),
    "pages": st.integers(1, 60),
    "cuts": st.lists(st.floats(0.0, 1.0), max_size=6),
    "pivots": st.integers(1, 4),
    "bubbling": st.booleans(),
    "round_trip_s": st.sampled_from([0.0, 0.123, 3.21]),
    "several_sizes": st.booleans(),
}


def draw_sizes(rng: np.random.Generator, pages: int, *, several: bool) -> PageSizes:
    if not several:
        return PageSizes(pages, PAGE_BYTES)
    return PageSizes(pages, 1.0, rng.choice([1, 3, 40, 100, 700], pages))


@given(**PUSHES)
def test_every_missing_page_arrives_exactly_once(
    seed: int,
    pages: int,
    cuts: list[float],
    pivots: int,
    bubbling: bool,
    round_trip_s: float,
    several_sizes: bool,
) -> None:
    rng = np.random.default_rng(seed)
    rate = 97.3
    sizes = draw_sizes(rng, pages, several=several_sizes)
    total_s = sizes.total_bytes / rate
    writes = poisson_script(rng, rng.gamma(0.5, 1.0, pages), 0.0, total_s)
    engine, arrivals = run_in_pieces(writes, cuts, rate, 1.0, pivots, bubbling, round_trip_s, sizes)
    assert engine.bytes_left == pytest.approx(0.0, abs=1e-6)
    assert engine.bytes_sent == pytest.approx(sizes.total_bytes)
    engine.finish()
    assert sorted(arrivals.order) == list(range(pages))
    assert (engine.pages_arrived, engine.bytes_left) == (pages, 0.0)
    touched = sum(bool(own) for own in writes)
    assert engine.faults <= touched
    assert 0 <= engine.stall_s <= total_s * (1 + 1e-9)
    # the last fault may still be waiting when the last byte is on the wire
    finished = max(engine.faults - 1, 0)
    smallest = 1.0 if several_sizes else PAGE_BYTES
    assert engine.stall_s >= finished * (round_trip_s + smallest / rate) - 1e-9


@given(**{**PUSHES, "pivots": st.just(1)})
def test_a_push_is_the_same_however_time_is_cut(
    seed: int,
    pages: int,
    cuts: list[float],
    pivots: int,
    bubbling: bool,
    round_trip_s: float,
    several_sizes: bool,
) -> None:
    rng = np.random.default_rng(seed)
    writes = poisson_script(rng, rng.gamma(0.5, 1.0, pages), 0.0, pages * 2.0)
    sizes = draw_sizes(rng, pages, several=several_sizes)
    results = []
    for pieces in ([], cuts):
        engine, _ = run_in_pieces(writes, pieces, 97.3, 0.9, pivots, bubbling, round_trip_s, sizes)
        results.append((engine.faults, engine.stall_s))
    assert results[0] == (results[1][0], pytest.approx(results[1][1]))


def test_faults_of_given_dirty_sets_come_at_resume() -> None:
    engine = PostCopyEngine(
        np.arange(10),
        PageWriter(10, round_sets=lambda number: np.array([number, 9])),
        PageSizes(10, PAGE_BYTES),
        NO_COSTS,
        bubbling=True,
        pivots=1,
        now=3.0,
        next_round=4,
    )
    engine.advance(2.0, PAGE_BYTES, 1.0)
    assert engine.faults == 2
    assert engine.stall_s == pytest.approx(2.0)
