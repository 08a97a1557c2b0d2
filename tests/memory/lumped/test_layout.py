"""Where pages lie at the start, as ranges of the address space."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.memory.dirtying.description import PlacedPages
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.layout import LAID_OUT_RANGES, laid_out
from cluster_emu.model import ClusterModel
from tests._support.small_scenarios import WIRE, scenario

PARTS = (PlacedPages(30, 0.0, False), PlacedPages(50, 2.0, False), PlacedPages(20, 0.0, True))


def classes(zero_apart):
    of = PageClasses.of(np.array([50, 50]), np.array([0.0, 2.0]))
    if not zero_apart:
        return of
    return PageClasses(np.array([30, 50, 20, 0]), np.tile(of.writes_per_page_s, 2))


def test_each_part_is_a_range():
    assert laid_out(PARTS, classes(False), zero_apart=False).tolist() == [[30, 0, 20], [0, 50, 0]]
    found = laid_out(PARTS, classes(True), zero_apart=True)
    assert found.tolist() == [[30, 0, 0], [0, 50, 0], [0, 0, 20], [0, 0, 0]]


def test_ranges_alike_are_joined_first_and_no_page_is_lost():
    parts = [PlacedPages(100 + 7 * i, 2.0 * (i % 3 == 0), False) for i in range(40)]
    pages = [sum(p.pages for p in parts if p.writes_per_page_s == rate) for rate in (0.0, 2.0)]
    of = PageClasses.of(np.array(pages), np.array([0.0, 2.0]))
    found = laid_out(parts, of, zero_apart=False)
    assert found.shape == (2, LAID_OUT_RANGES)
    assert found.sum(axis=1).tolist() == pages
    alike = [PlacedPages(10, 0.0, False)] * 30 + [PlacedPages(10, 2.0, False)] * 10
    of = PageClasses.of(np.array([300, 100]), np.array([0.0, 2.0]))
    shares = laid_out(alike, of, zero_apart=False) > 0
    assert (shares.sum(axis=0) == 1).all()


@pytest.mark.parametrize("fidelity", ["pages", "lumped", "mean-field"])
def test_zero_regions_cost_their_headers_in_every_model(fidelity):
    regions = [{"pages": 400}, {"pages": 524, "zero": True}, {"pages": 100}]
    found = scenario(
        pages=1024,
        profile={"name": "regions", "regions": regions},
        run={"track_versions": False, "fidelity": fidelity},
        transfer={"encoders": [{"name": "zero-page", "share": 0.0}]},
    )
    assert ClusterModel(found, rng=1).run().migrations.bytes[0] == 500 * WIRE + 524 * 9


@pytest.mark.slow
def test_lumped_regions_agree_with_pages():
    """Where pages are written decides what a scan that is cut short has left."""
    regions = [
        {"pages": 3000},
        {"pages": 3000, "zero": True},
        {"pages": 1000, "writes_per_page_s": 0.2},
        {"pages": 1192, "writes_per_page_s": 1.0},
    ]

    def mean_of(fidelity):
        found = scenario(
            pages=8192,
            profile={"name": "regions", "regions": regions},
            strategy="qemu",
            stop="qemu",
            link_bps=8 * WIRE * 4096,
            run={"track_versions": False, "fidelity": fidelity},
            transfer={"encoders": [{"name": "zero-page", "share": 0.0}]},
        )
        runs = [ClusterModel(found, rng=seed).run().migrations.iloc[0] for seed in range(20)]
        return np.mean([run.total_time_s for run in runs]), np.mean([run.bytes for run in runs])

    assert mean_of("lumped") == pytest.approx(mean_of("pages"), rel=0.01)
