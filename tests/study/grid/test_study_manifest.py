"""The manifest of a study: what was run, with what, and what every cell took."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from cluster_emu.results.result_folder import read_manifest, write_manifest
from cluster_emu.study import run_batch
from cluster_emu.study.grid.manifest import git_state
from tests.study.conftest import STUDY


def test_the_manifest_names_study_versions_and_every_cell(study_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_batch(study_file, out=out)
    found = json.loads((out / "manifest.json").read_text("utf-8"))
    table = pd.read_parquet(out / "results.parquet")

    assert found["study"]["name"] == "dirty-pages"
    assert found["study"]["seed"] == 3
    assert found["file"] == "study.toml"
    assert found["versions"]["cluster-emu"] == version("cluster-emu")
    assert [cell["cell"] for cell in found["cells"]] == list(table["cell"])
    assert [cell["seed"] for cell in found["cells"]] == list(table["seed"])
    for cell in found["cells"]:
        assert cell["status"] == "done"
        assert 0 < cell["wall_s"] < 60
        assert 0 <= cell["cpu_s"] < 60
        assert cell["peak_memory_bytes"] > 2**26


def test_other_versions_of_what_results_depend_on_are_noted(finished: Path) -> None:
    study = finished.parent / "study.toml"
    study.write_text(STUDY, "utf-8")
    assert run_batch(study, out=finished).notes == ()
    manifest = read_manifest(finished)
    assert manifest is not None and manifest.versions["numba"] == version("numba")
    other = {**manifest.versions, "numpy": "1.0", "cluster-emu": "0.0"}
    write_manifest(finished, replace(manifest, versions=other))

    again = run_batch(study, out=finished)
    assert again.found == again.cells == 16
    (note,) = again.notes
    assert note.startswith(f"numpy is {version('numpy')}, and was 1.0 when the study was run")
    assert run_batch(study, out=finished).notes == ()


def test_the_commit_of_a_repository_is_told_with_whether_files_differ(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None

    def git(*words: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    git("init")
    (tmp_path / "study.toml").write_text("name = 1")
    git("add", "study.toml")
    git("commit", "-m", "A study")
    commit = git("rev-parse", "HEAD")

    assert git_state(tmp_path) == {"commit": commit, "changed": False}
    (tmp_path / "study.toml").write_text("name = 2")
    assert git_state(tmp_path) == {"commit": commit, "changed": True}
