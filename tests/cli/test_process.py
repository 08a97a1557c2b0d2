"""The command as a process: exit status, what goes where, and how soon it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

Emu = Callable[..., Any]
Process = Callable[..., "subprocess.CompletedProcess[str]"]

MAIN = "import sys; from cluster_emu.cli import main; sys.exit(main())"


def test_json_is_one_document_and_nothing_else(process: Process, tmp_path: Path) -> None:
    words = ("--strategies", "ma,xen-v2", "--replications", 2, "--jobs", 2, "--out", tmp_path)
    result = process("compare", "paper", *words, "--json")

    assert result.returncode == 0
    assert result.stdout.startswith("{\n")
    assert json.loads(result.stdout) == json.loads((tmp_path / "compare.json").read_text("utf-8"))
    assert "4/4" in result.stderr  # the progress bar


def test_bad_input_is_one_message_and_exit_status_2(process: Process, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = process("run", "paper", "--set", "vms.0.count=-1", "--out", out, "--json")

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == "cluster-emu: vms.0.count = -1: allowed is a number > 0\n"
    assert not out.exists()


def test_help_and_version_do_not_wait_for_the_model() -> None:
    code = """
import sys
from cluster_emu.cli import app
for words in (["--help"], ["--version"], ["run", "--help"]):
    try:
        app(words)
    except SystemExit as end:
        assert end.code == 0, words
heavy = {"mesa", "pandas", "matplotlib", "scipy", "networkx", "joblib", "numpy"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    assert f"cluster-emu {version('cluster-emu')}" in result.stdout


def test_a_reader_that_goes_away_is_no_accident() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "strategies", "time-series:history=12,threshold=9", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        stderr = process.stderr.read()

    assert b"Traceback" not in stderr
    assert b"BrokenPipe" not in stderr


@pytest.mark.parametrize(
    "words",
    [
        ("fly",),
        ("run",),
        ("run", "paper", "--seed", "-1"),
        ("run", "paper", "--seed", "1.5"),
        ("compare", "paper"),
        ("compare", "paper", "--strategies", ","),
        ("compare", "paper", "--strategies", "ma", "--replications", "0"),
        ("compare", "paper", "--strategies", "ma", "--jobs", "0"),
        ("run", "paper", "--what"),
        ("plot", "nowhere"),
        ("batch", "nothing.toml"),
    ],
)
def test_wrong_usage_exits_with_2(emu: Emu, words: tuple[str, ...]) -> None:
    result = emu(*words)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr != ""
