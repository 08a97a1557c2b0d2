"""The laws of the write processes: who is dirty by when, and who is written again.

Random tests use fixed seeds, so they pass or fail for good; their thresholds are such that a right
program fails with a chance of at most 1e-6 per statistic should the seeds or the draws ever change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cluster_emu.memory.dirtying.processes import (
    ClassWrites,
    MovingWrites,
    PageWriter,
    ReplayedWrites,
    SweepWrites,
    WriteProcess,
    poisson_writes,
)
from cluster_emu.memory.dirtying.sources import ProfileSource, Replay, Samples, Uniform
from cluster_emu.memory.pages.dirty_log import NEVER, DirtyLog
from cluster_emu.rng import RandomStreams
from cluster_emu.workload.profiles import WriteProfile, load_profiles
from cluster_emu.workload.writes import MovingSet, Sweep, WriteClass

FALSE_ALARM = 1e-6
PAGES = 40_000

Cuts = Sequence[float]
SPARSE, DENSE = 0.05, 3.0
EDGE = 1e-8


def first_writes(process: WriteProcess, pages: int, cuts: Cuts, start: float = 0.0) -> np.ndarray:
    """Return every page's first write after `start`, logged window by window, [pages]."""
    log = DirtyLog(pages)
    log.clear(start)
    writer = PageWriter(pages, [process])
    for cut in cuts:
        writer.write(log, cut)
    return log.first_write


def assert_share(hits: np.ndarray, probability: float) -> None:
    count = int(np.count_nonzero(hits))
    assert stats.binomtest(count, hits.size, probability).pvalue > FALSE_ALARM


def assert_exponential_until(times: np.ndarray, rate: float, end: float) -> None:
    """First writes must have the law of an exponential seen until `end`."""
    assert_share(times <= end, -math.expm1(-rate * end))
    seen = times[times <= end]
    scaled = -np.expm1(-rate * seen) / -math.expm1(-rate * end)
    assert stats.kstest(scaled, "uniform").pvalue > FALSE_ALARM


# --- Poisson writes ------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.01, SPARSE, 0.499, 0.501, DENSE, 20.0])
def test_pages_are_dirty_with_one_minus_exp_of_minus_the_writes_expected(rate: float) -> None:
    everyone = ClassWrites([(np.arange(PAGES), rate)], PAGES, np.random.default_rng(1))
    assert_exponential_until(first_writes(everyone, PAGES, [1.0]), rate, 1.0)


@pytest.mark.parametrize(
    "cuts",
    [
        [0.5, 1.0],
        [0.001, 0.9, 1.0],
        np.linspace(0.01, 1.0, 100).tolist(),
        [0.8, 0.81, 0.82, 1.0],
    ],
    ids=["halves", "uneven", "hundredths", "long-then-short"],
)
@pytest.mark.parametrize("rate", [0.3, 1.0, 8.0])
def test_splitting_a_window_leaves_the_law_as_it_is(cuts: Cuts, rate: float) -> None:
    # windows of either branch: dense where rate x window > 0.5, sparse elsewhere
    everyone = ClassWrites([(np.arange(PAGES), rate)], PAGES, np.random.default_rng(2))
    assert_exponential_until(first_writes(everyone, PAGES, cuts), rate, 1.0)


def test_dense_and_sparse_branch_have_the_same_law() -> None:
    rate = 0.5
    sparse = ClassWrites([(np.arange(PAGES), rate)], PAGES, np.random.default_rng(3))
    dense = ClassWrites([(np.arange(PAGES), rate)], PAGES, np.random.default_rng(4))
    by_sparse = first_writes(sparse, PAGES, [0.999])
    by_dense = first_writes(dense, PAGES, [4.0])
    seen = [times[times <= 0.999] for times in (by_sparse, by_dense)]
    assert stats.ks_2samp(*seen).pvalue > FALSE_ALARM


def test_an_abandoned_window_drawn_afresh_leaves_the_law_as_it_is() -> None:
    log = DirtyLog(PAGES)
    writer = PageWriter(PAGES, [ClassWrites([(np.arange(PAGES), 1.0)], PAGES, _rng(5))])
    writer.write(log, 0.9)
    early = log.first_write.copy()
    log.clear(0.2)  # a round that ended at 0.2 although writes up to 0.9 were known
    writer.write(log, 1.2)
    assert_exponential_until(early, 1.0, 0.2)
    assert_exponential_until(log.first_write - 0.2, 1.0, 1.0)
    assert abs(stats.pearsonr(early <= 0.9, log.first_write <= 1.2)[0]) < 5 / math.sqrt(PAGES)


def test_pages_are_independent_of_each_other() -> None:
    # the number of dirty pages in blocks of 20 must be binomial: chi-square over 2,000 blocks
    everyone = ClassWrites([(np.arange(PAGES), 0.3)], PAGES, _rng(6))
    p = -math.expm1(-0.3)
    blocks = (first_writes(everyone, PAGES, [0.4, 1.0]) <= 1.0).reshape(-1, 20).sum(axis=1)
    dispersion = float(((blocks - 20 * p) ** 2).sum() / (20 * p * (1 - p)))
    low, high = stats.chi2(len(blocks)).interval(1 - FALSE_ALARM)
    assert low < dispersion < high


def test_each_class_has_its_own_rate_and_other_pages_are_left_alone() -> None:
    groups = [(np.arange(0, 20_000), 2.0), (np.arange(20_000, 30_000), 0.1)]
    times = first_writes(ClassWrites(groups, PAGES, _rng(7)), PAGES, [1.0])
    assert_share(times[:20_000] <= 1.0, -math.expm1(-2.0))
    assert_share(times[20_000:30_000] <= 1.0, -math.expm1(-0.1))
    assert np.all(times[30_000:] == NEVER)


@pytest.mark.parametrize("rate", [0.0, 1e-12])
def test_what_is_hardly_ever_written_stays_clean(rate: float) -> None:
    times = first_writes(ClassWrites([(np.arange(100), rate)], 100, _rng(8)), 100, [1.0, 2.0])
    assert np.all(times == NEVER)


@given(
    rate=st.floats(0.0, 50.0),
    start=st.floats(-100.0, 100.0),
    length=st.floats(0.0, 10.0),
    seed=st.integers(0, 1000),
)
def test_writes_lie_within_their_window(
    rate: float, start: float, length: float, seed: int
) -> None:
    log = DirtyLog(50)
    log.clear(start)
    poisson_writes(log, np.arange(10, 40), rate, start, start + length, _rng(seed))
    written = log.written()
    assert sorted(written.tolist()) == np.flatnonzero(log.first_write < NEVER).tolist()
    times = log.first_write[written]
    assert np.all((times >= start) & (times <= start + length))
    assert set(written.tolist()) <= set(range(10, 40))


def test_rewritten_draws_one_minus_exp_of_each_pages_own_stretch() -> None:
    pages = np.arange(PAGES)
    writes = ClassWrites([(pages[: PAGES // 2], 1.0), (pages[PAGES // 2 :], 0.2)], PAGES, _rng(9))
    since = np.where(pages % 2 == 0, 0.5, 2.5)
    again = writes.rewritten(pages, since, 3.0)
    for rate, half in ((1.0, pages < PAGES // 2), (0.2, pages >= PAGES // 2)):
        for span, parity in ((2.5, 0), (0.5, 1)):
            chosen = half & (pages % 2 == parity)
            assert_share(again[chosen], -math.expm1(-rate * span))
    assert not writes.rewritten(pages, np.full(PAGES, 3.0), 3.0).any()


# --- several processes on the same pages ---------------------------------------------------------


def test_rates_of_processes_that_write_the_same_pages_add_up() -> None:
    everyone = np.arange(PAGES)
    both = [
        ClassWrites([(everyone, rate)], PAGES, _rng(seed)) for seed, rate in ((10, 0.8), (20, 0.7))
    ]
    log = DirtyLog(PAGES)
    PageWriter(PAGES, both).write(log, 1.0)
    assert_exponential_until(log.first_write, 1.5, 1.0)


@pytest.mark.parametrize("order", [1, -1])
def test_the_first_write_counts_whichever_process_makes_it(order: int) -> None:
    # the sweep passes page p at p / 100 s; every page is also written at a random time
    sweep = SweepWrites(0, 100, 100.0, -1.0)
    writes = ClassWrites([(np.arange(100), 2.0)], 100, _rng(11))
    log = DirtyLog(100)
    PageWriter(100, [sweep, writes][::order]).write(log, 2.0)
    assert np.all(log.first_write <= (np.arange(100) + 1) / 100 + 1e-9)


# --- moving working set --------------------------------------------------------------------------


def moving(share: float, rate: float, period: float = 10.0, offset: float = 0.0) -> MovingWrites:
    return MovingWrites(
        PAGES, round(share * PAGES), rate, period, offset, lambda n: _rng(1_000 + n), _rng(12)
    )


def test_a_moving_set_writes_its_share_within_a_period() -> None:
    times = first_writes(moving(0.3, 1.0), PAGES, [2.0, 5.0])
    expected = 0.3 * -math.expm1(-5.0)
    assert_share(times <= 5.0, expected)


def test_sets_of_different_periods_are_independent_and_those_of_one_period_are_the_same() -> None:
    share, rate = 0.4, 30.0  # pages in the set are almost surely written
    times = first_writes(moving(share, rate), PAGES, [9.0])
    again = first_writes(moving(share, rate), PAGES, [9.5])
    assert np.array_equal(times < NEVER, again < NEVER)
    following = first_writes(moving(share, rate), PAGES, [19.0], start=10.0)
    assert_share((times < NEVER) & (following < NEVER), share**2)
    both = first_writes(moving(share, rate), PAGES, [19.0])
    assert_share(both < NEVER, 1 - (1 - share) ** 2)


def test_the_moving_set_changes_at_its_offset() -> None:
    share, rate = 0.4, 30.0
    # the last redraw was 4 s before time 0, so sets change at 6 s, 16 s ...
    before = first_writes(moving(share, rate, offset=4.0), PAGES, [5.9])
    across = first_writes(moving(share, rate, offset=4.0), PAGES, [7.0])
    assert_share(before < NEVER, share)
    assert_share(across < NEVER, 1 - (1 - share) ** 2)


@pytest.mark.parametrize("start", [-3.0, -8.0, -13.0, -25.0])
def test_the_set_moves_before_time_zero_as_well(start: float) -> None:
    # a warm history is logged at negative operational times
    times = first_writes(moving(0.3, 30.0), PAGES, [start + 1.0], start=start)
    assert_share(times < NEVER, 0.3)


def test_rewritten_knows_in_which_periods_a_page_is_in_the_set() -> None:
    writes = moving(0.4, 0.5)
    pages = np.arange(PAGES)
    hot = [first_writes(moving(0.4, 50.0), PAGES, [10.0 * n + 5], 10.0 * n) < NEVER for n in (0, 1)]
    again = writes.rewritten(pages, np.full(PAGES, 6.0), 13.0)
    for in_first in (False, True):
        for in_second in (False, True):
            chosen = (hot[0] == in_first) & (hot[1] == in_second)
            span = 4.0 * in_first + 3.0 * in_second
            assert_share(again[chosen], -math.expm1(-0.5 * span))


# --- sweep and replay: exact ---------------------------------------------------------------------


@given(
    first=st.integers(0, 10),
    region=st.integers(1, 12),
    speed=st.sampled_from([0.0, 0.3, 1.0, 7.0, 100.0]),
    offset=st.floats(0, 12),
    start=st.floats(-5, 5),
    length=st.floats(0.0, 20.0),
)
def test_a_sweep_passes_page_after_page(
    first: int, region: int, speed: float, offset: float, start: float, length: float
) -> None:
    end = start + length
    times = first_writes(SweepWrites(first, region, speed, offset), 30, [end], start)
    for page in range(30):
        # a pass so near the edge of the window that rounding decides may count or not
        surely = _sweep_passes(page - first, region, speed, offset, start + EDGE, end - EDGE)
        perhaps = _sweep_passes(page - first, region, speed, offset, start - EDGE, end + EDGE)
        possible = [*perhaps[: len(perhaps) - len(surely) + 1], *([] if surely else [NEVER])]
        assert any(times[page] == pytest.approx(each, abs=EDGE) for each in possible)


def _sweep_passes(
    place: int, region: int, speed: float, offset: float, start: float, end: float
) -> list[float]:
    """Return when position offset + speed x time equals place + k x region, in (start, end]."""
    if not 0 <= place < region or speed == 0:
        return []
    laps = range(-600, 2_600)
    passes = [(place + lap * region - offset) / speed for lap in laps]
    return [time for time in passes if start < time <= end]


@given(
    region=st.integers(1, 12),
    speed=st.sampled_from([0.3, 1.0, 7.0]),
    since=st.floats(0, 10),
    length=st.floats(0, 5),
)
def test_a_sweep_says_whom_it_passes_again(
    region: int, speed: float, since: float, length: float
) -> None:
    sweep = SweepWrites(2, region, speed, 0.123456)
    pages = np.arange(20)
    again = sweep.rewritten(pages, np.full(20, since), since + length)
    for page in range(20):
        window = (since + EDGE, since + length - EDGE), (since - EDGE, since + length + EDGE)
        surely, perhaps = (
            bool(_sweep_passes(page - 2, region, speed, 0.123456, *edges)) for edges in window
        )
        assert again[page] in {surely, perhaps}


def test_a_replay_writes_each_set_within_its_interval_and_starts_again() -> None:
    sets = [np.array([0, 2]), np.array([], dtype=np.int64), np.array([1])]
    replay = ReplayedWrites(sets, 0.5, _rng)
    for number in range(-3, 9):
        start = 0.5 * number
        times = first_writes(replay, 3, [start + 0.5], start)
        written = np.flatnonzero(times < NEVER)
        assert written.tolist() == sorted(sets[number % 3].tolist())
        assert np.all((times[written] > start) & (times[written] <= start + 0.5))


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=8))
def test_a_replay_is_the_same_however_it_is_cut(lengths: list[float]) -> None:
    sets = [np.arange(0, 40, 2), np.arange(0, 40, 5), np.arange(7)]
    cuts = np.cumsum(lengths).tolist()
    whole = first_writes(ReplayedWrites(sets, 0.3, _rng), 40, cuts[-1:])
    pieces = first_writes(ReplayedWrites(sets, 0.3, _rng), 40, cuts)
    assert np.array_equal(whole, pieces)


def test_a_replay_knows_who_is_written_again() -> None:
    sets = [np.array([0, 1]), np.array([1, 2])]
    replay = ReplayedWrites(sets, 1.0, _rng)
    pages = np.arange(4)
    assert replay.rewritten(pages, np.full(4, 1.0), 2.0).tolist() == [False, True, True, False]
    assert replay.rewritten(pages, np.full(4, 0.0), 1.0).tolist() == [True, True, False, False]
    own = np.array([2.0, 1.0, 0.0, 0.0])
    assert replay.rewritten(pages, own, 2.0).tolist() == [False, True, True, False]


def test_a_replay_over_any_time_takes_no_more_than_a_loop() -> None:
    drawn: list[int] = []

    def stream_of(key: int) -> np.random.Generator:
        drawn.append(key)
        return _rng(key)

    sets = [np.array([0, 1]), np.array([1, 2])]
    replay = ReplayedWrites(sets, 0.1, stream_of)
    long = first_writes(replay, 4, [1e9], 5.03)
    assert len(drawn) <= len(sets) + 2
    assert np.array_equal(long, first_writes(replay, 4, [5.5], 5.03))
    again = replay.rewritten(np.arange(4), np.full(4, 7.77), 1e9)
    assert again.tolist() == [True, True, True, False]
    assert len(drawn) <= 3 * (len(sets) + 2)


# --- the log -------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1)), max_size=12), max_size=5))
def test_the_log_keeps_the_first_of_the_writes_of_a_window(
    windows: list[list[tuple[int, float]]],
) -> None:
    log = DirtyLog(10)
    first: dict[int, float] = {}
    for number, window in enumerate(windows):
        writes = sorted((number + time, page) for page, time in window)
        for time, page in writes:
            first.setdefault(page, time)
        log.record(
            np.array([p for _, p in writes], dtype=np.int64), np.array([t for t, _ in writes])
        )
    for page in range(10):
        assert log.first_write[page] == first.get(page, NEVER)
    for until in (0.0, 0.5, 2.5, 9.0):
        dirty = {page for page, time in first.items() if time <= until}
        assert set(log.dirty_pages(until).tolist()) == dirty
    log.clear(5.0)
    assert np.all(log.first_write == NEVER)
    assert log.written().tolist() == []
    assert log.until == 5.0


# --- sources -------------------------------------------------------------------------------------


def dirtied(writer: PageWriter, pages: int, round_number: int, end: float) -> np.ndarray:
    log = DirtyLog(pages)
    writer.begin_round(log, round_number, 0.0)
    writer.write(log, end)
    return log.first_write <= end


def test_samples_are_the_same_bits_whoever_asks_and_whenever() -> None:
    source = Samples(probability=0.5)
    forwards = source.writer(100, RandomStreams(5), 3, 0)
    backwards = source.writer(100, RandomStreams(5), 3, 0)
    rounds = range(-4, 8)
    bits = {number: dirtied(forwards, 100, number, 0.0) for number in rounds}
    for number in reversed(rounds):
        assert np.array_equal(bits[number], dirtied(backwards, 100, number, 17.0))
    assert len({tuple(each) for each in bits.values()}) == len(rounds)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_samples_have_their_probability(probability: float) -> None:
    writer = Samples(probability=probability).writer(PAGES, RandomStreams(6), 0, 0)
    dirty = dirtied(writer, PAGES, 1, 0.0)
    if probability in (0.0, 1.0):
        assert dirty.all() == bool(probability)
    else:
        assert_share(dirty, probability)


def test_samples_of_other_vms_migrations_and_seeds_are_others() -> None:
    bits = {
        tuple(dirtied(Samples().writer(100, RandomStreams(seed), vm, number), 100, 1, 0.0))
        for seed in (1, 2)
        for vm in (0, 1)
        for number in (0, 1)
    }
    assert len(bits) == 8


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_a_profile_dirties_as_many_pages_as_it_says(name: str) -> None:
    # distinct_share is exact from the beginning of a moving set's period on; a random phase of the
    # set changes its mean little in an interval that is short against the period
    profile = load_profiles()[name]
    pages, seconds = 20_000, 0.7
    shares = []
    for vm in range(12):
        writer = ProfileSource(profile).writer(pages, RandomStreams(7), vm, 0)
        shares.append(dirtied(writer, pages, 1, seconds).mean())
    expected = profile.distinct_pages(pages, seconds) / pages
    error = np.std(shares, ddof=1) / math.sqrt(len(shares)) + math.sqrt(expected / pages / 12)
    assert np.mean(shares) == pytest.approx(expected, abs=6 * error, rel=0.03)


def test_a_profile_with_overlapping_parts_writes_at_the_sum_of_their_rates() -> None:
    profile = WriteProfile(
        classes=(WriteClass(share=1.0, writes_per_page_s=0.6),),
        moving=MovingSet(share=1.0, writes_per_page_s=0.9, period_s=100.0),
    )
    log = DirtyLog(PAGES)
    ProfileSource(profile).writer(PAGES, RandomStreams(8), 0, 0).write(log, 1.0)
    assert_exponential_until(log.first_write, 1.5, 1.0)


def test_where_a_vms_hot_pages_are_is_the_same_in_every_migration() -> None:
    profile = WriteProfile(
        classes=(
            WriteClass(share=0.1, writes_per_page_s=500.0),
            WriteClass(share=0.9, writes_per_page_s=0.0),
        ),
        sweep=Sweep(share=0.2, sweeps_per_s=0.5),
    )
    source = ProfileSource(profile)
    first = dirtied(source.writer(1_000, RandomStreams(9), 4, 0), 1_000, 1, 1.0)
    second = dirtied(source.writer(1_000, RandomStreams(9), 4, 1), 1_000, 1, 1.0)
    other = dirtied(source.writer(1_000, RandomStreams(9), 5, 0), 1_000, 1, 1.0)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("share", "pages"), [(0.5, 3), (1 / 3, 10), (0.001, 100), (0.999, 7)])
def test_the_classes_of_a_profile_share_out_every_page_once(share: float, pages: int) -> None:
    profile = WriteProfile(
        classes=(
            WriteClass(share=share, writes_per_page_s=1e6),
            WriteClass(share=1 - share, writes_per_page_s=0.0),
        )
    )
    hot = dirtied(ProfileSource(profile).writer(pages, RandomStreams(10), 0, 0), pages, 1, 1.0)
    assert np.count_nonzero(hot) == round(share * pages)
    cold = WriteProfile(classes=(WriteClass(share=1.0, writes_per_page_s=1e6),))
    assert dirtied(ProfileSource(cold).writer(pages, RandomStreams(10), 0, 0), pages, 1, 1.0).all()


def test_uniform_writes_every_page_alike() -> None:
    dirty = dirtied(Uniform(0.7).writer(PAGES, RandomStreams(11), 0, 0), PAGES, 1, 1.0)
    assert_share(dirty, -math.expm1(-0.7))
    per_s = Uniform(0.7).dirty_pages_per_s(np.array([PAGES]), np.array([1.0]))
    assert per_s[0] == pytest.approx(-PAGES * math.expm1(-0.7))


@pytest.mark.parametrize("per", ["round", "time"])
def test_replay_reads_recorded_sets(tmp_path, per: str) -> None:
    file = tmp_path / "dirty.json"
    file.write_text('{"interval_s": 2.0, "dirty_pages": [[0, 3], [1]]}', encoding="utf-8")
    writer = Replay(file=file, per=per).writer(5, RandomStreams(12), 0, 0)
    expected = {"round": [0, 3], "time": [0, 3]}[per]
    assert np.flatnonzero(dirtied(writer, 5, 1, 2.0)).tolist() == expected


def test_a_recording_that_has_been_edited_is_read_again(tmp_path) -> None:
    file = tmp_path / "dirty.json"
    found = []
    for pages in ("[0, 3]", "[1, 2, 4]"):
        file.write_text(f'{{"interval_s": 2.0, "dirty_pages": [{pages}]}}', encoding="utf-8")
        writer = Replay(file=file, per="round").writer(5, RandomStreams(12), 0, 0)
        found.append(np.flatnonzero(dirtied(writer, 5, 1, 2.0)).tolist())
    assert found == [[0, 3], [1, 2, 4]]


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed if seed >= 0 else 10_000 - seed)
