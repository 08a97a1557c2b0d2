"""The fuzzer sees each kind of defect, and none where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.inputs import Input
from tests.fuzz.sandbox import Outcome
from tests.fuzz.verdict import Finding, findings

FOLDER = Path("/room/c")
TRACE = """\
Traceback (most recent call last):
  File "/x/cluster_emu/units.py", line 5, in parse
    raise KeyError
  File "/y/decimal.py", line 7, in __new__
KeyError: 'x'
"""


def found(outcome: Outcome) -> list[Finding]:
    return findings(Input("names", ["run", "x"]), outcome, FOLDER, ("/tmp/cache", "__pycache__"))


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Outcome(None, error=TRACE), "traceback: KeyError in units.py:parse > __new__"),
        (Outcome(None, error="MemoryError"), "memory: MemoryError in ?"),
        (Outcome(1, stderr=TRACE), "traceback: printed, units.py:parse > __new__"),
        (
            Outcome(1, stderr="cluster-emu: run failed: ma, seed 1: TypeError: no\n"),
            "traceback: TypeError in a run of a study: no",
        ),
        (Outcome(3), "status: 3"),
        (Outcome(-9), "status: -9"),
        (Outcome(2), "message: exit 2 without a message"),
        (Outcome(0, stdout="\x1b[31m"), "control characters: stdout"),
        (Outcome(2, stderr="a\u202eb"), "control characters: stderr"),
        (Outcome(2, stderr="x", after={"c/out/a": "1"}), "files: after exit 2 of run"),
        (Outcome(0, after={"c/other": "1"}), "outside: files in the working folder"),
        (
            Outcome(0, before={"c/in": "1"}, after={"c/in": "2"}),
            "outside: files in the working folder",
        ),
        (Outcome(0, after={"outside": "1"}), "outside: files in the working folder"),
        (Outcome(0, writes={"/etc/x"}), "outside: /etc/x"),
        (Outcome(0, starts=["os.system ls"]), "process: os.system"),
    ],
)
def test_a_defect_is_found(outcome: Outcome, name: str) -> None:
    assert [each.name for each in found(outcome)] == [name]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(0, stdout="fine\n\tβ\n", after={"c/out": "no file", "c/out/a": "1"}),
        Outcome(0, writes={"/room/c/out/a", "/dev/null", "/tmp/cache/x", "/p/__pycache__/x"}),
        Outcome(1, stderr="cluster-emu: run failed: ma, seed 1: vms.0.count = 9: allowed is 8\n"),
        Outcome(2, stderr="cluster-emu: no", after={"c/out/.cluster-emu.lock": "1"}),
    ],
)
def test_a_good_end_is_none(outcome: Outcome) -> None:
    assert found(outcome) == []


WATCHED = """
import os, shutil, subprocess, sys
from pathlib import Path
from tests.fuzz import sandbox
from tests.fuzz.inputs import Input

def command():
    Path("out").mkdir()
    Path("../stray").write_text("x")
    Path("out/a").write_text("x")
    Path("out/a").rename("out/b")
    shutil.rmtree("out")
    subprocess.run(["true"])
    print(len(sys.argv))
    raise SystemExit(2)

sandbox.watch()
folder = Path(sys.argv[1]) / "room" / "c"
folder.mkdir(parents=True)
outcome = sandbox.run(Input("names", ["a", "b"]), folder, command)
room = str(folder.parent)
print(sorted(path.removeprefix(room) for path in outcome.writes if path.startswith(room)))
print(outcome.status, outcome.stdout, outcome.starts[0].split()[0], sorted(outcome.after))
"""


def test_what_a_command_does_is_seen(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    writes, ends = result.stdout.splitlines()[0], " ".join(result.stdout.split("\n")[1:])

    assert writes == "['/c/out', '/c/out/a', '/c/out/b', '/stray']"
    assert ends.split() == ["2", "3", "subprocess.Popen", "['c',", "'stray']"]
