"""Two commands that write to one folder at once: one of them is refused, or each is whole."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.results.folder_lock import locked
from cluster_emu.results.result_folder import check_whole, read_manifest
from tests.cli.test_used_folders import COMMANDS, files

Emu = Callable[..., Any]

STUDY = """
name = "few"
scenario = "paper"
strategies = ["ma"]
replications = 3
"""
SEED = 20161128
ROUNDS = 3
HELD = """
import sys
from pathlib import Path
from cluster_emu.results.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""
WRITERS = {
    **{command: (*words, "--out") for command, words in COMMANDS.items()},
    "batch": ("batch", "few.toml", "--out"),
    "scenarios": ("scenarios", "--out"),
    "one scenario": ("scenarios", "paper", "--out"),
    "list": ("list", "stop-rules", "--out"),
    "strategies": ("strategies", "ma", "--out"),
    "experiment": ("experiment", "one_migration", "--quick", "--out"),
    "continued experiment": ("experiment", "fault_storm", "--quick", "--out"),
    "paper": ("paper", "--quick", "--out"),
}
SCRIPTS = ("experiment", "continued experiment", "paper")


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=pytest.mark.slow) if each in SCRIPTS else each for each in WRITERS],
)
def test_a_folder_that_another_process_writes_to_is_refused(
    process: Callable[..., Any],
    emu: Emu,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.toml").write_text(STUDY, "utf-8")
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HELD, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "locked\n"
        # a script that an experiment runs leaves its traces in this process
        typed = process if command in SCRIPTS else emu
        done = typed(*WRITERS[command], out)
        written = files(out)
        assert holder.stdin is not None
        holder.stdin.close()
    status = done.returncode if typed is process else done.exit_code
    assert status == 2, done.stderr
    said = " ".join(done.stderr.split())
    assert re.search(rf"--out = .*nobody writes to \(process {holder.pid} since 2\d+-", said), said
    assert written == {}


def test_figures_are_not_added_while_another_process_writes(
    emu: Emu, process: Callable[..., Any], tmp_path: Path
) -> None:
    assert emu("run", "paper", "--out", tmp_path).exit_code == 0
    before = files(tmp_path)
    with locked(tmp_path):
        refused = process("plot", tmp_path)
    assert refused.returncode == 2
    assert "RUN_DIR" in refused.stderr and "nobody writes to" in refused.stderr
    assert files(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("command", [*COMMANDS, "batch"])
def test_two_at_once_leave_the_result_of_one(
    process: Callable[..., Any], tmp_path: Path, command: str
) -> None:
    """They start up to 0.4 s apart, so that the second meets the first at every stage."""
    (tmp_path / "few.toml").write_text(STUDY, "utf-8")
    words = [str(word) for word in WRITERS[command]]
    words = [word.replace("few.toml", str(tmp_path / "few.toml")) for word in words]
    alone = process(*words, tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    expected = set(files(tmp_path / "alone"))
    draw = random.Random(SEED)
    for number in range(ROUNDS):
        out = tmp_path / str(number)
        statuses = two_at_once([sys.executable, "-m", "cluster_emu", *words, str(out)], draw)
        assert 0 in statuses
        check_whole(out)
        manifest = read_manifest(out)
        assert manifest is not None and manifest.complete
        assert set(files(out)) == expected


def two_at_once(command: list[str], draw: random.Random) -> list[int]:
    """Run a command twice at once; return both exit statuses, 0 or that of a refusal."""
    writers = []
    for _ in range(2):
        writers.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        )
        time.sleep(draw.uniform(0.0, 0.4))
    for writer in writers:
        _, said = writer.communicate()
        assert writer.returncode in (0, 2), said
        # a second one that came late found a whole result
        refusal = "nobody writes to (process" in said or "this one holds a result of" in said
        assert refusal == (writer.returncode == 2), said
        assert "Traceback" not in said
    return [writer.returncode for writer in writers]
