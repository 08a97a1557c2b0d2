"""How many replications: a function of values in order, and of nothing else."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.study.statistics.estimates import estimate
from cluster_emu.study.statistics.stopping import (
    Goal,
    StoppingRule,
    Values,
    read_stopping_rule,
)

RNG = np.random.default_rng(4)
SERIES = RNG.normal(10.0, 2.0, 400)
RULE = StoppingRule((Goal("downtime_s", 0.05, None),), 10, 300)


def values(*series: np.ndarray) -> Values:
    return {f"s{place}": {"downtime_s": one} for place, one in enumerate(series)}


def relative_half_width(series: np.ndarray) -> float:
    found = estimate(series)
    assert found.mean is not None and found.high is not None
    return (found.high - found.mean) / found.mean


def test_it_is_the_first_number_at_which_the_interval_is_narrow() -> None:
    needed = RULE.needed(values(SERIES))

    assert needed is not None and needed > 10
    assert relative_half_width(SERIES[:needed]) <= 0.05
    assert min(relative_half_width(SERIES[:n]) for n in range(10, needed)) > 0.05


@settings(max_examples=20)
@given(st.lists(st.integers(1, 60), max_size=12))
def test_it_does_not_depend_on_how_many_are_looked_at_at_once(steps: list[int]) -> None:
    counts = [*np.cumsum(steps).tolist(), 400]
    looks = [RULE.needed(values(SERIES[:count])) for count in counts]

    found = [each for each in looks if each is not None]
    assert set(found) == {RULE.needed(values(SERIES))}


def test_every_strategy_has_to_be_known_well_enough() -> None:
    noisy = RNG.normal(10.0, 4.0, 400)

    alone = [RULE.needed(values(one)) for one in (SERIES, noisy)]
    assert RULE.needed(values(SERIES, noisy)) == max(alone)
    assert alone[0] < alone[1]


def test_a_goal_may_be_absolute() -> None:
    rule = StoppingRule((Goal("downtime_s", None, 0.5),), 10, 300)

    needed = rule.needed(values(SERIES))
    assert needed is not None
    low, high = estimate(SERIES[:needed]).ci95
    assert low is not None and high is not None
    assert high - low <= 1.0


def test_it_gives_up_at_the_maximum_and_says_so() -> None:
    rule = StoppingRule((Goal("downtime_s", 0.0001, None),), 10, 30)

    assert rule.needed(values(SERIES[:29])) is None
    assert rule.needed(values(SERIES)) == 30
    achieved = rule.achieved(values(SERIES), 30)[0]
    assert not achieved.reached
    assert achieved.relative_half_width == pytest.approx(relative_half_width(SERIES[:30]))


def test_what_never_has_a_value_does_not_keep_it_going() -> None:
    nothing = np.full(400, math.nan)

    assert RULE.needed(values(SERIES, nothing)) == RULE.needed(values(SERIES))
    assert RULE.needed(values(nothing)) == 10
    assert not RULE.achieved(values(nothing), 10)[0].reached


def test_values_without_spread_are_known_after_the_minimum() -> None:
    assert RULE.needed(values(np.zeros(50))) == 10
    assert RULE.needed(values(np.zeros(9))) is None


def test_the_next_count_is_never_more_than_twice_as_many() -> None:
    count, counts = 0, []
    while RULE.needed(values(SERIES[:count])) is None:
        count = RULE.next_count(values(SERIES[:count]))
        counts.append(count)

    assert counts[0] == 10
    assert all(a < b <= 2 * a for a, b in pairwise(counts))
    assert RULE.next_count(values(RNG.normal(0.0, 1.0, 200))) == 300


def test_texts_become_a_rule() -> None:
    rule = read_stopping_rule(["downtime_s:rel=2%", "total_time_s:abs=5ms,min=30,max=500"])

    assert rule is not None
    assert rule.goals == (Goal("downtime_s", 0.02, None), Goal("total_time_s", None, 0.005))
    assert (rule.minimum, rule.maximum) == (30, 1000)
    assert str(rule) == (
        "downtime_s:rel=0.02 and total_time_s:abs=0.005, from 30 to 1000 replications"
    )
    more = read_stopping_rule(["downtime_s:rel=0.02,min=10"], 40)
    assert more is not None and more.minimum == 40
    assert read_stopping_rule([]) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("downtime_s", "rel=0.02"),
        ("downtime:rel=0.1", "downtime_s"),
        ("downtime_s:rel=2", "rel, a number > 0 and < 1"),
        ("downtime_s:rel=0", "rel, a number > 0 and < 1"),
        ("downtime_s:abs=5 GiB", "abs"),
        ("downtime_s:abs=-1", "abs, a number > 0"),
        ("downtime_s:rel=0.1,abs=1", "one of rel and abs"),
        ("downtime_s:min=20", "one of rel and abs"),
        ("downtime_s:rel=0.1,rel=0.2", "each once"),
        ("downtime_s:rel=0.1,most=3", "each once"),
        ("downtime_s:rel=0.1,min=9", "min, a whole number from 10"),
        ("downtime_s:rel=0.1,min=50,max=40", "max >= 50"),
    ],
)
def test_other_texts_are_refused(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as error:
        read_stopping_rule([text])

    assert error.value.field == "until"
    assert words in error.value.allowed


def test_a_metric_has_one_goal() -> None:
    with pytest.raises(ScenarioError, match="every metric once"):
        read_stopping_rule(["downtime_s:rel=0.1", "downtime_s:abs=1"])
