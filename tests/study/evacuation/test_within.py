"""`evacuate --within`: the probability that a drain fits into a window."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cluster_emu import ScenarioError, evacuate
from cluster_emu.cli import app
from cluster_emu.scenario.names import Names
from cluster_emu.study.evacuation.within import within, within_sentence
from cluster_emu.study.statistics.proportions import proportion

VMS = pd.DataFrame(
    {
        "vm": [3, 4, 5, 3, 4, 5],
        "released_s": [10.0, 25.0, np.nan, 10.0, 15.0, 30.0],
    }
)


def test_the_vms_that_are_late_are_named_the_most_frequent_first() -> None:
    names = Names(vms=("", "", "", "a", "b", "c"))
    found = within(20.0, np.array([np.inf, 30.0]), VMS, names)

    assert (found.probability, found.runs) == (0.0, 2)
    assert [(late.name, late.late_share, late.released_s) for late in found.late_vms] == [
        ("c", 1.0, 30.0),
        ("b", 0.5, 20.0),
    ]
    assert "in the way: VM c (100 % of the runs), VM b (50 % of the runs)." in (
        within_sentence(found)
    )


def test_a_drain_that_always_fits_has_nobody_in_the_way() -> None:
    found = within(40.0, np.array([12.0, 30.0]), VMS.dropna(), Names())

    assert found.probability == 1.0
    assert found.ci95 == (proportion(2, 2).low, 1.0)
    assert found.late_vms == ()


def test_the_report_counts_the_drains_that_end_in_time() -> None:
    study = evacuate("evacuation", hosts=[0], uncertain=0.5, replications=6, seed=1)
    window_s = float(np.median(study.drain_s))
    study = evacuate(
        "evacuation", hosts=[0], uncertain=0.5, replications=6, seed=1, within_s=window_s
    )
    found = study.report().within

    assert found is not None
    assert found.probability == (study.drain_s <= window_s).mean()
    assert found.late_vms
    assert "It fits into" in study.report().answer


@pytest.mark.parametrize("window", ["0", "-3s", "soon", "inf"])
def test_a_window_that_is_none_is_refused(window: str) -> None:
    done = CliRunner().invoke(app, ["evacuate", "evacuation", "--host", "0", f"--within={window}"])

    assert done.exit_code == 2
    assert f"--within = '{window}'" in done.output


def test_a_window_of_nan_is_refused_in_python() -> None:
    with pytest.raises(ScenarioError, match="within_s"):
        evacuate("evacuation", hosts=[0], within_s=float("nan"))


def test_the_command_says_it_and_saves_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["evacuate", "evacuation", "--host", "0", "--replications", "2", "--within", "1m"]
    done = CliRunner().invoke(app, [*words, "--out", str(out)])

    assert done.exit_code == 0, done.output
    assert "It fits into 60 s in" in " ".join(done.output.split())
    assert json.loads((out / "evacuation.json").read_text("utf-8"))["within"]["window_s"] == 60.0


@pytest.mark.slow
def test_the_interval_covers_what_many_replications_find() -> None:
    """Windows of a drain whose time is log-normal: 20 replications against 2,000 others.

    The coverage is 95 %. Of 4,000 cases 93 to 97 % are covered but for 1 in 10^8 seeds.
    """
    rng = np.random.default_rng(16)
    cases, covered = 4_000, 0
    for _ in range(cases):
        window_s = float(np.exp(rng.uniform(-1.5, 1.5)))
        many = np.exp(rng.normal(size=2_000)) <= window_s
        few = np.exp(rng.normal(size=20)) <= window_s
        found = proportion(int(few.sum()), 20)
        assert found.low is not None and found.high is not None
        covered += bool(found.low <= many.mean() <= found.high)
    assert 0.93 <= covered / cases <= 0.97
