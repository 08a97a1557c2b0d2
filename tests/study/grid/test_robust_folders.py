"""Folders of a study in trouble: a clear error or a right result, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.results.folder_lock import locked
from cluster_emu.study import load_study, run_batch
from cluster_emu.study.grid import journal
from cluster_emu.study.grid.cell_store import JOURNAL, CellStore
from tests.study.grid.test_batch import results


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 600 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_keeps_finished_cells_and_the_same_command_goes_on(
    small_disk: Path, study_file: Path, finished: Path
) -> None:
    out = small_disk / "out"
    (small_disk / "ballast").write_bytes(bytes(500_000))
    command = [sys.executable, "-m", "cluster_emu", "batch", str(study_file), "--out", str(out)]
    full = subprocess.run(command, capture_output=True, text=True, check=False)
    assert full.returncode == 1, full.stderr
    assert "--out" in full.stderr and "Traceback" not in full.stderr
    assert "finished cells are kept" in full.stderr
    (small_disk / "ballast").unlink()

    done = run_batch(study_file, out=out)
    assert (len(done.table), len(done.failed)) == (16, 0)
    assert results(out) == results(finished)


def test_a_write_that_the_disk_refuses_is_an_error_of_the_folder(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = CellStore.write

    def until_full(store: CellStore, *cell: Any) -> None:
        if len(written) == 5:
            raise OSError(28, "database or disk is full", str(tmp_path / "out" / JOURNAL))
        write(store, *cell)
        written.append(cell)

    monkeypatch.setattr(CellStore, "write", until_full)
    with pytest.raises(OSError, match="disk is full"):
        run_batch(study_file, out=tmp_path / "out")
    monkeypatch.undo()

    assert run_batch(study_file, out=tmp_path / "out").found == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_named(study_file: Path, finished: Path) -> None:
    finished.chmod(0)
    try:
        with pytest.raises((OSError, ScenarioError), match=finished.name):
            run_batch(study_file, out=finished)
        with pytest.raises(Exception, match=finished.name):
            load_study(finished)
    finally:
        finished.chmod(0o755)


def test_a_journal_that_cannot_be_opened_is_named_and_kept(
    study_file: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error

    before = (finished / JOURNAL).read_bytes()
    monkeypatch.setattr(journal.sqlite3, "connect", refused)
    with pytest.raises(OSError, match=r"unable to open database file.*cells\.sqlite"):
        run_batch(study_file, out=finished)
    monkeypatch.undo()
    assert (finished / JOURNAL).read_bytes() == before


def test_a_journal_of_noise_runs_its_cells_again(study_file: Path, finished: Path) -> None:
    before = results(finished)
    (finished / JOURNAL).write_bytes(bytes(range(256)) * 64)
    again = run_batch(study_file, out=finished)

    assert (again.found, again.damaged) == (0, True)
    assert results(finished) == before


def test_a_second_batch_on_the_folder_is_refused_and_harms_nothing(
    study_file: Path, finished: Path
) -> None:
    before = results(finished)
    command = [sys.executable, "-m", "cluster_emu", "batch", str(study_file)]
    with locked(finished):
        second = subprocess.run(
            [*command, "--out", str(finished)], capture_output=True, text=True, check=False
        )
    assert second.returncode == 2
    assert f"process {os.getpid()} since" in second.stderr
    assert results(finished) == before


def test_on_a_network_file_system_there_is_no_log_beside_the_journal(
    study_file: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "is_on_network", lambda _: True)
    modes = []
    write = CellStore.write

    def noted(store: CellStore, *cell: Any) -> None:
        write(store, *cell)
        modes.append((tmp_path / "out" / f"{JOURNAL}-wal").exists())

    monkeypatch.setattr(CellStore, "write", noted)
    run_batch(study_file, out=tmp_path / "out")
    assert modes == [False] * 16
    assert results(tmp_path / "out") == results(finished)

    monkeypatch.setattr(journal, "is_on_network", lambda _: False)
    shutil.rmtree(tmp_path / "out")
    run_batch(study_file, out=tmp_path / "out")
    assert modes[16:] == [True] * 16
