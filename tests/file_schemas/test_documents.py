"""The JSON schemas: every file of ours is accepted, a misspelt field anywhere is not."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from cluster_emu.cli import app
from cluster_emu.file_schemas.documents import CHOSEN, scenario_schema, study_schema
from cluster_emu.json_output import plain_data
from cluster_emu.plugins import families
from cluster_emu.scenario import built_in_scenarios

SCENARIO = Draft202012Validator(scenario_schema())
STUDY = Draft202012Validator(study_schema())
STUDIES = Path(__file__).parents[2] / "experiments" / "studies"
FREE = {"profile_mix", "fields", "axes", "zip", "variants", "leave_out", "smallest_differences"}
"""Tables whose keys are names of the user, or paths."""


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def validator(data: dict[str, Any]) -> Draft202012Validator:
    return STUDY if "strategies" in data else SCENARIO


FILES = [*built_in_scenarios().values(), *sorted(STUDIES.glob("*.toml"))]


@pytest.mark.parametrize("schema", [SCENARIO, STUDY])
def test_they_are_schemas_of_the_draft_they_name(schema: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(schema.schema)
    assert schema.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    text = json.dumps(schema.schema)
    for name in ("x-parts", '"gt"', '"ge"', "defs/Choice", "defs/Fault"):
        assert name not in text


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_scenario_and_study_of_ours_is_accepted(path: Path) -> None:
    data = read(path)
    assert [error.message for error in validator(data).iter_errors(data)] == []


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_a_misspelt_field_is_refused_wherever_it_is(path: Path) -> None:
    data = read(path)
    assert validator(data).is_valid(data)
    places = list(tables(data))
    for place in places:
        changed = copy.deepcopy(data)
        table = table_at(changed, place)
        key = next(iter(table))
        table[f"{key}x"] = table.pop(key)
        assert not validator(data).is_valid(changed), [*place, key]
    assert places


def tables(data: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of all tables whose fields are known."""
    if isinstance(data, dict):
        if data:
            yield place
        for key, value in data.items():
            if key not in FREE:
                yield from tables(value, (*place, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from tables(value, (*place, number))


def table_at(data: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        data = data[step]
    return data


def changed(path: str, value: object) -> dict[str, Any]:
    data = read(built_in_scenarios()["single"])
    *steps, last = path.split(".")
    table_at(data, tuple(int(step) if step.isdecimal() else step for step in steps))[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("run.duration_s", [1, 1.5, "90 s", "1.5 h", "7"], ["90 sec", 0, True, "none", "s"]),
        ("vms.0.memory_bytes", [4096, "4 GiB"], ["4 Gbit/s", -1, 2.5]),
        ("transfer.bandwidth_bps", ["1 Gbit/s", "none", "unlimited", 5], ["1 GB", 0]),
        ("manager", [{"max_per_cluster": "unlimited"}], [{"max_per_cluster": "many"}]),
        ("transfer.strategy", ["qemu", "time-series:history=5", {"name": "ma"}], ["qemuu", 1]),
        (
            "transfer.policy",
            ["kubevirt", {"name": "nova", "downtime_s": "1 s"}, "none"],
            [{"name": "nova", "downtime": 1}, {"name": "no"}, {"downtime_s": 1}, "kube"],
        ),
        (
            "manager",
            [
                {"triggers": [{"name": "consolidation", "overload": "static-threshold:upper=0.7"}]},
                {"triggers": ["drain:hosts=[0]"]},
            ],
            [
                {"triggers": [{"name": "consolidation", "overload": {"name": "statik"}}]},
                {"triggers": [{"name": "consolidation", "overload": "most-free"}]},
                {"triggers": "drain"},
            ],
        ),
        ("faults", [[{"kind": "host-crash", "at_s": 5}], "none"], [[{"kind": "crash"}]]),
        ("run.fidelity", ["auto", "pages"], ["page"]),
        ("run.uncertain", ["10 %", 0.1], ["10 s", 1]),
        ("vms.0.profile", ["web", {"name": "uniform", "writes_per_page_s": 2}], [{"name": 1}]),
        ("hosts", [[{"names": ["a", "b"], "cpu_capacity": 8, "memory_bytes": "1 GiB"}]], [[]]),
    ],
)
def test_values_are_those_that_a_file_takes(path: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert SCENARIO.is_valid(changed(path, value)), value
    for value in bad:
        assert not SCENARIO.is_valid(changed(path, value)), value


HEAD = {"name": "s", "scenario": "single", "strategies": ["qemu"]}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"axes": {"run.tick_s": [1, 2]}}, {"axes": {"runn.tick_s": [1, 2]}}),
        ({"axes": {"run": {"tick_s": [1, 2]}}}, {"axes": {"run.tick_s": 1}}),
        (
            {"axes": {"run.tick_s": {"range": {"from": 1, "to": "9 s", "step": 2}}}},
            {"axes": {"run.tick_s": {"range": {"from": 1, "until": 9, "step": 2}}}},
        ),
        (
            {"axes": {"run": {"tick_s": {"low": 1, "high": 2}}}, "sample": {"values": 3}},
            {"axes": {"run": {"tick_s": {"low": 1}}}, "sample": {"values": 3}},
        ),
        (
            {"sample": {"values": 4, "method": "saltelli"}},
            {"sample": {"values": 4, "method": "lhs"}},
        ),
        ({"policies": ["nova"]}, {"policies": ["novaa"]}),
        ({"strategies": ["hybrid:pivots=2"]}, {"strategies": ["hybird"]}),
        ({"zip": [{"run.tick_s": [1], "vms.0.vcpus": [1]}]}, {"zip": [{"run.tick_s": 1}]}),
        ({"variants": {"a": {"run.tick_s": 1}}}, {"variants": {"a": {"rum.tick_s": 1}}}),
        ({"leave_out": [{"policy": "nova"}]}, {"leave_out": [{"polcy": "nova"}]}),
        ({"keep": ["migrations"]}, {"keep": ["migration"]}),
        ({"replications": 3}, {"replication": 3}),
        ({"limits": {"time_s": "1 min"}}, {"limits": {"time": 1}}),
    ],
)
def test_studies_are_checked(good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert [error.message for error in STUDY.iter_errors({**HEAD, **good})] == []
    assert not STUDY.is_valid({**HEAD, **bad})


def test_every_part_is_offered_by_name() -> None:
    for family in set(CHOSEN.values()) - {"profiles"}:
        options = SCENARIO.schema["$defs"][f"parts.{family}"]["anyOf"]
        assert options[0]["enum"] == families()[family].names()


@pytest.mark.parametrize(("kind", "expected"), [("scenario", SCENARIO), ("study", STUDY)])
def test_the_command_prints_them(kind: str, expected: Draft202012Validator) -> None:
    found = CliRunner().invoke(app, ["schema", kind])
    assert found.exit_code == 0
    assert json.loads(found.output) == plain_data(expected.schema)


def test_the_command_refuses_other_kinds() -> None:
    assert CliRunner().invoke(app, ["schema", "trace"]).exit_code == 2
