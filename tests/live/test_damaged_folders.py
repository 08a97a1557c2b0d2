"""A damaged folder is refused by the command, which names the file, before the page opens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pandas as pd
import pytest

from cluster_emu.errors import ClusterEmuError
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.replay_source import ReplayFactory
from cluster_emu.observation import finished_run
from cluster_emu.study import evacuate, run_batch
from tests.cli.conftest import Emu, emu
from tests.live.test_replay_source import small
from tests.study.test_finished_cell import BASE, STUDY, keys

__all__ = ["emu"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the folders of a run and of a drain."""
    place = tmp_path_factory.mktemp("finished")
    LiveModel(small(), 7).run().save(place / "run")
    evacuate(small(), hosts=[0], replications=1, seed=3).save(place / "drain", csv=False)
    return place


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_seed(seed: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        about = json.loads(path.read_text())
        path.write_text(json.dumps({**about, "seed": seed}))

    return change


def without_seed(path: Path) -> None:
    about = json.loads(path.read_text())
    del about["seed"]
    path.write_text(json.dumps(about))


def without_column(path: Path) -> None:
    pd.read_parquet(path).drop(columns="bytes").to_parquet(path)


def with_texts(path: Path) -> None:
    pd.read_parquet(path).astype({"sent": str}).to_parquet(path)


@pytest.mark.parametrize("which", ["run", "drain"])
@pytest.mark.parametrize(
    ("file", "damage", "named"),
    [
        ("run.json", truncated, ""),
        ("run.json", without_seed, "seed"),
        ("run.json", with_seed("three"), "seed"),
        ("rounds.parquet", truncated, "not Parquet"),
        ("rounds.parquet", Path.unlink, "no such file"),
        ("rounds.parquet", without_column, "bytes"),
        ("rounds.parquet", with_texts, "sent"),
    ],
)
def test_the_file_and_the_field_are_named(
    emu: Emu,
    folders: Path,
    tmp_path: Path,
    which: str,
    file: str,
    damage: Callable[[Path], None],
    named: str,
) -> None:
    folder = copytree(folders / which, tmp_path / which)
    damage(folder / file)
    ended = emu("view", folder, "--no-browser")
    assert ended.exit_code == 2
    assert str(folder / file) in ended.stderr.replace("\n", "")
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_damaged_table_of_faults_is_named(folders: Path, tmp_path: Path) -> None:
    folder = copytree(folders / "run", tmp_path / "run")
    (folder / "result.json").unlink()  # without it nothing says that the file is another one
    truncated(folder / "faults.parquet")
    with pytest.raises(ClusterEmuError, match=r"faults\.parquet: not Parquet"):
        ReplayFactory.of(folder)


def test_damaged_results_of_a_study_are_named(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "base.toml").write_text(BASE)
    run_batch(tmp_path / "study.toml", out=tmp_path / "out")
    path, key = tmp_path / "out" / "results.parquet", keys(tmp_path / "out")[0]
    pd.read_parquet(path).drop(columns="status").to_parquet(path)
    with pytest.raises(ClusterEmuError, match=r"results\.parquet: has no column 'status'"):
        ReplayFactory.of(tmp_path / "out", key)
    truncated(path)
    with pytest.raises(ClusterEmuError, match=r"results\.parquet: cannot be read"):
        ReplayFactory.of(tmp_path / "out", key)


def test_nothing_is_computed_for_a_title(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = ReplayFactory.of(folders / "drain").lanes({})

    def never(*_: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(finished_run, "computed_again", never)
    title = ReplayFactory.of(folders / "drain").title
    assert title == f"{source.topology()['name']}, median replication, seed {source.run.seed}"  # type: ignore[attr-defined]
    assert ReplayFactory.of(folders / "run").title.endswith("seed 7")
    with pytest.raises(AssertionError, match="computed"):
        ReplayFactory.of(folders / "drain").lanes({})
