"""What a fit of a dirty curve says, and what the readings cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cluster_emu.calibration.fitting import CurveFit, FittedClass

HIDDEN = 3.0
"""Dirty pages of a sample below which a class is not seen (95 % see at least one)."""
FEW = 0.01
"""A share of pages that matters."""
MOST_NOISE = 0.05
"""Noise of a reading that still shows whether a longer period has fewer dirty pages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading beside the fit.

    Args:
        period_s: its length.
        dirty_pages: distinct pages of the whole VM that were dirty, as measured.
        fitted_pages: as fitted.
    """

    period_s: float
    dirty_pages: float
    fitted_pages: float


@dataclass(frozen=True, slots=True)
class UnwrittenShare:
    """Share of pages that are never written, or too slowly for these periods."""

    share: float
    share_low: float
    share_high: float


@dataclass(frozen=True, slots=True)
class CurveReport:
    """What `cluster-emu calibrate` prints about a dirty curve.

    Args:
        source: where the readings come from.
        page_bytes: bytes of a page.
        total_pages: pages of the VM.
        sampled_pages: pages that were looked at.
        zero_pages: pages that hold zeros, where they were counted.
        readings: measured and fitted.
        classes: the write classes, fastest first, with joint 95 % intervals.
        unwritten: the rest of the pages.
        noise: relative standard deviation of a reading, beyond sampling and rounding.
        noise_is_assumed: whether it is assumed.
        largest_misfit: of any reading, relative.
        cannot_tell: what the readings leave open, one sentence each.
    """

    source: str
    page_bytes: int
    total_pages: int
    sampled_pages: int
    zero_pages: int | None
    readings: tuple[Reading, ...]
    classes: tuple[FittedClass, ...]
    unwritten: UnwrittenShare
    noise: float
    noise_is_assumed: bool
    largest_misfit: float
    cannot_tell: tuple[str, ...]


def report_of(fit: CurveFit) -> CurveReport:
    """Return what a fit says."""
    curve = fit.curve
    readings = tuple(
        Reading(float(period_s), float(pages), float(share) * curve.total_pages)
        for period_s, pages, share in zip(
            curve.periods_s, curve.dirty_pages, fit.fitted_share, strict=True
        )
    )
    base = np.maximum(curve.dirty_share, 0.5 / curve.sampled_pages)
    misfit = np.abs(fit.fitted_share - curve.dirty_share) / base
    return CurveReport(
        source=curve.source,
        page_bytes=curve.page_bytes,
        total_pages=curve.total_pages,
        sampled_pages=curve.sampled_pages,
        zero_pages=curve.zero_pages,
        readings=readings,
        classes=fit.classes,
        unwritten=UnwrittenShare(*fit.unwritten),
        noise=fit.noise,
        noise_is_assumed=fit.noise_is_assumed,
        largest_misfit=float(misfit.max()),
        cannot_tell=tuple(_open_questions(fit)),
    )


def _open_questions(fit: CurveFit) -> Iterator[str]:
    curve = fit.curve
    shortest_s, longest_s = curve.periods_s[0], curve.periods_s[-1]
    if curve.periods == 1:
        share, rate = fit.classes[0].share_low, fit.classes[0].writes_per_page_s
        yield (
            f"Readings of one period ({shortest_s:g} s) fix one class only: that all pages are "
            f"written {rate:.3g} times per s is as likely as that {share:.1%} of them are written "
            "often and the others never, or anything in between. Other periods tell."
        )
        return
    if fit.chosen and (most := (curve.periods - 1) // 2) < 3:
        yield (
            f"{curve.periods} periods tell at most {max(most, 1)} class(es) with rate and share "
            "each; more periods tell more."
        )
    if fit.noise_is_assumed:
        yield (
            f"The readings are too few to tell their noise; {fit.noise:.0%} is assumed, and the "
            "intervals depend on it."
        )
    if fit.classes[0].rate_high is None:
        yield (
            f"How often the fastest class is written: any rate above {fit.classes[0].rate_low:.3g} "
            f"per s fits, as the shortest period is {shortest_s:g} s."
        )
    if fit.classes[-1].rate_low == 0.0:
        yield (
            "How seldom the slowest class is written, and so how many pages it has: the longest "
            f"period is {longest_s:g} s."
        )
    _, low, high = fit.unwritten
    if high > FEW:
        yield (
            f"Which of the others are never written: {low:.1%} to {high:.1%} of the pages may be, "
            f"or are written less than once in {longest_s:g} s."
        )
    if curve.sampled_pages < curve.total_pages:
        yield (
            f"Classes with less than {HIDDEN / curve.sampled_pages:.2%} of the pages: "
            f"{curve.sampled_pages:,} of {curve.total_pages:,} pages were looked at."
        )
    falls = np.diff(curve.dirty_share)
    noise = min(fit.noise, MOST_NOISE)
    spread = np.sqrt(curve.counting_variance + (noise * curve.dirty_share) ** 2)
    if (falls < -3.0 * np.hypot(spread[1:], spread[:-1])).any():
        yield (
            "Whether the VM did the same all the time: a longer period has fewer dirty pages than "
            "a shorter one, by more than the noise."
        )
    yield "Bursts, moving working sets and sweeps: every class is written at random all the time."
