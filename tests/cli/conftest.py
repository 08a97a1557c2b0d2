"""Ways to type a command: in this process, or as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from cluster_emu.cli import app

MAIN = "import sys; from cluster_emu.cli import main; sys.exit(main())"

Emu = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def emu(monkeypatch: pytest.MonkeyPatch) -> Emu:
    """Return what runs a command in this process."""
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def process() -> Process:
    """Return what runs a command as a process and waits for it."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", MAIN, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run
