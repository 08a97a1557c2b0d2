"""The scalar model against another simulator's results, and by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_emu.cli import app
from cluster_emu.errors import ScenarioError
from cluster_emu.memory.scalar.engine import ScalarEngine
from cluster_emu.validation import validate_scalar

CASES = Path(__file__).parents[1] / "data" / "scalar_migration_cases.json"


def test_measured_cases_come_out_alike() -> None:
    agreement = validate_scalar(CASES)
    assert len(agreement.table) == 8
    assert agreement.total_time_max_rel < 1e-9
    assert agreement.downtime_max_abs_s < 1e-8


def case(**vm: object) -> dict[str, object]:
    usual = {"start": 0.0, "ram": 1000.0, "cap": 1e9, "dirty_rate": 0.0, "ws": 900.0, "links": [0]}
    return {"id": "c", "caps": [100.0], "vms": [{**usual, "total": 10.0, "downtime": 0.0, **vm}]}


def written(tmp_path: Path, *cases: dict[str, object]) -> Path:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": list(cases)}), encoding="utf-8")
    return path


def test_rounds_by_hand(tmp_path: Path) -> None:
    # 1000 bytes in 10 s, 205 dirtied; 2.05 s, 42; 0.42 s, 8; 0.08 s, 1, which fits 30 ms (3 bytes)
    path = written(tmp_path, case(dirty_rate=20.5, total=12.56, downtime=0.01))
    assert validate_scalar(path).total_time_max_rel == pytest.approx(0.0, abs=1e-12)
    assert validate_scalar(path).downtime_max_abs_s == pytest.approx(0.0, abs=1e-12)


def test_a_difference_is_told(tmp_path: Path) -> None:
    found = validate_scalar(written(tmp_path, case(total=8.0, downtime=0.5)))
    assert found.total_time_max_rel == pytest.approx(0.25)
    assert found.downtime_max_abs_s == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("vm", "said"),
    [({"ram": -1.0}, "ram"), ({"links": [7]}, "links below 1"), ({"start": "soon"}, "start")],
)
def test_bad_cases_are_refused(tmp_path: Path, vm: dict[str, object], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        validate_scalar(written(tmp_path, case(**vm)))


def test_the_command(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["validate", "scalar", "--data", str(CASES), "--json"])
    assert ran.exit_code == 0
    assert set(json.loads(ran.stdout)) == {"n", "total_time_max_rel", "downtime_max_abs_s"}
    refused = CliRunner().invoke(app, ["validate", "scalar", "--data", str(tmp_path / "none.json")])
    assert refused.exit_code == 2


def test_a_migration_that_never_ends_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [case(dirty_rate=6e23)]}))
    with pytest.raises(ScenarioError, match=r"cases.c.vms.0.dirty_rate = 6e\+23"):
        validate_scalar(file)


@pytest.mark.parametrize("value", [True, "1_0", 1e-310, 1e300])
def test_numbers_of_a_case_are_numbers(tmp_path: Path, value: object) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [case(ram=value)]}))
    with pytest.raises(ScenarioError, match=r"cases.0.vms.0.ram = "):
        validate_scalar(file)


def test_a_case_needs_a_vm(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text('{"cases": [{"id": "a", "caps": [1.0], "vms": []}]}', "utf-8")
    with pytest.raises(ScenarioError, match=r"cases\.json: cases\.0\.vms"):
        validate_scalar(path)


def test_a_round_cut_short_leaves_the_rest_and_what_was_dirtied() -> None:
    engine = ScalarEngine(1000.0, 100.0, 10.0, 900.0)
    engine.begin_round()
    assert engine.plan(0.01) == 1000.0
    engine.advance(400.0, 4.0)
    assert engine.cut_short() == 0.0
    counts = engine.end_round(0.0)
    assert (counts.due, counts.sent, counts.unvisited, counts.dirtied) == (10, 4, 6, 1)
    assert engine.stale_bytes == 640.0
    engine.wait(100.0)
    assert engine.stale_bytes == 1000.0


def test_the_working_set_bounds_what_a_round_dirties() -> None:
    engine = ScalarEngine(1000.0, 100.0, 500.0, 300.0)
    engine.begin_round()
    engine.plan(0.01)
    engine.advance(1000.0, 9.0)
    engine.end_round(1.0)
    assert engine.stale_bytes == 300.0
    assert engine.stop_sizes().total_bytes == pytest.approx(300.0)
    push = engine.post_copy(None, bubbling=False, pivots=1)  # type: ignore[arg-type]
    push.advance(1.0, 100.0, 1.0)
    assert (push.bytes_left, push.pages_arrived) == (200.0, 1)
