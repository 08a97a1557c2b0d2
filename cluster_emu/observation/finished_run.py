"""A finished run, for films and replays: read from a folder, or computed again from it.

A folder of `run` has all tables. One of `evacuate` has those of migrations and rounds of its median
replication, and the scenario and seed of it; a cell of a study has a row of figures. Of these the
rest is computed again, and held against what the folder has.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cluster_emu.errors import ClusterEmuError
from cluster_emu.model import ClusterModel
from cluster_emu.results.reading import read_run
from cluster_emu.results.result_folder import check_whole, read_manifest
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from cluster_emu.scenario.saved_run import ABOUT, run_scenario

FAULTS = ("time_s", "kind", "what", "until_s")
"""The columns of the table `faults` that a replay needs, if it is there."""

COMPARED = ("migration", "round", "start_s", "end_s", "due", "sent", "skipped", "dirtied", "bytes")
"""Columns of the table `rounds` that are held against those computed again."""

TEXTS = ("kind", "what")
"""Columns that hold texts."""

EXPECTED = "the folder that `cluster-emu run --out` or `cluster-emu evacuate --out` has written"


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """One run that is over.

    Args:
        title: what it is, in words.
        result: its tables.
        scenario: what computes it again; None where a file it names is gone.
        seed: the run's seed.
        why_not: why it cannot be computed again, empty if it can.
        notices: what a reader must know, one sentence each.
        computed: whether the tables were computed again just now; the first notice says whether
            they are those of the folder.
        differs: whether something in the folder is not what was computed.
    """

    title: str
    result: RunResult
    scenario: Scenario | None
    seed: int
    why_not: str = ""
    notices: tuple[str, ...] = ()
    computed: bool = False
    differs: bool = False


def read_finished_run(folder: Path) -> FinishedRun:
    """Read a folder that `run` or `evacuate` has written.

    Raises:
        ClusterEmuError: if it holds no such result, naming the file and what is expected.
    """
    manifest = read_manifest(folder)
    command = "run" if manifest is None else manifest.command
    if command == "evacuate":
        return _read_evacuation(folder)
    if command == "batch":
        raise ClusterEmuError(f"{folder}: a study: allowed is --cell KEY with it, which cell")
    if command != "run":
        raise ClusterEmuError(f"{folder}: holds a result of {command}: allowed is {EXPECTED}")
    result = read_run(folder)
    if (folder / "faults.parquet").is_file():
        result.tables["faults"] = _table(folder, "faults", FAULTS)
    scenario, why_not = _scenario_of(folder)
    notices = [f"What the run did not store cannot be shown: {why_not}"] if why_not else []
    if result.interrupted_at_s is not None:
        at = f"{result.interrupted_at_s:g} of {result.scenario['run']['duration_s']:g} simulated s"
        notices.append(f"The run was interrupted at {at}: the replay ends there.")
    title = f"{result.scenario['name']}, seed {result.seed}"
    return FinishedRun(title, result, scenario, result.seed, why_not, tuple(notices))


def title_of(folder: Path) -> str:
    """Return what a run or drain is called, after a look whether it can be read.

    Raises:
        ClusterEmuError: if it cannot, as `read_finished_run`.
    """
    if is_computed(folder):
        return _stored_evacuation(folder).title
    return read_finished_run(folder).title


def is_computed(folder: Path) -> bool:
    """Return whether `read_finished_run` computes what a folder holds, as it does with a drain."""
    manifest = read_manifest(folder)
    return manifest is not None and manifest.command == "evacuate"


class StoredEvacuation(NamedTuple):
    """The median replication of a drain as its folder has it."""

    title: str
    scenario: Scenario
    seed: int
    rounds: pd.DataFrame


def _stored_evacuation(folder: Path) -> StoredEvacuation:
    about = folder / ABOUT
    if not about.is_file():
        raise ClusterEmuError(
            f"{about}: no such file: allowed is {EXPECTED} since the version that writes it"
        )
    scenario, seed = run_scenario(about), _seed_of(about)
    rounds = _table(folder, "rounds", COMPARED)
    check_whole(folder)  # last: what is wrong with a file says more than that it is another one
    title = f"{scenario.name}, median replication, seed {seed}"
    return StoredEvacuation(title, scenario, seed, rounds)


def _seed_of(about: Path) -> int:
    seed = json.loads(about.read_bytes()).get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ClusterEmuError(f"{about}: seed = {seed!r}: allowed is a whole number >= 0")
    return seed


def _read_evacuation(folder: Path) -> FinishedRun:
    """Compute the median replication of a drain again and hold it against the folder."""
    title, scenario, seed, rounds = _stored_evacuation(folder)
    result = computed_again(scenario, seed)
    difference = difference_of(rounds, result.rounds)
    said = "The median replication, computed again from its scenario and seed"
    notices = (
        f"{said}: as in the folder."
        if not difference
        else f"{said}: NOT as in the folder: {difference}",
    )
    return FinishedRun(
        title, result, scenario, seed, "", notices, computed=True, differs=bool(difference)
    )


def computed_again(scenario: Scenario, seed: int) -> RunResult:
    """Run a scenario to its end."""
    model = ClusterModel(scenario, rng=seed)
    try:
        return model.run()
    finally:
        model.close()


def difference_of(stored: pd.DataFrame, computed: pd.DataFrame) -> str:
    """Return the first difference of two tables `rounds` in words, empty if there is none."""
    found = first_difference(_rows(stored), _rows(computed))
    if not found and len(stored) != len(computed):
        found = f"it has {len(stored):,} rounds, computed are {len(computed):,}"
    return found


def first_difference(stored: Sequence[Sequence[float]], computed: Sequence[Sequence[float]]) -> str:
    """Return the first difference between rows of `COMPARED` in words, empty if there is none.

    Only as many rows are compared as both have.
    """
    for one, other in zip(stored, computed, strict=False):
        for name, was, now in zip(COMPARED, one, other, strict=True):
            if was != now and not (math.isnan(was) and math.isnan(now)):
                return (
                    f"round {one[1]:g} of migration {one[0]:g}: the folder has {name} = "
                    f"{was:,.9g}, computed again it is {now:,.9g}"
                )
    return ""


def _rows(rounds: pd.DataFrame) -> list[list[float]]:
    rows: list[list[float]] = rounds[list(COMPARED)].to_numpy(dtype=np.float64).tolist()
    return rows


def _scenario_of(folder: Path) -> tuple[Scenario | None, str]:
    try:
        return run_scenario(folder / ABOUT), ""
    except ClusterEmuError as error:
        return None, str(error)


def _table(folder: Path, name: str, needed: Sequence[str]) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise ClusterEmuError(f"{path}: no such file: allowed is {EXPECTED}")
    try:
        table = pd.read_parquet(path)
    except Exception as error:  # whatever the library raises for a file that is no Parquet
        raise ClusterEmuError(f"{path}: not Parquet ({error}): allowed is {EXPECTED}") from error
    for column in needed:
        if column not in table:
            raise ClusterEmuError(f"{path}: has no column {column!r}: allowed is {EXPECTED}")
        is_number = pd.api.types.is_numeric_dtype(table[column])
        if len(table) and not is_number and column not in TEXTS:
            raise ClusterEmuError(f"{path}: column {column!r} does not hold numbers: {EXPECTED}")
    return table


def rounds_as_rows(rounds: Sequence[Any]) -> list[list[float]]:
    """Return rounds of a model as rows of `COMPARED`."""
    return [[float(getattr(each, name)) for name in COMPARED] for each in rounds]
