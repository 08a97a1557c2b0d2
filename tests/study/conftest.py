"""Scenarios and studies that are small enough to be run many times."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study import run_batch

STUDY = """
name = "dirty-pages"
scenario = "paper"
strategies = ["time-series", "xen-legacy"]
replications = 2
seed = 3

[fields]
"run.duration_s" = "5 s"

[axes]
vms.0.profile.probability = [0.3, 0.7]
"transfer.warm_intervals" = [0, 5]
"""
"""16 cells of some hundredths of a second each."""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """Return the file of a study of 16 cells."""
    path = tmp_path / "study.toml"
    path.write_text(STUDY, "utf-8")
    return path


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of the study of `study_file`, run in one go; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "study.toml").write_text(STUDY, "utf-8")
    run_batch(folder / "study.toml", out=folder / "out")
    return folder / "out"


@pytest.fixture
def finished(finished_once: Path, tmp_path: Path) -> Path:
    """Return a copy of the results of the study of `study_file`."""
    return Path(shutil.copytree(finished_once, tmp_path / "finished"))


@pytest.fixture
def fragile() -> Scenario:
    """Return a scenario that cannot be built under about half of all seeds.

    Its third VM needs a host alone, but the two others are placed at random.
    """
    vm: dict[str, Any] = {"cpu_capacity": 1, "page_count": 10, "host": None}
    profile = {"profile": {"name": "samples", "probability": 0.5}}
    sizes = [("64 MB", 2), ("128 MB", 1)]
    groups = [vm | profile | {"memory_bytes": size, "count": count} for size, count in sizes]
    host = {"count": 2, "cpu_capacity": 4, "memory_bytes": "160 MB"}
    return load_scenario("paper").with_fields(
        {"placement": "random", "hosts": [host], "vms": groups, "migrations": []}
    )
