"""A study as its TOML file states it: a base scenario and what to vary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.field_errors import from_validation
from cluster_emu.input_files import exists
from cluster_emu.numerals import MOST_REPLICATIONS, MOST_WHOLE
from cluster_emu.optional_fields import NONE
from cluster_emu.results.schemas import SCHEMAS
from cluster_emu.scenario import (
    Scenario,
    built_in_scenarios,
    first_overlap,
    load_scenario,
    read_toml,
)
from cluster_emu.study.execution.limits import CellLimits
from cluster_emu.study.grid.labels import labels_of

MOST_CELLS = 1_000_000
"""The most cells of a study; more would take days to list, let alone to run."""
TRACES = "workload.traces"
STRATEGY = "transfer.strategy"
TAKEN = "migrations"
"""A field of a scenario whose name is that of a figure in the results."""


class Study(BaseModel):
    """Every combination of the axes' values, under every strategy, with the same seeds.

    In the file's `fields` and `axes` a path is a quoted key, ``"run.tick_s" = [1, 10]``, or an
    unquoted one, ``run.tick_s = [1, 10]``, which TOML reads as tables in tables; a table with a
    `name` is the value of a field, not a step of a path.

    Args:
        name: what the study is called.
        scenario: name of a built-in scenario, or a path from the study file's folder.
        strategies: transfer strategies as text.
        replications: seeds per combination.
        seed: base of the seeds.
        fields: values that differ from the base scenario's in every run, by dotted path.
        axes: the values to go through, by dotted path.
        smallest_differences: from which size on a difference matters, by metric or for "all", as
            `compare` takes it; results do not depend on it, but verdicts do.
        keep: tables of the runs that the study keeps besides the figures, such as "migrations".
        limits: what a cell may take of its machine; one that takes more is ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^\w[\w .-]*$")]
    scenario: Annotated[str, Field(min_length=1)]
    strategies: Annotated[tuple[str, ...], Field(min_length=1)]
    replications: Annotated[int, Field(ge=1, le=MOST_REPLICATIONS, strict=True)] = 10
    seed: Annotated[int, Field(ge=0, le=MOST_WHOLE, strict=True)] = 0
    fields: dict[str, Any] = {}
    axes: dict[str, tuple[Any, ...]] = {}
    smallest_differences: dict[str, Any] = {}
    keep: tuple[str, ...] = ()
    limits: CellLimits = CellLimits()

    @field_validator("axes")
    @classmethod
    def _usable(
        cls, axes: dict[str, tuple[Any, ...]], info: ValidationInfo
    ) -> dict[str, tuple[Any, ...]]:
        runs = [len(info.data.get("strategies", ())), info.data.get("replications", 1)]
        cells = math.prod([*runs, *map(len, axes.values())])
        if cells > MOST_CELLS:
            raise ValueError(
                f"axes that with the strategies and replications make at most {MOST_CELLS:,} cells "
                f"(these make {cells:,})"
            )
        for path, values in axes.items():
            if not values:
                raise ValueError(f"at least one value on the axis {path}")
            _check_each_once(path, values)
            if path == TAKEN:
                raise ValueError(f"an axis other than {TAKEN}, for example {TAKEN}.0.target")
            if path == STRATEGY:
                raise ValueError(f"an axis other than {STRATEGY}, which `strategies` sets")
        _check_overlap(tuple(axes))
        return axes

    @field_validator("keep")
    @classmethod
    def _tables_of_runs(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        for name in keep:
            if name not in SCHEMAS:
                raise ValueError(f"tables of a run: {', '.join(SCHEMAS)} (not {name!r})")
        if len(set(keep)) < len(keep):
            raise ValueError("every table once")
        return keep

    @model_validator(mode="after")
    def _fields_have_an_effect(self) -> Study:
        _check_overlap(tuple(self.fields))
        for path in self.fields:
            for axis in self.axes:
                if f"{path}.".startswith(f"{axis}."):
                    raise ValueError(f"fields that no axis sets (the axis {axis} sets {path})")
        return self


def _check_each_once(path: str, values: tuple[Any, ...]) -> None:
    """Refuse two values that are one, such as ``0.2`` and ``"0.2"``, or 1024 and ``"1 KiB"``."""
    found: dict[Any, Any] = {}
    for label, value in zip(labels_of(path, values), values, strict=True):
        if label in found:
            pair = f"{found[label]!r} and {value!r} are one"
            raise ValueError(f"every value once on the axis {path} ({pair})")
        found[label] = value


def _check_overlap(paths: tuple[str, ...]) -> None:
    if overlap := first_overlap(paths):
        raise ValueError(f"every field once ({overlap[0]} and {overlap[1]} overlap)")


def read_study(path: Path, changes: Mapping[str, Any] | None = None) -> tuple[Study, Scenario]:
    """Return the study in a TOML file and its base scenario, the study's `fields` applied.

    Args:
        path: the file.
        changes: entries that replace those of the file.

    Raises:
        ScenarioError: naming the file and the field that is not allowed, its value and what is.
    """
    data = read_toml(path) | dict(changes or {})
    for table in ("fields", "axes"):
        if isinstance(data.get(table), dict):
            data[table] = _located(_flat(data[table]), path.parent)
    try:
        study = Study.model_validate(data)
    except ValidationError as error:
        raise from_validation(error, Study).at(file=path) from error
    base = _base_scenario(study, path)
    try:
        return study, base.with_fields(study.fields)
    except ScenarioError as error:
        raise error.at(file=path) from error


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """Put the steps that TOML made of unquoted dotted keys together again."""
    paths: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict) and "name" not in value and "." not in key:
            paths.update({f"{key}.{rest}": leaf for rest, leaf in _flat(value).items()})
        else:
            paths[key] = value
    return paths


def _located(paths: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Take relative trace folders as starting from the study file's folder."""
    match paths.get(TRACES):
        case str(traces):
            return {**paths, TRACES: _folder(traces, folder)}
        case list(values):
            return {**paths, TRACES: [_folder(str(value), folder) for value in values]}
    return paths


def _folder(traces: str, folder: Path) -> str:
    return traces if traces == NONE else str(folder / traces)


def _base_scenario(study: Study, path: Path) -> Scenario:
    known = built_in_scenarios()
    found = known.get(study.scenario, path.parent / study.scenario)
    if not exists(found):
        allowed = UnknownNameError("scenario", study.scenario, known).allowed
        raise ScenarioError(
            "scenario", study.scenario, f"a file in the study's folder, or {allowed}", file=path
        )
    return load_scenario(found)
