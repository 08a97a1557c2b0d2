"""Axes and fields of a study: each says something of its own, so no cell is run twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.study.grid.cells import cells_of
from cluster_emu.study.grid.study_file import read_study

HEAD = 'name = "axes"\nscenario = "single"\nstrategies = ["pre-copy"]\nreplications = 1\n'


def cells(folder: Path, text: str) -> int:
    file = folder / "study.toml"
    file.write_text(HEAD + text, "utf-8")
    return len(cells_of(*read_study(file), file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[axes]\n"workload.demand.share" = [0.2, "0.2"]', "0.2 and '0.2' are one"),
        ('[axes]\n"workload.demand.share" = [1, 1.0]', "1 and 1.0 are one"),
        ('[axes]\n"vms.0.memory_bytes" = ["1 GiB", 1073741824]', "are one"),
        ('[axes]\n"run.tick_s" = ["1 s", 2, "1000 ms"]', "'1 s' and '1000 ms' are one"),
        ('[axes]\n"vms.0.migratable" = [true, 1]', "that of"),
        ('[axes]\n"transfer.compression" = ["none", "none"]', "are one"),
        ('[axes]\n"vms.0.profile" = ["web", {name = "web"}]', "are one"),
        ('[axes]\n"vms.0.vcpus" = ["2", 2.0, 3]', "are one"),
        ('[axes]\n"vms.0.vcpus" = [1, 2]\n"vms.00.vcpus" = [1, 2]', "overlap"),
        ('[axes]\n"topology" = ["star"]\n"topology.hosts" = [2, 3]', "overlap"),
        ('[axes]\n"transfer.strategy" = ["qemu"]', "`strategies` sets"),
        ('[fields]\n"topology.hosts" = 3\n"topology" = {name = "star"}', "overlap"),
        ('[fields]\n"run.tick_s" = 2\n[axes]\n"run.tick_s" = [1, 5]', "the axis run.tick_s sets"),
        ('[fields]\n"topology.hosts" = 3\n[axes]\n"topology" = ["star"]', "the axis topology sets"),
    ],
)
def test_what_is_said_twice_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"study\.toml") as caught:
        cells(tmp_path, text)
    assert said in str(caught.value)


def test_strategies_that_are_one_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(HEAD.replace('["pre-copy"]', '["pre-copy", "pre-copy:"]'), "utf-8")
    with pytest.raises(ScenarioError, match="every strategy once"):
        cells_of(*read_study(file), file)


def test_values_that_differ_are_cells(tmp_path: Path) -> None:
    text = (
        '[fields]\n"run.duration_s" = 60\n'
        '[axes]\n"vms.0.memory_bytes" = ["1 GiB", 1073741825]\n"vms.0.vcpus" = ["none", 1, 2]'
    )
    assert cells(tmp_path, text) == 6
