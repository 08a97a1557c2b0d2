"""`experiment` and `paper`: the scripts that come with the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cluster_emu

Process = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
SCRIPTS = {path.stem for path in (ROOT / "experiments").glob("*.py")}


def test_every_script_is_listed_with_its_question(process: Process) -> None:
    listed = process("experiment")
    assert listed.returncode == 0
    assert all(f" {name} " in listed.stdout for name in SCRIPTS)
    assert "Do the claims of the reference paper hold?" in listed.stdout


def test_a_script_gets_its_options(process: Process, tmp_path: Path) -> None:
    done = process("experiment", "one_migration", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "one_migration.png").exists()
    helped = process("paper", "--help")
    assert helped.returncode == 0
    assert "paper_figures.py [-h]" in helped.stdout and "--literal" in helped.stdout


def test_an_unknown_experiment_is_refused(process: Process) -> None:
    refused = process("experiment", "paper_figure")
    assert refused.returncode == 2
    assert "did you mean 'paper_figures'" in refused.stderr


def test_experiments_are_found_inside_an_installed_package(tmp_path: Path) -> None:
    """The wheel has the scripts inside the package: see pyproject.toml."""
    package = tmp_path / "cluster_emu"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(cluster_emu.__file__).parent, package, ignore=ignored)
    shutil.copytree(ROOT / "experiments", package / "experiments", ignore=ignored)
    done = subprocess.run(
        [sys.executable, "-m", "cluster_emu", "experiment"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert " paper_figures " in done.stdout


def test_help_has_a_short_option(process: Any) -> None:
    assert process("-h").stdout == process("--help").stdout
    assert process("run", "-h").stdout == process("run", "--help").stdout
