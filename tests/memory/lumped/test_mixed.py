"""A sweep beside other writes: segments and pages agree in distribution, and no page is lost.

The fast cases run 25 seeds each. With Holm's correction, their Kolmogorov-Smirnov tests have
together a false-alarm rate of 0.1 %, and so have the tests of spreads; means may be five standard
errors apart.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.memory.lumped.agreement as agreement
from cluster_emu.encoding import Encoding
from cluster_emu.memory.dirtying.processes import SweepWrites
from cluster_emu.memory.dirtying.sources import ProfileSource
from cluster_emu.memory.lumped.mixed import MOST_CUTS, MixedEngine
from cluster_emu.memory.models.lumped import page_classes
from cluster_emu.strategies import strategies
from cluster_emu.transfer.stop_rules import stop_rules
from cluster_emu.workload import load_profiles
from tests.memory.lumped.agreement import CHANGING, MEASURES, STEADY, Case, assert_alike

STRATEGIES = {
    "pre-copy": {},
    "history-majority": {},
    "xen-legacy": {},
    "ma": {},
    "qemu page": {"clear_granularity": "page"},
    "qemu chunk": {"chunk_pages": 3_000},
}
RULES = {"xen-legacy": {}, "qemu": {}, "fixed-rounds": {"rounds": 6}}
FAST = [
    pytest.param(*("stream", "history-majority", "xen-legacy", False), marks=pytest.mark.slow),
    ("stream", "pre-copy", "fixed-rounds", False),
    pytest.param(*("stream", "qemu chunk", "qemu", True), marks=pytest.mark.slow),
    ("oltp", "history-majority", "fixed-rounds", False),
    ("oltp", "xen-legacy", "qemu", True),
    pytest.param(*("analytics", "history-majority", "xen-legacy", False), marks=pytest.mark.slow),
    ("analytics", "qemu page", "fixed-rounds", False),
]
FAST_SEEDS = 25


def mixed_engine(
    profile: str, strategy: str, seed: int, pages: int = agreement.PAGES
) -> MixedEngine:
    found = load_profiles()[profile]
    assert found.sweep is not None
    rng = np.random.default_rng([seed, 1])
    region = max(1, round(found.sweep.share * pages))
    first = int(rng.integers(0, pages - region + 1))
    speed = found.sweep.sweeps_per_s * region
    made = strategies.create(strategy.split()[0], **STRATEGIES[strategy])
    return MixedEngine(
        page_classes(ProfileSource(found).describe_writes(pages)),
        SweepWrites(first, region, speed, rng.random() * region),
        made,
        Encoding(4096, 8),
        rng,
    )


def both(
    profile: str, strategy: str, rule: str, changing: bool, seeds: int
) -> list[agreement.Comparison]:
    made = strategies.create(strategy.split()[0], **STRATEGIES[strategy])
    stop = stop_rules.create(rule, **RULES[rule])
    case = Case(load_profiles()[profile], made, stop, CHANGING if changing else STEADY)
    outcomes = [
        [agreement.migrate(agreement.pages_engine(case, seed), case) for seed in range(seeds)],
        [
            agreement.migrate(mixed_engine(profile, strategy, seed), case)
            for seed in range(1000, 1000 + seeds)
        ],
    ]
    pages, lumped = (
        np.array([[getattr(one, name) for name in MEASURES] for one in each], dtype=float)
        for each in outcomes
    )
    return agreement.comparisons(pages, lumped)


@pytest.mark.parametrize(("profile", "strategy", "rule", "changing"), FAST)
def test_same_distributions(profile: str, strategy: str, rule: str, changing: bool) -> None:
    assert_alike(both(profile, strategy, rule, changing, FAST_SEEDS), len(FAST))


@pytest.mark.hours
@pytest.mark.parametrize("changing", [False, True], ids=["steady", "changing"])
@pytest.mark.parametrize("profile", ["oltp", "stream", "analytics"])
def test_full_grid(profile: str, changing: bool) -> None:
    """Every strategy and stop rule; all tests together have a false-alarm rate of 0.1 %."""
    cases = 6 * len(STRATEGIES) * len(RULES)
    for strategy in STRATEGIES:
        for rule in RULES:
            assert_alike(both(profile, strategy, rule, changing, 100), cases)


@given(
    st.sampled_from(["oltp", "stream", "analytics"]),
    st.sampled_from(list(STRATEGIES)),
    st.integers(300, 20_000),
    st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 0.5), st.booleans()), min_size=3),
    st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_no_page_is_lost(
    profile: str,
    strategy: str,
    pages: int,
    steps: list[tuple[float, float, bool]],
    seed: int,
) -> None:
    """Under any cuts, stalls and waits every page is in one segment, and every round adds up."""
    engine = mixed_engine(profile, strategy, seed, pages)
    engine.warm(2, 0.3)
    for share, pause_s, cut in steps:
        engine.begin_round()
        left = engine.plan(1e-8)
        engine.advance(share * left, share * left * 1e-8)
        engine.advance(0.0, pause_s)
        left = engine.cut_short() if cut else engine.plan(4e-8)
        counts = engine.end_round(left * 4e-8)
        records = engine._groups.records
        assert records["pages"].sum() == pages
        assert (records["pages"] >= 0).all()
        in_segment = np.bincount(records["address_range"], records["pages"])
        np.testing.assert_array_equal(in_segment, engine._segments.pages)
        parts = counts.sent + counts.skipped + counts.deferred + counts.unvisited
        assert counts.due == parts
        engine.wait(pause_s)
    assert len(engine._segments.cuts) <= MOST_CUTS + 2
    engine.hand_over()
    assert engine.stale_pages == 0
