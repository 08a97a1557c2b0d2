"""`--style` of the commands that draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.image import imread

from cluster_emu import ClusterModel
from tests._support.busy_runs import busy_scenario
from tests.cli.conftest import Emu


def test_figures_for_a_paper_are_pdf(emu: Emu, tmp_path: Path) -> None:
    words = ("compare", "paper", "--strategies", "ma,qemu", "--replications", 2)
    assert emu(*words, "--out", tmp_path / "c", "--style", "paper").exit_code == 0

    assert (tmp_path / "c" / "comparison.pdf").read_bytes().startswith(b"%PDF")
    assert not (tmp_path / "c" / "comparison.png").exists()
    again = emu("plot", tmp_path / "c", "--style", "paper", "--format", "svg")
    assert again.stdout.strip() == str(tmp_path / "c" / "comparison.svg")


def test_dark_figures_are_dark(emu: Emu, tmp_path: Path) -> None:
    ClusterModel(busy_scenario(), rng=1).run().save(tmp_path / "run")
    drawn = emu("plot", tmp_path / "run", "--style", "dark", "--out", tmp_path / "dark")

    files = [Path(line) for line in drawn.stdout.split()]
    assert len(files) == 7
    for file in files:
        assert np.median(imread(file)[..., :3]) < 0.2, file
