"""The examples of docs/study_folders.md work as they stand there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.study import run_batch

PAGE = (Path(__file__).parents[2] / "docs" / "study_folders.md").read_text("utf-8")

STUDY = """
name = "study"
scenario = "paper"
strategies = ["ma", "xen-v2"]
replications = 2
keep = ["migrations"]
[axes]
"transfer.warm_intervals" = [1, 2]
"""

Emu = Callable[..., Any]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY, "utf-8")
    return tmp_path


def test_the_commands_work_in_their_order(there: Path, emu: Emu) -> None:
    commands = [line[2:] for block in blocks("console") for line in block.splitlines()]
    assert len(commands) == 7
    for command in commands:
        words = shlex.split(command)[1:]
        if "dask" in words:
            refused = emu(*words, "--help")
            assert refused.exit_code == 0
        else:
            done = emu(*words)
            assert done.exit_code == 0, (command, done.stderr)


def test_the_python_example_works(there: Path) -> None:
    run_batch(there / "study.toml", out=there / "results" / "study")
    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(code, names)

    assert list(names["downtime"].index) == ["ma", "xen-v2"]
    assert isinstance(names["moves"], pd.DataFrame)
    assert len(names["slow"]) == 8
    assert names["took"] > 0


def test_every_file_of_the_folder_is_on_the_page(there: Path) -> None:
    out = there / "results" / "study"
    run_batch(there / "study.toml", out=out)
    for path in out.iterdir():
        assert f"`{path.name}`" in PAGE, path.name
