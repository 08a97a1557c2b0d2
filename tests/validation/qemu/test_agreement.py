"""Measured migrations emulated: the document's figures, and how close they are."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cluster_emu.cli import app
from cluster_emu.errors import ScenarioError
from cluster_emu.validation import validate_qemu
from cluster_emu.validation.qemu.agreement import QUIET_LOAD, guess
from tests.validation.qemu.test_rows import DATA

SUBSET = (
    "U5-r1",
    "U5-r2",
    "I1-r1",
    "L7-r2",
    "L7-r3",
    "L6-r1",
    "H3-r1",
    "N1-r1",
    "G2-r1a",
    "G2-r1b",
)


def subset(path: Path, names: tuple[str, ...] = SUBSET) -> Path:
    with DATA.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row["id"] in names]
        header = reader.fieldnames
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def agreement(tmp_path_factory):
    return validate_qemu(subset(tmp_path_factory.mktemp("qemu") / "rows.csv"), seeds=1)


def test_the_document_has_the_figures_of_its_rows(agreement):
    document = agreement.document()
    assert document["n"] == len(agreement.comparisons)
    errors = [
        abs(one.emulated.total_time_s / one.measured.outcome.total_time_s - 1)
        for one in agreement.comparisons
        if one.measured.load <= QUIET_LOAD
        and one.measured.is_plain
        and one.measured.outcome.converged
        and one.emulated.converged
    ]
    total = document["metrics"]["total_time"]
    assert total["median_ape"] == pytest.approx(np.median(errors))
    assert total["p95_ape"] == pytest.approx(np.percentile(errors, 95))
    assert document["by_mode"]["concurrent"]["n"] == 2
    assert set(document["metrics"]["downtime_cap"]) == {"median_ms", "p95_ms", "max_ms"}
    assert set(document["metrics"]["rounds"]) == {"median_off", "p95_off", "max_off"}
    json.dumps(document, allow_nan=False)


def test_every_row_has_a_guess(agreement):
    assert all(guess(one) for one in agreement.comparisons)


def test_unknown_arguments_are_refused():
    with pytest.raises(ScenarioError, match="one of pages, lumped"):
        validate_qemu(DATA, fidelity="exact")


def test_the_command_prints_and_plots(tmp_path):
    data, plot = subset(tmp_path / "rows.csv", ("U5-r1", "L6-r1")), tmp_path / "qemu.svg"
    arguments = ["validate", "qemu", "--data", str(data), "--seeds", "1"]
    found = CliRunner().invoke(app, [*arguments, "--plot", str(plot)])
    assert found.exit_code == 0, found.output
    assert "plain" in found.output
    assert plot.read_text().startswith("<?xml")
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert document["n"] == 2


def test_a_missing_file_ends_with_status_2(tmp_path):
    found = CliRunner().invoke(app, ["validate", "qemu", "--data", str(tmp_path / "none.csv")])
    assert found.exit_code == 2
