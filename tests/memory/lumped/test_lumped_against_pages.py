"""The lumped engine and the pages engine agree in distribution.

The fast cases run 45 seeds each, every stop rule in at least one. With Holm's correction, their
Kolmogorov-Smirnov tests have together a false-alarm rate of 0.1 %, and so have Brown and Forsythe's
tests of spreads; means may be five standard errors apart. As the seeds are fixed, a failure stays
one. `make hours` takes the full grid with 400 seeds, an hour or less.
"""

from __future__ import annotations

import pytest

from cluster_emu.strategies import strategies
from cluster_emu.transfer.stop_rules import stop_rules
from cluster_emu.workload import load_profiles
from cluster_emu.workload.profiles import WriteProfile
from cluster_emu.workload.writes import WriteClass
from tests.memory.lumped.agreement import (
    CHANGING,
    STEADY,
    Case,
    assert_alike,
    comparisons,
    holm_rejects,
    outcomes,
)

UNIFORM = WriteProfile(classes=(WriteClass(share=1.0, writes_per_page_s=0.05),))
BUILD = WriteProfile(
    classes=(
        WriteClass(share=0.004, writes_per_page_s=5.0),
        WriteClass(share=0.01, writes_per_page_s=1.0),
        WriteClass(share=0.986, writes_per_page_s=0.0015),
    )
)
PROFILES = {
    **{name: load_profiles()[name] for name in ("idle", "web", "cache", "memory-hog")},
    "uniform": UNIFORM,
    "build": BUILD,
}
STRATEGIES = {
    "pre-copy": {},
    "xen-legacy": {},
    "history-majority": {},
    "history-majority literal": {"to_send": "literal", "history": 4},
    "time-series": {"threshold": 4, "sticky_last": True},
    "ma": {},
    "matrix-bitmap": {"peeks": 4, "theta": 1},
    "qemu": {"clear_granularity": "page"},
}
CHUNKS = {"qemu chunk": {"chunk_pages": 3_000}, "qemu small chunk": {"chunk_pages": 64}}
RULES = {"xen-legacy": {}, "qemu": {}, "fixed-rounds": {"rounds": 6}}
ONCE = {
    "xen-v2": {},
    "clark": {},
    "deadline": {"deadline_s": 7.3},
    "downtime-limit": {},
    "no-progress": {},
}
"""Stop rules beside which the strategy matters little: one fast case each."""

FAST = [
    ("web", "history-majority", "xen-legacy", False),
    ("web", "qemu", "qemu", False),
    ("cache", "xen-legacy", "fixed-rounds", False),
    ("memory-hog", "time-series", "fixed-rounds", False),
    ("memory-hog", "history-majority", "fixed-rounds", True),
    ("uniform", "ma", "qemu", True),
    ("build", "matrix-bitmap", "xen-legacy", True),
    ("cache", "history-majority", "xen-v2", False),
    ("build", "pre-copy", "clark", False),
    ("uniform", "xen-legacy", "deadline", True),
    ("build", "qemu chunk", "fixed-rounds", True),
    ("uniform", "qemu small chunk", "qemu", False),
    ("memory-hog", "ma", "downtime-limit", False),
    ("build", "history-majority", "no-progress", True),
]
FAST_SEEDS = 45


def case_of(profile: str, strategy: str, rule: str, changing: bool) -> Case:
    made = strategies.create(strategy.split()[0], **(STRATEGIES | CHUNKS)[strategy])
    schedule = CHANGING if changing else STEADY
    return Case(PROFILES[profile], made, stop_rules.create(rule, **(RULES | ONCE)[rule]), schedule)


@pytest.mark.parametrize(("profile", "strategy", "rule", "changing"), FAST)
def test_same_distributions(profile: str, strategy: str, rule: str, changing: bool) -> None:
    found = comparisons(*outcomes(case_of(profile, strategy, rule, changing), FAST_SEEDS))
    assert_alike(found, len(FAST))


def test_every_stop_rule_is_tested() -> None:
    assert set(stop_rules.names()) == {rule for _, _, rule, _ in FAST}


@pytest.mark.hours
@pytest.mark.parametrize("changing", [False, True], ids=["steady", "changing"])
@pytest.mark.parametrize("profile", PROFILES)
def test_full_grid(profile: str, changing: bool) -> None:
    """Every strategy and stop rule; the twelve tests have a false-alarm rate of 1 % together."""
    found = {
        (strategy, rule): comparisons(*outcomes(case_of(profile, strategy, rule, changing), 400))
        for strategy in STRATEGIES
        for rule in RULES
    }
    every = [(key, one) for key, several in found.items() for one in several]
    rejected = holm_rejects([one.p_value for _, one in every], 0.01 / 12)
    assert not [every[index] for index in rejected]
    assert not [pair for pair in every if pair[1].mean_fails]
    assert not [pair for pair in every if pair[1].sd_fails]
