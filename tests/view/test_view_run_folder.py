from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster_emu import ClusterEmuError, ClusterModel, RunResult
from cluster_emu.view import ClusterFrame, busiest_instant_s, draw_timeline, frame_at, plot_run
from cluster_emu.view.timeline import under_way
from tests._support.busy_runs import busy_scenario
from tests._support.figure_checks import misplaced

PICTURES = ["timeline", "gantt", "links", "anatomy", "rounds", "remaining", "cluster"]
FILES = ["run.json", *(f"{name}.parquet" for name in ("migrations", "rounds", "hosts", "vms"))]


@pytest.fixture(scope="module")
def saved(live_run: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    live_run.save(folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "run"))


# --- plot_run ------------------------------------------------------------------------------------


def test_a_saved_run_gives_all_pictures(saved: Path, tmp_path: Path) -> None:
    written = plot_run(saved, tmp_path / "pictures")
    assert written == [tmp_path / "pictures" / f"{name}.png" for name in PICTURES]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


def test_a_run_without_migrations_gives_what_applies(tmp_path: Path) -> None:
    quiet = busy_scenario(migrations=[], run={"duration_s": 5.0})
    ClusterModel(quiet, rng=1).run().save(tmp_path)
    assert plot_run(tmp_path) == [tmp_path / "timeline.png"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_with_what_is_expected(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(ClusterEmuError) as caught:
        plot_run(copied)
    assert f"{copied / name}: no such file" in str(caught.value)
    assert "allowed is a folder in which a run was saved" in str(caught.value)
    assert not list(copied.glob("*.png"))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_something_else_is_named(copied: Path, name: str) -> None:
    (copied / name).write_text("{")
    with pytest.raises(ClusterEmuError, match=f"{name}: not (JSON|Parquet)"):
        plot_run(copied)


def test_a_missing_column_is_named(copied: Path) -> None:
    path = copied / "rounds.parquet"
    pd.read_parquet(path).drop(columns="sent").to_parquet(path)
    with pytest.raises(ClusterEmuError, match=r"rounds.parquet: has no column 'sent'"):
        plot_run(copied)


@pytest.mark.parametrize(
    ("table", "column", "value", "kind"),
    [
        ("hosts", "time_s", float("nan"), "finite numbers"),
        ("hosts", "power_w", "much", "numbers"),
        ("migrations", "outcome", 3, "texts"),
        ("migrations", "vm", None, "numbers"),
    ],
)
def test_a_column_of_other_values_is_named(
    copied: Path, table: str, column: str, value: object, kind: str
) -> None:
    path = copied / f"{table}.parquet"
    pd.read_parquet(path).assign(**{column: value}).to_parquet(path)
    with pytest.raises(ClusterEmuError, match=f"{table}.parquet: column '{column}' .*{kind}"):
        plot_run(copied)


def test_a_table_of_hosts_without_a_row_is_named(copied: Path) -> None:
    path = copied / "hosts.parquet"
    pd.read_parquet(path)[:0].to_parquet(path)
    with pytest.raises(ClusterEmuError, match=r"hosts.parquet: has no row"):
        plot_run(copied)


def test_a_run_whose_cluster_cannot_be_drawn_gives_no_picture(copied: Path) -> None:
    about = json.loads((copied / "run.json").read_text("utf-8"))
    about["scenario"]["vms"][0] = {}
    (copied / "run.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ClusterEmuError):
        plot_run(copied)
    assert not list(copied.glob("*.png"))


def test_a_run_json_of_something_else_is_refused(copied: Path) -> None:
    (copied / "run.json").write_text(json.dumps([1, 2]))
    with pytest.raises(ClusterEmuError, match=r"run.json: has no 'scenario'"):
        plot_run(copied)


# --- any instant from the tables -----------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["stop-and-copy", "hybrid"])
def test_the_tables_give_back_what_the_model_looked_like(strategy: str) -> None:
    """Stop-and-copy, where nothing is sent but what the records say, down to the links' load."""
    model = ClusterModel(busy_scenario(strategy), rng=1)
    for _ in range(4):
        model.step()
    live = ClusterFrame.of(model)
    replayed = frame_at(model.run(), 4.0)
    assert live.moves
    assert set(replayed.moves) == set(live.moves)
    assert replayed.queued_count == live.queued_count
    for column in ("vm_host", "vm_queued", "vm_memory_bytes", "host_memory_bytes", "switched_on"):
        assert np.array_equal(getattr(replayed, column), getattr(live, column)), column
    assert replayed.utilisation == pytest.approx(live.utilisation)
    if strategy == "hybrid":
        assert (replayed.link_load_bytes_per_s > 0).tolist() == (
            live.link_load_bytes_per_s > 0
        ).tolist()


def test_loads_are_exact_while_rates_stay(live_run: RunResult) -> None:
    """The four that start together share links unchanged until the first of them is done."""
    model = ClusterModel(busy_scenario("stop-and-copy", transfer=SLOW), rng=1)
    for _ in range(4):
        model.step()
    live = ClusterFrame.of(model)
    replayed = frame_at(model.run(), 4.0)
    assert live.link_load_bytes_per_s.max() > 0
    assert replayed.link_load_bytes_per_s == pytest.approx(live.link_load_bytes_per_s)


SLOW = {"strategy": "stop-and-copy", "bandwidth_bps": 1e6}


def test_vms_are_where_they_resumed(live_run: RunResult) -> None:
    before = frame_at(live_run, 0.0)
    after = frame_at(live_run, 60.0)
    moved = live_run.migrations
    assert before.vm_host[moved["vm"]].tolist() == moved["source"].tolist()
    assert after.vm_host[moved["vm"]].tolist() == moved["target"].tolist()
    assert after.moves == ()


def test_the_busiest_instant_is_inside_the_longest_busiest_stretch() -> None:
    table = pd.DataFrame({"start_s": [0.0, 1.0, 10.0, 12.0], "end_s": [2.0, 3.0, 20.0, 20.0]})
    assert busiest_instant_s(table) == 16.0
    assert busiest_instant_s(table.head(0)) == 0.0


# --- the run over time ---------------------------------------------------------------------------


def test_migrations_under_way_are_counted_exactly() -> None:
    table = pd.DataFrame({"start_s": [1.0, 2.0, np.nan], "end_s": [3.0, 4.0, np.nan]})
    assert under_way(table).to_dict() == {0.0: 0, 1.0: 1, 2.0: 2, 3.0: 1, 4.0: 0}


def test_the_timeline_shows_what_was_observed(live_run: RunResult) -> None:
    hosts = live_run.tables["hosts"]
    figure = draw_timeline(hosts, live_run.migrations)
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels == [
        "Hosts on",
        "CPU in use,\nhosts on (%)",
        "Power (kW)",
        "Migrations\nunder way",
    ]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [6] * 8
    power = hosts.groupby("time_s")["power_w"].sum().tolist()
    assert (1000 * figure.axes[2].lines[0].get_ydata()[:-1]).tolist() == pytest.approx(power)
    assert max(figure.axes[3].lines[0].get_ydata()) == 4


def test_nothing_written_on_the_timeline_overlaps(live_run: RunResult) -> None:
    figure = draw_timeline(live_run.tables["hosts"], live_run.migrations)
    assert misplaced(figure) == []
