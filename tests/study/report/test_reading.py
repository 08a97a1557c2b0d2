"""Reports read back from what was saved are the reports that were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.json_output import json_text, plain_data
from cluster_emu.study import Comparison, Evacuation, compare, evacuate
from cluster_emu.study.report.comparison import ComparisonReport
from cluster_emu.study.report.evacuation import EvacuationReport
from cluster_emu.study.report.reading import read_report
from tests._support.drains import rack


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare("paper", ["time-series", "ma"], replications=2)


@pytest.fixture(scope="module")
def evacuation() -> Evacuation:
    return evacuate(rack([16, 8]), hosts=[0], replications=2)


def test_a_comparison_comes_back(comparison: Comparison, tmp_path: Path) -> None:
    path, *_ = comparison.save(tmp_path)

    found = read_report(ComparisonReport, path)
    assert found == comparison.report()
    assert json_text(found) == path.read_text("utf-8")


def test_an_evacuation_comes_back(evacuation: Evacuation, tmp_path: Path) -> None:
    path, *_ = evacuation.save(tmp_path)

    found = read_report(EvacuationReport, path)
    assert found == evacuation.report()
    assert json_text(found) == path.read_text("utf-8")


@pytest.mark.parametrize("key", ["metrics", "paired", "traces"])
def test_a_missing_key_is_named(comparison: Comparison, tmp_path: Path, key: str) -> None:
    data = plain_data(comparison.report())
    del data[key]
    path = tmp_path / "compare.json"
    path.write_text(json.dumps(data), "utf-8")

    with pytest.raises(ScenarioError, match=f"compare.json: {key} = nothing"):
        read_report(ComparisonReport, path)


def test_what_is_no_json_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "compare.json"
    with pytest.raises(ScenarioError, match=r"compare\.json"):
        read_report(ComparisonReport, path)
    path.write_text("no JSON", "utf-8")
    with pytest.raises(ScenarioError, match=r"compare\.json"):
        read_report(ComparisonReport, path)
