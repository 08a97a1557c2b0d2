"""Parts that a script defines reach the processes that run its study, or it is said how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cluster_emu.errors import ClusterEmuError
from cluster_emu.plugins import Registry
from tests._support.script_with_part import PART, RUN, STUDY, UNSENDABLE


def run_script(place: Path, text: str, jobs: int) -> tuple[str, bytes]:
    """Run a script on a study in the folder; return what it prints, and the results."""
    (place / "study.toml").write_text(STUDY, "utf-8")
    (place / "script.py").write_text(text, "utf-8")
    out = place / f"out-{jobs}"
    said = subprocess.run(
        [sys.executable, place / "script.py", place / "study.toml", out, str(jobs)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout, (out / "results.csv").read_bytes()


@pytest.mark.slow
def test_a_part_of_the_script_itself_reaches_the_workers(tmp_path: Path) -> None:
    said, results = run_script(tmp_path, PART + RUN, 2)

    assert said.split() == ["done", "done"]
    assert results == run_script(tmp_path, PART + RUN, 1)[1]


@pytest.mark.slow
def test_a_part_of_a_module_beside_the_script_reaches_the_workers(tmp_path: Path) -> None:
    (tmp_path / "own_rules.py").write_text(PART, "utf-8")
    said, results = run_script(tmp_path, f"import own_rules\n{RUN}", 2)

    assert said.split() == ["done", "done"]
    assert results == run_script(tmp_path, f"import own_rules\n{RUN}", 1)[1]


@pytest.mark.slow
def test_a_part_that_cannot_be_sent_is_refused_with_the_way_to_do_it(tmp_path: Path) -> None:
    said, _ = run_script(tmp_path, PART + UNSENDABLE + RUN, 2)

    assert said.splitlines()[:2] == ["failed", "failed"]
    assert "'few-rounds' cannot be sent to worker processes" in said
    assert "put it into a module that workers can import" in said


def registry() -> Registry[object]:
    return Registry("thing", "cluster_emu.things_of_no_one")


def test_an_offered_part_is_loaded_when_it_is_asked_for() -> None:
    things = registry()
    loaded = []

    def load() -> type:
        loaded.append(1)
        return dict

    things.offer("a", load)
    assert (things.names(), loaded) == (["a"], [])
    assert things.factory("a") is things.factory("a") is dict
    assert loaded == [1]
    assert things.of_scripts() == {"a": dict}


def test_a_part_that_is_there_is_not_replaced() -> None:
    things = registry()
    things.register("a")(list)
    things.offer("a", lambda: dict)
    assert things.factory("a") is list


def test_why_a_part_cannot_be_loaded_is_said_each_time() -> None:
    def fail() -> type:
        raise ClusterEmuError("no way")

    things = registry()
    things.offer("a", fail)
    for _ in range(2):
        with pytest.raises(ClusterEmuError, match="no way"):
            things.factory("a")
