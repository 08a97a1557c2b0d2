"""Write profiles: their closed forms against simulation, their calibration, and their checks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.workload import (
    MovingSet,
    Sweep,
    WriteClass,
    WriteProfile,
    ZipfWrites,
    load_profiles,
)

PROFILES = load_profiles()
GIB_PAGES = 262_144
TEN_GBIT_PAGES_PER_S = 10e9 / 8 / 4096

# Distinct pages in the first second of a 1 GiB VM at intensity 1.
STATED = {
    "idle": 100,
    "kernel-build": 3_000,
    "oltp": 6_000,
    "web": 12_000,
    "analytics": 21_000,
    "cache": 26_000,
    "stream": 132_000,
    "memory-hog": 249_000,
}


def uniform(rate: float) -> WriteProfile:
    return WriteProfile(classes=(WriteClass(share=1.0, writes_per_page_s=rate),))


def test_the_profiles_people_ask_for_are_there() -> None:
    assert set(PROFILES) == set(STATED)


@pytest.mark.parametrize(("name", "stated"), STATED.items())
def test_each_profile_dirties_what_its_summary_says(name: str, stated: int) -> None:
    assert f"about {stated:,} pages in the first second" in PROFILES[name].summary
    assert PROFILES[name].distinct_pages(GIB_PAGES, 1.0) == pytest.approx(stated, rel=0.03)


@pytest.mark.parametrize("name", STATED)
def test_each_profile_says_where_its_numbers_come_from(name: str) -> None:
    profile = PROFILES[name]
    assert profile.source not in ("", "the user")
    assert profile.tag in ("order of magnitude", "assumption")


@pytest.mark.parametrize("name", STATED)
def test_shares_sum_to_one_after_binning(name: str) -> None:
    assert sum(one.share for one in PROFILES[name].write_classes()) == pytest.approx(1.0)


def test_the_memory_hog_does_not_converge_and_the_others_do() -> None:
    left = {}
    for name, profile in PROFILES.items():
        pages = 128 * 256.0
        for _ in range(60):
            pages = profile.distinct_pages(128 * 256, pages / TEN_GBIT_PAGES_PER_S)
        left[name] = pages / (128 * 256)
    assert left.pop("memory-hog") > 0.75
    assert max(left.values()) < 0.5


@given(rate=st.floats(0, 50), duration_s=st.floats(0, 100))
@settings(deadline=None)
def test_uniform_writes_follow_the_closed_form(rate: float, duration_s: float) -> None:
    dirtied = uniform(rate).distinct_pages(1000, duration_s)
    assert dirtied == pytest.approx(1000 * (1 - math.exp(-rate * duration_s)), abs=1e-9)


@given(
    name=st.sampled_from(sorted(STATED)),
    shorter_s=st.floats(0, 50),
    longer_s=st.floats(0, 50),
)
@settings(deadline=None)
def test_distinct_pages_grow_with_time_and_stay_within_memory(
    name: str, shorter_s: float, longer_s: float
) -> None:
    shorter_s, longer_s = sorted((shorter_s, longer_s))
    few = PROFILES[name].distinct_pages(1000, shorter_s)
    many = PROFILES[name].distinct_pages(1000, longer_s)
    assert 0 <= few <= many + 1e-9
    assert many <= 1000 + 1e-9


def simulate_once(profile: WriteProfile, pages: int, steps: int, step_s: float, seed: int) -> int:
    """Count the pages dirtied by brute force, step by step, page by page."""
    rng = np.random.default_rng(seed)
    rates = np.repeat(
        [one.writes_per_page_s for one in profile.write_classes()],
        [round(one.share * pages) for one in profile.write_classes()],
    )
    rng.shuffle(rates)
    dirty = np.zeros(pages, dtype=bool)
    place = rng.integers(pages)
    for step in range(steps):
        if profile.moving and step % round(profile.moving.period_s / step_s) == 0:
            hot = rng.random(pages) < profile.moving.share
        extra = hot * profile.moving.writes_per_page_s if profile.moving else 0.0
        dirty |= rng.random(pages) < -np.expm1(-(rates + extra) * step_s)
    if profile.sweep:
        swept = min(1.0, profile.sweep.sweeps_per_s * steps * step_s) * profile.sweep.share
        dirty[(place + np.arange(round(swept * pages))) % pages] = True
    return int(dirty.sum())


@pytest.mark.parametrize("duration_s", [0.7, 2.5])
def test_the_closed_form_holds_in_a_brute_force_simulation(duration_s: float) -> None:
    profile = WriteProfile(
        classes=(
            WriteClass(share=0.1, writes_per_page_s=1.0),
            WriteClass(share=0.9, writes_per_page_s=0.05),
        ),
        moving=MovingSet(share=0.2, writes_per_page_s=2.0, period_s=1.0),
        sweep=Sweep(share=0.3, sweeps_per_s=0.2),
    )
    counts = [simulate_once(profile, 2000, round(duration_s / 0.1), 0.1, k) for k in range(150)]
    margin = 5 * np.std(counts) / math.sqrt(len(counts))
    assert np.mean(counts) == pytest.approx(profile.distinct_pages(2000, duration_s), abs=margin)


def test_a_sweep_alone_dirties_its_pages_in_order() -> None:
    still = (WriteClass(share=1.0, writes_per_page_s=0.0),)
    profile = WriteProfile(classes=still, sweep=Sweep(share=0.5, sweeps_per_s=0.25))
    assert profile.distinct_pages(1000, 2.0) == pytest.approx(250)
    assert profile.distinct_pages(1000, 4.0) == pytest.approx(500)
    assert profile.distinct_pages(1000, 9.0) == pytest.approx(500)


@pytest.mark.parametrize("duration_s", [0.1, 1.0, 10.0])
def test_binned_zipf_writes_stay_near_the_unbinned(duration_s: float) -> None:
    zipf = ZipfWrites(share=1.0, exponent=0.99, writes_per_page_s=0.3)
    weights = np.arange(1, zipf.ranks + 1) ** -0.99
    rates = 0.3 * weights / weights.mean()
    exact = np.mean(1 - np.exp(-rates * duration_s))
    binned = WriteProfile(zipf=zipf).distinct_pages(1, duration_s)
    assert exact <= binned <= 1.015 * exact


@given(
    exponent=st.floats(0.1, 3), bins=st.integers(1, 64), ranks=st.integers(1, 5000),
    share=st.floats(0.01, 1),
)  # fmt: skip
@settings(deadline=None)
def test_zipf_bins_keep_pages_and_writes(
    exponent: float, bins: int, ranks: int, share: float
) -> None:
    zipf = ZipfWrites(share=share, exponent=exponent, writes_per_page_s=2.0, bins=bins, ranks=ranks)
    classes = zipf.classes()
    rates = [one.writes_per_page_s for one in classes]
    assert 1 <= len(classes) <= bins
    assert sum(one.share for one in classes) == pytest.approx(share)
    assert sum(one.share * one.writes_per_page_s for one in classes) == pytest.approx(2 * share)
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("name", STATED)
def test_the_dirty_rate_column_is_one_second_at_each_vms_intensity(name: str) -> None:
    profile = PROFILES[name]
    page_count = np.array([1000, 2000, 262_144, 5])
    intensity = np.array([0.0, 0.25, 1.0, 0.5])
    column = profile.dirty_pages_per_s(page_count, intensity)
    wanted = [
        profile.distinct_pages(int(n), float(u)) for n, u in zip(page_count, intensity, strict=True)
    ]
    assert column == pytest.approx(wanted)
    assert column[0] == 0.0


@pytest.mark.parametrize(
    ("parts", "field", "words"),
    [
        ({"classes": [{"share": 0.5, "writes_per_page_s": 1}]}, "classes", "these sum to 0.5"),
        ({"classes": []}, "classes", "sum to 1"),
        ({"classes": [{"share": 1, "writes_per_page_s": -1}]}, "classes.0.writes_per_page_s", "0"),
        (
            {"classes": [{"share": 1, "writes_per_page_s": math.nan}]},
            "classes.0.writes_per_page_s",
            "finite",
        ),
        ({"classes": [{"share": math.nan, "writes_per_page_s": 1}]}, "classes.0.share", "finite"),
        ({"classes": [{"share": 1}]}, "classes.0.writes_per_page_s", "no default"),
        (
            {"classes": [{"share": 1, "writes_per_page_s": 1, "x": 1}]},
            "classes.0.x",
            "one of share",
        ),
        ({"zipf": {"share": 1, "exponent": 0, "writes_per_page_s": 1}}, "zipf.exponent", "0"),
        ({"moving": {"share": 0.1, "writes_per_page_s": 1, "period_s": 0}}, "moving.period_s", "0"),
        ({"sweep": {"share": 1.1, "sweeps_per_s": 1}}, "sweep.share", "1"),
        ({"burst": {"on_s": 1, "off_s": 1, "level_off": 2}}, "burst.level_off", "1"),
        ({"zipfs": []}, "zipfs", "mean 'zipf'"),
    ],
)
def test_a_bad_profile_names_the_field(parts: dict[str, object], field: str, words: str) -> None:
    good = {"classes": [{"share": 1, "writes_per_page_s": 1}]}
    with pytest.raises(ScenarioError) as caught:
        WriteProfile.from_parameters(good | parts)
    assert caught.value.field == field
    assert words in caught.value.allowed


def test_plain_values_make_the_same_profile() -> None:
    plain = {
        "zipf": {"share": 0.25, "exponent": 1.0, "writes_per_page_s": 2},
        "classes": [{"share": 0.75, "writes_per_page_s": 1}],
        "sweep": {"share": 0.5, "sweeps_per_s": 0.1},
    }
    assert WriteProfile.from_parameters(plain) == WriteProfile(
        zipf=ZipfWrites(share=0.25, exponent=1.0, writes_per_page_s=2.0),
        classes=(WriteClass(share=0.75, writes_per_page_s=1.0),),
        sweep=Sweep(share=0.5, sweeps_per_s=0.1),
    )


def test_shares_that_sum_to_1_but_for_rounding_are_divided_by_their_sum() -> None:
    classes = [{"share": 0.333333, "writes_per_page_s": rate} for rate in (1.0, 2.0, 3.0)]
    classes[0]["share"] = 0.333334 + 1e-9
    rounded = WriteProfile.from_parameters({"classes": classes})
    shares = [one.share for one in rounded.write_classes()]
    assert sum(shares) == pytest.approx(1.0, abs=1e-15)
    assert shares[0] == pytest.approx((0.333334 + 1e-9) / (1.0 + 1e-9), rel=1e-14)
    classes[0]["share"] = 0.333345
    with pytest.raises(ScenarioError, match=r"sum to 1 within 1e-06 \(these sum to 1.000011\)"):
        WriteProfile.from_parameters({"classes": classes})
