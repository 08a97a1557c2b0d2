"""A study of 500 cells: the same bytes however it was run and however often it was killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.study import run_batch
from cluster_emu.study.grid.cell_store import KEPT, RESULTS
from cluster_emu.study.grid.journal import Journal
from cluster_emu.study.grid.shards import Shard

STUDY = """
name = "five-hundred"
scenario = "paper"
strategies = ["time-series", "xen-legacy"]
replications = 10
seed = 3
keep = ["migrations"]

[fields]
"run.duration_s" = "5 s"

[axes]
"vms.0.profile.probability" = [0.1, 0.3, 0.5, 0.7, 0.9]
"transfer.warm_intervals" = [0, 1, 2, 3, 5]
"""
CELLS = 500
SEED = 20161128
MOST_KILLS = 20


def exports(folder: Path) -> dict[str, bytes]:
    names = (*RESULTS, *KEPT)
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "study.toml"
    path.write_text(STUDY, "utf-8")
    return path


@pytest.fixture(scope="module")
def expected(study: Path) -> dict[str, bytes]:
    """Return the exports of an uninterrupted run in one process."""
    run_batch(study, out=study.parent / "whole", jobs=1)
    found = exports(study.parent / "whole")
    assert {"results.parquet", "results.csv", "migrations.parquet"} <= set(found)
    return found


def finished(folder: Path) -> int:
    journal = Journal(folder / "cells.sqlite")
    journal.close()
    return len(journal.entries)


@pytest.mark.slow
def test_killed_three_times_at_random(
    study: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "cluster_emu", "batch", str(study), "--out", str(out)]
    draw = random.Random(SEED)
    kept = [0]
    kills = 0
    while len(kept) < 4 and kills < MOST_KILLS:  # a kill may come before a cell has ended
        process = subprocess.Popen(
            [*command, "--jobs", "2"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        log = out / "cells.sqlite-wal"
        before = log.stat().st_mtime if log.exists() else 0.0
        while process.poll() is None and not (log.exists() and log.stat().st_mtime > before):
            time.sleep(0.01)
        time.sleep(draw.uniform(0.05, 0.7))
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        kills += 1
        now = finished(out)
        assert now >= kept[-1]
        if now > kept[-1]:
            kept.append(now)
    assert len(kept) == 4
    assert kept[-1] < CELLS
    resumed = run_batch(study, out=out, jobs=2)

    assert (resumed.found, resumed.damaged) == (kept[3], False)
    assert exports(out) == expected


@pytest.mark.slow
def test_on_two_processes(study: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    run_batch(study, out=tmp_path, jobs=2)
    assert exports(tmp_path) == expected


@pytest.mark.slow
def test_in_two_shards(study: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    run_batch(study, out=tmp_path, shard=Shard(2, 2))
    run_batch(study, out=tmp_path, shard=Shard(1, 2))
    assert exports(tmp_path) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_on_dask(study: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    from distributed import LocalCluster

    local: Any = LocalCluster
    with local(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        address = cluster.scheduler_address
        run_batch(study, out=tmp_path, backend="dask", scheduler=address)
    assert exports(tmp_path) == expected
