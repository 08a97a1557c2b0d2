"""A folder has one writer at a time, and a writer that died is none."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster_emu import ScenarioError
from cluster_emu.results import folder_lock
from cluster_emu.results.folder_lock import LOCK, MARKER, locked
from cluster_emu.results.result_folder import MANIFEST, check_whole, new_result

WITHOUT_LOCKS = """
import errno, fcntl, os
def flock(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.flock = flock
"""
HOLDER = """
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from cluster_emu.results.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_that_locks(folder: Path, code: str = HOLDER) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
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


def test_a_holder_says_since_when_and_on_which_host(tmp_path: Path) -> None:
    with locked(tmp_path):
        words = (tmp_path / LOCK).read_text().split()
    assert words[:3] == ["process", str(os.getpid()), "since"]
    assert words[-2] == "on"
    assert not (tmp_path / LOCK).exists()  # nothing else was in the folder


def test_another_thread_is_refused(tmp_path: Path) -> None:
    def lock() -> str:
        try:
            with locked(tmp_path):
                return "locked"
        except ScenarioError as error:
            return str(error)

    with ThreadPoolExecutor(1) as thread, locked(tmp_path):
        assert f"(process {os.getpid()} since" in thread.submit(lock).result()
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lock).result() == "locked"


def lock_in_child(folder: Path) -> None:
    with locked(folder):
        pass


def test_a_forked_process_does_not_hold_what_its_parent_holds(tmp_path: Path) -> None:
    with locked(tmp_path):
        child = multiprocessing.get_context("fork").Process(target=lock_in_child, args=[tmp_path])
        child.start()
        child.join()
        assert child.exitcode == 1
        assert (tmp_path / LOCK).read_text().startswith(f"process {os.getpid()} ")


def test_a_holder_that_was_killed_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new holder has locked, and has not said so yet."""
    with another_process_that_locks(tmp_path) as holder:
        holder.kill()
        holder.wait()
    monkeypatch.setattr(folder_lock, "PATIENCE_S", 0.05)
    with (tmp_path / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ScenarioError, match=r"\(another process does\)"), locked(tmp_path):
            pass


@pytest.mark.skipif(not folder_lock.PROC.is_dir(), reason="Linux says when a process began")
@pytest.mark.parametrize(("before_s", "named"), [(3600.0, False), (0.0, True)])
def test_a_later_process_of_the_same_number_is_not_the_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_s: float, *, named: bool
) -> None:
    began_s = folder_lock._began_s(os.getpid())
    assert began_s is not None and abs(time.time() - began_s) < 24 * 3600
    since = datetime.fromtimestamp(began_s - before_s, UTC).isoformat(" ", "seconds")
    holder = f"process {os.getpid()} since {since} on {socket.gethostname()}"
    (tmp_path / LOCK).write_text(f"{holder}\n")
    monkeypatch.setattr(folder_lock, "PATIENCE_S", 0.05)
    with (tmp_path / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with (
            pytest.raises(ScenarioError, match=re.escape(holder) if named else "another process"),
            locked(tmp_path),
        ):
            pass


def test_a_folder_that_is_removed_meanwhile_ends_the_lock(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with locked(folder):
        (folder / LOCK).unlink()
        folder.rmdir()
    with locked(folder), another_process_that_locks(tmp_path):
        pass


def test_a_file_system_without_locks_has_one_writer_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with another_process_that_locks(tmp_path, WITHOUT_LOCKS + HOLDER) as holder:
        with pytest.raises(ScenarioError, match=rf"process {holder.pid} since"), locked(tmp_path):
            pass
        holder.kill()
        holder.wait()
    assert (tmp_path / MARKER).exists()
    with locked(tmp_path):  # the mark of a process that has ended is taken over
        with locked(tmp_path):
            pass
        refused = subprocess.run(
            [sys.executable, "-c", WITHOUT_LOCKS + HOLDER, str(tmp_path)],
            capture_output=True,
            text=True,
            input="",
        )
        assert "ScenarioError" in refused.stderr
    assert not (tmp_path / MARKER).exists()


WRITES = 40


def write_often(folder: Path, writer: int, begin: object, counts: object) -> None:
    begin.wait()  # type: ignore[attr-defined]
    for attempt in range(WRITES):
        try:
            with new_result(folder, "run", overwrite=True) as place:
                for name in ("a", "b"):
                    (place / name).write_text(f"{writer} {attempt}")
        except ScenarioError as error:
            assert "a folder that nobody writes to" in str(error)
            counts[writer][1] += 1  # type: ignore[index]
        else:
            counts[writer][0] += 1  # type: ignore[index]


def test_writers_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    counts = [fork.Array("i", 2) for _ in range(3)]
    begin = fork.Barrier(3)
    folder = tmp_path / "out"
    writers = [
        fork.Process(target=write_often, args=[folder, writer, begin, counts])
        for writer in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert sum(written + refused for written, refused in counts) == 3 * WRITES
    assert any(written for written, _ in counts)
    check_whole(folder)
    assert (folder / "a").read_text() == (folder / "b").read_text()
    assert {path.name for path in folder.iterdir()} == {"a", "b", MANIFEST, LOCK}
