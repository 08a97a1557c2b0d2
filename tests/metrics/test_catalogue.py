"""One entry is all a metric needs, from inside the package and from outside."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.metrics.aggregations import (
    ClusterFigure,
    CountOf,
    MaximumOverAll,
    MeanOverCompleted,
    MeanOverStarted,
    QuantileOverCompleted,
    RunFigures,
    SumOverAll,
    in_words,
    makespan_s,
    mean_queue_wait_s,
)
from cluster_emu.metrics.catalogue import Metric, MetricCatalogue, metric_catalogue
from cluster_emu.metrics.summary import summarise
from cluster_emu.model import ClusterModel
from cluster_emu.study import compare
from cluster_emu.transfer.records import Phase

ROOT = Path(__file__).parents[2]
PLUG_IN = """
from cluster_emu.metrics.catalogue import Metric


def longest_round_s(run):
    \"\"\"Return the longest live round.\"\"\"
    rounds = run.tables["rounds"]
    live = rounds[rounds["phase"] == "pre-copy"]
    return float((live["end_s"] - live["start_s"]).max())


LONGEST_ROUND = Metric(
    name="longest_round_s",
    label="longest live round",
    description="Length of the longest live round of any migration.",
    value=longest_round_s,
    unit="s",
    comparison_rank=25,
)
"""
STUDY = """
import json
from cluster_emu.json_output import plain_data
from cluster_emu.study import compare

if __name__ == "__main__":
    found = compare("single", ["pre-copy", "post-copy"], replications=2, jobs={jobs})
    print(json.dumps({{"document": plain_data(found.report()), "columns": list(found.runs)}}))
"""


def figures() -> RunFigures:
    """Three migrations: one completed at 9 s, one at 5 s, one failed while paused."""
    migrations = pd.DataFrame(
        {
            "outcome": ["completed", "failed", "completed", "not converged"],
            "queued_s": [1.0, 2.0, 3.0, 3.25],
            "prepare_s": [0.5, 0.0, 0.0, 0.0],
            "start_s": [2.0, math.nan, 4.0, 4.0],
            "end_s": [9.0, 20.0, 5.0, 6.0],
            "downtime_s": [0.2, 8.0, 0.4, math.nan],
            "bytes": [100.0, 10.0, 300.0, 800.0],
            "rounds": [1, 0, 2, 9],
        }
    )
    return RunFigures({"migrations": migrations}, {"energy_kwh": 7.0})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (CountOf(Phase.COMPLETED), 2),
        (CountOf(Phase.UNFINISHED), 0),
        (MeanOverCompleted("bytes"), 200.0),
        (QuantileOverCompleted("downtime_s", 0.5), 0.3),
        (MaximumOverAll("downtime_s"), 8.0),
        (MeanOverStarted("bytes"), 400.0),
        (MeanOverStarted("rounds"), 4.0),
        (SumOverAll("bytes"), 1210.0),
        (ClusterFigure("energy_kwh"), 7.0),
        (makespan_s, 8.0),
        (mean_queue_wait_s, 0.75),
    ],
    ids=in_words,
)
def test_aggregations_by_hand(value, expected: float) -> None:
    assert value(figures()) == pytest.approx(expected)
    assert in_words(value)


def test_means_over_no_migration_are_nan() -> None:
    none = RunFigures({"migrations": figures().migrations[:0]}, {})
    assert math.isnan(MeanOverCompleted("bytes")(none))
    assert math.isnan(makespan_s(none))
    assert SumOverAll("bytes")(none) == 0.0


def test_the_summary_has_a_column_for_every_metric_of_runs_in_their_order() -> None:
    summary = ClusterModel("single", rng=1).run().tables["summary"]
    of_every_run = [
        metric.name
        for metric in metric_catalogue
        if metric.value is not None and not metric.only_with
    ]
    assert list(summary) == of_every_run
    assert len(summary) == 1


def test_every_metric_says_what_it_is_and_what_unit_it_is_in() -> None:
    units = {"s": {"s": 1.0, "ms": 1e3, "CPU s": 1.0}, "share": {"%": 100.0}, "kwh": {"kWh": 1.0}}
    for metric in metric_catalogue:
        assert metric.label and metric.description.endswith("."), metric.name
        allowed = units.get(metric.name.rpartition("_")[2])
        if allowed is not None:
            assert allowed[metric.unit] == metric.scale, metric.name
    ranks = [metric.comparison_rank for metric in metric_catalogue.compared()]
    assert ranks == sorted(set(ranks))


def test_a_name_is_taken_once_and_an_unknown_one_is_refused() -> None:
    catalogue = MetricCatalogue("nobody.registers_here")
    one = Metric(name="one", label="one", description="One.", value=lambda run: 1.0)
    assert catalogue.register(one) is one
    with pytest.raises(ValueError, match="'one' is registered twice"):
        catalogue.register(one)
    assert "one" in catalogue
    assert catalogue["one"] is one
    with pytest.raises(UnknownNameError, match="one"):
        catalogue["onne"]


def test_a_script_adds_a_metric_with_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_catalogue, "_metrics", dict(metric_catalogue._metrics))
    metric_catalogue.register(
        Metric(name="twice", label="twice", description="2 x bytes.", value=lambda run: 2 * 410.0)
    )
    run = figures()
    monkeypatch.setattr(metric_catalogue, "_metrics", {"twice": metric_catalogue["twice"]})
    assert summarise(run).to_dict("records") == [{"twice": 820.0}]


@pytest.mark.slow
def test_a_metric_that_workers_do_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_catalogue, "_metrics", dict(metric_catalogue._metrics))
    metric_catalogue.register(
        Metric(
            name="one",
            label="one",
            description="1.",
            value=lambda run: 1.0,
            comparison_rank=999,
        )
    )
    fields = {"vms.0.memory_bytes": "4 MiB"}
    found = compare("single", ["pre-copy"], replications=2, fields=fields)
    assert found.report().metrics["one"]["pre-copy"].mean == 1.0
    with pytest.raises(ScenarioError, match="only this process has the metric 'one'"):
        compare("single", ["pre-copy"], replications=2, jobs=2, fields=fields)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_another_distribution_adds_a_metric_with_one_entry(tmp_path: Path, jobs: int) -> None:
    distribution = tmp_path / "example_metric-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: example-metric\n")
    (distribution / "entry_points.txt").write_text(
        "[cluster_emu.metrics]\nlongest_round_s = example_metric:LONGEST_ROUND\n"
    )
    (tmp_path / "example_metric.py").write_text(PLUG_IN)
    (tmp_path / "study.py").write_text(STUDY.format(jobs=jobs))
    done = subprocess.run(
        [sys.executable, tmp_path / "study.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert list(found["document"]["metrics"])[:3] == [
        "migrations",
        "total_time_s",
        "longest_round_s",
    ]
    means = found["document"]["metrics"]["longest_round_s"]
    assert means["pre-copy"]["mean"] > 0
    assert means["post-copy"]["mean"] is None  # no live round
    pair = [one for one in found["document"]["paired"] if one["metric"] == "longest_round_s"]
    assert len(pair) == 1
    assert found["columns"][-1] == "longest_round_s"
    assert np.isfinite(means["pre-copy"]["mean"])
