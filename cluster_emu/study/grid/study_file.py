"""A study as its TOML file states it: a base scenario and what to vary."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from cluster_emu.study.grid.axes import Axis, check_each_once, for_each, is_axis_table
from cluster_emu.study.grid.conditions import Comparison, is_comparison
from cluster_emu.study.grid.sampling import Method, Sample

MOST_CELLS = 1_000_000
"""The most cells of a study; more would take days to list, let alone to run."""
TRACES = "workload.traces"
STRATEGY = "transfer.strategy"
POLICY = "transfer.policy"
TAKEN = "migrations"
"""A field of a scenario whose name is that of a figure in the results."""


class Study(BaseModel):
    """Every combination of the axes' values, under every strategy, with the same seeds.

    In the file's `fields`, `axes`, `zip`, `variants` and `leave_out` a path is a quoted key,
    ``"run.tick_s" = [1, 10]``, or an unquoted one, ``run.tick_s = [1, 10]``, which TOML reads as
    tables in tables; a table with a `name` is the value of a field, not a step of a path.

    Args:
        name: what the study is called.
        scenario: name of a built-in scenario, or a path from the study file's folder.
        strategies: transfer strategies as text.
        policies: managers' policies (`transfer.policy`) as text, an axis of its own.
        replications: seeds per combination.
        seed: base of the seeds.
        fields: values that differ from the base scenario's in every run, by dotted path.
        axes: the values to go through, by dotted path.
        zip: axes that move together: in each group, lists of one length by dotted path.
        variants: fields by dotted path that are set together, by the name of the variant.
        leave_out: cells that are not run: each entry has values or comparisons by column, and a
            cell that meets all of them is left out.
        sample: how the values of axes with `low` and `high` are drawn.
        smallest_differences: from which size on a difference matters, by metric or for "all", as
            `compare` takes it; results do not depend on it, but verdicts do.
        keep: tables of the runs that the study keeps besides the figures, such as "migrations".
        limits: what a cell may take of its machine; one that takes more is ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^\w[\w .-]*$")]
    scenario: Annotated[str, Field(min_length=1)]
    strategies: Annotated[tuple[str, ...], Field(min_length=1)]
    policies: tuple[str, ...] = ()
    replications: Annotated[int, Field(ge=1, le=MOST_REPLICATIONS, strict=True)] = 10
    seed: Annotated[int, Field(ge=0, le=MOST_WHOLE, strict=True)] = 0
    fields: dict[str, Any] = {}
    axes: dict[str, Axis] = {}
    zip: tuple[dict[str, tuple[Any, ...]], ...] = ()
    variants: dict[Annotated[str, Field(min_length=1)], dict[str, Any]] = {}
    leave_out: tuple[dict[str, Any], ...] = ()
    sample: Sample | None = None
    smallest_differences: dict[str, Any] = {}
    keep: tuple[str, ...] = ()
    limits: CellLimits = CellLimits()

    @field_validator("policies")
    @classmethod
    def _policies_once(cls, policies: tuple[str, ...]) -> tuple[str, ...]:
        check_each_once("transfer.policy", tuple(text.strip() for text in policies))
        return policies

    @field_validator("axes")
    @classmethod
    def _usable(cls, axes: dict[str, Axis], info: ValidationInfo) -> dict[str, Axis]:
        runs = [len(info.data.get(name, ())) or 1 for name in ("strategies", "policies")]
        listed = for_each(axes, lambda path, axis: axis.values_of(path))
        lengths = [len(listed[path]) for path, axis in axes.items() if not axis.is_drawn]
        check_cells([*runs, info.data.get("replications", 1), *lengths])
        for path, axis in axes.items():
            if not axis.is_drawn and not listed[path]:
                raise ValueError(f"at least one value on the axis {path}")
            check_each_once(path, listed[path])
        for_each(axes, lambda path, axis: axis.ends(path) if axis.is_drawn else None)
        _check_settable(axes, info.data.get("policies", ()))
        _check_overlap(tuple(axes))
        return axes

    @field_validator("zip")
    @classmethod
    def _as_long(
        cls, groups: tuple[dict[str, tuple[Any, ...]], ...]
    ) -> tuple[dict[str, tuple[Any, ...]], ...]:
        for group in groups:
            lengths = {path: len(values) for path, values in group.items()}
            if len(set(lengths.values())) > 1:
                given = ", ".join(f"{path} has {count}" for path, count in lengths.items())
                raise ValueError(f"lists of one length in each group ({given})")
            if len(group) < 2 or not all(lengths.values()):
                raise ValueError("two or more fields in each group, each with a value or more")
        return groups

    @field_validator("leave_out")
    @classmethod
    def _conditions(cls, rows: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for row in rows:
            if not row:
                raise ValueError("a condition or more in each entry")
        return tuple(
            {
                name: Comparison.model_validate(value) if is_comparison(value) else value
                for name, value in row.items()
            }
            for row in rows
        )

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
    def _consistent(self) -> Study:
        _check_overlap(tuple(self.fields))
        axes = (*self.axes, *(path for group in self.zip for path in group))
        _check_settable(axes, self.policies)
        _check_settable(
            (path for path in self.fields if path not in (TAKEN, STRATEGY)), self.policies
        )
        _check_overlap(axes)
        for path in self.fields:
            for axis in axes:
                if f"{path}.".startswith(f"{axis}."):
                    raise ValueError(f"fields that no axis sets (the axis {axis} sets {path})")
        for name, fields in self.variants.items():
            _check_settable(fields, self.policies)
            for path in fields:
                if overlap := first_overlap((*axes, path)):
                    raise ValueError(
                        f"variants whose fields no axis sets ({overlap[0]} is an axis, and the "
                        f"variant {name} sets {path})"
                    )
            _check_overlap(tuple(fields))
        self._check_sample()
        return self

    def _check_sample(self) -> None:
        drawn = [path for path, axis in self.axes.items() if axis.is_drawn]
        if drawn and self.sample is None:
            raise ValueError(
                f"a table [sample] with method and values, as the axis {drawn[0]} has low and high"
            )
        if self.sample is not None and not drawn:
            raise ValueError("[sample] only where an axis has low and high")
        if self.sample is not None and self.sample.method is Method.SALTELLI and self.leave_out:
            raise ValueError('no leave_out where method is "saltelli", which needs every point')

    @property
    def drawn_axes(self) -> dict[str, Axis]:
        """The axes whose values are drawn, by path."""
        return {path: axis for path, axis in self.axes.items() if axis.is_drawn}


def _check_settable(paths: Iterable[str], policies: Sequence[str]) -> None:
    """Refuse axes whose name is taken, or whose field something else in the study sets."""
    for path in paths:
        if path == TAKEN:
            raise ValueError(f"an axis other than {TAKEN}, for example {TAKEN}.0.target")
        if path == STRATEGY:
            raise ValueError(f"an axis other than {STRATEGY}, which `strategies` sets")
        if policies and f"{path}.".startswith(f"{POLICY}."):
            raise ValueError(f"nothing that sets {path}, as `policies` does")


def check_cells(counts: Sequence[int]) -> None:
    """Refuse a study of more cells than can be listed.

    Raises:
        ValueError: saying how many there would be.
    """
    cells = math.prod(counts)
    if cells > MOST_CELLS:
        raise ValueError(
            f"axes that with the strategies and replications make at most {MOST_CELLS:,} cells "
            f"(these make {cells:,})"
        )


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
    study = study_from(read_toml(path) | dict(changes or {}), path.parent, path)
    try:
        return study, base_scenario(study, path.parent).with_fields(study.fields)
    except ScenarioError as error:
        raise error.at(file=error.file or path) from error


def study_from(data: Mapping[str, Any], folder: Path, file: Path | None = None) -> Study:
    """Return a study from the data of its file.

    Args:
        data: the entries; paths of fields may be quoted keys or tables in tables.
        folder: where relative folders of traces start.
        file: the file, for errors.

    Raises:
        ScenarioError: naming the field that is not allowed, its value and what is.
    """
    try:
        return Study.model_validate(_with_paths(dict(data), folder))
    except ValidationError as error:
        raise from_validation(error, Study).at(file=file) from error


def _with_paths(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put dotted paths together in all tables that have them."""
    readers: dict[str, Callable[[Any], Any]] = {
        "fields": lambda table: _located(_flat(table), folder),
        "axes": lambda table: _located(_flat(table, is_axis_table), folder),
        "zip": lambda group: _located(_flat(group), folder),
        "variants": lambda fields: _located(_flat(fields), folder),
        "leave_out": lambda row: _flat(row, is_comparison),
    }
    for name, read in readers.items():
        found = data.get(name)
        if name in ("zip", "leave_out") and isinstance(found, list | tuple):
            data[name] = [read(each) if isinstance(each, dict) else each for each in found]
        elif name == "variants" and isinstance(found, dict):
            data[name] = {
                key: read(each) if isinstance(each, dict) else each for key, each in found.items()
            }
        elif name in ("fields", "axes") and isinstance(found, dict):
            data[name] = read(found)
    return data


def _flat(table: dict[str, Any], is_value: Callable[[Any], bool] | None = None) -> dict[str, Any]:
    """Put the steps that TOML made of unquoted dotted keys together again.

    Args:
        table: the table as TOML has it.
        is_value: tells a table that is a value from one that is a step of a path; without it, only
            one with a name is a value.
    """
    paths: dict[str, Any] = {}
    for key, value in table.items():
        steps = isinstance(value, dict) and "name" not in value and "." not in key
        if steps and (is_value is None or not is_value(value)):
            paths.update({f"{key}.{rest}": leaf for rest, leaf in _flat(value, is_value).items()})
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


def base_scenario(study: Study, folder: Path) -> Scenario:
    """Return the scenario that a study names, without the study's fields.

    Args:
        study: the study.
        folder: where relative paths start.

    Raises:
        ScenarioError: if there is no such scenario, or it is not allowed.
    """
    known = built_in_scenarios()
    found = known.get(study.scenario, folder / study.scenario)
    if not exists(found):
        allowed = UnknownNameError("scenario", study.scenario, known).allowed
        raise ScenarioError(
            "scenario", study.scenario, f"a file in the study's folder, or {allowed}"
        )
    return load_scenario(found)
