"""A cell of a study as a finished run: computed again, and held against its row of figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import ValidationError

from cluster_emu.errors import ClusterEmuError, UnknownNameError
from cluster_emu.observation.finished_run import FinishedRun, computed_again
from cluster_emu.study.comparison.variants import variants
from cluster_emu.study.grid.cell_store import DONE
from cluster_emu.study.grid.cells import Cell, Contents
from cluster_emu.study.grid.settings import STRATEGY_COLUMN, settings_of
from cluster_emu.study.grid.study_file import Study, base_scenario
from cluster_emu.study.saved_study import SavedStudy, load_study

COMPARED_TO = 1e-12
"""Relative difference of figures from which on they are not the same."""

MOST_NAMED = 8

COLUMNS_NEEDED = ("cell", "status", "error", "seed", "replication", STRATEGY_COLUMN)
"""Columns of `results` that every study has."""


def read_finished_cell(folder: Path, key: str) -> FinishedRun:
    """Compute a cell of a study again; see `stored_cell`."""
    title, row, cell = stored_cell(folder, key)
    result = computed_again(cell.scenario, cell.seed)
    difference = _difference(row, result.summary)
    said = f"Cell {row['cell']}, computed again from its scenario and seed"
    figures = sum(name in row for name in result.summary)
    notices = [
        f"{said}: NOT as in the study: {difference}"
        if difference
        else f"{said}: its {figures} figures are those of the study."
    ]
    if cell.key != row["cell"]:
        notices.append(
            "The cell was NOT computed by this version from the same files: its key would be "
            f"{cell.key} now."
        )
    return FinishedRun(
        title,
        result,
        cell.scenario,
        cell.seed,
        "",
        tuple(notices),
        computed=True,
        differs=bool(difference) or cell.key != row["cell"],
    )


class StoredCell(NamedTuple):
    """A cell of a study as its folder has it."""

    title: str
    row: dict[str, Any]
    cell: Cell


def stored_cell(folder: Path, key: str) -> StoredCell:
    """Find a cell of a study.

    Args:
        folder: the folder that `batch` has written.
        key: the cell's key in the column `cell` of `results`, or enough of its begin.

    Raises:
        ClusterEmuError: if there is no such cell, it has not succeeded, or what it needs is gone.
    """
    saved = load_study(folder)
    row = _row_of(saved, key)
    cell = _cell_of(saved, row)
    place = ", ".join(f"{name} = {value}" for name, value in cell.labels.items())
    return StoredCell(f"{saved.name}, cell {row['cell']}: {place}", row, cell)


def _row_of(saved: SavedStudy, key: str) -> dict[str, Any]:
    results = saved.results
    for column in COLUMNS_NEEDED:
        if column not in results:
            place = saved.files["results"]
            raise ClusterEmuError(f"{place}: has no column {column!r}: no results of a study")
    keys = results["cell"].astype(str)
    found = results[keys.str.startswith(key)] if key else results[:0]
    if len(found) != 1:
        shown = keys.tolist()[:MOST_NAMED] + (["..."] if len(keys) > MOST_NAMED else [])
        raise UnknownNameError("cell", key, shown)
    row: dict[str, Any] = {str(name): value for name, value in found.iloc[0].items()}
    if row["status"] != DONE:
        raise ClusterEmuError(
            f"cell {row['cell']}: {row['status']} ({row['error']}): nothing to replay"
        )
    return row


def _cell_of(saved: SavedStudy, row: Mapping[str, Any]) -> Cell:
    """Return the cell of a row: the one at its place, with its key if nothing has changed."""
    manifest = saved.manifest
    try:
        study = Study.model_validate(_as_in_a_file(manifest["study"]))
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise ClusterEmuError(f"{saved.folder / 'manifest.json'}: no study: {error}") from error
    base = base_scenario(study, Path(manifest.get("folder") or ".")).with_fields(study.fields)
    cells = list(_cells_at(study, base, row))
    same = [cell for cell in cells if cell.key == row["cell"]]
    if not cells:
        raise ClusterEmuError(f"{saved.folder}: no cell of the study is where {row['cell']} is")
    return (same or cells)[0]


BESIDE_ITS_CELLS = ("leave_out", "smallest_differences", "keep", "limits")
"""Fields of a study on which no run depends."""


def _as_in_a_file(study: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study as its file has it, from all of its fields with the defaults."""
    fields = {name: value for name, value in study.items() if name not in BESIDE_ITS_CELLS}
    return {**fields, "axes": {path: _axis(axis) for path, axis in study["axes"].items()}}


def _axis(axis: Mapping[str, Any]) -> Any:
    if axis["listed"] is not None:
        return axis["listed"]
    drawn = ("scale", "whole") if axis["low"] is not None else ()
    kept = [name for name, value in axis.items() if value is not None and name not in UNSET]
    return {name: _known(axis[name]) for name in (*kept, *drawn)}


UNSET = ("scale", "whole", "listed")


def _known(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: each for name, each in value.items() if each is not None}


def _cells_at(study: Study, base: Any, row: Mapping[str, Any]) -> Iterator[Cell]:
    contents = Contents()
    texts = [text.strip() for text in study.strategies]
    for setting in settings_of(study):
        if not all(_alike(value, row.get(name)) for name, value in setting.place.items()):
            continue
        made = variants(base.with_fields(setting.fields), study.strategies)
        for variant, text in zip(made, texts, strict=True):
            if text == row[STRATEGY_COLUMN]:
                seed, number = int(row["seed"]), int(row["replication"])
                labels = {
                    **setting.place,
                    STRATEGY_COLUMN: text,
                    "replication": number,
                    "seed": seed,
                }
                yield Cell(labels, variant.scenario, seed, contents.of(variant.scenario))


def _alike(label: Any, value: Any) -> bool:
    if isinstance(label, int | float) and not isinstance(label, bool):
        return not isinstance(value, str) and math.isclose(float(label), float(value))
    return str(label) == str(value)


def _difference(row: Mapping[str, Any], summary: Mapping[str, float]) -> str:
    """Return the first figure that differs in words, empty if none does."""
    for name, now in summary.items():
        if name not in row or (pd.isna(row[name]) and pd.isna(now)):
            continue
        if (
            pd.isna(row[name])
            or pd.isna(now)
            or not math.isclose(float(row[name]), float(now), rel_tol=COMPARED_TO)
        ):
            return f"{name} = {row[name]:,.9g} there, {now:,.9g} computed again"
    return ""
