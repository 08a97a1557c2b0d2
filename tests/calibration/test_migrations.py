"""Constants of migrations from a table that is made with known ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster_emu.calibration import fit_migrations
from cluster_emu.errors import ScenarioError

PAGES = 65_668
EFFICIENCY, SETUP_S, SYNC_S, DEVICE_S = 0.94, 0.12, 3e-7, 0.021


def table(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    link = rng.choice([16e6, 33.5e6, 125e6], rows)
    sent = rng.uniform(2e8, 9e8, rows)
    stopped = rng.uniform(1e6, 9e6, rows)
    rounds = rng.integers(3, 20, rows)
    noise = 1 + 0.01 * rng.standard_normal((4, rows))
    return pd.DataFrame(
        {
            "status": "completed",
            "capabilities": None,
            "n_concurrent": 1,
            "load1": 1.0,
            "link_rate": link,
            "ram_total_bytes": PAGES * 4096,
            "rounds": rounds,
            "setup_ms": 1e3 * SETUP_S * noise[0],
            "total_time_ms": 1e3 * (SETUP_S * noise[0] + sent / link / EFFICIENCY * noise[1]),
            "transferred_bytes": sent,
            "downtime_bytes": stopped,
            "blackout_ms": 1e3 * (DEVICE_S * noise[2] + stopped / link / EFFICIENCY),
            "sync_ms_after_first": 1e3 * SYNC_S * PAGES * (rounds - 1) * noise[3],
        }
    )


def test_known_constants_are_found(tmp_path: Path) -> None:
    path = tmp_path / "migrations.csv"
    others = table(12).assign(status="cancelled", setup_ms=9e9)
    loaded = table(5).assign(load1=9.0, setup_ms=9e9)
    pd.concat([table(), others, loaded]).to_csv(path, index=False)
    found = fit_migrations(path)
    assert (found.rows, found.used) == (57, 40)
    for constant, wanted, within in (
        (found.link_efficiency, EFFICIENCY, 0.01),
        (found.setup_s, SETUP_S, 0.01),
        (found.sync_s_per_page, SYNC_S, 0.01),
        (found.device_s, DEVICE_S, 0.1),
    ):
        assert constant is not None and constant.low is not None and constant.high is not None
        assert constant.value == pytest.approx(wanted, rel=within)
        assert constant.low <= constant.value <= constant.high
        assert constant.rows == 40
    assert found.cannot_tell == ()


def test_the_interval_of_a_median_holds_in_its_share_of_samples(tmp_path: Path) -> None:
    """Binomial(400, 0.95): fewer than 360 has a chance below 1e-4."""
    rng = np.random.default_rng(5)
    from cluster_emu.calibration.migrations import _constant

    held = 0
    for _ in range(400):
        one = _constant(rng.exponential(1.0, 17))
        assert one is not None and one.low is not None and one.high is not None
        held += one.low <= np.log(2) <= one.high
    assert held >= 360


def test_what_no_row_shows_is_said(tmp_path: Path) -> None:
    path = tmp_path / "migrations.csv"
    table(4)[["status", "total_time_ms", "setup_ms", "transferred_bytes"]].to_csv(path)
    found = fit_migrations(path)
    assert found.link_efficiency is None and found.device_s is None
    assert found.setup_s is not None and found.setup_s.low is None  # four rows have no interval
    assert "The link efficiency: no row shows it." in found.cannot_tell


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "status, total_time_ms"),
        ("status,total_time_ms,setup_ms,transferred_bytes\n", "at least one completed"),
        ("status,total_time_ms,setup_ms,transferred_bytes\ncompleted,1,x,3\n", "line 2: setup_ms"),
        ("status,total_time_ms,setup_ms,transferred_bytes\ncompleted,-1,2,3\n", "line 2: total"),
        ("", "a CSV table"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "migrations.csv"
    path.write_text(content)
    with pytest.raises(ScenarioError) as refused:
        fit_migrations(path)
    assert said in str(refused.value)
