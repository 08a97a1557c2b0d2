"""`cluster-emu view`: bad options are named, and nothing is served then."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Emu


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port on which another process listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("named", "arguments"),
    [
        ("--host", ("single", "--host", "300.300.300.300")),
        ("--port", ("single", "--port", "70000")),
        ("--cell", ("single", "--cell", "x")),
        ("singel", ("singel",)),
        ("--set", ("single", "--set", "run")),
        ("run.tick_s", ("single", "--set", "run.tick_s=-1")),
        ("no-such-profile", ("single", "--set", "vms.0.profile=no-such-profile")),
        ("no-such-strategy", ("single", "--set", "transfer.strategy=no-such-strategy")),
        ("faults.0", ("single", "--set", 'faults=[{kind="host-crash", host=999, at_s=1}]')),
    ],
)
def test_bad_options_are_named(emu: Emu, named: str, arguments: tuple[str, ...]) -> None:
    ended = emu("view", *arguments, "--no-browser")
    assert ended.exit_code == 2
    assert named in ended.stderr


def test_a_port_that_is_taken_is_named(emu: Emu, taken: int) -> None:
    ended = emu("view", "single", "--port", taken, "--no-browser")
    assert ended.exit_code == 2
    assert f"--port = {taken}" in ended.stderr


def test_a_folder_without_a_run_is_refused(emu: Emu, tmp_path: Path) -> None:
    ended = emu("view", tmp_path, "--no-browser")
    assert ended.exit_code == 2
    assert str(tmp_path) in ended.stderr
