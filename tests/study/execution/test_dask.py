"""Studies on dask: a scheduler and workers on this machine give the bytes of a local run."""

from __future__ import annotations

import builtins
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.errors import ClusterEmuError, PoolLostError, ScenarioError
from cluster_emu.study import run_batch
from cluster_emu.study.execution.cluster import on_cluster
from tests._support.script_with_part import PART, RUN, STUDY
from tests.study.grid.test_batch import results


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Return a real scheduler with two worker processes, each with a nanny that starts it again."""
    from distributed import LocalCluster

    local: Any = LocalCluster
    with local(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", processes=True
    ) as started:
        yield started


def test_where_dask_is_missing_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_dask(name: str, *rest: Any, **more: Any) -> Any:
        if name == "distributed":
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_dask)
    with pytest.raises(ClusterEmuError, match=r"cluster-emu\[dask\]"), on_cluster("tcp://a:1"):
        pass


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"backend": "ray"}, "backend"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "scheduler"),
        ({"backend": "dask"}, "scheduler"),
    ],
)
def test_a_backend_that_makes_no_sense_is_refused(
    study_file: Path, tmp_path: Path, options: dict[str, str], field: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        run_batch(study_file, out=tmp_path / "out", **options)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_study_on_dask_of_which_a_worker_is_killed_gives_the_same_bytes(
    cluster: Any, study_file: Path, tmp_path: Path
) -> None:
    text = study_file.read_text("utf-8").replace("replications = 2", "replications = 6")
    study_file.write_text(text, "utf-8")
    run_batch(study_file, out=tmp_path / "local")
    first = next(iter(cluster.workers.values())).process.pid
    killed = threading.Event()

    def kill_in_the_middle(done: float, total: float) -> None:
        if done >= total / 3 and not killed.is_set():
            os.kill(first, signal.SIGKILL)
            killed.set()

    options = {"backend": "dask", "scheduler": cluster.scheduler_address}
    on_dask = run_batch(study_file, out=tmp_path / "dask", progress=kill_in_the_middle, **options)

    assert killed.is_set()
    assert (len(on_dask.table), len(on_dask.failed)) == (48, 0)
    assert results(tmp_path / "dask") == results(tmp_path / "local")


KINDS = """
name = "kinds"
scenario = "single"
strategies = ["time-series", "post-copy"]
replications = 3
keep = ["migrations"]

[fields]
vms.0.memory_bytes = "16 MiB"

[axes]
run.fidelity = ["pages", "lumped", "mean-field"]
"""
"""18 cells whose memory models load different code, some of it when a cell first needs it."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_worker_with_several_threads_gives_the_same_bytes(tmp_path: Path) -> None:
    from distributed import LocalCluster

    study = tmp_path / "study.toml"
    study.write_text(KINDS, "utf-8")
    run_batch(study, out=tmp_path / "local")
    local: Any = LocalCluster
    for number in range(3):  # what is loaded twice at once is only at risk in a new process
        with local(
            n_workers=1, threads_per_worker=4, dashboard_address=None, host="127.0.0.1"
        ) as cluster:
            options = {"backend": "dask", "scheduler": cluster.scheduler_address}
            on_dask = run_batch(study, out=tmp_path / f"dask-{number}", **options)
        assert (len(on_dask.table), set(on_dask.table["error"])) == (18, {""})
        assert results(tmp_path / f"dask-{number}") == results(tmp_path / "local")


@pytest.mark.slow
def test_a_part_of_a_script_reaches_the_workers_of_dask(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY, "utf-8")
    (tmp_path / "own_rules.py").write_text(PART, "utf-8")
    (tmp_path / "script.py").write_text(f"import own_rules\n{RUN}", "utf-8")
    words = [tmp_path / "script.py", tmp_path / "study.toml", tmp_path / "out", "1"]
    said = subprocess.run(
        [sys.executable, *words, cluster.scheduler_address],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert said.returncode == 0, said.stderr
    assert said.stdout.split() == ["done", "done"]


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(study_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"scheduler = 'tcp://127.0.0.1:9'"):
        run_batch(study_file, out=tmp_path / "out", backend="dask", scheduler="tcp://127.0.0.1:9")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_lost_scheduler_ends_the_batch_and_no_cell_is_blamed(
    study_file: Path, tmp_path: Path
) -> None:
    text = study_file.read_text("utf-8").replace("replications = 2", "replications = 40")
    study_file.write_text(text, "utf-8")
    place = tmp_path / "scheduler.json"
    common = ("--scheduler-file", str(place), "--no-dashboard")
    scheduler = start("dask_scheduler", *common, "--host", "127.0.0.1", "--port", "0")
    worker = start("dask_worker", *common, "--nthreads", "1", "--nworkers", "2")

    def kill(done: float, total: float) -> None:
        if done >= 3:
            scheduler.kill()

    try:
        address = address_with_workers(place, 2)
        options = {"backend": "dask", "scheduler": address}
        with pytest.raises(PoolLostError, match="scheduler was lost"):
            run_batch(study_file, out=tmp_path / "out", progress=kill, **options)  # type: ignore[arg-type]
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait()
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert 1 <= len(table) < 320
    assert set(table["status"]) == {"done"}, set(table["error"])


def start(program: str, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{program}", *words]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def address_with_workers(place: Path, count: int) -> str:
    """Return the address in a scheduler's file, once it has its workers."""
    from distributed import Client

    connect: Any = Client
    until = time.monotonic() + 60
    while not place.exists() and time.monotonic() < until:
        time.sleep(0.05)
    with connect(scheduler_file=str(place), set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)
    return str(json.loads(place.read_text("utf-8"))["address"])
