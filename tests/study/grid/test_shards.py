"""Shards: disjoint, whole settings, one folder, and at the end what an unsplit study writes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.results import folder_lock
from cluster_emu.results.folder_lock import locked
from cluster_emu.study import run_batch
from cluster_emu.study.grid.cell_store import MANIFEST
from cluster_emu.study.grid.cells import Cell, cells_of
from cluster_emu.study.grid.shards import Shard, read_shard
from cluster_emu.study.grid.study_file import read_study
from tests.study.grid.test_batch import results


@pytest.fixture
def cells(study_file: Path) -> list[Cell]:
    return cells_of(*read_study(study_file), study_file)


@pytest.mark.parametrize("of", [1, 2, 3, 5])
def test_shards_are_disjoint_and_take_whole_settings(cells: list[Cell], of: int) -> None:
    shards = [Shard(number, of).cells(cells) for number in range(1, of + 1)]
    keys = [cell.key for shard in shards for cell in shard]

    assert sorted(keys) == sorted(cell.key for cell in cells)
    for shard in shards:
        assert len(shard) % 4 == 0  # two strategies with two seeds
    if of <= 4:
        assert all(shards)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/99999"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ScenarioError, match="allowed is K/N"):
        read_shard(text)


def test_the_shard_that_ends_last_makes_the_exports_of_an_unsplit_study(
    study_file: Path, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    second = run_batch(study_file, out=out, shard=Shard(2, 2))
    assert (second.left_to_others, len(second.table)) == (8, 8)
    assert not (out / "results.parquet").exists()
    assert json.loads((out / "result.json").read_text())["complete"] is False
    first = run_batch(study_file, out=out, shard=Shard(1, 2), jobs=2)

    assert (first.left_to_others, len(first.table)) == (0, 16)
    assert results(out) == results(finished)
    assert json.loads((out / "result.json").read_text())["complete"] is True
    assert len(json.loads((out / MANIFEST).read_text())["cells"]) == 16


def test_an_unsplit_study_goes_on_from_shards(
    study_file: Path, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_batch(study_file, out=out, shard=Shard(3, 3))
    whole = run_batch(study_file, out=out)

    assert whole.found == 4
    assert results(out) == results(finished)
    assert run_batch(study_file, out=out, shard=Shard(1, 2)).found == 8


def test_two_processes_cannot_run_one_shard_and_one_can_run_another(
    study_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shard = Shard(1, 2)
    with locked(out, name=shard.lock, again=False):
        with pytest.raises(ScenarioError, match=rf"process {os.getpid()} since .* on "):
            run_batch(study_file, out=out, shard=shard)
        with pytest.raises(ScenarioError, match="a folder that nobody writes to"):
            run_batch(study_file, out=out)
        assert run_batch(study_file, out=out, shard=Shard(2, 2)).left_to_others == 8


def test_the_lock_of_an_ended_process_is_taken_over(study_file: Path, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    out = tmp_path / "out"
    out.mkdir()
    holder = f"process {ended.pid} since 2026-01-01 00:00:00+00:00 on {socket.gethostname()}\n"
    (out / Shard(1, 1).lock).write_text(holder)

    assert len(run_batch(study_file, out=out, shard=Shard(1, 1)).table) == 16


def test_on_a_network_the_lock_of_another_computer_is_named_with_the_way_out(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    lock = out / Shard(1, 1).lock
    lock.write_text("process 12 since 2026-01-01 00:00:00+00:00 on node-7\n")
    monkeypatch.setattr(folder_lock, "is_on_network", lambda _: True)

    with pytest.raises(
        ScenarioError, match=rf"process 12 since .* on node-7.*remove .*{lock.name}"
    ):
        run_batch(study_file, out=out, shard=Shard(1, 1))
    lock.unlink()
    assert run_batch(study_file, out=out, shard=Shard(1, 1)).left_to_others == 0


def test_a_shard_overwrites_nothing(study_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no shard of a study"):
        run_batch(study_file, out=tmp_path / "out", shard=Shard(1, 2), overwrite=True)


@pytest.mark.slow
def test_shards_at_once_leave_the_exports_of_one_of_them(
    study_file: Path, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "cluster_emu", "batch", str(study_file), "--out", str(out)]
    running = [subprocess.Popen([*command, "--shard", f"{number}/3"]) for number in (1, 2, 3)]

    assert [process.wait(timeout=300) for process in running] == [0, 0, 0]
    assert results(out) == results(finished)
