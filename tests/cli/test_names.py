"""Hosts and VMs by name on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.study.test_drains_by_name import TOML

Emu = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "named.toml"
    path.write_text(TOML)
    return path


def test_evacuate_takes_patterns_and_shows_names(emu: Emu, file: Path) -> None:
    done = emu("evacuate", file, "--host", "rack1-*", "--replications", 1)
    assert "2 VMs leave hosts rack1-a, rack1-b" in done.stdout
    assert "host rack1-a: " in done.stdout


def test_run_moves_a_single_vm(emu: Emu, file: Path) -> None:
    done = emu("run", file, "--vm", "prod/db-2", "--json")
    assert json.loads(done.stdout)["summary"]["migrations"] == 1


def test_advise_shows_names(emu: Emu, file: Path) -> None:
    words = ("--policies", "kubevirt", "--strategies", "qemu", "--parallel", 2)
    done = emu("advise", file, "--vm", "prod/db-1", *words, "--replications", 1)
    assert "1 VM leaves their hosts" in done.stdout


def test_unknown_name_offers_names(emu: Emu, file: Path) -> None:
    done = emu("evacuate", file, "--host", "rack1-x")
    assert done.exit_code == 2
    assert "--host = 'rack1-x': allowed is names" in done.stderr
