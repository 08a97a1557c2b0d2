"""Worker processes end with the command that started them, however that ends."""

from __future__ import annotations

import signal
import subprocess
import sys
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


def test_a_worker_asks_to_end_with_its_parent_before_it_loads_libraries() -> None:
    code = "import sys, cluster_emu.orphans; print('numpy' in sys.modules, len(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    libraries, modules = said.stdout.split()
    assert libraries == "False"
    assert int(modules) < 250


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
