"""Standard streams that are closed, full, broken or ASCII only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cluster_emu.cli.group import FAILED

COMMAND = f"{sys.executable} -m cluster_emu"


def typed(line: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line in a shell that ends with the status of the command before a pipe."""
    return subprocess.run(["bash", "-c", line], capture_output=True, check=False)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"{COMMAND} list >&-", 0),
        (f"{COMMAND} list 2>&-", 0),
        (f"{COMMAND} list >/dev/full", FAILED),
        (f"{COMMAND} list | true; exit ${{PIPESTATUS[0]}}", FAILED),
        (f"LC_ALL=C PYTHONIOENCODING=ascii {COMMAND} run $'\\xff\\xfe\\u2192'", 2),
        (f"{COMMAND} run nowhere 2>/dev/full", 2),
        (f"{COMMAND} run nowhere <&- >&- 2>&-", 2),
    ],
)
def test_a_command_ends_without_a_traceback(line: str, status: int) -> None:
    done = typed(line)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert done.returncode == status, done.stderr
