"""The package's front door: what it promises, and that looking at it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cluster_emu


def test_every_public_name_is_there_and_is_offered() -> None:
    offered = dir(cluster_emu)

    for name in cluster_emu.__all__:
        assert getattr(cluster_emu, name).__module__.startswith("cluster_emu.")
        assert name in offered


def test_all_names_it_can_fetch_are_promised() -> None:
    assert sorted(cluster_emu._MODULE_OF) == sorted(cluster_emu.__all__)


def test_other_names_are_missing_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="'Clutser'"):
        cluster_emu.Clutser  # noqa: B018


def test_importing_it_does_not_import_mesa() -> None:
    code = "import sys, cluster_emu; sys.exit(bool({'mesa', 'pandas', 'numpy'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
