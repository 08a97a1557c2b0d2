"""A cell of a study is found by its key, computed again, and held against its figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cluster_emu.errors import ClusterEmuError, UnknownNameError
from cluster_emu.live.replay_source import ReplayFactory, ReplaySource
from cluster_emu.study import finished_cell, run_batch
from cluster_emu.study.finished_cell import read_finished_cell

STUDY = """
name = "small"
scenario = "base.toml"
strategies = ["pre-copy", "history-majority"]
policies = ["none", "qemu"]
replications = 1
seed = 3
leave_out = [{ strategy = "pre-copy", policy = "qemu" }]
[axes]
"vms.0.memory_bytes" = ["1 MiB", "2 MiB"]
"run.tick_s" = { range = { from = "1 s", to = "2 s", values = 2 } }
"""
BASE = """
name = "base"
topology = { name = "star", hosts = 2, host_bps = "1 Gbit/s" }
[run]
duration_s = 20
control_interval_s = 10
stop_when_idle = true
[[hosts]]
count = 2
cpu_capacity = 8
memory_bytes = "16 GiB"
[[vms]]
count = 1
cpu_capacity = 2
memory_bytes = "1 MiB"
profile = "web"
host = 0
[[migrations]]
vm = 0
target = 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("study")
    (place / "study.toml").write_text(STUDY)
    (place / "base.toml").write_text(BASE)
    run_batch(place / "study.toml", out=place / "out")
    return place / "out"


def keys(folder: Path) -> list[str]:
    return pd.read_parquet(folder / "results.parquet")["cell"].tolist()


def test_every_cell_is_computed_again_to_its_figures(folder: Path) -> None:
    results = pd.read_parquet(folder / "results.parquet")
    assert len(results) == 12
    for _, row in results.iterrows():
        run = read_finished_cell(folder, row["cell"])
        assert run.computed
        assert not run.differs
        assert len(run.notices) == 1
        assert "figures are those of the study" in run.notices[0]
        assert run.seed == row["seed"]
        assert run.result.migrations["strategy"].tolist() == [row["strategy"]]
        assert run.result.summary["total_bytes"] == row["total_bytes"]


def test_the_title_of_a_cell_needs_no_computing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keys(folder)[0]
    title = read_finished_cell(folder, key).title

    def never(*_: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(finished_cell, "computed_again", never)
    assert ReplayFactory.of(folder, key).title == title


def test_a_cell_is_named_by_the_begin_of_its_key_and_replayed(folder: Path) -> None:
    key = keys(folder)[0]
    (source,) = ReplayFactory.of(folder, key[:12]).lanes({})
    assert isinstance(source, ReplaySource)
    source.seek(source.duration_s)
    while "computed_share" in (found := source.panel("microscope", {"number": 0})):
        pass
    assert found["agrees"]
    assert key in found["check"]


def test_other_figures_are_said_to_be_others(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    table.loc[0, "total_bytes"] += 4096
    table.to_parquet(tmp_path / "out" / "results.parquet")
    run = read_finished_cell(tmp_path / "out", keys(folder)[0])
    assert run.differs
    assert "NOT as in the study: total_bytes" in run.notices[0]


def test_another_base_scenario_is_said_to_be_another(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    (tmp_path / "base.toml").write_text(BASE.replace('"web"', '"idle"'))
    manifest["folder"] = str(tmp_path)
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    run = read_finished_cell(tmp_path / "out", keys(folder)[0])
    assert run.differs
    assert "was NOT computed by this version from the same files" in run.notices[1]


def test_unknown_keys_and_studies_without_a_key_are_refused(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown cell 'none'"):
        read_finished_cell(folder, "none")
    with pytest.raises(ClusterEmuError, match="--cell KEY"):
        ReplayFactory.of(folder)
