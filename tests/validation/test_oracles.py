"""Every comparison in one table; docs/validation.md is what it says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_emu.cli import app
from cluster_emu.validation import oracles
from cluster_emu.validation.oracles import OracleResult, qemu_result, run_oracles
from cluster_emu.validation.qemu import validate_qemu
from tests.validation.qemu.test_agreement import subset

ROOT = Path(__file__).parents[2]


def results(**given):
    return {one.name: one for one in run_oracles(**given)}


def test_what_is_there_is_compared_and_the_rest_is_named(tmp_path, monkeypatch):
    found = results(data=subset(tmp_path / "rows.csv", ("U5-r1", "L7-r3")))
    assert found["CloudSim's day, thr-mmt"].skipped
    for name in (
        "rounds of evenly written memory",
        "the paper's strategies, sends per page",
        "bandwidth sharing",
        "scalar migrations",
    ):
        assert found[name].holds, found[name]
    assert found["QEMU's migrations, lumped"].cases == 2
    monkeypatch.setattr(oracles, "REPOSITORY", tmp_path)
    skipped = [one.name for one in run_oracles() if one.skipped]
    assert "QEMU's migrations, pages" in skipped
    assert "bandwidth sharing" in skipped


def test_a_comparison_that_is_off_does_not_hold(tmp_path):
    path = subset(tmp_path / "rows.csv", ("U5-r1",))
    text = path.read_text()
    path.write_text(text.replace(",182644041,", ",282644041,"))
    assert text != path.read_text()
    assert qemu_result(validate_qemu(path, seeds=1)).holds is False


def test_the_command_ends_with_status_1_if_one_does_not_hold(monkeypatch):
    def off(data=None, traces=None):
        yield OracleResult("a", "b", 1, "2", "<= 1", False)
        yield OracleResult("c", "d", skipped="no file")

    monkeypatch.setattr(oracles, "run_oracles", off)
    found = CliRunner().invoke(app, ["validate"])
    assert found.exit_code == 1
    assert "does not" in found.output
    assert "no file" in found.output
    document = json.loads(CliRunner().invoke(app, ["validate", "--json"]).stdout)
    assert [one["holds"] for one in document] == [False, None]


@pytest.mark.slow
def test_the_page_is_what_the_comparisons_say():
    path = ROOT / "tools" / "validation_reference.py"
    spec = importlib.util.spec_from_file_location("validation_reference", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.FILE.read_text("utf-8") == tool.reference()
