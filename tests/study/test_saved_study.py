"""A study's folder read back: tables with the axes as columns, and SQL over them and no more."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import cluster_emu
from cluster_emu.errors import ClusterEmuError
from cluster_emu.study import SavedStudy, load_study, run_batch
from cluster_emu.study.grid.shards import Shard
from tests.study.conftest import STUDY


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedStudy:
    """Return a study of 8 cells that keeps the migrations."""
    folder = tmp_path_factory.mktemp("it's saved")
    text = STUDY.replace("replications = 2", 'replications = 1\nkeep = ["migrations"]')
    (folder / "study.toml").write_text(text, "utf-8")
    run_batch(folder / "study.toml", out=folder / "out")
    return load_study(folder / "out")


def test_the_tables_are_those_of_the_folder(saved: SavedStudy) -> None:
    assert sorted(saved) == ["means", "migrations", "paired", "quantiles", "results"]
    assert (saved.name, saved.complete, len(saved)) == ("dirty-pages", True, 5)
    pd.testing.assert_frame_equal(
        saved.results, pd.read_parquet(saved.folder / "results.parquet"), check_exact=True
    )
    assert set(saved["migrations"]["vms.0.profile.probability"]) == {0.3, 0.7}
    assert len(saved.manifest["cells"]) == 8
    assert cluster_emu.load_study is load_study


def test_sql_gives_what_pandas_gives(saved: SavedStudy) -> None:
    sql = "SELECT strategy, avg(downtime_s) AS mean FROM results GROUP BY 1 ORDER BY 1"
    expected = saved.results.groupby("strategy")["downtime_s"].mean()

    found = saved.query(sql).set_index("strategy")["mean"]
    pd.testing.assert_series_equal(found, expected, check_names=False)
    joined = "SELECT count(*) AS n FROM migrations JOIN results USING (cell)"
    assert saved.query(joined)["n"][0] == len(saved["migrations"])
    assert saved.query("SELECT count(*) AS n FROM paired")["n"][0] == len(saved["paired"])


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT nope FROM results", "nope"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELEC", "syntax error"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("", "one SELECT"),
        ("CREATE TABLE x AS SELECT 1", "one SELECT"),
        ("COPY results TO '{place}/stolen.csv'", "one SELECT"),
        ("SELECT * FROM read_csv('{place}/secret.csv')", "disabled|Cannot access"),
        ("SELECT * FROM '{place}/secret.csv'", "secret"),
        ("SELECT * FROM read_text('{place}/secret.csv')", "disabled|Cannot access"),
        ("ATTACH '{place}/secret.db'", "one SELECT"),
        ("SET enable_external_access = true", "one SELECT"),
        ("INSTALL httpfs", "one SELECT"),
        ("SELECT * FROM saved", "saved"),
    ],
)
def test_a_query_can_read_the_tables_and_nothing_else(
    saved: SavedStudy, tmp_path: Path, sql: str, why: str
) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n", "utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ClusterEmuError, match=why):
        saved.query(sql.format(place=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_is_no_study_is_refused_with_the_way_on(study_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ClusterEmuError, match="the folder of a study that `batch` wrote"):
        load_study(tmp_path)
    with pytest.raises(ClusterEmuError, match="the folder of a study that `batch` wrote"):
        load_study(tmp_path / "nowhere")
    run_batch(study_file, out=tmp_path / "part", shard=Shard(1, 4))
    with pytest.raises(ClusterEmuError, match=r"no results.parquet yet; .*shards that are left"):
        load_study(tmp_path / "part")


def test_a_damaged_table_is_named(saved: SavedStudy, tmp_path: Path) -> None:
    broken = tmp_path / "results.parquet"
    broken.write_bytes(b"PAR1 but not really")
    study = SavedStudy(tmp_path, "x", True, {"results": broken})
    with pytest.raises(ClusterEmuError, match=r"results\.parquet: cannot be read"):
        study.results  # noqa: B018
    with pytest.raises(ClusterEmuError, match=r"results\.parquet"):
        study.query("SELECT 1")
