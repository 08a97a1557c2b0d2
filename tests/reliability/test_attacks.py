"""A few commands killed, interrupted, without disk, and two at once; the campaigns do many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.attacks import CLASSES, attack_all
from tests.reliability.commands import Undisturbable

SEED = 3


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbable]:
    """Return the undisturbed results of all commands."""
    yield Undisturbable(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
def test_commands_survive(name: str, known: Undisturbable, tmp_path: Path) -> None:
    counts = attack_all(name, CLASSES[name].quick, SEED, known, tmp_path)

    assert counts.tried == CLASSES[name].quick
    assert counts.problems == []
