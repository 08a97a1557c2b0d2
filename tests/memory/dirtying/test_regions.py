"""A VM's memory as regions: where pages lie, which are zero, who writes them."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.memory.dirtying.regions import (
    Region,
    RegionBursts,
    Regions,
    RegionSweep,
    RegionWindow,
)
from cluster_emu.memory.pages.dirty_log import DirtyLog
from cluster_emu.model import ClusterModel
from cluster_emu.rng import RandomStreams
from tests._support.small_scenarios import WIRE, scenario


def dirty(source, pages, until):
    log = DirtyLog(pages)
    source.writer(pages, RandomStreams(1), 0, 0).write(log, until)
    return np.sort(log.dirty_pages(until))


def test_a_region_is_written_where_it_lies():
    source = Regions(
        (Region(pages=10, writes_per_page_s=100.0, place=2), Region(pages=20, place=1))
    )
    assert dirty(source, 30, 1.0).tolist() == list(range(20, 30))


def test_a_sweep_follows_the_order_of_the_list():
    regions = (Region(pages=3, place=5), Region(pages=2, place=0), Region(pages=5, place=1))
    source = Regions(regions, sweep=RegionSweep(pages=5, pages_per_s=4.0))
    # pages 0..2 lie at 7..9, pages 3 and 4 at 0 and 1
    assert dirty(source, 10, 0.99).tolist() == [0, 8, 9]
    assert source.describe_writes(10).page_by_page


def test_a_sweep_that_lies_together_is_described_with_its_place():
    regions = (Region(pages=4), Region(pages=6))
    source = Regions(regions, sweep=RegionSweep(first_page=4, pages=6, pages_per_s=3, at_page=8))
    sweep = source.describe_writes(10).sweep
    assert (sweep.first_page, sweep.at_page, sweep.sweeps_per_s) == (4, 2.0, 0.5)


def test_a_window_moves_in_steps():
    window = RegionWindow(
        pages=2, places=7, writes_per_page_s=1e4, period_s=1.0, step_pages=5, age_s=2.0
    )
    source = Regions((Region(pages=10),), window=window)
    # after two steps it is at 10 mod 7
    assert dirty(source, 10, 0.9).tolist() == [3, 4]


def test_bursts_write_in_their_time_alone():
    regions = (Region(pages=50, writes_per_page_s=1e3, in_bursts=True), Region(pages=50))
    bursts = RegionBursts(on_s=0.5, off_s=1.5, age_s=0.6)
    source = Regions(regions, bursts=bursts)
    log = DirtyLog(100)
    writer = source.writer(100, RandomStreams(1), 0, 0)
    writer.write(log, 1.39)
    assert not len(log.written())
    writer.write(log, 1.9)
    assert len(log.written()) == 50
    assert (log.first_write[:50] > 1.4).all()
    pages = np.arange(100)
    assert not writer.rewritten(pages, np.full(100, 1.91), 3.39).any()
    assert writer.rewritten(pages, np.full(100, 1.91), 3.8)[:50].all()
    assert source.describe_writes(100).page_by_page


def test_rates_are_those_of_the_regions():
    source = Regions((Region(pages=50, writes_per_page_s=2.0), Region(pages=50)))
    found = source.dirty_pages_per_s(np.array([100]), np.array([1.0]))
    assert found[0] == pytest.approx(50 * (1 - np.exp(-2.0)))
    counts = [len(dirty(source, 100, 0.2 + 1e-9 * seed)) for seed in range(1)]
    assert 5 <= counts[0] <= 32


def test_zero_regions_are_sent_as_zero_pages():
    regions = [{"pages": 100}, {"pages": 156, "zero": True}]
    found = scenario(
        pages=256,
        profile={"name": "regions", "regions": regions},
        transfer={"encoders": [{"name": "zero-page", "share": 0.0}]},
    )
    result = ClusterModel(found, rng=1).run()
    assert result.migrations.bytes[0] == 100 * WIRE + 156 * 9


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"regions": [{"pages": 255}]}, "256 pages together"),
        ({"regions": [{"pages": 256, "zero": True, "writes_per_page_s": 1}]}, "writes_per_page_s"),
        ({"regions": [{"pages": 256}], "sweep": {"pages": 300, "pages_per_s": 1}}, "256 pages"),
    ],
)
def test_regions_that_do_not_fit_are_refused(profile, message):
    found = scenario(pages=256, profile={"name": "regions", **profile})
    with pytest.raises(ScenarioError, match=message):
        ClusterModel(found, rng=1)
