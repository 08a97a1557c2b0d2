"""Tables that a study keeps of its runs, and what it writes down of a cell beside its figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cluster_emu import ClusterModel, RunResult
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario
from cluster_emu.study import run_batch
from cluster_emu.study.execution import runs
from cluster_emu.study.grid.cell_store import CellStore
from cluster_emu.study.grid.cells import Cell, cells_of
from cluster_emu.study.grid.study_file import read_study

LABELS = ["vms.0.profile.probability", "transfer.warm_intervals"]
LABELS += ["strategy", "replication", "seed", "cell"]


@pytest.fixture
def keeping(study_file: Path) -> Path:
    """Return the file of a study that keeps three tables; no run of it has the third."""
    text = study_file.read_text("utf-8").replace("replications = 2", "replications = 1")
    keep = 'keep = ["migrations", "rounds", "lifecycle"]\n'
    study_file.write_text(text.replace("seed = 3\n", f"seed = 3\n{keep}"), "utf-8")
    return study_file


def cells_in(study: Path) -> list[Cell]:
    return cells_of(*read_study(study), study)


def test_kept_tables_are_those_of_the_runs_with_the_axes_as_columns(
    keeping: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_batch(keeping, out=out, jobs=2)
    found = pd.read_parquet(out / "migrations.parquet")
    cells = cells_in(keeping)

    assert list(found)[: len(LABELS)] == LABELS
    assert list(found["cell"].unique()) == [cell.key for cell in cells]
    assert found["transfer.warm_intervals"].dtype == int
    for cell in cells:
        model = ClusterModel(cell.scenario, rng=cell.seed)
        expected = model.run().migrations
        model.close()
        rows = found[found["cell"] == cell.key].reset_index(drop=True)
        assert dict(rows[LABELS].iloc[0]) == {**cell.labels, "cell": cell.key}
        assert list(rows["own_strategy"]) == list(expected["strategy"])
        same = [name for name in expected if name != "strategy"]
        pd.testing.assert_frame_equal(rows[same], expected[same], check_dtype=False)
    assert pd.read_parquet(out / "lifecycle.parquet").empty


def test_a_table_that_is_kept_from_now_on_runs_its_cells_again(
    keeping: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    text = keeping.read_text("utf-8")
    keeping.write_text(text.replace('keep = ["migrations", "rounds", "lifecycle"]\n', ""), "utf-8")
    run_batch(keeping, out=out)
    before = (out / "results.parquet").read_bytes()
    assert not (out / "migrations.parquet").exists()
    keeping.write_text(text, "utf-8")

    assert run_batch(keeping, out=out).found == 0
    assert run_batch(keeping, out=out).found == 8
    assert (out / "results.parquet").read_bytes() == before
    assert (out / "migrations.parquet").exists()


def test_a_table_that_no_run_has_is_refused(keeping: Path, tmp_path: Path) -> None:
    keeping.write_text(keeping.read_text("utf-8").replace("rounds", "sounds"), "utf-8")
    with pytest.raises(ScenarioError, match=r"keep.*tables of a run: migrations, .*'sounds'"):
        run_batch(keeping, out=tmp_path / "out")


def fail(scenario: Scenario, seed: int) -> RunResult:
    raise RuntimeError("no run")


def test_traceback_time_and_memory_of_a_cell_are_written_down(
    keeping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "simulate", fail)
    run_batch(keeping, out=tmp_path / "out")
    with CellStore(tmp_path / "out") as store:
        details = list(store.details(cells_in(keeping)))

    assert len(details) == 8
    for _, costs, where in details:
        assert where.startswith("Traceback") and where.endswith("RuntimeError: no run\n")
        assert 0 < costs.wall_s < 60 and costs.cpu_s >= 0
        assert 2**26 < costs.peak_memory_bytes < 2**36


def test_cells_of_an_edited_study_are_kept_and_not_mixed_in(keeping: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run_batch(keeping, out=out)
    before = (out / "results.parquet").read_bytes()
    text = keeping.read_text("utf-8")
    keeping.write_text(text.replace("[0.3, 0.7]", "[0.3, 0.8]"), "utf-8")
    edited = run_batch(keeping, out=out)
    keeping.write_text(text, "utf-8")
    back = run_batch(keeping, out=out)

    assert (edited.cells, edited.found, len(edited.table)) == (8, 4, 8)
    assert set(edited.table["vms.0.profile.probability"]) == {0.3, 0.8}
    assert edited.notes == (
        "4 cells of another state of the study: kept, and no part of the results",
    )
    assert (first.notes, back.found) == ((), 8)
    assert (out / "results.parquet").read_bytes() == before


def test_nothing_of_another_version_is_used_and_it_is_said(
    keeping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run_batch(keeping, out=out)
    for module in ("cells", "journal", "cell_store"):
        place = f"cluster_emu.study.grid.{module}.version"
        monkeypatch.setattr(place, lambda _: "99.1")
    upgraded = run_batch(keeping, out=out)

    assert (upgraded.found, len(upgraded.table)) == (0, 8)
    assert len(upgraded.notes) == 1
    assert upgraded.notes[0].startswith("8 cells of cluster-emu 0.")
    assert "(this is 99.1)" in upgraded.notes[0]


def test_a_folder_of_the_old_layout_is_refused_by_name(keeping: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_batch(keeping, out=out)
    (out / "parts").mkdir()
    (out / "parts" / "0123456789abcdef0123.parquet").write_bytes(b"PAR1")

    with pytest.raises(
        Exception, match=r"parts: finished cells in the layout of an older .*--over"
    ):
        run_batch(keeping, out=out)
    (out / "parts" / "0123456789abcdef0123.parquet").unlink()
    assert run_batch(keeping, out=out).found == 8
