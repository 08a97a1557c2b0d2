"""Zero pages in the lumped engine and the mean field, held against the pages engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cluster_emu.encoding import Content, Encoding, ZeroPage
from cluster_emu.encoding.zero_page import PAYLOAD_BYTES
from cluster_emu.memory.base import FaultCosts, PostCopyMemory
from cluster_emu.memory.dirtying.sources import ProfileSource
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.lumped.zero_pages import ZeroContent
from cluster_emu.memory.models.lumped import page_classes
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.rng import RandomStreams
from cluster_emu.strategies import strategies
from cluster_emu.transfer.stop_rules import stop_rules
from cluster_emu.workload import load_profiles
from cluster_emu.workload.profiles import WriteProfile
from cluster_emu.workload.writes import WriteClass
from tests.memory.lumped.agreement import (
    BYTES_PER_S,
    CHANGING,
    HEADER_BYTES,
    MEASURES,
    PAGE_BYTES,
    STEADY,
    Case,
    assert_alike,
    comparisons,
    migrate,
)

PAGES = 4_000
HOT = WriteProfile(
    classes=(
        WriteClass(share=0.3, writes_per_page_s=0.5),
        WriteClass(share=0.05, writes_per_page_s=5.0),
        WriteClass(share=0.65, writes_per_page_s=0.02),
    )
)
PROFILES = {"hot": HOT, **{name: load_profiles()[name] for name in ("kernel-build", "memory-hog")}}
WIRE = PAGE_BYTES + HEADER_BYTES
ZERO_WIRE = PAYLOAD_BYTES + HEADER_BYTES


def pages_engine(case: Case, share: float, seed: int, pages: int = PAGES) -> PagesEngine:
    streams = RandomStreams(seed)
    writer = ProfileSource(case.profile).writer(pages, streams, 0, 0)
    coder = ZeroPage(share=share).coder(Content(pages, PAGE_BYTES, streams, 0, 0))
    return PagesEngine(writer, case.strategy, Encoding(PAGE_BYTES, HEADER_BYTES, [coder]))


def lumped_engine(
    case: Case, share: float, seed: int, pages: int = PAGES, *, mean_field: bool = False
) -> LumpedEngine:
    return LumpedEngine(
        page_classes(ProfileSource(case.profile).describe_writes(pages)),
        case.strategy,
        Encoding(PAGE_BYTES, HEADER_BYTES),
        np.random.default_rng([seed, 1]),
        mean_field=mean_field,
        zero_content=ZeroContent(share, PAYLOAD_BYTES),
    )


def case_of(profile: str, strategy: str, rule: Any, changing: bool = False, warm: int = 0) -> Case:
    name, _, text = strategy.partition(":")
    parameters = dict(part.split("=") for part in text.split(",") if part)
    made = strategies.create(name, **parameters)
    stop, more = rule
    schedule = CHANGING if changing else STEADY
    return Case(PROFILES[profile], made, stop_rules.create(stop, **more), schedule, warm)


SIX = ("fixed-rounds", {"rounds": 6})
FAST = [
    ("hot", "pre-copy", ("qemu", {}), True, 0, 0.7),
    ("hot", "history-majority", SIX, False, 0, 0.6),
    ("hot", "history-majority", SIX, True, 3, 0.9),
    ("hot", "xen-legacy", ("xen-legacy", {}), False, 0, 0.5),
    ("memory-hog", "ma", ("deadline", {"deadline_s": 0.31}), False, 0, 0.5),
    ("hot", "qemu:clear_granularity=page", SIX, False, 0, 0.5),
    ("hot", "qemu:chunk_pages=64", SIX, True, 0, 0.8),
    ("kernel-build", "time-series", SIX, False, 0, 0.4),
    ("hot", "xen-legacy:peek_batch_pages=1", ("deadline", {"deadline_s": 0.2}), True, 0, 0.5),
]


@pytest.mark.parametrize(("profile", "strategy", "rule", "changing", "warm", "share"), FAST)
def test_same_distributions(
    profile: str, strategy: str, rule: Any, changing: bool, warm: int, share: float
) -> None:
    assert_same_distributions(case_of(profile, strategy, rule, changing, warm), share, seeds=40)


def assert_same_distributions(case: Case, share: float, seeds: int) -> None:
    found = []
    for make in (pages_engine, lumped_engine):
        runs = [migrate(make(case, share, seed), case) for seed in range(seeds)]
        found.append(np.array([[getattr(one, name) for name in MEASURES] for one in runs], float))
    assert_alike(comparisons(*found), len(FAST))


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "strategy", "rule", "changing", "warm", "share"), FAST)
def test_same_distributions_of_many_seeds(
    profile: str, strategy: str, rule: Any, changing: bool, warm: int, share: float
) -> None:
    assert_same_distributions(case_of(profile, strategy, rule, changing, warm), share, seeds=400)


@pytest.mark.parametrize("profile", ["hot", "memory-hog"])
def test_the_mean_field_is_near_the_mean(profile: str) -> None:
    case = case_of(profile, "history-majority", SIX)
    mean = migrate(lumped_engine(case, 0.6, 0, mean_field=True), case).total_time_s
    times = [migrate(pages_engine(case, 0.6, seed), case).total_time_s for seed in range(30)]
    error = float(np.std(times)) / np.sqrt(len(times))
    assert mean == pytest.approx(np.mean(times), abs=5 * error + 0.002 * mean)


@pytest.mark.parametrize("mean_field", [False, True])
@pytest.mark.parametrize("pages", [600, 4_000])
def test_round_1_of_quiet_memory_takes_exactly_its_bytes(pages: int, mean_field: bool) -> None:
    idle = WriteProfile(classes=(WriteClass(share=1.0, writes_per_page_s=0.0),))
    case = Case(idle, strategies.create("pre-copy"), stop_rules.create("xen-v2"))
    engine = lumped_engine(case, 0.37, 1, pages, mean_field=mean_field)
    zero = round(0.37 * pages)
    expected = (pages - zero) * WIRE + zero * ZERO_WIRE
    assert engine.stale_bytes == expected
    assert engine.stale_memory_bytes == pages * PAGE_BYTES
    engine.begin_round()
    assert engine.round_sizes.total_bytes == expected
    left = engine.plan(1e-7)
    engine.advance(left / 3, left / 3 * 1e-7)
    engine.advance(engine.plan(1e-7), left / 1.5 * 1e-7)
    counts = engine.end_round(0.0)
    assert (counts.sent, counts.bytes_sent) == (pages, expected)
    assert (engine.stale_pages, engine.stale_bytes) == (0, 0.0)


def test_a_zero_page_that_is_written_takes_a_whole_page() -> None:
    all_written = WriteProfile(classes=(WriteClass(share=1.0, writes_per_page_s=50.0),))
    case = Case(all_written, strategies.create("stop-and-copy"), stop_rules.create("xen-v2"))
    for make in (pages_engine, lumped_engine):
        engine = make(case, 1.0, 3, 300)
        engine.begin_round()
        engine.plan(1.0)
        engine.cut_short()  # every page is written, and at most one is sent
        engine.end_round(1.0)
        assert engine.stale_bytes == 300 * WIRE


def pushed(memory: PostCopyMemory) -> tuple[float, float, float]:
    """Return demand faults, stalls and the time of a push at a constant rate."""
    elapsed = 0.0
    while (left := memory.bytes_left) > 1e-6:
        step = min(left / BYTES_PER_S, 0.05)
        memory.advance(step, BYTES_PER_S, 1.0)
        elapsed += step
    memory.finish()
    return memory.faults, memory.stall_s, elapsed


def test_a_push_has_the_faults_and_the_time_of_the_pages_engine() -> None:
    case, costs = case_of("hot", "post-copy", SIX), FaultCosts(0.0003, 2, 3.0, 2)
    found = {}
    for make in (pages_engine, lumped_engine):
        engines = [make(case, 0.7, seed) for seed in range(40)]
        runs = [pushed(one.post_copy(costs, bubbling=False, pivots=1)) for one in engines]
        found[make.__name__] = np.array(runs)
        zero = round(0.7 * PAGES)
        exact = ((PAGES - zero) * WIRE + zero * ZERO_WIRE) / BYTES_PER_S
        assert found[make.__name__][:, 2] == pytest.approx(exact)
    pages, lumped = found["pages_engine"], found["lumped_engine"]
    for column in (0, 1):
        error = np.sqrt((pages[:, column].var() + lumped[:, column].var()) / len(pages))
        difference = lumped[:, column].mean() - pages[:, column].mean()
        assert abs(difference) < 5 * error + 0.005 * pages[:, column].mean()
        ratio = lumped[:, column].std() / pages[:, column].std()
        assert abs(np.log(ratio)) < 5 / np.sqrt(len(pages))
