"""A folder has one writer at a time, and a writer that died is none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster_emu import ScenarioError
from cluster_emu.results.folder_lock import LOCK, locked

HOLDER = """
import sys
from pathlib import Path
from cluster_emu.results.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_that_locks(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_a_second_process_is_refused_with_who_holds_the_lock(tmp_path: Path) -> None:
    with (
        another_process_that_locks(tmp_path) as holder,
        pytest.raises(ScenarioError, match=rf"--out = .*\(process {holder.pid} since 20.* does\)"),
        locked(tmp_path, field="--out"),
    ):
        pass
    with locked(tmp_path):
        pass


def test_a_lock_ends_with_a_killed_process(tmp_path: Path) -> None:
    with another_process_that_locks(tmp_path) as holder:
        holder.kill()
        holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        pass


def test_a_process_can_lock_again_what_it_has_locked(tmp_path: Path) -> None:
    with locked(tmp_path):
        with locked(tmp_path / "." / "", field="--out"):
            pass
        refused = subprocess.run(
            [sys.executable, "-c", HOLDER, str(tmp_path)], capture_output=True, text=True, input=""
        )
    assert refused.returncode == 1
    assert "ScenarioError" in refused.stderr


def test_a_folder_without_a_file_is_removed_if_the_lock_made_it(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_stays(tmp_path: Path) -> None:
    with locked(tmp_path / "a"):
        (tmp_path / "a" / "b").touch()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"b", LOCK}
