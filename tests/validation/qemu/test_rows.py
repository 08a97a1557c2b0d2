"""Reading measured migrations: configuration and outcome apart, errors that name the place."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.validation.qemu import read_migrations

DATA = Path(__file__).parents[3] / "validation" / "qemu" / "migrations.csv"


@pytest.fixture(scope="module")
def rows():
    return {one.configuration.name: one for one in read_migrations(DATA)}


def changed(tmp_path: Path, row: str, **cells: str) -> Path:
    with DATA.open(newline="") as file:
        reader = csv.DictReader(file)
        found = next(one for one in reader if one["id"] == row)
        header = reader.fieldnames
    path = tmp_path / "one.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerow({**found, **cells})
    return path


def test_all_rows_are_read(rows):
    assert len(rows) == 110
    assert sum(not one.outcome.converged for one in rows.values()) == 5
    assert {one.mode for one in rows.values()} == {
        "autoconverge",
        "concurrent",
        "hotcold",
        "idle",
        "postcopy",
        "seq",
        "uniform",
        "xbzrle",
    }


def test_total_time_leaves_out_the_setup(rows):
    assert rows["U5-r1"].outcome.total_time_s == pytest.approx(10.629 - 0.109)
    assert rows["U5-r1"].outcome.rounds == 5


def test_groups_are_ids_without_the_last_letter(rows):
    assert rows["G4-r1a"].group == rows["G4-r1c"].group == "G4-r1"
    assert rows["U5-r1"].group == "U5-r1"


def test_settings_that_rows_lack_come_from_one_table(rows):
    assert rows["PC1-r1"].configuration.post_copy_after_s == pytest.approx(6 - 0.23)
    assert math.isnan(rows["U5-r1"].configuration.post_copy_after_s)
    assert rows["AC3-r1"].configuration.throttle_increment_percent == 20
    assert rows["AC5-r1"].configuration.writes_per_s == 12214.5
    assert rows["XB4-r1"].configuration.cache_bytes == 16 * 2**20


def test_notes_say_settings(tmp_path):
    path = changed(
        tmp_path,
        "AC4-r1",
        cfg="AC4b",
        note="cpu-throttle-initial=40 cpu-throttle-increment=20",
    )
    found = read_migrations(path)[0].configuration
    assert (found.throttle_initial_percent, found.throttle_increment_percent) == (40, 20)
    path = changed(tmp_path, "PC1-r1", cfg="PC9", note="post-copy asked for at 11.003 s")
    assert read_migrations(path)[0].configuration.post_copy_after_s == pytest.approx(11.003 - 0.23)


def test_the_version_is_not_read_off_another_number(tmp_path):
    path = changed(tmp_path, "PC1-r1", cfg="PC9", note="post-copy asked for at 10.003 s")
    assert read_migrations(path)[0].configuration.major_version == 7
    path = changed(tmp_path, "U5-r1", note="qemu 10.0.13 ")
    assert read_migrations(path)[0].configuration.major_version == 10


@pytest.mark.parametrize("mode", ["three", "burst", "moving"])
def test_further_modes_are_known(tmp_path, mode):
    assert read_migrations(changed(tmp_path, "U5-r1", mode=mode))[0].mode == mode


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("mode", "random", "one of idle, uniform"),
        ("ws_pages", "-3", "a number >= 1"),
        ("setup_ms", "soon", "a number >= 0"),
        ("capabilities", "multifd", "auto-converge"),
    ],
)
def test_a_bad_cell_is_named(tmp_path, column, value, allowed):
    with pytest.raises(ScenarioError) as error:
        read_migrations(changed(tmp_path, "U5-r1", **{column: value}))
    message = str(error.value)
    assert "one.csv" in message
    assert f"line 2, {column}" in message
    assert value in message
    assert allowed in message


def test_a_file_without_rows_is_refused(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("id,cfg\n")
    with pytest.raises(ScenarioError, match="at least one migration"):
        read_migrations(path)
