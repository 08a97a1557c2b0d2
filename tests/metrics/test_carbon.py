"""Carbon is energy times intensity, exactly at every change of the intensity."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu.errors import ScenarioError, TraceError
from cluster_emu.metrics.carbon import CarbonIntensity
from cluster_emu.metrics.power import JOULES_PER_KWH
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import load_scenario
from tests._support.small_scenarios import PAGE, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
FORMS = {
    "dates": "timestamp,carbon_intensity\n2022-01-01 00:00:00,80\n2022-01-01 00:10:00,120\n",
    "zones": "timestamp,carbon_intensity\n2022-01-01T00:00Z,80\n2022-01-01T01:10+01:00,120\n",
    "seconds": "timestamp,carbon_intensity\n3600,80\n4200,120\n",
    "more columns": "zone,carbon_intensity,timestamp\nNL,80,0\nNL,120,600\n",
}


def ran(duration_s: float = 2000.0, **carbon: Any) -> dict[str, float]:
    """Two hosts at 160 W; one VM of a core, 90 W / 8, that never moves. Returns the summary."""
    spec = scenario(
        hosts=2,
        vms=[{"count": 1, "cpu_capacity": 1, "memory_bytes": PAGE, "profile": QUIET, "host": 0}],
        run={
            "tick_s": 50.0,
            "control_interval_s": 250.0,
            "duration_s": duration_s,
            "stop_when_idle": False,
        },
        manager={"switch_off_empty_hosts": False},
    ).with_fields({"migrations": [], **{f"carbon.{name}": one for name, one in carbon.items()}})
    return dict(ClusterModel(spec, rng=1).run().summary)


WATTS = 320.0 + 90.0 / 8


def test_a_constant_intensity_multiplies_the_energy() -> None:
    summary = ran(intensity_g_per_kwh=300.0)
    assert summary["carbon_g"] == pytest.approx(300.0 * 2000.0 * WATTS / JOULES_PER_KWH)
    assert summary["carbon_g"] == pytest.approx(300.0 * summary["energy_kwh"])
    assert math.isnan(ran()["carbon_g"])
    assert ran(intensity_g_per_kwh=0.0)["carbon_g"] == 0.0


@pytest.mark.parametrize("form", FORMS)
def test_a_trace_changes_at_its_times_and_starts_again(form: str, tmp_path: Path) -> None:
    file = tmp_path / "grid.csv"
    file.write_text(FORMS[form])
    # 80 until 600 s, 120 until 1,200 s, 80 until 1,800 s, 120 until the end
    grams = (80 * 1200 + 120 * 800) * WATTS / JOULES_PER_KWH
    summary = ran(trace=str(file))
    assert summary["carbon_g"] == pytest.approx(grams, rel=1e-12)
    assert summary["energy_kwh"] == pytest.approx(ran()["energy_kwh"], rel=1e-12)


def test_a_parquet_trace_of_dates_is_read(tmp_path: Path) -> None:
    times = pd.to_datetime(["2022-01-01 00:00", "2022-01-01 00:10", "2022-01-01 00:15"])
    table = pd.DataFrame({"timestamp": times, "carbon_intensity": [80.0, 120.0, 10.0]})
    table.to_parquet(tmp_path / "grid.parquet")
    found = CarbonIntensity.read(tmp_path / "grid.parquet")
    assert found.starts_s.tolist() == [0.0, 600.0, 900.0]
    assert found.g_per_kwh.tolist() == [80.0, 120.0, 10.0]
    assert found.period_s == 1200.0
    assert [found.change_s(number) for number in (1, 2, 3, 4)] == [600.0, 900.0, 1200.0, 1800.0]


def test_one_intensity_in_a_trace_is_a_constant(tmp_path: Path) -> None:
    file = tmp_path / "grid.csv"
    file.write_text("timestamp,carbon_intensity\n2022-01-01,250\n")
    found = CarbonIntensity.read(file)
    assert found.change_s(1) == math.inf
    assert np.array_equal(found.g_per_kwh, [250.0])


def test_a_trace_is_found_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "grid.csv").write_text(FORMS["dates"])
    file = tmp_path / "scenario.toml"
    built_in = Path("cluster_emu/scenarios/single.toml")
    text = (Path(__file__).parents[2] / built_in).read_text(encoding="utf-8")
    file.write_text(text + "\n[carbon]\ntrace = 'grid.csv'\n")
    assert load_scenario(file).carbon.trace == tmp_path / "grid.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,carbon\n1,2\n", "'time, carbon': allowed is the columns timestamp and"),
        ("timestamp,carbon_intensity\n", "'timestamp, carbon_intensity': allowed is the columns"),
        ("", "a CSV or Parquet file"),
        ("timestamp,carbon_intensity\n0,5\n0,6\n", "line 3: '0': allowed is a time after"),
        ("timestamp,carbon_intensity\nnoon,5\n", "line 2: 'noon': allowed is a time"),
        ("timestamp,carbon_intensity\n0,-5\n", "line 2: '-5': allowed is an intensity of 0"),
        ("timestamp,carbon_intensity\n0,much\n", "line 2: 'much': allowed is an intensity of 0"),
    ],
)
def test_what_is_no_trace_is_refused_by_its_line(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "grid.csv"
    file.write_text(text)
    with pytest.raises(TraceError) as caught:
        ran(trace=str(file))
    assert str(file) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_trace_and_two_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="a readable CSV or Parquet file"):
        ran(trace=str(tmp_path / "absent.csv"))
    with pytest.raises(ScenarioError, match="only one of intensity_g_per_kwh and trace"):
        ran(trace="grid.csv", intensity_g_per_kwh=3.0)
    with pytest.raises(ScenarioError, match="intensity_g_per_kwh"):
        ran(intensity_g_per_kwh=-1.0)
