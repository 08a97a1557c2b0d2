"""Holds the lumped engine against the pages engine: same migrations, other draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp, levene

from cluster_emu.encoding import Encoding
from cluster_emu.memory.base import MemoryEngine
from cluster_emu.memory.dirtying.sources import ProfileSource
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.models.lumped import page_classes
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.rng import RandomStreams
from cluster_emu.strategies import Strategy
from cluster_emu.transfer.stop_rules import StopRule
from cluster_emu.workload.profiles import WriteProfile
from tests.memory.lumped.driving import Driver, Outcome, RateStep

PAGES = 16_384
PAGE_BYTES, HEADER_BYTES = 4096, 8
BYTES_PER_S = 1.25e7
MEASURES = ("total_time_s", "downtime_s", "pages_live", "pages_stop", "rounds")
MEAN_TOLERANCE = 0.005
SD_TOLERANCE = 0.15

STEADY = (RateStep(0.0, BYTES_PER_S),)
CHANGING = tuple(
    RateStep(0.37 * number, BYTES_PER_S * (1.0, 0.4, 2.0)[number % 3], (1.0, 0.5)[number % 2])
    for number in range(1000)
)
"""Rates and intensities that change several times in every long round."""


@dataclass(frozen=True)
class Case:
    """What is migrated, and how."""

    profile: WriteProfile
    strategy: Strategy
    rule: StopRule
    schedule: Sequence[RateStep] = STEADY
    warm: int = 0


def pages_engine(case: Case, seed: int) -> PagesEngine:
    writer = ProfileSource(case.profile).writer(PAGES, RandomStreams(seed), 0, 0)
    return PagesEngine(writer, case.strategy, Encoding(PAGE_BYTES, HEADER_BYTES))


def lumped_engine(case: Case, seed: int) -> LumpedEngine:
    return LumpedEngine(
        page_classes(ProfileSource(case.profile).describe_writes(PAGES)),
        case.strategy,
        Encoding(PAGE_BYTES, HEADER_BYTES),
        np.random.default_rng([seed, 1]),
    )


def migrate(engine: MemoryEngine, case: Case) -> Outcome:
    engine.warm(case.warm, 1.0)
    return Driver(engine, case.rule, case.schedule).run()


def outcomes(case: Case, seeds: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run a case in both engines; return what was measured, [seeds, measures] each."""
    made = (
        [migrate(engine(case, seed), case) for seed in range(seeds)]
        for engine in (pages_engine, lumped_engine)
    )
    pages, lumped = (
        np.array([[getattr(one, name) for name in MEASURES] for one in each], dtype=float)
        for each in made
    )
    return pages, lumped


@dataclass(frozen=True)
class Comparison:
    """One measure of one case in both engines."""

    measure: str
    p_value: float
    """Of a Kolmogorov-Smirnov test."""
    sd_p_value: float
    """Of Brown and Forsythe's test of equal spreads (1974)."""
    mean_off: float
    mean_error: float
    sd_ratio: float
    sd_error: float

    @property
    def mean_fails(self) -> bool:
        """Whether the means differ by more than allowed, and by more than four standard errors."""
        return abs(self.mean_off) > max(MEAN_TOLERANCE, 4 * self.mean_error)

    @property
    def sd_fails(self) -> bool:
        """Whether the spreads differ by more than allowed, and by more than four standard errors.

        The error is large where a few values share all weight, such as one page left in 1 of 50.
        """
        off = abs(self.sd_ratio - 1.0)
        return off > max(SD_TOLERANCE, 4 * self.sd_error)


def comparisons(pages: NDArray[np.float64], lumped: NDArray[np.float64]) -> list[Comparison]:
    return [_compared(*each) for each in zip(MEASURES, pages.T, lumped.T, strict=True)]


def _compared(measure: str, pages: NDArray[np.float64], lumped: NDArray[np.float64]) -> Comparison:
    mean = max(abs(float(pages.mean())), 1e-12)
    error = math.sqrt((pages.var() + lumped.var()) / len(pages)) / mean
    # a constant up to rounding has no spread to compare
    spread = [float(each.std()) if each.std() > 1e-9 * mean else 0.0 for each in (pages, lumped)]
    both = spread[0] > 0 and spread[1] > 0
    nine_digits = [np.round(each / mean, 9) for each in (pages, lumped)]
    varies = max(spread) > 0
    return Comparison(
        measure,
        float(ks_2samp(*nine_digits, method="asymp").pvalue),
        float(levene(*nine_digits, center="median").pvalue) if varies else 1.0,
        float(lumped.mean() - pages.mean()) / mean,
        error,
        spread[1] / spread[0] if both else 1.0,
        math.hypot(_sd_error(pages), _sd_error(lumped)) if both else 0.0,
    )


def _sd_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of a standard deviation, relative to it (delta method)."""
    squares = (values - values.mean()) ** 2
    return float(squares.std() / (2.0 * squares.mean() * math.sqrt(len(values))))


def holm_rejects(p_values: Sequence[float], level: float) -> list[int]:
    """Return which of several hypotheses are rejected at a family-wise level (Holm, 1979)."""
    order = np.argsort(p_values)
    rejected = []
    for place, index in enumerate(order.tolist()):
        if p_values[index] > level / (len(p_values) - place):
            break
        rejected.append(index)
    return rejected


def assert_alike(found: Sequence[Comparison], cases: int = 1) -> None:
    """Assert that distributions, means and spreads agree, in a family of so many cases.

    Holm's correction keeps the false-alarm rate of all Kolmogorov-Smirnov tests of the family at
    0.1 %, and that of all tests of spreads likewise; means may be five standard errors apart.
    """
    assert not holm_rejects([one.p_value for one in found], 0.001 / cases), found
    assert not holm_rejects([one.sd_p_value for one in found], 0.001 / cases), found
    for one in found:
        assert abs(one.mean_off) <= 5 * one.mean_error + 1e-9, one
