"""The journal of finished cells: what it holds is what was written, or it is not believed."""

from __future__ import annotations

import math
import os
import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from cluster_emu.errors import ClusterEmuError
from cluster_emu.scenario import load_scenario
from cluster_emu.study.grid import journal
from cluster_emu.study.grid.cell_run import FAILED, CellRun
from cluster_emu.study.grid.cell_store import JOURNAL, JOURNAL_FILES, CellStore
from cluster_emu.study.grid.cells import Cell, Contents
from cluster_emu.study.grid.journal import Journal

SEED = 20161128
SCENARIO = load_scenario("paper")
CONTENT = Contents().of(SCENARIO)


def cell(number: int) -> Cell:
    return Cell({"axis": 0.1 * number, "seed": number}, SCENARIO, number, CONTENT)


CELLS = [cell(number) for number in range(40)]


def report(number: int) -> CellRun:
    if number % 7 == 3:
        return CellRun(FAILED, error=f"ValueError: {number}")
    return CellRun(summary={"downtime_s": number / 3, "stall_s": math.nan, "bytes": 2.0**60})


def fill(folder: Path) -> list[str]:
    """Write all cells; return the rows as text, in which NaN equals NaN."""
    with CellStore(folder) as store:
        for number, each in enumerate(CELLS):
            store.write(each, report(number))
        return [repr(store.read(each)) for each in CELLS]


def read(folder: Path) -> tuple[list[str], bool]:
    with CellStore(folder) as store:
        return [repr(store.read(each)) for each in CELLS], store.damaged


def test_cells_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = fill(tmp_path)

    assert read(tmp_path) == (written, False)
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]


def test_a_process_that_is_killed_leaves_every_cell_that_it_wrote(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    with CellStore(tmp_path) as store:
        for number, each in enumerate(CELLS[:9]):
            store.write(each, report(number))
        for name in JOURNAL_FILES:  # what is on disk now is what a kill leaves
            if (tmp_path / name).exists():
                (killed / name).write_bytes((tmp_path / name).read_bytes())
    rows, damaged = read(killed)

    assert not damaged
    assert [row != "None" for row in rows] == [True] * 9 + [False] * 31


def test_one_flipped_bit_anywhere_changes_no_cell(tmp_path: Path) -> None:
    written = fill(tmp_path)
    whole = (tmp_path / JOURNAL).read_bytes()
    draw = random.Random(SEED)
    for _ in range(60):
        place, bit = draw.randrange(len(whole)), 1 << draw.randrange(8)
        flipped = bytearray(whole)
        flipped[place] ^= bit
        for name in JOURNAL_FILES:
            (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / JOURNAL).write_bytes(flipped)
        try:
            rows, damaged = read(tmp_path)
        except ClusterEmuError:  # the file's own marks: no journal of this version
            assert place < 100
            continue
        lost = [row for row, before in zip(rows, written, strict=True) if row != before]
        assert set(lost) <= {"None"}, place
        assert damaged or not lost
        assert read(tmp_path) == (rows, False)  # it was written anew


def test_a_part_of_a_journal_changes_no_cell(tmp_path: Path) -> None:
    written = fill(tmp_path)
    whole = (tmp_path / JOURNAL).read_bytes()
    for size in range(0, len(whole), 1500):
        (tmp_path / JOURNAL).write_bytes(whole[:size])
        rows, damaged = read(tmp_path)
        assert all(row in (before, "None") for row, before in zip(rows, written, strict=True))
        assert damaged == (size > 0)


def test_a_row_under_another_cells_key_is_not_believed(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as database, database:
        database.execute("DELETE FROM cells WHERE key = ?", (CELLS[1].key,))
        change = "UPDATE cells SET key = ? WHERE key = ?"
        database.execute(change, (CELLS[1].key, CELLS[0].key))
    rows, damaged = read(tmp_path)

    assert rows[:2] == ["None", "None"]
    assert damaged


@pytest.mark.parametrize("mark", [0, 7])
def test_a_database_of_another_program_is_refused_and_kept(tmp_path: Path, mark: int) -> None:
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as database, database:
        database.execute(f"PRAGMA application_id = {mark}")
        database.execute("CREATE TABLE cells (name TEXT)")
    before = (tmp_path / JOURNAL).read_bytes()

    with pytest.raises(ClusterEmuError, match=r"cells\.sqlite: not a journal of cells"):
        CellStore(tmp_path)
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_a_journal_that_another_program_has_locked_is_kept(tmp_path: Path) -> None:
    written = fill(tmp_path)
    with closing(sqlite3.connect(tmp_path / JOURNAL, isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="locked"):
            CellStore(tmp_path)
    assert read(tmp_path) == (written, False)


def test_a_folder_under_the_journals_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).mkdir()
    with pytest.raises(OSError, match=r"unable to open .*cells\.sqlite"):
        CellStore(tmp_path)


def test_a_log_of_another_journal_changes_no_cell(tmp_path: Path) -> None:
    """SQLite reads a log that lies beside a journal, whichever it was written for."""
    written = fill(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    log = f"{JOURNAL}-wal"
    with CellStore(other) as store:
        store.write(cell(100), report(100))
        (tmp_path / log).write_bytes((other / log).read_bytes())  # closing it takes the log away
    rows, _ = read(tmp_path)

    assert all(row in (before, "None") for row, before in zip(rows, written, strict=True))


def test_the_last_cell_is_synced_also_if_no_other_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    written = threading.Event()

    def fsync(file: int) -> None:
        synced.append(Path(f"/proc/self/fd/{file}").readlink().name)
        written.set()

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(journal, "SYNC_EVERY_S", 0.3)
    with CellStore(tmp_path) as store:
        store.write(CELLS[0], report(0))  # SQLite syncs it
        assert not synced
        for number in (1, 2, 3):
            store.write(CELLS[number], report(number))
        assert written.wait(20)
        assert synced == [f"{JOURNAL}-wal"]
        with pytest.raises(OSError, match="locked"):  # the sync has not ended SQLite's lock
            Journal(tmp_path / JOURNAL)


def test_a_store_that_is_closed_waits_for_no_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SYNC_EVERY_S", 3600.0)
    with CellStore(tmp_path) as store:
        for number in range(3):
            store.write(CELLS[number], report(number))
    assert not any(isinstance(each, threading.Timer) for each in threading.enumerate())
    assert read(tmp_path)[1] is False
