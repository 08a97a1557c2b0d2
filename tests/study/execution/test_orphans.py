"""Worker processes end with the command that started them, however that ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests._support.kills import alive, kill_with_workers, needs_proc, start, wait_until

STUDY = """
name = "long"
scenario = "paper"
strategies = ["time-series"]
replications = 1000
"""
COMMANDS = {
    "batch": ("batch", "long.toml", "--jobs", 2),
    "compare": ("compare", "paper", "--strategies", "ma", "--replications", 1000, "--jobs", 2),
    "evacuate": ("evacuate", "evacuation", "--host", 0, "--replications", 30, "--jobs", 2),
    "advise": ("advise", "evacuation", "--host", 0, "--replications", 30, "--jobs", 2),
}
PROCESSES = 3
"""Two workers, and the tracker of their resources."""


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.slow
def test_no_process_outlives_its_command(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    (tmp_path / "long.toml").write_text(STUDY, "utf-8")
    below = kill_with_workers(start(COMMANDS[command], cwd=tmp_path), PROCESSES, number)

    assert len(below) >= PROCESSES
    wait_until(lambda: not alive(below), within_s=30.0)
